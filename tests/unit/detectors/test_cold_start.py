"""A new series borrows what is normal from its peers, until it knows better."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from typing import Any

import msgspec
import pytest

from detectors.batch import Batch, tick
from detectors.kernels import layout, norms
from detectors.kinds.drift import DriftWatch
from detectors.partition import Partition
from detectors.rules import Anomaly, Drift, Rule
from detectors.rules import rule as make_rule
from detectors.transitions import State, Transition, encode_line
from tests.slow.partition import Partition as SlowPartition
from tests.unit.detectors.scenes import (
    Log,
    Scene,
    Session,
    chance,
    of_alerts,
    transitions,
)

PEERS = 6
Values = Callable[[random.Random, float], dict[str, float]]


def _loops(luck: random.Random, times: float) -> dict[str, float]:
    return {"loop_count": float(round(times * 6 * luck.lognormvariate(0, 0.4)))}


def _latency(luck: random.Random, times: float) -> dict[str, float]:
    calls = luck.randint(1, 8)
    own = times * calls * 900 * luck.lognormvariate(0, 0.4)
    return {"latency_ms": own, "llm_calls": float(calls)}


def _success(luck: random.Random, times: float) -> dict[str, float]:
    return {"succeeded": float(luck.random() > 0.08 * times)}


def _tools(luck: random.Random, times: float) -> dict[str, float]:
    calls = luck.randint(2, 8)
    errors = sum(luck.random() < 0.06 * times for _ in range(calls))
    return {"tool_calls": float(calls), "tool_errors": float(errors)}


KINDS: dict[str, tuple[str, Values, float]] = {
    "loops": ("loop_count", _loops, 3.0),
    "latency": ("latency_ms", _latency, 3.5),
    "success": ("success_rate", _success, 7.0),
    "tools": ("tool_error_rate", _tools, 6.0),
}
"""Metric, sessions, and how many times worse a bad agent is."""


def _rule(metric: str, **more: object) -> Rule:
    return make_rule(f"{metric}-drift", metric, Drift(), **more)


class Fleet:
    """Agents on one task type that have run for a while, in a scene."""

    def __init__(self, kind: str, *, peers: int = PEERS, spread: float = 0.1) -> None:
        metric, self.values, self.bad = KINDS[kind]
        self.luck = chance(3)
        self.scene = Scene(_rule(metric))
        self.number = 0
        own = [self.luck.lognormvariate(0, spread) for _ in range(peers)]
        for _ in range(150):
            for peer, times in enumerate(own):
                self.session(f"peer-{peer}", times)
        self.scene.hear_parents()
        self.scene.said.clear()

    def session(self, agent: str, times: float = 1.0) -> None:
        """One more."""
        self.number += 1
        labels = {"agent": agent, "task_type": "t", "model": "m"}
        values: dict[str, Any] = self.values(self.luck, times)
        self.scene.session(self.number * 60, labels=labels, **values)

    def told(self) -> list[Transition]:
        """What was told of new agents."""
        return transitions(self.scene.said)


@pytest.mark.parametrize("kind", KINDS)
def test_an_agent_that_is_bad_from_the_start_is_told(kind: str) -> None:
    """From about its tenth session on, once, with what its peers are like."""
    fleet = Fleet(kind)
    for _ in range(60):
        fleet.session("new", fleet.bad)
    (line,) = [line for line in fleet.told() if line.to_state is State.FIRING]
    assert 10 <= line.evidence["sessions_since"] <= 40
    assert line.evidence["borrowed"] == 1.0
    assert line.expected is not None
    assert line.value is not None
    assert "from the first session on" in line.reason
    peers = fleet.scene.partition._stage.parents.dump()[0][1]
    if kind != "latency":
        level = peers[4] if kind == "loops" else peers[1]
        share = level / peers[0]
        share = 1 - share if kind == "success" else share
        assert line.expected == pytest.approx(share, rel=0.2)


@pytest.mark.parametrize("kind", KINDS)
def test_a_healthy_new_agent_is_judged_from_its_tenth_session(kind: str) -> None:
    """And nothing is told of it: not at the second session, not at the fiftieth."""
    fleet = Fleet(kind)
    for _ in range(9):
        fleet.session("new")
    assert fleet.told() == []
    for _ in range(91):
        fleet.session("new")
    (line,) = fleet.told()
    assert (line.from_state, line.to_state) == (State.INSUFFICIENT, State.OK)


def test_without_peers_it_is_judged_from_its_twentieth() -> None:
    """Two peers are too few to borrow from."""
    fleet = Fleet("loops", peers=2)
    for _ in range(19):
        fleet.session("new")
    assert fleet.told() == []
    fleet.session("new")
    assert [line.to_state for line in fleet.told()] == [State.OK]


def test_who_is_merely_different_is_not_told() -> None:
    """Where peers differ, one more that does is nothing to wake somebody for."""
    fleet = Fleet("loops", spread=0.5)
    for _ in range(200):
        fleet.session("new", 2.0)
    assert [line.to_state for line in fleet.told()] == [State.OK]


def test_bad_from_the_start_and_then_mended_is_resolved() -> None:
    """Its own bad sessions are not what it is held against afterwards."""
    fleet = Fleet("loops")
    for number in range(140):
        fleet.session("new", 3.0 if number < 60 else 1.0)
    assert [line.to_state for line in fleet.told()] == [State.FIRING, State.RESOLVED]


@pytest.mark.parametrize("times", [0.7, 1.4])
def test_its_own_sessions_take_over(times: float) -> None:
    """What is expected of a hundredth session is hardly borrowed any more."""
    fleet = Fleet("loops", spread=0.4)

    def norm() -> tuple[float, float]:
        (watch,) = next(
            series.live
            for series in fleet.scene.partition._all.all()
            if series.by["agent"] == "new"
        )
        assert isinstance(watch, DriftWatch)
        (stratum,) = watch.strata()
        arena, norm = watch.store.arena, stratum + layout.NORMS
        level = float(arena.floats[norm + norms.LEVEL])
        return level, norms.norm_borrowed(arena.ints, norm)

    fleet.session("new", times)
    _, share = norm()
    assert share > 0.4
    for _ in range(150):
        fleet.session("new", times)
    level, share = norm()
    assert share < 0.1
    assert level == pytest.approx(6 * times * 1.08, rel=0.15)


def test_a_later_shift_of_a_young_agent_is_told_with_what_was_borrowed() -> None:
    """Good at first, bad from its thirtieth session on."""
    fleet = Fleet("loops")
    for number in range(90):
        fleet.session("new", 1.0 if number < 70 else 4.0)
    last = fleet.told()[-1]
    assert last.to_state is State.FIRING
    assert 0.0 < last.evidence["borrowed"] < 0.3


def test_what_is_new_in_an_old_series_is_told_elsewhere() -> None:
    """A slow new agent is no fault of the model that it shares with others."""
    luck, scene = chance(5), Scene(_rule("latency_ms", by=("model",)))
    for number in range(1200):
        agent = f"peer-{number % PEERS}" if number < 900 or number % 4 else "new"
        times = 4.0 if agent == "new" else 1.0
        labels = {"agent": agent, "task_type": "t", "model": "m"}
        values: dict[str, Any] = _latency(luck, times)
        scene.session(number * 60, labels=labels, **values)
        if number % 50 == 0:
            scene.hear_parents()
    assert [line.to_state for line in transitions(scene.said)] == [State.OK]


def test_a_forgotten_series_is_no_longer_a_peer() -> None:
    """After ``retention`` its share is taken back."""
    fleet = Fleet("loops", peers=3)
    assert len(fleet.scene.partition._stage.parents.dump()) == 2
    day_s = 86_400
    fleet.scene.tick(fleet.number * 60 + 8 * day_s)
    fleet.scene.hear_parents()
    assert fleet.scene.partition._stage.parents.dump() == []


# -- a function of the log ----------------------------------------------------------

RULES = [
    make_rule(f"{metric}-{'-'.join(by)}", metric, Drift(level), by=by)
    for metric in ("loop_count", "latency_ms", "tool_error_rate", "success_rate")
    for by, level in (
        (("agent", "task_type"), "medium"),
        (("agent",), "high"),
        (("model",), "medium"),
    )
] + [make_rule("budget", "latency_ms", Drift(false_alarms_a_day=50.0), by=("agent",))]


def _story(luck: random.Random) -> Iterable[Session]:
    """Agents come one after the other, the last ones bad."""
    for number in range(900):
        newest = min(3 + number // 150, 7)
        agent = luck.randrange(newest)
        times = 4.0 if agent >= 5 else 1.0
        values = {
            **_loops(luck, times),
            **_latency(luck, times),
            **_tools(luck, times),
            **_success(luck, times),
        }
        labels = {
            "agent": f"a{agent}",
            "task_type": luck.choice(["x", "y"]),
            "model": luck.choice(["m", "n"]) if agent < 2 else "m",
        }
        yield Session(number * 60.0, values, f"s{number}", labels)


def _log(seed: int) -> tuple[list[Batch], list[bytes]]:
    """A log with what its own partition says of parents, and the lines of it."""
    scene, luck = Scene(*RULES), chance(seed)
    log, batches, lines = Log(RULES), list[Batch](), list[bytes]()

    def add(batch: Batch) -> None:
        said = scene.partition.apply(batch, len(batches))
        batches.append(batch)
        lines.extend(encode_line(line) for line in said)

    for session in _story(luck):
        add(log.batch([session]))
        if luck.random() < 0.05:
            add(tick({}, 1, parents=scene.partition.take_parts()))
    return batches, lines


def _joined(batches: list[Batch], luck: random.Random) -> Iterable[Batch]:
    """The same log, its sessions in blocks of any size."""
    waiting: list[Batch] = []
    for batch in batches:
        if not len(batch.offsets) or len(waiting) > luck.randint(0, 40):
            if waiting:
                yield _join(waiting)
                waiting = []
            if not len(batch.offsets):
                yield batch
                continue
        waiting.append(batch)
    if waiting:
        yield _join(waiting)


def _join(parts: list[Batch]) -> Batch:
    keys: dict[bytes, int] = {}
    series = [
        keys.setdefault(part.keys[at], len(keys))
        for part in parts
        for at in part.series
    ]
    joined = {
        name: [each for part in parts for each in getattr(part, name)]
        for name in (
            *("offsets", "clocks_us", "ended_at_us", "values", "hashes"),
            *("session_ids", "traces", "attributes", "wheres"),
        )
    }
    observed = [at for at, part in enumerate(parts) for _ in part.observed]
    return msgspec.structs.replace(
        parts[0], **joined, keys=list(keys), series=series, observed=observed
    )


@pytest.mark.parametrize("seed", range(4))
def test_what_is_borrowed_hangs_on_the_log_alone(seed: int) -> None:
    """Neither blocks nor restarts from rows change a line."""
    luck = chance(seed)
    batches, alone = _log(seed)
    partition = Partition(Scene(*RULES).book)
    kept: dict[bytes, bytes | None] = {}
    together: list[bytes] = []
    for offset, batch in enumerate(_joined(batches, luck)):
        together += [encode_line(line) for line in partition.apply(batch, offset)]
        kept |= dict(partition.take_dirty())
        seal = partition.seal(offset)
        if luck.random() < 0.2:
            partition = Partition(Scene(*RULES).book)
            partition.restore_seal(seal)
            for key, row in kept.items():
                if row is not None:
                    partition.restore_row(key, row)
            partition.finish_restore()
    assert together == alone
    assert any(b'"borrowed":1.0' in line for line in alone)
    assert partition.limits["budget"] != 11.0


def _agree(rules: list[Rule], story: Iterable[Session]) -> list[Transition]:
    """Hold a log against the slow engine; what was told."""
    log, book = Log(rules), Scene(*rules).book
    quick, slow = Partition(book), SlowPartition(book)
    told: list[Transition] = []
    for offset, session in enumerate(story):
        batch = log.batch([session])
        if offset % 20 == 19:
            parts = quick.take_parts()
            expected = {part.key: part.sums for part in slow.take_parts()}
            found = {part.key: part.sums for part in parts}
            assert found.keys() == expected.keys()
            for key, sums in found.items():
                assert sums == pytest.approx(expected[key])
            batch = msgspec.structs.replace(batch, parents=parts)
        said = of_alerts(quick.apply(batch, offset))
        assert said == slow.apply(batch, offset)
        told += transitions(said)
    return told


@pytest.mark.parametrize("seed", range(10, 16))
def test_the_slow_engine_says_the_same(seed: int) -> None:
    """Of the same log, to the bit; of what series share, but for rounding."""
    _agree(RULES, _story(chance(seed)))


STRANGE = ["", "t=x", "plain", "\x1f"]
"""Labels that could be taken for something else."""


def _strangers(luck: random.Random) -> Iterable[Session]:
    """Agents that are known, then ever new ones, all of them bad for what they are."""
    usual = {"x": 1.0, "y": 3.0, "m": 1.0, "n": 2.0}
    for number in range(900):
        labels = {
            "agent": f"a{luck.randrange(4)}",
            "task_type": luck.choice("xy"),
            "model": luck.choice("mn"),
            "tenant": luck.choice("uv"),
        }
        times = usual[labels["task_type"]] * usual[labels["model"]]
        if number > 450:
            new, times = number // 30, 4.0 * times
            for like, name in enumerate(("agent", "task_type", "model")):
                if new % 3 == like or new % 5 == like:
                    labels[name] = f"n{new}" if new % 2 else STRANGE[new % len(STRANGE)]
        values = {**_loops(luck, times), **_latency(luck, times)}
        yield Session(number * 60.0, values, f"s{number}", labels)


@pytest.mark.parametrize("seed", range(3))
def test_what_is_lent_to_strangers_is_what_the_slow_engine_lends(seed: int) -> None:
    """Whatever their labels, whether anything is known of these or not."""
    rules = [
        make_rule(f"{metric}-{'-'.join(by)}", metric, Drift(), by=by)
        for metric in ("loop_count", "latency_ms")
        for by in (
            ("agent", "task_type"),
            ("task_type",),
            ("model",),
            ("model", "task_type"),
            ("tenant",),
            ("agent", "tenant"),
            (),
        )
    ]
    told = _agree(rules, _strangers(chance(seed)))
    assert any("from the first session on" in line.reason for line in told)


# -- single sessions ----------------------------------------------------------------


def _odd(scene: Scene, agent: str, number: int, latency_ms: float) -> None:
    labels = {"agent": agent, "task_type": "t"}
    scene.session(number * 60, labels=labels, latency_ms=latency_ms)


def _odd_scene(peers: int) -> tuple[Scene, random.Random]:
    rule = make_rule("odd", "latency_ms", Anomaly(), keep_firing_for_us=900_000_000)
    scene, luck = Scene(rule), chance(8)
    for number in range(120 * peers):
        _odd(scene, f"peer-{number % peers}", number, luck.lognormvariate(7, 0.4))
    scene.hear_parents()
    scene.said.clear()
    return scene, luck


@pytest.mark.parametrize(("peers", "first"), [(2, 20), (4, 10)])
def test_odd_sessions_of_a_new_agent_are_told_from_then_on(
    peers: int, first: int
) -> None:
    """From the tenth on where three peers tell what is usual, else the twentieth."""
    scene, luck = _odd_scene(peers)
    for number in range(first - 1):
        _odd(scene, "new", 1000 + number, luck.lognormvariate(7, 0.4))
    assert transitions(scene.said) == []
    _odd(scene, "new", 1100, luck.lognormvariate(7, 0.4))
    assert [line.to_state for line in transitions(scene.said)] == [State.OK]
    _odd(scene, "new", 1101, 60_000.0)
    line = transitions(scene.said)[-1]
    assert line.to_state is State.FIRING
    assert (line.evidence["borrowed"] > 0) is (peers > 2)


def test_what_anomaly_borrows_survives_a_restart() -> None:
    """Its rows hold what it has said, and what it was lent."""
    scene, luck = _odd_scene(4)
    for number in range(12):
        _odd(scene, "new", 1000 + number, luck.lognormvariate(7, 0.4))
    after = scene.restart()
    assert after.partition._stage.parents.dump() == (
        scene.partition._stage.parents.dump()
    )
    for each in (scene, after):
        each.said.clear()
        _odd(each, "new", 1101, 60_000.0)
    assert [encode_line(line) for line in scene.said] == [
        encode_line(line) for line in after.said
    ]
    assert scene.said
