"""A rule made ready for evaluation: its constants, worked out once.

Inside the engine larger is always worse: values of metrics that go bad downwards
are negated as they come in, and so are their limits. ``sign`` turns them back.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from hashlib import blake2b
from math import inf
from typing import Final, NamedTuple

from detectors.life.lifecycle import NO_LEVEL, Evaluation, Policy, Verdict
from detectors.life.phrases import duration, number
from detectors.metrics import COLUMN, Aggregate, Direction
from detectors.numbers import finite
from detectors.rules import (
    Absence,
    Anomaly,
    Baseline,
    Budget,
    Drift,
    Hold,
    Rule,
    RuleBook,
    Silence,
    Threshold,
)
from detectors.severities import budget_level, share_of


class Judged(Enum):
    """What becomes of a window's samples."""

    RATE = "rate"  # sum of numerators over sum of denominators
    MEAN = "mean"
    SUM = "sum"
    COUNT = "count"
    RANK = "rank"  # a percentile, the smallest or the largest


class Limit(NamedTuple):
    """A level's limit and exit, both signed so that larger is worse.

    ``rank`` is the severity's, or of a budget ``budget_level``.
    """

    rank: int
    enter: float
    leave: float


class Plan:
    """One rule, ready to be evaluated.

    Attributes:
        column: Of the value or numerator; -1 where each session counts 1.
        over: Column of a pooled rate's denominator; -1 if there is none.
        sign: 1.0, or -1.0 where lower values are worse.
        percent: Which percentile of the signed samples; 0 and 100 for the ends.
        size: Samples in a count window, else 0.
        span_us: Length of a time window, else 0.
        need: Samples at which evaluation begins.
        shape: Digest of all that the windows hang on.
        limits: Of fixed levels, from mildest to worst.
        of: Of what waits for data, the position of the rule whose data it is; -1.
    """

    __slots__ = (
        "baseline",
        "column",
        "each",
        "judged",
        "labels",
        "limits",
        "need",
        "of",
        "over",
        "percent",
        "policy",
        "position",
        "rank",
        "row",
        "rule",
        "shape",
        "sign",
        "size",
        "span_us",
    )

    def __init__(self, rule: Rule, position: int, of: int = -1) -> None:
        metric, kind, window = rule.metric, rule.kind, rule.window
        self.rule = rule
        self.position = position
        self.of = of
        self.row = -1
        self.rank = rule.severity.rank
        self.each = window is None and isinstance(kind, Threshold)
        self.column = -1 if metric.numerator is None else metric.numerator
        self.over = -1 if metric.denominator is None else metric.denominator
        self.sign = -1.0 if rule.direction is Direction.DOWN else 1.0
        self.judged = _judged(rule)
        self.percent = _percent(rule.aggregate, self.sign)
        self.span_us = (window and window.span_us) or 0
        self.size = 0 if self.span_us else (window and window.samples) or 1
        self.need = max(1, min(rule.min_samples, self.size or rule.min_samples))
        # Silence has a duration of its own: ``for`` adds nothing to it.
        # A budget's level is reached once, and ends with its period.
        hold = Hold() if isinstance(kind, Absence | Silence | Budget) else rule.hold
        keep_us = 0 if isinstance(kind, Budget) else rule.keep_firing_for_us
        flapping = None if isinstance(kind, Budget) else rule.flapping
        self.policy = Policy(
            hold.span_us,
            hold.samples,
            keep_us,
            self.each or isinstance(kind, Anomaly),
            flapping.changes if flapping else 0,
            flapping.within_us if flapping else 0,
        )
        self.labels: Mapping[str, str] = rule.labels
        self.baseline = kind if isinstance(kind, Baseline) else None
        self.limits = self._fixed(kind) if isinstance(kind, Threshold) else ()
        if isinstance(kind, Budget):
            limits = [(share, share * kind.amount) for share in kind.at]
            self.limits = tuple(Limit(budget_level(of), at, at) for of, at in limits)
        self.shape = self._shape()

    def _shape(self) -> bytes:
        """Eight bytes for all that the windows hang on: another, and they are new."""
        form = "span" if self.span_us else "each" if self.each else "count"
        if isinstance(self.rule.kind, Absence):
            form = "absence"
        if isinstance(self.rule.kind, Silence):
            form = "silence"
        if isinstance(self.rule.kind, Drift | Anomaly):
            form = self.rule.kind.name
        if isinstance(self.rule.kind, Budget):
            form = f"budget/{self.rule.kind.period}/{self.rule.kind.timezone}"
        text = f"{form}|{self.sign:.0f}|{self.rule.shape}"
        return blake2b(text.encode(), digest_size=8).digest()

    def _fixed(self, kind: Threshold) -> tuple[Limit, ...]:
        return tuple(
            Limit(
                level.severity.rank,
                self.sign * level.limit,
                self.sign * (level.limit if level.recover is None else level.recover),
            )
            for level in kind.levels
        )

    def levels(self, expected: float | None) -> tuple[Limit, ...]:
        """The limits in force; none while a baseline is not known."""
        baseline = self.baseline
        if baseline is None:
            return self.limits
        if expected is None:
            return ()
        enter = self._relative(expected, baseline.ratio, baseline.drop)
        leave = enter
        if baseline.recover is not None:
            ratio = None if baseline.ratio is None else baseline.recover
            drop = None if baseline.drop is None else baseline.recover
            leave = self._relative(expected, ratio, drop)
        return (Limit(self.rank, enter, leave),)

    def _relative(
        self, expected: float, ratio: float | None, drop: float | None
    ) -> float:
        if drop is not None:
            return self.sign * expected + drop
        if ratio is None or expected == 0:
            return inf
        return expected * ratio if self.sign > 0 else -(expected / ratio)

    def threshold(self, expected: float | None, level: int) -> float | None:
        """The limit that a line names: of the level in force, else of the mildest."""
        if isinstance(self.rule.kind, Absence):
            return self.rule.kind.after_us / 1_000_000
        levels = self.levels(expected)
        if not levels:
            return None
        named = next((limit for limit in levels if limit.rank == level), levels[0])
        return None if named.enter == inf else finite(self.sign * named.enter)

    @property
    def says_why(self) -> bool:
        """Whether a breach can say why: it is about the rise of what sessions cost."""
        rising = self.column == COLUMN["cost_usd"] and self.sign > 0
        judged = isinstance(self.rule.kind, Threshold | Baseline)
        return rising and judged and self.judged is not Judged.COUNT

    def what(self) -> str:
        """What is judged, in words."""
        rule = self.rule
        pooled = self.judged in (Judged.RATE, Judged.MEAN) and rule.metric.pooled
        named = rule.metric.name if pooled else f"{rule.aggregate} {rule.metric.name}"
        if self.each or isinstance(rule.kind, Drift | Anomaly):
            return rule.metric.name
        if isinstance(rule.kind, Budget):
            return f"{rule.metric.name} of the {rule.kind.period}"
        if self.span_us:
            return f"{named} of {duration(self.span_us)}"
        return f"{named} of {self.size} session{'s' if self.size > 1 else ''}"

    def limit_phrase(self, expected: float | None, level: int) -> str:
        """The limit, in words: ``above 3 x the expected 3.1``."""
        if isinstance(self.rule.kind, Budget):
            percent = number(100 * share_of(level))
            return f"at {percent} % of {number(self.rule.kind.amount)}"
        beyond = "above" if self.sign > 0 else "below"
        baseline = self.baseline
        if isinstance(self.rule.kind, Drift | Anomaly):
            return "shifted" if isinstance(self.rule.kind, Drift) else "odd"
        if baseline is None or expected is None:
            limit = self.threshold(expected, level)
            return beyond if limit is None else f"{beyond} {number(limit)}"
        if baseline.ratio is None:
            by = number(baseline.drop or 0.0)
            return f"more than {by} {beyond} the expected {number(expected)}"
        part = number(baseline.ratio)
        share = f"{part} x" if self.sign > 0 else f"1/{part} of"
        return f"{beyond} {share} the expected {number(expected)}"


def _judged(rule: Rule) -> Judged:
    if rule.metric.denominator is not None:
        return Judged.RATE
    if rule.metric.pooled:
        return Judged.MEAN
    return {
        Aggregate.MEAN: Judged.MEAN,
        Aggregate.SUM: Judged.SUM,
        Aggregate.COUNT: Judged.COUNT,
    }.get(rule.aggregate, Judged.RANK)


def _percent(aggregate: Aggregate, sign: float) -> int:
    """The percentile of signed samples that an aggregate asks for."""
    if aggregate is Aggregate.MIN:
        percent = 0
    elif aggregate.value[0] == "p":
        percent = int(aggregate.value[1:])
    else:
        percent = 100
    return percent if sign > 0 else 100 - percent


def rate(levels: tuple[Limit, ...], value: float) -> Evaluation:
    """Hold a signed value against limits, at least one.

    >>> rate((Limit(1, 0.5, 0.4), Limit(2, 2.0, 2.0)), 0.45)
    Evaluation(verdict=<Verdict.BETWEEN: 2>, level=-1, standing=1)
    """
    level = standing = NO_LEVEL
    for rank, enter, leave in levels:
        if value > enter:
            level = standing = rank
        elif value > leave:
            standing = rank
    if level != NO_LEVEL:
        return Evaluation(Verdict.BREACH, level, standing)
    if standing != NO_LEVEL:
        return Evaluation(Verdict.BETWEEN, level, standing)
    return Evaluation(Verdict.CLEAR)


class Group:
    """The rules that share their ``by``, and so their series.

    Attributes:
        bits: For each rule its bit in a batch's masks; 0 is not known there.
        digest: Eight bytes for the names and shapes of all of them.
    """

    __slots__ = ("bits", "by", "digest", "number", "plans", "wheres")

    def __init__(self, by: tuple[str, ...], rules: list[Rule]) -> None:
        self.by = by
        self.number = -1
        self.plans = [Plan(rule, position) for position, rule in enumerate(rules)]
        for plan in self.plans[:]:
            missing = plan.rule.missing
            if missing is not None:
                self.plans.append(Plan(missing, len(self.plans), plan.position))
        self.wheres = [plan.rule.where for plan in self.plans]
        self.bits = [0] * len(self.plans)
        digest = blake2b(digest_size=8)
        for plan in self.plans:
            digest.update(plan.rule.name.encode() + b"\0" + plan.shape)
        self.digest = digest.digest()

    def bind(self, bits: list[int]) -> None:
        """Take the bits of a batch's masks."""
        self.bits = bits


NO_RULES: Final = Group((), [])
"""Of series that no rule is about any more."""


def groups(book: RuleBook) -> dict[tuple[str, ...], Group]:
    """The rules by their ``by`` labels."""
    rules: dict[tuple[str, ...], list[Rule]] = {}
    for rule in book.rules:
        rules.setdefault(rule.by, []).append(rule)
    return {by: Group(by, members) for by, members in rules.items()}
