"""One series under one rule, told of plain numbers: to try a rule, and for examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import nan
from typing import Final

from detectors.batch import ATTRIBUTES, Batch, tick
from detectors.identity import series_key, session_hash
from detectors.metrics import COLUMNS
from detectors.partition import Partition
from detectors.rules import SECOND_US, Rule, RuleBook
from detectors.transitions import Transition

BEGIN_US: Final = 1_767_225_600 * SECOND_US
"""A new year's midnight, 2026, UTC."""


def trial(
    rule: Rule,
    sessions: Mapping[str, Sequence[float]],
    every_s: float = 60.0,
    then_s: float = 0.0,
) -> list[Transition]:
    """What the rule says of sessions of one agent and task type.

    Args:
        rule: Any rule.
        sessions: A number for each session, by column (``metrics.COLUMNS``); all
            columns are of one length.
        every_s: The time between them, in seconds; the first ends as 2026 begins.
        then_s: The time that goes by after the last one, in seconds.

    >>> from detectors.rules import Level, Severity, Threshold, rule
    >>> dear = rule("dear", "cost_usd", Threshold((Level(Severity.CRITICAL, 2.0),)))
    >>> [(line.time, line.to_state.value) for line in trial(dear, {"cost_usd": [1, 3]})]
    [('2026-01-01T00:00:00Z', 'ok'), ('2026-01-01T00:01:00Z', 'firing')]
    """
    count = max(map(len, sessions.values()), default=0)
    ended = [BEGIN_US + round(at * every_s * SECOND_US) for at in range(count)]
    labels = {"agent": "agent", "task_type": "task"}
    batch = Batch(
        source=0,
        sources=1,
        offsets=range(count),
        clocks_us=ended,
        ended_at_us=ended,
        values=[
            [float(sessions[name][at]) if name in sessions else nan for name in COLUMNS]
            for at in range(count)
        ],
        hashes=[session_hash(f"s{at}") for at in range(count)],
        session_ids=[f"s{at}" for at in range(count)],
        traces=[""] * count,
        attributes=[[labels.get(name, "") for name in ATTRIBUTES]] * count,
        keys=[series_key({name: labels.get(name, "") for name in rule.by})],
        where_table=[str(rule.where)],
        observed=range(count),
        series=[0] * count,
        wheres=[1] * count,
        clocks_after_us={},
    )
    partition = Partition(RuleBook((rule,)))
    said = partition.apply(batch, 0)
    if ended and then_s:
        after_us = ended[-1] + round(then_s * SECOND_US)
        said += partition.apply(tick({0: after_us}, 1), 1)
    return [line for line in said if isinstance(line, Transition)]
