"""What a threshold rule says of one series, worked out the slow and obvious way.

The window is cut anew from the whole history for each session, and the life of the
alert is written out as a story, sharing nothing with the engine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import isnan

import numpy as np

from detectors.metrics import COLUMN
from detectors.rules import Rule, Threshold


@dataclass
class Told:
    """One line: when, from which state to which, at which level, with what value."""

    at_us: int
    before: str
    after: str
    severity: str | None
    value: float | None
    session: int | None


@dataclass
class Oracle:
    """One rule on one series; sessions come in the order of the log."""

    rule: Rule
    history: list[tuple[float, float]] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    state: str = "insufficient"
    level: int | None = None
    now_us: int = -(10**18)
    since_us: int = 0
    in_a_row: int = 0
    ends_us: int | None = None
    falls_to: int | None = None
    value: float | None = None

    def session(self, number: int, ended_us: int, row: Sequence[float]) -> None:
        """Take a session, after the timers due before it."""
        now_us = max(self.now_us, ended_us)
        self.timers(now_us)
        self.now_us = now_us
        sample = self.sample(row)
        if sample is None:
            return
        self.history.append(sample)
        size, need = 1, 1
        if self.rule.window is not None:
            assert self.rule.window.samples is not None
            size = self.rule.window.samples
            need = min(self.rule.min_samples, size)
        if len(self.history) < need:
            return
        self.evaluate(self.aggregate(self.history[-size:]), number)

    def sample(self, row: Sequence[float]) -> tuple[float, float] | None:
        """Numerator and denominator, or value and 1; None if it is no sample."""
        metric = self.rule.metric
        if metric.numerator is None:
            return (1.0, 1.0)
        value = row[metric.numerator]
        if metric.denominator is None:
            return None if isnan(value) else (value, 1.0)
        calls = row[metric.denominator]
        if isnan(calls) or calls == 0:
            return None
        return (0.0 if isnan(value) else value, calls)

    def aggregate(self, window: Sequence[tuple[float, float]]) -> float:
        """The window's value."""
        values = [value for value, _ in window]
        name = self.rule.aggregate.value
        if self.rule.metric.pooled or name == "mean":
            return float(np.sum(values)) / float(np.sum([of for _, of in window]))
        if name == "sum":
            return float(np.sum(values))
        if name == "count" and self.rule.window is not None:
            return float(len(values))
        if name == "count":
            return values[0]
        if name in {"min", "max"}:
            return float(getattr(np, name)(values))
        return float(np.percentile(values, int(name[1:])))

    def worse(self, value: float, limit: float) -> bool:
        """Strictly worse."""
        return value < limit if self.rule.direction.value == "down" else value > limit

    def evaluate(self, value: float, number: int) -> None:
        """One evaluation's consequences."""
        kind = self.rule.kind
        assert isinstance(kind, Threshold)
        breached = held = None
        for place, level in enumerate(kind.levels):
            leave = level.limit if level.recover is None else level.recover
            if self.worse(value, level.limit):
                breached = held = place
            elif self.worse(value, leave):
                held = place
        self.value = value
        keep_us = self.rule.keep_firing_for_us
        if self.state in {"insufficient", "ok", "pending", "resolved"}:
            if breached is None:
                if self.state != "ok":
                    self.level = None
                    self.tell("ok", number)
                return
            if self.state != "pending":
                self.since_us, self.in_a_row = self.now_us, 0
            self.in_a_row += 1
            self.level = breached
            hold = self.rule.hold
            if (
                self.now_us - self.since_us >= hold.span_us
                and self.in_a_row >= hold.samples
            ):
                self.ends_us = self.falls_to = None
                self.tell("firing", number)
                if self.rule.window is None:
                    self.ends_us = self.now_us + keep_us
            elif self.state != "pending":
                self.tell("pending", number)
            return
        assert self.level is not None
        if self.rule.window is None:
            if breached is not None:
                self.ends_us = self.now_us + keep_us
                if breached > self.level:
                    self.level = breached
                    self.tell("firing", number)
            return
        if self.state == "firing":
            if held is None:
                self.falls_to = None
                if keep_us:
                    self.ends_us = self.now_us + keep_us
                    self.tell("recovering", number)
                else:
                    self.ends_us = None
                    self.tell("resolved", number)
            else:
                self.firing(breached, held, number, self.now_us)
        elif breached is not None:
            left_us = (self.ends_us or 0) - keep_us
            self.ends_us = self.falls_to = None
            self.state, was = "firing", self.state
            told = len(self.told)
            self.firing(breached, held or 0, number, left_us)
            if len(self.told) == told:
                self.state = was
                self.tell("firing", number)
            else:
                self.told[-1].before = was
        elif held is not None:
            self.ends_us = self.now_us + keep_us

    def firing(
        self, breached: int | None, held: int, number: int, left_us: int
    ) -> None:
        """It fires: which level?"""
        assert self.level is not None
        if breached is not None and breached > self.level:
            self.level, self.ends_us, self.falls_to = breached, None, None
            self.tell("firing", number)
        elif held >= self.level:
            self.ends_us = self.falls_to = None
        elif not self.rule.keep_firing_for_us:
            self.level = held
            self.tell("firing", number)
        else:
            if self.falls_to is None:
                self.ends_us = left_us + self.rule.keep_firing_for_us
            self.falls_to = held

    def timers(self, until_us: int) -> None:
        """Holds that end before a time."""
        if self.ends_us is None or self.ends_us >= until_us:
            return
        self.now_us, self.ends_us = self.ends_us, None
        if self.falls_to is not None:
            self.level, self.falls_to = self.falls_to, None
            self.tell("firing", None)
        else:
            self.tell("resolved", None)

    def tell(self, state: str, number: int | None) -> None:
        """Write a line."""
        kind = self.rule.kind
        assert isinstance(kind, Threshold)
        severity = None if self.level is None else kind.levels[self.level].severity
        self.told.append(
            Told(self.now_us, self.state, state, severity, self.value, number)
        )
        self.state = state


def row(**values: float) -> list[float]:
    """A session's numbers."""
    numbers = [float("nan")] * len(COLUMN)
    for name, value in values.items():
        numbers[COLUMN[name]] = value
    return numbers
