"""Windows of the last n samples.

Samples are appended to a flat array whose last n are the window; what lies before
them waits to be learned by the baseline and is dropped, some dozen at a time, at
points that hang on the series' own count of samples alone.

While all is well a sample costs little more than its place in the array: when the
window was last worked out, it was also worked out how much worse it can become
before a limit is passed, and each sample is charged with the worst that it can do.
Only when that is used up the window is looked at again.
"""

# Every kind of watch takes what the hungriest of them needs.
# ruff: noqa: ARG002

from __future__ import annotations

from array import array
from collections.abc import Sequence
from math import inf
from typing import Any, Final

from detectors.kinds.plans import Judged, Plan
from detectors.kinds.watch import Watch
from detectors.life.evidence import count_window
from detectors.life.lifecycle import THIN
from detectors.normal.anchor import ACCEPTED
from detectors.normal.quantiles import harmless, quantile
from detectors.numbers import total
from detectors.state.stage import Stage
from detectors.transitions import State
from tests.slow.baseline import Summary
from tests.slow.packing import pack, unpack
from tests.slow.shift import Shift

SPARE: Final = 64
"""Most samples that wait before a window to be dropped."""

_LAG: Final = 64
"""Most samples that wait to be learned, once the baseline is known."""

_PATIENCE: Final = 2_000
"""So many times fewer than the square of those learned: a baseline that lags by k of
n samples is off by about sqrt(k) / n of their spread."""

_MARGIN: Final = 1e-9
"""Running sums this near to a limit, relatively, are worked out exactly."""

_ONE: Final = (1.0,)


class CountWatch(Watch):
    """What all count windows share: the samples, and when to tidy them up.

    Attributes:
        samples: Signed samples, or a rate's signed numerators, oldest first.
        skips: Positions of those that the baseline must not learn.
        pause: Length of ``samples`` at which to stop and think.
        shift: The samples since firing began, while an alert is open.
    """

    __slots__ = (
        "column",
        "pause",
        "samples",
        "shift",
        "sign",
        "size",
        "skips",
        "summary",
    )

    def __init__(self, plan: Plan, by: dict[str, str]) -> None:
        super().__init__(plan, by)
        self.column = plan.column
        self.sign = plan.sign
        self.size = plan.size
        self.samples = array("d")
        self.skips: list[int] = []
        self.summary = Summary(plan) if plan.baseline is not None else None
        self.shift: Shift | None = None
        self.pause = plan.need

    def expected_now(self) -> float | None:  # noqa: D102
        return None if self.summary is None else self.summary.expected

    def aggregate(self) -> float:
        """The exact signed value of the window."""
        raise NotImplementedError

    def arm(self, limit: float) -> None:
        """Work out how much worse the window can become before it passes a limit.

        Args:
            limit: Signed; infinite if no sample needs a look, and if every one
                does, minus infinity.
        """
        raise NotImplementedError

    def drop(self, count: int) -> Sequence[float] | None:
        """Drop the oldest samples; a rate's denominators of those to learn."""
        del self.samples[:count]
        return None

    def weights_from(self, first: int) -> Sequence[float] | None:
        """A rate's denominators from a position on; None for what has none."""
        del first
        return None

    def settle(self) -> None:  # noqa: D102
        if self.shift is not None and not self.life.state.is_open:
            self.shift = None
        self.arm(self.calm_until())

    def calm_until(self) -> float:
        """Up to which value of the window there is nothing to be said."""
        state, levels = self.life.state, self.levels()
        ready = bool(levels) and len(self.samples) >= self.plan.need
        if state is State.OK and ready:
            return levels[0].enter
        return inf if state is State.INSUFFICIENT and not ready else -inf

    def look(self, own: float, now_us: int, stage: Stage) -> bool | None:
        """Look at the window; its last sample is new."""
        tidied = len(self.samples) >= self.pause
        if tidied:
            self._tidy(now_us)
        limit = self.calm_until()
        if limit == inf or (limit > -inf and self.aggregate() <= limit):
            if not tidied:
                self.arm(limit)
            return None
        if len(self.samples) < self.plan.need or not self.levels():
            learn = self.judge(THIN, None, None, now_us, stage)
        else:
            learn = self.weigh(self.aggregate(), own, now_us, stage)
        if not learn and self.summary is not None:
            self.skips.append(len(self.samples) - 1)
        if self.summary is not None and self.life.state.is_open:
            if self.shift is None:
                self.shift = Shift(Summary(self.plan), len(self.samples) - 1)
            self.count_open(now_us, stage)
        return True

    def _tidy(self, now_us: int) -> None:
        """Learn and drop what has left the window; set the next pause."""
        surplus = len(self.samples) - self.size
        summary = self.summary
        if surplus > 0:
            gone = self.samples[:surplus]
            weights = self.drop(surplus)
            if summary is not None:
                self._learn(summary, gone, weights, now_us)
        self._set_pause()
        if summary is not None or self.life.state is not State.OK:
            self.settle()
        else:
            self.postpone()

    def postpone(self) -> None:
        """The oldest samples are gone, and the pause has changed: nothing else has."""

    def _learn(
        self,
        summary: Summary,
        gone: array[float],
        weights: Sequence[float] | None,
        now_us: int,
    ) -> None:
        surplus = len(gone)
        values = self._unsigned(gone)
        if self.shift is not None:
            self.shift.drop(values, weights, now_us)
        skipped = {position for position in self.skips if position < surplus}
        self.skips = [
            position - surplus for position in self.skips if position >= surplus
        ]
        if skipped:
            kept = [spot for spot in range(surplus) if spot not in skipped]
            values = [values[spot] for spot in kept]
            if weights is not None:
                weights = [weights[spot] for spot in kept]
        if values:
            summary.learn(values, weights, now_us)
        else:
            summary.refresh(now_us)

    def _unsigned(self, samples: array[float]) -> list[float]:
        return samples.tolist() if self.sign > 0 else [-value for value in samples]

    def accept(  # noqa: D102
        self, now_us: int, stage: Stage, reason: str = ACCEPTED
    ) -> bool:
        shift, held = self.shift, len(self.samples)
        if shift is None or held < self.plan.need or not self.life.state.is_open:
            return False
        first = min(shift.first, max(0, held - self.size))
        summary = shift.summary
        summary.learn(
            self._unsigned(self.samples[first:]), self.weights_from(first), now_us
        )
        level = summary.level()
        if level is None:
            return False
        self.summary, self.shift = summary, None
        # What is in the window is learned now, and not again when it leaves.
        self.skips = list(range(held))
        self._set_pause()
        self.resolve_at(level, now_us, stage, reason)
        return True

    def _set_pause(self) -> None:
        held, need = len(self.samples), self.plan.need
        if held < need:
            self.pause = need
        elif self.summary is None:
            self.pause = self.size + SPARE
        elif self.summary.samples < self.summary.need:
            missing = self.summary.need - self.summary.samples
            self.pause = self.size + min(SPARE, missing)
        else:
            lag = self.summary.samples * self.summary.samples // _PATIENCE
            self.pause = self.size + max(1, min(_LAG, lag))

    def awake(self, now_us: int) -> None:
        """After a long silence: what the baseline no longer reaches is dropped."""
        if self.summary is not None:
            self.summary.refresh(now_us)
            self._set_pause()
            self.settle()

    def evidence(self) -> dict[str, Any]:  # noqa: D102
        found = super().evidence()
        found |= count_window(self.plan, self.samples[-self.size :], self.calls())
        return found if self.summary is None else found | self.summary.evidence()

    def calls(self) -> Sequence[float] | None:
        """A rate's denominators in the window."""
        return None

    def thin_phrase(self) -> str:  # noqa: D102
        if len(self.samples) < self.plan.need or self.summary is None:
            return super().thin_phrase()
        return f"fewer than {self.summary.need} samples before the window to compare"

    def dump_shift(self) -> list[Any] | None:  # noqa: D102
        if self.shift is None:
            return super().dump_shift()
        anchor = None if self.anchor is None else list(self.anchor)
        return [anchor, self.shift.dump()]

    def load_shift(self, state: list[Any]) -> None:  # noqa: D102
        super().load_shift(state)
        if state[1] is not None and self.summary is not None:
            self.shift = Shift.load(state[1], self.plan)

    def dump(self) -> list[Any]:  # noqa: D102
        summary = self.summary
        if summary is None:
            return [pack(self.samples[-self.size :], self.sign), [], None]
        return [pack(self.samples, self.sign), self.skips, summary.dump()]

    def load(self, state: list[Any]) -> None:  # noqa: D102
        samples, skips, learned = state[:3]
        self.samples = unpack(samples, self.sign)
        if self.summary is not None and learned is not None:
            self.skips = skips
            self.summary.load(learned)
        self._set_pause()
        self.settle()


class MeanWatch(CountWatch):
    """Means and sums over a count window.

    Attributes:
        slack: How much the sum may still grow before the window needs a look.
        least: The smallest sample that may leave before then.
        ahead: Length of ``samples`` at which it needs a look in any case.
    """

    __slots__ = ("ahead", "least", "slack")

    def __init__(self, plan: Plan, by: dict[str, str]) -> None:
        super().__init__(plan, by)
        self.slack = self.least = 0.0
        self.ahead = 0
        self.arm(inf)

    def sample(  # noqa: D102
        self, values: Sequence[float], ended_us: int, now_us: int, stage: Stage
    ) -> bool | None:
        value = values[self.column] * self.sign
        if value != value:  # noqa: PLR0124 - NaN is no sample
            return None
        samples = self.samples
        samples.append(value)
        self.slack = slack = self.slack - (value - self.least)
        if slack >= 0.0 and len(samples) < self.ahead:
            return None
        return self.look(value, now_us, stage)

    def postpone(self) -> None:  # noqa: D102
        self.settle()

    def aggregate(self) -> float:  # noqa: D102
        window = self.samples[-self.size :]
        judged = self.plan.judged
        if judged is Judged.COUNT:
            return self.sign * len(window)
        summed = total(window)
        return summed if judged is Judged.SUM else summed / len(window)

    def arm(self, limit: float) -> None:  # noqa: D102
        held, size, judged = len(self.samples), self.size, self.plan.judged
        self.least, self.ahead = 0.0, self.pause
        if abs(limit) == inf or judged is Judged.COUNT:
            self.slack = inf if limit == inf else -inf
            return
        window = self.samples[-size:]
        summed = total(window)
        most = limit if judged is Judged.SUM else limit * len(window)
        self.slack = most - summed - _MARGIN * (abs(most) + abs(summed))
        if held >= size:
            # What leaves until then is in the window now.
            self.least = min(window)
            self.ahead = min(self.pause, held + size)
        else:
            # Nothing leaves, and a mean may grow with the number of samples.
            self.least = 0.0 if judged is Judged.SUM else limit
            self.ahead = min(self.pause, size)


class RateWatch(CountWatch):
    """Pooled rates over a count window: errors over calls.

    Both are whole numbers, and so their running sums exact.

    Attributes:
        weights: Calls of each sample.
        above, below: Errors and calls in the window, errors signed.
        quiet: The rate up to which there is nothing to be said.
    """

    __slots__ = ("above", "below", "over", "quiet", "weights")

    def __init__(self, plan: Plan, by: dict[str, str]) -> None:
        super().__init__(plan, by)
        self.over = plan.over
        self.weights = array("d")
        self.above = self.below = 0.0
        self.quiet = inf

    def sample(  # noqa: D102
        self, values: Sequence[float], ended_us: int, now_us: int, stage: Stage
    ) -> bool | None:
        weight = values[self.over]
        if not weight > 0:
            return None
        value = values[self.column] * self.sign
        if value != value:  # noqa: PLR0124 - calls without a count of errors: none
            value = 0.0 * self.sign
        samples, weights = self.samples, self.weights
        samples.append(value)
        weights.append(weight)
        held = len(samples)
        left = held - self.size - 1
        if left >= 0:
            self.above = above = self.above + value - samples[left]
            self.below = below = self.below + weight - weights[left]
        else:
            self.above = above = self.above + value
            self.below = below = self.below + weight
        try:
            calm = above / below <= self.quiet
        except ZeroDivisionError:
            calm = False  # calls beyond 2**53 have swallowed the rest
        if calm and held < self.pause:
            return None
        return self.look(value / weight, now_us, stage)

    def aggregate(self) -> float:  # noqa: D102
        self.above = total(self.samples[-self.size :])
        self.below = total(self.weights[-self.size :])
        return self.above / self.below

    def weights_from(self, first: int) -> Sequence[float]:  # noqa: D102
        return self.weights[first:].tolist()

    def drop(self, count: int) -> Sequence[float]:  # noqa: D102
        gone = self.weights[:count].tolist()
        del self.weights[:count]
        super().drop(count)
        return gone

    def calls(self) -> Sequence[float]:  # noqa: D102
        return self.weights[-self.size :]

    def arm(self, limit: float) -> None:  # noqa: D102
        self.quiet = limit

    def postpone(self) -> None:  # noqa: D102
        self.aggregate()

    def dump(self) -> list[Any]:  # noqa: D102
        held = self.size if self.summary is None else len(self.weights)
        return [*super().dump(), pack(self.weights[-held:])]

    def load(self, state: list[Any]) -> None:  # noqa: D102
        self.weights = unpack(state[3])
        self.above = total(unpack(state[0], self.sign)[-self.size :])
        self.below = total(self.weights[-self.size :])
        super().load(state)


class RankWatch(CountWatch):
    """Percentiles, minimum and maximum over a count window.

    Attributes:
        limit: Samples up to it cannot make the window worse.
        credit: How many beyond it may still come before the window needs a look.
    """

    __slots__ = ("credit", "limit")

    def __init__(self, plan: Plan, by: dict[str, str]) -> None:
        super().__init__(plan, by)
        self.arm(inf)

    def sample(  # noqa: D102
        self, values: Sequence[float], ended_us: int, now_us: int, stage: Stage
    ) -> bool | None:
        value = values[self.column] * self.sign
        if value <= self.limit:
            self.samples.append(value)
            if len(self.samples) < self.pause:
                return None
        elif value > self.limit:
            self.samples.append(value)
            self.credit -= 1
            if self.credit >= 0 and len(self.samples) < self.pause:
                return None
        else:
            return None
        return self.look(value, now_us, stage)

    def aggregate(self) -> float:  # noqa: D102
        return quantile(sorted(self.samples[-self.size :]), self.plan.percent)

    def arm(self, limit: float) -> None:  # noqa: D102
        self.limit, self.credit = limit, 0
        if abs(limit) == inf:
            return
        window = self.samples[-self.size :]
        beyond = 0
        for value in window:
            if value > limit:
                beyond += 1
        # A growing window bears no fewer beyond its limit than it does now.
        self.credit = harmless(max(1, len(window)), self.plan.percent) - beyond
        if self.credit < 0:
            # It hangs on the samples next to the limit: each one counts.
            self.limit = -inf


class _Sessions(CountWatch):
    """Count windows of ``sessions``: each is a sample of value 1."""

    __slots__ = ()

    def sample(
        self, values: Sequence[float], ended_us: int, now_us: int, stage: Stage
    ) -> bool | None:
        return super().sample(_ONE, ended_us, now_us, stage)


class SessionsMeanWatch(_Sessions, MeanWatch):
    """Means, sums and counts of ``sessions``."""

    __slots__ = ()


class SessionsRankWatch(_Sessions, RankWatch):
    """Percentiles of ``sessions``."""

    __slots__ = ()


def count_watch(plan: Plan, by: dict[str, str]) -> CountWatch:
    """The watch for a rule over a count window."""
    if plan.judged is Judged.RATE:
        return RateWatch(plan, by)
    if plan.judged is Judged.RANK:
        return (RankWatch if plan.column >= 0 else SessionsRankWatch)(plan, by)
    return (MeanWatch if plan.column >= 0 else SessionsMeanWatch)(plan, by)
