"""Random route trees, matchers and labels: the same receivers as ``amtool`` says."""

from __future__ import annotations

import json
import os
import random
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from alerts.routes import Route
from alerts.routing import subscriptions
from detectors.matchers import Matchers, parse_matcher
from tests.alertmanager import theirs

pytestmark = pytest.mark.skipif(
    theirs.FOLDER not in os.environ, reason="make test-alertmanager runs it"
)

_VALUES = {
    "rule": ["cost", "loops"],
    "agent": ["a", "b", "", "a.b"],
    "severity": ["warning", "critical"],
}
_PATTERNS = ["a|b", "a.*", ".+", "", "cost", "(warning|critical)", "a\\\\.b", "[^a]"]


@dataclass
class Node:
    """A route, as both are told of it."""

    receiver: str
    matchers: list[str]
    go_on: bool
    children: list[Node]

    def theirs(self) -> dict[str, Any]:
        """For Alertmanager's file."""
        return {
            "receiver": self.receiver,
            "matchers": self.matchers,
            "continue": self.go_on,
            "routes": [child.theirs() for child in self.children],
        }

    def ours(self, positions: list[int]) -> Route:
        """For Loopwatch."""
        position = len(positions)
        positions.append(position)
        return Route(
            position,
            self.receiver,
            Matchers(tuple(map(parse_matcher, self.matchers))),
            go_on=self.go_on,
            routes=tuple(child.ours(positions) for child in self.children),
        )

    def receivers(self) -> set[str]:
        """All names in the tree."""
        return {self.receiver}.union(*(child.receivers() for child in self.children))


def _node(draw: random.Random, depth: int) -> Node:
    children = draw.randrange(4) if depth < 3 else 0
    return Node(
        receiver=f"r{draw.randrange(6)}",
        matchers=[_matcher(draw) for _ in range(draw.randrange(3))] if depth else [],
        go_on=bool(depth) and draw.random() < 0.4,
        children=[_node(draw, depth + 1) for _ in range(children or not depth)],
    )


def _matcher(draw: random.Random) -> str:
    label = draw.choice([*_VALUES, "team"])
    operator = draw.choice(["=", "!=", "=~", "!~"])
    known = [*_VALUES.get(label, []), ""] if "~" not in operator else _PATTERNS
    return f'{label}{operator}"{draw.choice(known)}"'


def _asked(folder: Path, labels: dict[str, str]) -> list[str]:
    """The receivers that ``amtool`` names, each once."""
    told = subprocess.run(
        [
            *(theirs.program("amtool"), "config", "routes", "test"),
            f"--config.file={folder / 'routes.yml'}",
            *(f"{name}={value}" for name, value in labels.items() if value),
        ],
        capture_output=True,
        check=True,
        encoding="utf-8",
    )
    return list(dict.fromkeys(told.stdout.strip().split(",")))


@pytest.mark.parametrize("seed", range(40))
def test_a_tree_leads_to_the_same_receivers(seed: int, tmp_path: Path) -> None:
    """In the same order, for alerts with and without a label."""
    draw = random.Random(seed)  # noqa: S311 - trees, not secrets
    tree = _node(draw, 0)
    file = {
        "route": tree.theirs(),
        "receivers": [{"name": name} for name in sorted(tree.receivers())],
    }
    (tmp_path / "routes.yml").write_text(json.dumps(file))
    root = tree.ours([])
    for _ in range(6):
        labels = {name: draw.choice(values) for name, values in _VALUES.items()}
        reached = [route.receiver for route in subscriptions(root, labels)]
        assert reached == _asked(tmp_path, labels), (file, labels)
