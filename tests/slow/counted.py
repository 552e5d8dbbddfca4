"""Windows of the last n samples.

Samples are appended to a flat array whose last n are the window; what lies before
them waits to be learned by the baseline and is dropped, some dozen at a time, at
points that hang on the series' own count of samples alone.

While all is well a sample costs little more than its place in the array: when the
window was last worked out, it was also worked out how much worse it can become
before a limit is passed, and each sample is charged with the worst that it can do.
Only when that is used up the window is looked at again.
"""

from __future__ import annotations

from abc import abstractmethod
from array import array
from collections.abc import Sequence
from math import inf
from typing import Any, Final

from detectors.kinds.plans import Plan
from detectors.kinds.watch import Watch
from detectors.life.evidence import count_window
from detectors.life.lifecycle import THIN
from detectors.normal.anchor import ACCEPTED
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

ONE: Final = (1.0,)
"""The numbers of a session of which only that it was is asked."""


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

    @abstractmethod
    def aggregate(self) -> float:
        """The exact signed value of the window."""

    @abstractmethod
    def arm(self, limit: float) -> None:
        """Work out how much worse the window can become before it passes a limit.

        Args:
            limit: Signed; infinite if no sample needs a look, and if every one
                does, minus infinity.
        """

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
