"""Are the probabilities of ``anomaly`` verdicts true? On healthy sessions only.

Of healthy sessions a share of 0.01 should score 0.01 or less. Where values are
whole numbers not every probability can be met: then what counts is the largest one
at or below the level that some value would have had in that session's place. It is
found by asking the detector itself about other values, which changes nothing.

A detector takes part by a line in ``DETECTORS``.
"""

# ruff: noqa: T201

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import erfc, isnan, sqrt
from typing import Any, Final, Protocol

from detectors.metrics import COLUMN, COLUMNS, METRICS, Direction, Metric
from detectors.normal.facets import facets
from detectors.normal.norms import OWN
from detectors.normal.odds import Odds
from detectors.rules import Anomaly, Rule, rule
from tests.bench.adwin import WARM, even
from tests.bench.feed import alarms
from tests.bench.fleets import MissingError, fleet, values_by_series
from tests.bench.markdown import table
from tests.bench.simulated import SIMULATED

LEVELS: Final = (0.01, 0.001)
"""Nominal probabilities at which the observed rate is taken."""

GOAL: Final = (0.7, 1.5)
"""Observed over nominal, from and to."""

_SIMULATED_RUNS: Final = 20
_SIMULATED_SESSIONS: Final = 3_000
_SIMULATED_SEED: Final = 7
_MOST: Final = 1 << 20
_LATTICE: Final = 9
"""Judges of the fleets give whole scores of 1 to 10: steps of 100 / 9 points."""

Row = Sequence[float]
"""A session's numbers, in the order of ``COLUMNS``; NaN is missing."""


class Detector(Protocol):
    """What gives single sessions a probability, for one rule on one series."""

    def score(self, values: Row) -> float | None:
        """How likely a healthy session is at least so bad.

        0 to 1; None while it is too early to say, or if the session is no sample
        of the metric. Changes nothing.
        """

    def update(self, values: Row) -> None:
        """Learn the session."""


class NormalTail:
    """The plain z-score: running mean and deviation in the metric's even scale."""

    def __init__(self, metric: Metric) -> None:
        self._metric = metric
        self._count, self._mean, self._squares = 0, 0.0, 0.0

    def _value(self, values: Row) -> float:
        return even(self._metric, dict(zip(COLUMNS, values, strict=True)))

    def score(self, values: Row) -> float | None:
        """The upper tail of a normal distribution."""
        value = self._value(values)
        if self._count < WARM or isnan(value) or self._squares <= 0:
            return None
        deviation = sqrt(self._squares / (self._count - 1))
        return erfc((value - self._mean) / deviation / sqrt(2)) / 2

    def update(self, values: Row) -> None:
        """Move mean and deviation."""
        value = self._value(values)
        if not isnan(value):
            self._count += 1
            step = value - self._mean
            self._mean += step / self._count
            self._squares += step * (value - self._mean)


class Product:
    """What an ``anomaly`` rule asks: the product's own odds."""

    def __init__(self, asked: Rule) -> None:
        sign = -1.0 if asked.direction is Direction.DOWN else 1.0
        self._facet = facets(asked.metric, sign)[0]
        self._odds = Odds(self._facet)
        self._seen = 0

    def score(self, values: Row) -> float | None:
        """See ``Detector``."""
        found = self._facet.read(values)
        if found is None or self._seen < OWN:
            return None
        return self._odds.score(found)

    def update(self, values: Row) -> None:
        """See ``Detector``."""
        found = self._facet.read(values)
        if found is not None:
            self._seen += 1
            self._odds.learn(found)


DETECTORS: Final[dict[str, Callable[[Rule], Detector]]] = {
    "anomaly": Product,
    "z-score": lambda rule: NormalTail(rule.metric),
}
"""The detectors to be calibrated, by name: what makes one for a rule on a series."""


def p_value(made: Detector, values: Iterable[Row]) -> Iterator[float | None]:
    """The probability of each session, scored before it is learned."""
    for row in values:
        yield made.score(row)
        made.update(row)


@dataclass(frozen=True)
class Steps:
    """The values that a session of a metric can have, from the mildest to the worst.

    Attributes:
        column: Where the value stands.
        first, step: The mildest value and the distance to the next.
        over: Column of the number of calls, which ends the values; None if none.
        count: How many values there are at most.
    """

    column: int
    first: float = 0.0
    step: float = 1.0
    over: int | None = None
    count: int = _MOST

    def attainable(self, made: Detector, row: Row, level: float) -> float:
        """The largest probability at or below a level; 0 if there is none.

        Probabilities fall as values get worse, so doubling and halving find it.
        """
        last = self.count - 1
        if self.over is not None:
            last = int(row[self.over])
        changed = list(row)

        def scored(position: int) -> float:
            changed[self.column] = self.first + position * self.step
            found = made.score(changed)
            return 1.0 if found is None else found

        low, high = -1, 1
        while high < last and scored(high) > level:
            low, high = high, 2 * high
        high = min(high, last)
        found = scored(high)
        if found > level:
            return 0.0
        while high - low > 1:
            middle = (low + high) // 2
            here = scored(middle)
            if here <= level:
                high, found = middle, here
            else:
                low = middle
        return found


def steps(metric: Metric, *, judged: bool) -> Steps | None:
    """The lattice of a metric's values; None where they are continuous.

    Args:
        metric: The metric.
        judged: Quality comes from a judge that gives whole scores.
    """
    column = metric.numerator
    if column is None:
        return None
    if metric.denominator is not None:
        return Steps(column, over=metric.denominator)
    if metric.name in ("loop_count", "tool_calls", "llm_calls"):
        return Steps(column)
    if metric.name == "quality_score" and judged:
        return Steps(column, 100.0, -100 / _LATTICE, count=_LATTICE + 1)
    return None


@dataclass
class Tally:
    """Verdicts at one level: how many there were, and how many should have been."""

    scored: int = 0
    observed: int = 0
    nominal: float = 0.0

    @property
    def ratio(self) -> float | None:
        """Observed over nominal; None where none could be expected."""
        return self.observed / self.nominal if self.nominal >= 1 else None


def tallies(
    made: Detector, values: Sequence[Row], lattice: Steps | None
) -> dict[float, Tally]:
    """Verdicts of a detector over healthy sessions, by level."""
    found = {level: Tally() for level in LEVELS}
    for row in values:
        scored = made.score(row)
        if scored is not None:
            for level, tally in found.items():
                tally.scored += 1
                tally.observed += scored <= level
                tally.nominal += (
                    level if lattice is None else lattice.attainable(made, row, level)
                )
        made.update(row)
    return found


Streams = list[Sequence[Row]]


def simulated_streams() -> dict[str, Streams]:
    """Healthy simulated sessions, by metric."""
    return {
        simulated.metric.name: [
            [
                tuple(values.get(name, float("nan")) for name in COLUMNS)
                for values in simulated.sessions(
                    (_SIMULATED_SEED, 0, run), _SIMULATED_SESSIONS
                )
            ]
            for run in range(_SIMULATED_RUNS)
        ]
        for simulated in SIMULATED
    }


FLEET_METRICS: Final = (
    "loop_count",
    "latency_ms",
    "cost_usd",
    "tool_error_rate",
    "llm_error_rate",
    "quality_score",
    "input_tokens",
    "output_tokens",
)
"""Those that a single session of the fleets can be odd in."""


def fleet_streams(seeds: Sequence[int]) -> dict[str, Streams]:
    """Healthy sessions of the incidents benchmark, by metric: those that carry it."""
    found: dict[str, Streams] = {name: [] for name in FLEET_METRICS}
    for seed in seeds:
        for rows in values_by_series(fleet(seed, healthy=True)).values():
            for name in FLEET_METRICS:
                column = METRICS[name].denominator or METRICS[name].numerator
                assert column is not None
                found[name].append([row for row in rows if row[column] > 0])
    return found


def calibrate(streams: dict[str, Streams], where: str) -> list[dict[str, Any]]:
    """Ratios for every metric and detector."""
    found = []
    for name, samples in streams.items():
        known = METRICS[name]
        lattice = steps(known, judged=where != "simulated")
        asked = rule(f"odd-{name}", name, Anomaly())
        for detector, make in DETECTORS.items():
            total = {level: Tally() for level in LEVELS}
            for values in samples:
                for level, tally in tallies(make(asked), values, lattice).items():
                    total[level].scored += tally.scored
                    total[level].observed += tally.observed
                    total[level].nominal += tally.nominal
            found.append(
                {
                    "where": where,
                    "metric": name,
                    "detector": detector,
                    "scored": total[LEVELS[0]].scored,
                    "levels": {
                        str(level): {
                            "observed": tally.observed,
                            "nominal": round(tally.nominal, 1),
                            "ratio": None
                            if tally.ratio is None
                            else round(tally.ratio, 3),
                        }
                        for level, tally in total.items()
                    },
                }
            )
    return found


def fired(streams: dict[str, Streams], where: str) -> list[dict[str, Any]]:
    """How often ``anomaly: {}`` fires on healthy sessions, by the rule engine."""
    found = []
    for name, samples in streams.items():
        asked = rule(f"odd-{name}", name, Anomaly())
        count = sum(
            len(alarms([asked], [_named(row) for row in values], 60.0)[asked.name])
            for values in samples
        )
        sessions = sum(len(values) for values in samples)
        found.append(
            {
                "where": where,
                "metric": name,
                "sessions": sessions,
                "alerts_per_1000": round(1000 * count / max(sessions, 1), 3),
            }
        )
    return found


def _named(row: Row) -> dict[str, float]:
    return {name: row[COLUMN[name]] for name in COLUMNS if not isnan(row[COLUMN[name]])}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of calibration."""
    parser.add_argument(
        "--fleets",
        type=int,
        nargs="*",
        default=[31, 32],
        help="seeds of healthy fleets for calibration; none: simulated sessions only",
    )


def _cell(of: dict[str, Any]) -> str:
    ratio = of["ratio"]
    shown = "-" if ratio is None else f"{ratio:.2f}"
    return f"{shown} ({of['observed']}/{of['nominal']:.0f})"


def run(asked: argparse.Namespace) -> dict[str, Any]:
    """Calibrate and print."""
    sources = {"simulated": simulated_streams()}
    if asked.fleets:
        try:
            sources["fleets"] = fleet_streams(asked.fleets)
        except MissingError as error:
            print(f"without fleets: {error}", file=sys.stderr)
    ratios = [each for where, of in sources.items() for each in calibrate(of, where)]
    alerts = [each for where, of in sources.items() for each in fired(of, where)]
    low, high = GOAL
    print("\nHealthy sessions: observed over nominal rate (counts).")
    print(f"Goal: {low} to {high}.\n")
    rows = [
        [
            f"{of['where']}, {of['metric']}",
            of["detector"],
            f"{of['scored']:,}",
            *(_cell(of["levels"][str(level)]) for level in LEVELS),
        ]
        for of in ratios
    ]
    heads = ["metric", "detector", "sessions", *(f"at {level}" for level in LEVELS)]
    print(table(heads, rows))
    if alerts:
        print("\nAlerts of `anomaly: {}` on the same sessions.\n")
        rows = [
            [
                f"{of['where']}, {of['metric']}",
                f"{of['sessions']:,}",
                f"{of['alerts_per_1000']:.2f}",
            ]
            for of in alerts
        ]
        print(table(["metric", "sessions", "alerts per 1,000"], rows))
    return {"ratios": ratios, "alerts": alerts}
