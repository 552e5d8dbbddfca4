"""What was expected of a series over time, for drawings.

Two ways to know it: from the lines of a replay, which say it where something
happened, and from the rule engine, asked after every session. ``read`` is the place
where a kind of rule with a band of its own is to be asked for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Protocol

from detectors.kernels import layout, norms, scales
from detectors.kinds.drift import DriftWatch
from detectors.kinds.watch import Watch
from detectors.life.lifecycle import NO_LEVEL
from detectors.partition import Partition
from detectors.rules import Rule, RuleBook
from detectors.transitions import microseconds
from streams.observations.observe import Observer


class Band(NamedTuple):
    """What was expected at a time, in the metric's unit; None where not known.

    Attributes:
        low: Lower end of what is healthy.
        high: Its upper end.
    """

    at_us: int
    expected: float | None
    low: float | None
    high: float | None


class Bands(Protocol):
    """Anything that knows what was expected of a series."""

    def __call__(self, rule: Rule, sessions: Sequence[bytes]) -> list[Band]:
        """The band of a rule over the sessions of one series, in order of time."""


def read(watch: Watch, at_us: int) -> Band:
    """The band of a rule on a series as it stands."""
    if isinstance(watch, DriftWatch):
        return _usual(watch, at_us)
    expected = watch.expected
    limit = watch.plan.threshold(expected, NO_LEVEL)
    if watch.plan.sign > 0:
        return Band(at_us, expected, None, limit)
    return Band(at_us, expected, limit, None)


def _usual(watch: DriftWatch, at_us: int) -> Band:
    """What a drift rule thinks usual: two standard deviations to both sides."""
    words, ints = watch.store.arena.floats, watch.store.arena.ints
    stratum = int(ints[watch.at + layout.STRATA])
    norm, scale = stratum + layout.NORMS, watch.facets[0].code[3]
    if not stratum or not norms.norm_ready(ints, norm, scale):
        return Band(at_us, None, None, None)
    level = float(words[norm + norms.LEVEL])
    reach = 2 * norms.norm_spread(ints, norm, scale)
    if scale >= scales.RATE:
        return Band(at_us, level, max(0.0, level - reach), level + reach)
    mean = float(norms.norm_mean(ints, norm))
    low, high = scales.back(mean - reach, scale), scales.back(mean + reach, scale)
    return Band(at_us, level, low, high)


def from_engine(rule: Rule, sessions: Sequence[bytes]) -> list[Band]:
    """Ask the rule engine after every session: the sessions of one series."""
    book = RuleBook((rule,))
    observer, partition = Observer(book, 1, 1), Partition(book)
    bands: list[Band] = []
    for offset, text in enumerate(sessions):
        batch = observer.observe(0, [(offset, text)], None).batches.get(0)
        clock_us = observer.clock(0)
        if batch is None or clock_us is None:
            continue
        partition.apply(batch, offset)
        if batch.keys[0] in partition._all.addresses:
            series = partition._all.get(batch.keys[0])
            bands += [read(watch, clock_us) for watch in series.live]
    return bands


def from_lines(lines: Iterable[dict[str, Any]]) -> list[Band]:
    """What the lines of one alert say: ``evidence`` where it has a band, else limits.

    ``evidence`` may carry ``low`` and ``high`` in the metric's unit.
    """
    return [
        Band(
            microseconds(line["time"]),
            line["expected"],
            line["evidence"].get("low"),
            line["evidence"].get("high", line["threshold"]),
        )
        for line in lines
        if line["kind"] == "transition"
    ]
