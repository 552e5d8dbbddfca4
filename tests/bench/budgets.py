"""Healthy fleets under a budget of false alarms: how many come, and what it costs.

Part of ``make bench-drift``. A fleet is so many agents with one session a minute each;
what partitions say of it comes back once an hour, as it does over Kafka.
"""

# ruff: noqa: T201

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from math import nan
from statistics import median
from typing import Any, Final
from zlib import crc32

import numpy as np

from detectors.batch import ATTRIBUTES, tick
from detectors.identity import series_key
from detectors.kinds.plans import groups
from detectors.metrics import COLUMN, COLUMNS
from detectors.partition import Partition
from detectors.peers.fleets import Fleets
from detectors.peers.parents import Part, Sums
from detectors.rules import SECOND_US, Drift, Rule, RuleBook, rule
from detectors.state.blocks import Plain
from detectors.state.stage import Said
from detectors.transitions import State, Transition
from tests.bench.feed import LABELS
from tests.bench.markdown import table
from tests.bench.simulated import SIMULATED, Simulated
from tests.unit.detectors.scenes import START_S, Log, Session

STEP_US: Final = 60 * SECOND_US
ROUNDS: Final = 60
"""Sessions of each series in a block: an hour."""

ROUNDS_A_DAY: Final = 1_440
MEASURED_FROM: Final = 1
"""Days that are let go by until alarms are counted: the limit has to be known."""

FLEETS: Final = ((10, 31), (100, 6), (1_000, 2))
"""Series, and days."""

ALLOWED: Final = (2, 20)
"""A day."""

HORIZON: Final = 400
AT: Final = 1_000
"""Session at which a series changes whose alarm is waited for."""


def blocks(
    simulated: Simulated, wheres: Sequence[str], series: int, rounds: int, seed: int
) -> Iterator[Plain]:
    """A fleet's sessions, an hour at a time."""
    chance = np.random.default_rng([crc32(simulated.metric.name.encode()), seed])
    keys = [
        series_key({"agent": f"a{number}", "task_type": "t"})
        for number in range(series)
    ]
    agents = [f"a{number}" for number in range(series)]
    tables = [["", *agents] if name == "agent" else [""] for name in ATTRIBUTES]
    count = ROUNDS * series
    codes = np.zeros((count, len(ATTRIBUTES)), np.int64)
    place = np.tile(np.arange(series), ROUNDS)
    codes[:, ATTRIBUTES.index("agent")] = place + 1
    steps = np.arange(count) * (STEP_US // series)
    for first in range(0, rounds, ROUNDS):
        values = np.full((count, len(COLUMNS)), nan)
        for name, drawn in simulated.draw(
            chance, np.full(count, simulated.none)
        ).items():
            values[:, COLUMN[name]] = drawn
        ended_us = START_S * SECOND_US + first * STEP_US + steps
        numbers = np.arange(first * series, first * series + count)
        yield Plain(
            source=0,
            sources=1,
            offsets=numbers,
            clocks_us=ended_us,
            ended_at_us=ended_us,
            values=values,
            hashes=chance.integers(0, 1 << 63, count).astype(np.uint64),
            session_ids=["s"] * count,
            traces=[""] * count,
            attribute_tables=tables,
            attribute_codes=codes,
            keys=keys,
            where_table=wheres,
            observed=np.arange(count),
            series=place,
            mask_table=[(1 << len(wheres)) - 1],
            mask_codes=np.zeros(count, np.int64),
            clocks_after_us={},
            judged_from_us=None,
            accepts=(),
            parents=(),
            questions=(),
        )


def watch(
    members: Sequence[Rule], simulated: Simulated, series: int, rounds: int, seed: int
) -> Iterator[tuple[int, Partition, list[Said]]]:
    """The round, the partition and what it said, after each hour of a fleet."""
    partition = Partition(RuleBook(tuple(members)), memory=ROUNDS * series)
    wheres = list(dict.fromkeys(str(each.where) for each in members))
    offset = 0
    for hour, block in enumerate(blocks(simulated, wheres, series, rounds, seed)):
        said = partition.apply(block, offset)
        parts = partition.take_parts()
        partition.apply(tick({}, 1, parents=parts), offset + 1)
        offset += 2
        yield hour * ROUNDS, partition, said


def fired(said: Sequence[Said]) -> list[Transition]:
    """The lines with which alerts begin to fire."""
    return [
        line
        for line in said
        if isinstance(line, Transition)
        and line.to_state is State.FIRING
        and not line.from_state.is_open
    ]


def _members(metric: str) -> list[Rule]:
    return [
        rule(f"{allowed} per day", metric, Drift(false_alarms_a_day=float(allowed)))
        for allowed in ALLOWED
    ]


def healthy(
    simulated: Simulated, series: int, days: int, seed: int
) -> dict[str, dict[str, float]]:
    """For each allowance the limit it comes to, and the false alarms a day."""
    members = _members(simulated.metric.name)
    found: Counter[str] = Counter()
    limits: dict[str, float] = {}
    for at, partition, said in watch(
        members, simulated, series, days * ROUNDS_A_DAY, seed
    ):
        if at >= MEASURED_FROM * ROUNDS_A_DAY:
            found.update(line.rule for line in fired(said))
        limits = partition.limits
    counted = days - MEASURED_FROM
    return {
        each.name: {
            "limit_nats": round(limits[each.name], 2),
            "a_day": round(found[each.name] / counted, 2),
        }
        for each in members
    }


def delay(
    simulated: Simulated, allowed: str, *, series: int, runs: int, seed: int
) -> float | None:
    """Median of sessions to the alarm, where one of so many series changes."""
    member = next(
        each for each in _members(simulated.metric.name) if each.name == allowed
    )
    book = RuleBook((member,))
    members = groups(book).values()
    mine = Fleets(members).by_rule[member.name]
    fleet = Part(mine.key, Sums(1.0, level=float(series * ROUNDS_A_DAY)))
    waits = []
    for run in range(runs):
        partition = Partition(book, memory=ROUNDS)
        partition.apply(tick({}, 1, parents=[fleet]), 0)
        size = simulated.changes[-1].size
        stream = simulated.sessions((seed, run), AT, size, HORIZON)
        waits.append(_wait(partition, member, stream))
    middle = median(waits)
    return middle if middle <= HORIZON else None


def _wait(partition: Partition, member: Rule, stream: Sequence[Any]) -> float:
    log = Log([member])
    sessions = [
        Session(at * 60.0, values, f"s{at}", LABELS) for at, values in enumerate(stream)
    ]
    partition.apply(log.batch(sessions[:AT]), 1)
    for line in fired(partition.apply(log.batch(sessions[AT:]), 2)):
        return int(str(line.session_id)[1:]) - AT + 1
    return HORIZON + 1.0


def run(seed: int, runs: int, metrics: Sequence[str]) -> list[dict[str, Any]]:
    """All figures of some metrics."""
    found = []
    for simulated in SIMULATED:
        if simulated.metric.name not in metrics:
            continue
        change = simulated.changes[-1]
        for series, days in FLEETS:
            for name, of in healthy(simulated, series, days, seed).items():
                waits = delay(simulated, name, series=series, runs=runs, seed=seed)
                found.append(
                    {
                        "metric": simulated.metric.name,
                        "series": series,
                        "days": days - MEASURED_FROM,
                        "allowed": name,
                        "change": change.name,
                        "delay": waits,
                        **of,
                    }
                )
    return found


def show(found: Sequence[dict[str, Any]]) -> None:
    """Print the table."""
    print("\nA budget of false alarms for healthy fleets, a session a minute each.\n")
    rows = [
        [
            str(of["metric"]),
            f"{of['series']:,}",
            str(of["days"]),
            str(of["allowed"]),
            f"{of['a_day']:g}",
            f"{of['limit_nats']:g}",
            f"{of['change']}: {'-' if of['delay'] is None else format(of['delay'], 'g')}",
        ]
        for of in found
    ]
    heads = ["metric", "series", "days", "allowed", "came a day", "nats", "found after"]
    print(table(heads, rows))
