"""Budgets: what a calendar period spends, told at shares of an amount.

A session counts in the period in which it ended, if that one is still open. It is
until the timer of its end has run, or the first session of the next has come: at an
exact tie what ended before midnight still counts, and what ended at midnight is new.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Any, Final

from detectors.kinds.plans import Plan
from detectors.kinds.watch import Watch
from detectors.life import phrases
from detectors.life.lifecycle import CLEAR, FAR, THIN, Evaluation, Life, Verdict
from detectors.normal.burn import Burn, gone_us
from detectors.normal.calendar import Calendar
from detectors.numbers import MOST, finite
from detectors.rules import Budget
from detectors.severities import share_of
from detectors.state.stage import Stage
from detectors.transitions import State, rfc3339

_HOUR_US: Final = 3_600_000_000

_MARGIN: Final = 1e-15
"""Money is decimal and numbers are not: 0.7 and 0.1 must reach 0.8. Each is off by at
most 2**-53 of itself, so their exact sum is too; the rest is for the limit."""


class BudgetWatch(Watch):
    """What the present period has spent of its amount.

    Only an open alert needs a timer at the period's end. Where nothing fires the
    period is turned by the first session after it, or midnight would wake all series.

    Attributes:
        start_us, end_us: The period, its end not in it; before the first, ``-FAR``.
        spend, rest: The sum, and what rounding has kept from it.
        spent_us: When the whole amount was reached; None while it is not.
        partial: The alert is older than the sum: a change of the rule has begun it
            anew. So a small one does not end it.
        quiet: The spend below which there is nothing to be said.

    >>> from detectors.rules import Budget, rule
    >>> from detectors.trial import trial
    >>> spend = rule("spend", "cost_usd", Budget(10.0, "day"))
    >>> said = trial(spend, {"cost_usd": [4.0, 4.0, 4.0]})
    >>> [(line.to_state.value, line.value) for line in said]
    [('ok', 4.0), ('firing', 8.0), ('firing', 12.0)]
    """

    __slots__ = (
        "_calendar",
        "_now_us",
        "burn",
        "column",
        "end_us",
        "kind",
        "partial",
        "quiet",
        "rest",
        "spend",
        "spent_us",
        "start_us",
    )

    def __init__(self, plan: Plan, by: dict[str, str]) -> None:
        super().__init__(plan, by)
        kind = plan.rule.kind
        assert isinstance(kind, Budget)  # noqa: S101 - no other kind comes here
        self.kind = kind
        self.column = plan.column
        self.burn = Burn(kind.period)
        self.start_us = self.end_us = -FAR
        self.spend = self.rest = 0.0
        self.spent_us: int | None = None
        self.partial = False
        self.quiet = -inf
        self._calendar = Calendar(kind.period, kind.timezone)
        self._now_us = -FAR

    @property
    def kept_us(self) -> int:  # noqa: D102
        if self.spend > 0:
            # An alert ends with its period, and not because it is forgotten then.
            return self.end_us + 1 if self.life.state.is_open else self.end_us
        return self.start_us

    def sample(  # noqa: D102
        self, values: Sequence[float], ended_us: int, now_us: int, stage: Stage
    ) -> bool | None:
        value = values[self.column] if self.column >= 0 else 1.0
        if value != value:  # noqa: PLR0124 - NaN is no sample
            return None
        news = None
        if ended_us >= self.end_us or now_us > self.end_us:
            news = self._turn(now_us, stage)
        if ended_us < self.start_us:
            return news
        self._add(value)
        self.burn.add(ended_us, value)
        if self.spend < self.quiet:
            return news
        self._now_us = now_us
        if self.spent_us is None and self._reached(self.kind.amount):
            self.spent_us = now_us
        found = self._found()
        self.judge(found, self.spend, value, now_us, stage)
        return True

    def _add(self, value: float) -> None:
        """Add exactly, but for what lies beyond twice the digits of a number.

        D. E. Knuth, The Art of Computer Programming 2, 4.2.2, theorem B.
        """
        spend = self.spend
        summed = spend + value
        part = summed - spend
        rest = self.rest + ((spend - (summed - part)) + (value - part))
        self.spend = summed + rest
        self.rest = rest - (self.spend - summed)
        if not self.spend <= MOST:
            self.spend, self.rest = MOST, 0.0

    def _reached(self, limit: float) -> bool:
        return self.spend >= limit * (1 - _MARGIN)

    def _found(self) -> Evaluation:
        level = -1
        for rank, enter, _ in self.plan.limits:
            if self._reached(enter):
                level = rank
        if level >= 0:
            return Evaluation(Verdict.BREACH, level, level)
        return THIN if self.partial and self.life.state.is_open else CLEAR

    def _turn(self, now_us: int, stage: Stage) -> bool | None:
        """Begin the period of the present; whether there was something to be said."""
        begun, news = self.end_us > -FAR, None
        if begun and self.life.state.is_open:
            # Its timer is due now, and waits for the sessions of this microsecond.
            at, stage.at = stage.at, -1
            self._close(stage)
            stage.at, news = at, True
        if not begun:
            self.burn.known_us = now_us
            self.partial = self.life.state.is_open
        self._begin(now_us)
        return news

    def _begin(self, at_us: int) -> None:
        self.start_us, self.end_us = self._calendar.bounds(at_us)
        self.spend = self.rest = 0.0
        self.spent_us = None

    def _close(self, stage: Stage) -> None:
        """The period is over, and with it the alert."""
        self.partial = False
        self.judge(CLEAR, 0.0, None, self.end_us, stage)

    def settle(self) -> None:  # noqa: D102
        calm = self.life.state is State.OK
        least = min(self.plan.limits[0].enter, self.kind.amount)
        self.quiet = least * (1 - _MARGIN) if calm else -inf

    def due(self) -> tuple[int, int]:  # noqa: D102
        due_us, order = super().due()
        if self.life.state.is_open and -FAR < self.end_us <= due_us:
            return self.end_us, self.life.order
        return due_us, order

    def run(self, due_us: int, stage: Stage) -> None:  # noqa: D102
        if self.life.state.is_open and due_us == self.end_us:
            self._close(stage)
            self._begin(due_us)
        else:
            super().run(due_us, stage)

    def _reason(self, before: Life, found: Evaluation) -> str:
        what, period = self.plan.what(), self.kind.period
        if self.life.state is State.FIRING and self.life.level >= before.level:
            percent = phrases.number(100 * share_of(self.life.level))
            amount = phrases.number(self.kind.amount)
            outlook = self._outlook()
            reached = f"{what} has reached {percent} % of {amount}"
            return f"{reached}: {outlook}" if outlook else reached
        if self.life.state is State.RESOLVED and self.value == 0.0:
            return f"the {period} is over: {what} begins at 0"
        return super()._reason(before, found)

    def _outlook(self) -> str | None:
        if self.spent_us is not None:
            return (
                f"the budget has been exhausted since {phrases.moment(self.spent_us)}"
            )
        gone = self._gone_us()
        if gone is None:
            return None
        when = phrases.moment(gone)
        return f"the budget will be exhausted on {when} at the present rate"

    def _rate(self) -> float | None:
        return self.burn.rate(self.spend, self.start_us, self._now_us)

    def _gone_us(self) -> int | None:
        left = self.kind.amount - self.spend
        return gone_us(left, self._rate(), self._now_us, self.end_us)

    def evidence(self) -> dict[str, Any]:
        """What was spent, of how much, how fast, and when it is or will be gone.

        ``spend`` and ``amount`` in the metric's unit, ``level`` and ``at`` as shares
        of the amount, ``burn_per_hour`` in the unit an hour. ``exhausted_at`` is in
        the past once the amount is spent, and absent where it would last.
        """
        if self.end_us == -FAR:
            return {}
        found: dict[str, Any] = {
            "spend": self.spend,
            "amount": self.kind.amount,
            "level": share_of(self.life.level),
            "period": self.kind.period,
            "period_start": rfc3339(self.start_us),
            "period_end": rfc3339(self.end_us),
        }
        exhausted_us = self.spent_us
        if self.life.state is State.FIRING:
            rate = self._rate()
            if rate is not None:
                found["burn_per_hour"] = finite(rate * _HOUR_US)
            if exhausted_us is None:
                exhausted_us = self._gone_us()
        if exhausted_us is not None:
            found["exhausted_at"] = rfc3339(exhausted_us // 1_000_000 * 1_000_000)
        return found

    def dump(self) -> list[Any]:  # noqa: D102
        return [
            self.start_us,
            self.end_us,
            self.spend,
            self.rest,
            self.spent_us,
            self.partial,
            self.burn.dump(),
        ]

    def load(self, state: list[Any]) -> None:  # noqa: D102
        self.start_us, self.end_us, self.spend, self.rest = state[:4]
        self.spent_us, self.partial = state[4:6]
        self.burn.load(state[6])
        if self.spent_us is not None and not self._reached(self.kind.amount):
            self.spent_us = None  # the amount was raised
        self.settle()
