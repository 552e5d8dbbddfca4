"""What series add to their parents is the same, by codes in arrays and by keys."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.kernels import layout
from detectors.kinds.plans import Plan
from detectors.peers.giving import Kin
from detectors.peers.lineage import Label
from detectors.peers.parents import MOST_PARENTS, Normal, Shares
from detectors.peers.sharing import Sharing
from detectors.rules import Drift
from detectors.rules import rule as make_rule
from detectors.state.labels import Labels
from tests.unit.detectors.scenes import chance

BYS = [("agent", "task_type"), ("agent",), ("model",), ()]
METRICS = ["cost_usd", "latency_ms", "tool_error_rate"]


class Fleet:
    """Strata that say now and then what is normal for them, or are forgotten."""

    def __init__(self, seed: int, tasks: int) -> None:
        self.luck, self.tasks = chance(seed), tasks
        plans = [
            (Plan(make_rule(f"{metric}{by}", metric, Drift(), by=by), 0), by)
            for metric in METRICS
            for by in BYS
        ]
        self.kin = dict(enumerate(Kin(plan, by) for plan, by in plans))
        self.labels, self.shares = Labels(), Shares()
        lines = {row: kin.lines for row, kin in self.kin.items()}
        self.sharing = Sharing(lines, len(plans), self.labels)
        self.said: dict[tuple[int, str, str], tuple[str, list[Normal]]] = {}

    def _normal(self) -> Normal:
        luck = self.luck
        known = luck.random() < 0.8
        return Normal(*(luck.random() * known for _ in range(4)))

    def _row(
        self, key: tuple[int, str, str], model: str, said: list[Normal], sign: int
    ) -> tuple[list[int], list[float]]:
        rule, agent, task = key
        kin, code = self.kin[rule], self.labels.code
        values = {"agent": agent, "task_type": task, "model": model}
        labels: list[Label] = [(name, values[name]) for name in kin.names]
        normals = {
            parent.key: normal
            for place, normal in enumerate(said)
            for parent in kin.lineage.parents(place, labels, model)
            if normal.variance > 0
        }
        self.shares.change(*(({}, normals) if sign > 0 else (normals, {})))
        row = [rule, code(agent), code(task), code(model), -1, sign]
        floats = [number for normal in said for number in normal]
        return row, floats + [0.0] * (layout.MOST_FACETS * 4 - len(floats))

    def speak(self, count: int, *, forget: float) -> None:
        """So many say something, or are forgotten."""
        luck, rows = self.luck, []
        for _ in range(count):
            key = (
                luck.randrange(len(self.kin)),
                f"a{luck.randrange(5)}",
                f"t{luck.randrange(self.tasks)}",
            )
            if key in self.said:
                rows.append(self._row(key, *self.said.pop(key), -1))
            if luck.random() >= forget:
                model = luck.choice(["m", "n", ""])
                said = [self._normal() for _ in range(self.kin[key[0]].facets)]
                self.said[key] = model, said
                rows.append(self._row(key, model, said, 1))
        given = np.array([row for row, _ in rows], np.int64)
        self.sharing.add(given, np.array([floats for _, floats in rows]))


@pytest.mark.parametrize("seed", range(3))
def test_news_are_the_same_in_arrays(seed: int) -> None:
    """Of the same parents, in the same order, while series come and go."""
    fleet, told = Fleet(seed, tasks=10), 0
    for turn in range(30):
        fleet.speak(20, forget=0.9 if turn % 10 > 6 else 0.1)
        news, expected = fleet.sharing.take_news(0), fleet.shares.take_news()
        assert [part.key for part in news] == [part.key for part in expected]
        for part, like in zip(news, expected, strict=True):
            assert part.sums == pytest.approx(like.sums)
        told += len(news)
    assert told > 300


def test_who_is_gone_leaves_room_for_others() -> None:
    """So that the memory of parents is that of those there are."""
    fleet = Fleet(1, tasks=1_000_000)
    most = 0
    for turn in range(100):
        fleet.speak(50, forget=0.0)
        for key in list(fleet.said)[:50]:
            row, floats = fleet._row(key, *fleet.said.pop(key), -1)
            fleet.sharing.add(np.array([row]), np.array([floats]))
        fleet.sharing.take_news(MOST_PARENTS)
        if turn == 10:
            most = len(fleet.sharing)
    assert len(fleet.sharing) <= 2 * most


def test_no_more_are_told_of_than_partitions_keep() -> None:
    """The first that move; of the others nothing is said, ever."""
    fleet = Fleet(1, tasks=100_000)
    fleet.speak(1_200, forget=0.0)
    assert len(fleet.sharing.take_news(10)) == MOST_PARENTS - 10
    known = fleet.sharing.told
    fleet.speak(500, forget=0.0)
    fleet.sharing.take_news(10)
    assert fleet.sharing.told <= known
