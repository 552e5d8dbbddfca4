"""Streams of real sessions: unchanged ones, and ones whose model was swapped.

Sessions are drawn with replacement from those of one model and laid a minute apart.
Unchanged, nothing may be said of a change; after a swap to a dearer, slower or worse
model something must, and name it. Limits that hang on no past (kind ``threshold``)
are counted apart: many of these sessions fail by any standard.
"""

# ruff: noqa: T201

from __future__ import annotations

import json
import os
import random
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

from detectors.transitions import State, Transition, microseconds, rfc3339
from loopwatch.config import load
from streams.replay import Replay
from tests.bench.fleets import ROOT, MissingError
from tests.bench.markdown import table

LONG: Final = 600
SWAP_AT: Final = 300
_START_US: Final = microseconds("2026-03-02T00:00:00Z")
_MINUTE_US: Final = 60_000_000
_FEWEST: Final = 20

_MODELS: Final = {
    "accounts/fireworks/models/glm-5": "glm-5",
    "accounts/fireworks/models/gpt-oss-120b": "gpt-oss-120b",
    "accounts/fireworks/models/kimi-k2p5": "kimi-k2.5",
    "accounts/fireworks/models/minimax-m2p1": "minimax-m2.1",
    "gemini-3-pro-preview": "gemini-3-pro",
}

SWAPS: Final = (
    ("kimi-k2.5", "gemini-2.5-pro", "model"),
    ("minimax-m2.1", "glm-5", "model"),
    ("gemini-2.5-pro", "gemini-3-pro", "model"),
    ("kimi-k2.5", "gpt-5.2-2025-12-11", "model"),
    # A release that runs on another model and does not say so.
    ("minimax-m2.1", "glm-5", "agent_version"),
    ("kimi-k2.5", "gemini-2.5-pro", "agent_version"),
)
"""From, to, and the label that tells of it."""

Event = dict[str, Any]


def data_folder() -> Path:
    """Where the real sessions are: ``REAL_SESSIONS``, else ``../shared/data``.

    Raises:
        MissingError: They are not there.
    """
    asked = os.environ.get("REAL_SESSIONS") or str(ROOT.parent / "shared" / "data")
    folder = Path(asked)
    for name in ("agent_fs_sessions.jsonl", "tau_airline_sessions.jsonl"):
        if not (folder / name).is_file():
            raise MissingError(
                f"no {name} in {asked}: this part needs the folder of real sessions;"
                " name it, make ... REAL_SESSIONS=/path/to/data, or leave it out:"
                " --only fleets"
            )
    return folder


def read(path: Path) -> list[Event]:
    """Sessions of a file."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def by_model(events: Sequence[Event]) -> dict[str, list[Event]]:
    """Sessions by model, of those models that have enough of them."""
    found: dict[str, list[Event]] = {}
    for event in events:
        model: str = event["model"]
        name = _MODELS.get(model, model)
        found.setdefault(name, []).append({**event, "model": name})
    return {name: of for name, of in found.items() if len(of) >= _FEWEST}


@dataclass(frozen=True)
class Stream:
    """A stream and what must come of it.

    Attributes:
        named: The label that should explain the change, and its value.
    """

    name: str
    lines: Sequence[bytes]
    changed: bool
    named: tuple[str, str] | None = None


def _laid(
    events: Sequence[Event], chance: random.Random, first: int, count: int
) -> Iterator[Event]:
    for position in range(first, first + count):
        event = dict(chance.choice(events))
        for key in ("started_at", "attributes", "environment", "task_id", "trial"):
            event.pop(key, None)
        yield {
            **event,
            "session_id": f"s{position}",
            "task_type": "all",
            "agent_version": "v1",
            "ended_at": rfc3339(_START_US + position * _MINUTE_US),
        }


def _encoded(events: Iterator[Event]) -> list[bytes]:
    return [json.dumps(event).encode() for event in events]


def unchanged(name: str, events: Sequence[Event], seed: int) -> Stream:
    """Nothing changes."""
    chance = random.Random(f"{name} {seed}")  # noqa: S311
    return Stream(name, _encoded(_laid(events, chance, 0, LONG)), changed=False)


def swapped(
    models: dict[str, list[Event]], old: str, new: str, label: str, seed: int
) -> Stream:
    """Another model from the middle on, told of by one label."""
    chance = random.Random(f"{old} {new} {label} {seed}")  # noqa: S311

    def told() -> Iterator[Event]:
        yield from _laid(models[old], chance, 0, SWAP_AT)
        yield from _laid(models[new], chance, SWAP_AT, LONG - SWAP_AT)

    events = list(told())
    named = ("model", new)
    if label == "agent_version":
        named = ("agent_version", "v2")
        for position, event in enumerate(events):
            event["agent_version"] = "v1" if position < SWAP_AT else "v2"
            event["model"] = "in-house"
    name = f"{old} → {new}, by {label}"
    return Stream(name, _encoded(iter(events)), changed=True, named=named)


def airline(events: Sequence[Event]) -> list[Event]:
    """Sessions of the airline agent; a reward of 1 is a success."""
    kept = ("agent", "model", "loop_count", "llm_calls", "tool_calls", "tool_errors")
    return [
        {key: event[key] for key in kept}
        | {"status": "success" if event["reward"] >= 1 else "failure"}
        for event in events
    ]


def streams(seed: int) -> list[tuple[str, Stream]]:
    """All streams of a seed, each with the quality scale of its judge."""
    folder = data_folder()
    models = by_model(read(folder / "agent_fs_sessions.jsonl"))
    made = [unchanged(name, events, seed) for name, events in sorted(models.items())]
    made += [swapped(models, *swap, seed) for swap in SWAPS]
    plane = airline(read(folder / "tau_airline_sessions.jsonl"))
    return [
        *(("[1, 5]", stream) for stream in made),
        ("[1, 10]", unchanged("airline", plane, seed)),
    ]


def firings(text: str, lines: Sequence[bytes]) -> list[Transition]:
    """What begins to fire under the text of a configuration."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "loopwatch.yaml"
        path.write_text(text)
        loaded = load(path, {})
    assert loaded.config is not None, loaded.faults
    replay = Replay(loaded.config.book, loaded.config.routing, _refuse)
    return [
        line
        for line in replay.run(lines)
        if isinstance(line, Transition)
        and line.to_state is State.FIRING
        and not line.from_state.is_open
    ]


def _refuse(number: int, reason: str) -> None:
    raise ValueError(f"session {number}: {reason}")


def _position(line: Transition) -> int:
    return (microseconds(line.time) - _START_US) // _MINUTE_US


def judged(stream: Stream, fired: Sequence[Transition]) -> dict[str, Any]:
    """What came of a stream."""
    own = [line for line in fired if line.rule_kind != "threshold"]
    after = [line for line in own if _position(line) >= SWAP_AT]
    false = own
    if stream.changed:
        false = [line for line in own if _position(line) < SWAP_AT]
    named = stream.named
    return {
        "stream": stream.name,
        "changed": stream.changed,
        "false": [f"{line.rule} at {_position(line)}" for line in false],
        "fixed_limits": len(fired) - len(own),
        "found": bool(after) if stream.changed else None,
        "delay": _position(after[0]) - SWAP_AT + 1
        if stream.changed and after
        else None,
        "rules": dict(Counter(line.rule for line in after)) if stream.changed else {},
        "attribution": [line.attribution for line in after] if stream.changed else [],
        "named": any(line.attribution.get(named[0]) == named[1] for line in after)
        if named
        else None,
    }


def run(config: Path, seeds: Sequence[int]) -> dict[str, Any]:
    """Replay the real streams under a configuration, print, and sum up."""
    text = config.read_text()
    scale = "quality_scale: [1, 10]"
    assert text.count(scale) == 1, f"{config}: no line {scale}"
    found = [
        judged(
            stream,
            firings(
                text.replace(scale, f"quality_scale: {judge}"),
                stream.lines,
            ),
        )
        for seed in seeds
        for judge, stream in streams(seed)
    ]
    quiet = [each for each in found if not each["changed"]]
    changed = [each for each in found if each["changed"]]
    _show(quiet, changed, len(seeds))
    delays = [each["delay"] for each in changed if each["found"]]
    false = sum(len(each["false"]) for each in found)
    sessions = LONG * len(quiet) + SWAP_AT * len(changed)
    return {
        "unchanged": len(quiet),
        "silent": sum(not each["false"] for each in quiet),
        "changed": len(changed),
        "found": len(delays),
        "named": sum(bool(each["named"]) for each in changed),
        "median_delay": median(delays) if delays else None,
        "false_per_1000_sessions": round(1000 * false / sessions, 4),
        "streams": found,
    }


def _show(
    quiet: Sequence[dict[str, Any]], changed: Sequence[dict[str, Any]], seeds: int
) -> None:
    print(
        f"\nReal sessions of one model, unchanged, {seeds} x {LONG}: silence wanted.\n"
    )
    rows = []
    for name in dict.fromkeys(each["stream"] for each in quiet):
        of = [each for each in quiet if each["stream"] == name]
        said = [line for each in of for line in each["false"]]
        apart = sum(each["fixed_limits"] for each in of)
        rows.append([name, str(len(said)), ", ".join(said) or "-", str(apart)])
    print(table(["stream", "false alerts", "which", "fixed limits, apart"], rows))
    print(
        f"\nA change at session {SWAP_AT}, {seeds} times each: to be found and named.\n"
    )
    rows = []
    for name in dict.fromkeys(each["stream"] for each in changed):
        of = [each for each in changed if each["stream"] == name]
        rows.append(
            [
                name,
                f"{sum(bool(each['found']) for each in of)}/{len(of)}",
                ", ".join(str(each["delay"] or "-") for each in of),
                f"{sum(bool(each['named']) for each in of)}/{len(of)}",
                ", ".join(sorted({rule for each in of for rule in each["rules"]})),
                str(sum(len(each["false"]) for each in of)),
            ]
        )
    heads = ["change", "found", "delays", "named", "rules", "false before"]
    print(table(heads, rows))
