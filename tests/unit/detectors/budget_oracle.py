"""What a budget says of one series, worked out the slow and obvious way.

Every session is kept, a period is known by its local date, its end is found by walking
there, and sums are those of fractions. Nothing is shared with the engine.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from functools import lru_cache
from math import isnan
from zoneinfo import ZoneInfo

from detectors.rules import Budget

QUARTER_US = 900_000_000

Key = tuple[int, ...]


@lru_cache(maxsize=100_000)
def key_of(at_us: int, period: str, zone: str) -> Key:
    """The local day, week or month of a time."""
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    local = (epoch + timedelta(microseconds=at_us)).astimezone(ZoneInfo(zone))
    if period == "month":
        return (local.year, local.month)
    if period == "week":
        return tuple(local.isocalendar())[:2]
    return (local.year, local.month, local.day)


@lru_cache(maxsize=100_000)
def end_of(quarter: int, period: str, zone: str) -> int:
    """When the period of a quarter of an hour ends; clocks change on quarters."""
    now = key_of(quarter * QUARTER_US, period, zone)
    while key_of(quarter * QUARTER_US, period, zone) == now:
        quarter += 1
    return quarter * QUARTER_US


@dataclass
class Told:
    """One line of a budget."""

    at_us: int
    before: str
    after: str
    severity: str | None
    value: float
    threshold: float
    session: int | None
    generation: int


@dataclass
class BudgetOracle:
    """One budget on one series; sessions come in the order of the log."""

    kind: Budget
    spent: dict[Key, list[Fraction]] = field(default_factory=dict)
    told: list[Told] = field(default_factory=list)
    now_us: int = -1
    end_us: int | None = None
    state: str = "insufficient"
    reached: int = 0
    generation: int = 0

    def session(self, number: int, ended_us: int, value: float) -> None:
        """Take a session, after what ended before it."""
        self.now_us = max(self.now_us, ended_us)
        self.until(self.now_us)
        if isnan(value):
            return
        key, now = self._key(ended_us), self._key(self.now_us)
        if self.end_us is not None and ended_us >= self.end_us:
            self._over()
        open_key = now if self.end_us is None else self._key(self.end_us - 1)
        if key != open_key:
            return
        if self.end_us is None:
            quarter = self.now_us // QUARTER_US
            self.end_us = end_of(quarter, self.kind.period, self.kind.timezone)
        of_period = self.spent.setdefault(key, [])
        of_period.append(Fraction(value))
        self._judge(sum(of_period, Fraction(0)), number)

    def until(self, at_us: int) -> None:
        """Time passes; what ends exactly now waits for the sessions of now."""
        if self.end_us is not None and self.end_us < at_us:
            self._over()

    def _key(self, at_us: int) -> Key:
        return key_of(at_us, self.kind.period, self.kind.timezone)

    def _over(self) -> None:
        at_us, self.end_us = self.end_us, None
        if self.state == "firing":
            assert at_us is not None
            self._tell(at_us, "resolved", 0.0, None)
            self.reached = 0

    def _judge(self, spend: Fraction, number: int) -> None:
        amount = Fraction(self.kind.amount)
        reached = sum(spend >= Fraction(str(share)) * amount for share in self.kind.at)
        if reached > self.reached:
            self.generation += self.reached == 0
            self.reached = reached
            self._tell(self.now_us, "firing", float(spend), number)
        elif not reached and self.state != "ok":
            self._tell(self.now_us, "ok", float(spend), number)

    def _tell(self, at_us: int, state: str, value: float, number: int | None) -> None:
        share = self.kind.at[max(0, self.reached - 1)]
        severity = None
        if self.reached:
            severity = "critical" if share >= 1 else "warning"
        limit = share * self.kind.amount
        line = (at_us, self.state, state, severity, value, limit)
        self.told.append(Told(*line, number, self.generation))
        self.state = state
