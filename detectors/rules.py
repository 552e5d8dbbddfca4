"""What a rule says, once its text has been read and found right.

Times are whole microseconds here: sums and ties of event times must be exact,
which seconds in floating point are not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from detectors.matchers import EVERYTHING, Matchers
from detectors.metrics import METRICS, Aggregate, Direction, Metric

SECOND_US: Final = 1_000_000

NO_DATA_US: Final = 3600 * SECOND_US
"""So long without a sample is no data, where no window of time says otherwise."""


class Severity(StrEnum):
    """How bad, in rising order: info, warning, critical."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 for info up to 2 for critical."""
        return ("info", "warning", "critical").index(self.value)


@dataclass(frozen=True, slots=True)
class Window:
    """The last ``samples`` samples, or those of the last ``span_us``: exactly one."""

    samples: int | None = None
    span_us: int | None = None


@dataclass(frozen=True, slots=True)
class Hold:
    """How long a breach must last: a time, or a number of evaluations in a row."""

    span_us: int = 0
    samples: int = 0


@dataclass(frozen=True, slots=True)
class Level:
    """A limit and what it means to pass it.

    Attributes:
        limit: Breached by a value strictly worse than it.
        recover: The exit: at or better than it the level is left; None: as soon
            as the limit is no longer breached.
    """

    severity: Severity
    limit: float
    recover: float | None = None


@dataclass(frozen=True, slots=True)
class Threshold:
    """Fixed limits, from the mildest to the worst."""

    levels: tuple[Level, ...]
    name: str = field(default="threshold", init=False)


@dataclass(frozen=True, slots=True)
class Baseline:
    """Limits relative to the series' own past: exactly one of ratio and drop.

    Attributes:
        ratio: Above 1. Breach beyond ratio x expected (down: below expected / ratio).
        drop: Points below expected.
        recover: The exit in the same unit as ratio or drop.
        over_us: How far back the baseline reaches.
        over_samples: How many samples back it reaches; the shorter of both holds.
    """

    ratio: float | None = None
    drop: float | None = None
    recover: float | None = None
    over_us: int = 7 * 86_400 * SECOND_US
    over_samples: int = 1_000
    name: str = field(default="baseline", init=False)


@dataclass(frozen=True, slots=True)
class Absence:
    """Nothing from the series for ``after_us``."""

    after_us: int
    name: str = field(default="absence", init=False)


@dataclass(frozen=True, slots=True)
class Silence:
    """An absence that is longer than the series' own past makes likely.

    Attributes:
        at_least_us: No shorter silence is told.
        at_most_us: Every silence so long is told; None if none is for that alone.
    """

    at_least_us: int = 600 * SECOND_US
    at_most_us: int | None = None
    name: str = field(default="absence", init=False)


@dataclass(frozen=True, slots=True)
class Drift:
    """A lasting shift.

    Attributes:
        sensitivity: low, medium or high.
        false_alarms_a_day: Allowed for all its series together; the evidence that a
            change needs follows from it. None if ``sensitivity`` says that.
    """

    sensitivity: str = "medium"
    false_alarms_a_day: float | None = None
    name: str = field(default="drift", init=False)


@dataclass(frozen=True, slots=True)
class Anomaly:
    """Single odd sessions, and, where asked for, odd stretches of a busy series."""

    stretches: bool = False
    name: str = field(default="anomaly", init=False)


@dataclass(frozen=True, slots=True)
class Budget:
    """What a calendar period spends, told at rising shares of an amount.

    Attributes:
        amount: In the metric's unit.
        period: day, week (from Monday) or month.
        at: The levels as shares of the amount: warning, from 1.0 on critical.
        timezone: Whose midnights they are; a name of the IANA database.
    """

    amount: float
    period: str
    at: tuple[float, ...] = (0.5, 0.8, 0.95, 1.0)
    timezone: str = "UTC"
    name: str = field(default="budget", init=False)


Kind = Threshold | Baseline | Absence | Silence | Drift | Anomaly | Budget


class NoData(StrEnum):
    """What becomes of an alert whose series falls silent."""

    HOLD = "hold"
    RESOLVE = "resolve"
    ALERT = "alert"


@dataclass(frozen=True, slots=True)
class Flapping:
    """Changes of state within a time that make an alert a flapping one."""

    changes: int
    within_us: int


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule, complete: every default is filled in.

    Attributes:
        by: Labels that tell its series apart, sorted; empty: one series for all.
        window: None judges each session by itself.
        min_samples: Samples a window needs before it is judged.
        keep_firing_for_us: How long an alert outlasts its last breach.
        no_data_after_us: After how long without a sample ``no_data`` holds; None: the
            length of a window of time, else an hour.
        severity: Of kinds without levels; of levels, the mildest one's.
        labels: Static labels, added to every line; no part of its identity.
    """

    name: str
    metric: Metric
    kind: Kind
    by: tuple[str, ...]
    aggregate: Aggregate
    where: Matchers = EVERYTHING
    window: Window | None = None
    min_samples: int = 50
    hold: Hold = Hold()
    keep_firing_for_us: int = 0
    severity: Severity = Severity.WARNING
    direction: Direction = Direction.UP
    labels: Mapping[str, str] = field(default_factory=dict)
    summary: str | None = None
    runbook_url: str | None = None
    rebaseline_after: Hold | None = None
    no_data: NoData = NoData.HOLD
    no_data_after_us: int | None = None
    flapping: Flapping | None = None

    @property
    def counts_nothing(self) -> bool:
        """Whether nothing is a value like any other: what adds up over a time."""
        span_us = self.window and self.window.span_us
        summed = self.aggregate in (Aggregate.SUM, Aggregate.COUNT)
        return isinstance(self.kind, Budget) or bool(summed and span_us)

    @property
    def missing(self) -> Rule | None:
        """The rule that waits for data of this one; None if it holds without any.

        It is part of the series' state like every other, and writes no line.
        """
        if self.no_data is NoData.HOLD or self.counts_nothing:
            return None
        if isinstance(self.kind, Absence | Silence):
            return None
        span_us = self.window.span_us if self.window else None
        after_us = self.no_data_after_us or span_us or NO_DATA_US
        return replace(self, name=f"{self.name}\0", kind=Absence(after_us), window=None)

    @property
    def shape(self) -> str:
        """What its windows hang on: another shape starts them anew."""
        window = self.window
        span = "each" if window is None else f"{window.samples}/{window.span_us}"
        return f"{self.metric.name}|{self.where}|{span}|{self.aggregate}"


def rule(name: str, metric: str, kind: Kind, **changes: object) -> Rule:
    """A rule with the contract's defaults, for programs and tests.

    ``by`` defaults to agent and task type; direction and aggregate to the metric's,
    but that a budget is a sum;
    ``keep_firing_for_us`` to 15 minutes for a threshold on each session, else to 0.
    """
    known = METRICS[metric]
    per_session = isinstance(kind, Threshold) and changes.get("window") is None
    values: dict[str, object] = {
        "by": ("agent", "task_type"),
        "aggregate": known.default_aggregate,
        "direction": known.direction,
        "keep_firing_for_us": 900 * SECOND_US if per_session else 0,
    }
    if isinstance(kind, Threshold):
        values["severity"] = kind.levels[0].severity
    if isinstance(kind, Budget) and known.numerator is not None:
        values["aggregate"] = Aggregate.SUM
    values.update(changes)
    values["by"] = tuple(sorted(values["by"]))  # type: ignore[call-overload]
    return Rule(name, known, kind, **values)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class RuleBook:
    """All that evaluation needs to know of a configuration file.

    Attributes:
        quality_scale: Lowest and highest score that judges give.
        retention_us: After this long without a session a series is forgotten.
        lateness_us: How far behind the wall clock an idle source's clock runs.
        max_age_us: Older sessions are not judged one by one by the worker.
        max_series: So many series there may be in all partitions, each of which has an
            equal part of it; None: any number.
        digest: Of the file's meaning; workers with the same file agree on it.
    """

    rules: tuple[Rule, ...]
    quality_scale: tuple[float, float] = (1.0, 10.0)
    retention_us: int = 7 * 86_400 * SECOND_US
    lateness_us: int = 60 * SECOND_US
    max_age_us: int = 86_400 * SECOND_US
    max_series: int | None = None
    digest: str = ""
