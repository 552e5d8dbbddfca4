"""Rules on silence that know how busy a series usually is.

What is usual is learned by ``arrivals``. The rule is ``insufficient`` until two days
and some sessions are known; ``at_most`` holds from the first session on.
"""

# Every kind of watch takes what the hungriest of them needs.
# ruff: noqa: ARG002

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from detectors.kinds.plans import Limit, Plan
from detectors.life.evidence import known
from detectors.life.lifecycle import CLEAR, FAR, THIN, Evaluation
from detectors.life.phrases import duration, number
from detectors.rules import SECOND_US, Silence
from detectors.state.stage import Stage
from detectors.transitions import State
from tests.slow.absence import AbsenceWatch
from tests.slow.arrivals import Arrivals


class SilenceWatch(AbsenceWatch):
    """Fires once so many sessions are missing that it is no chance; values are seconds.

    When that is follows from the newest session and from what was known when its hour
    began. So further sessions of the hour can only move it to a later time, and it need
    not be worked out for each of them.

    Attributes:
        arrivals: What is usual; None before the first session.
        limit_s: How long the silence told last was allowed to be.
        missing: Sessions that were to be expected in it.
    """

    __slots__ = ("_silent_us", "arrivals", "least_us", "limit_s", "missing", "most_us")

    def __init__(self, plan: Plan, by: dict[str, str]) -> None:
        super().__init__(plan, by)
        kind = plan.rule.kind
        assert isinstance(kind, Silence)
        self.least_us = kind.at_least_us
        self.most_us = FAR if kind.at_most_us is None else kind.at_most_us
        self.arrivals: Arrivals | None = None
        self.limit_s: float | None = None
        self.missing: float | None = None
        self._silent_us = -FAR

    def levels(self) -> tuple[Limit, ...]:  # noqa: D102
        return ()

    def sample(  # noqa: D102
        self, values: Sequence[float], ended_us: int, now_us: int, stage: Stage
    ) -> bool | None:
        arrivals = self.arrivals
        if arrivals is None:
            self.arrivals, turned = Arrivals(ended_us), True
        else:
            told = self.life.state is State.FIRING
            turned = arrivals.take(ended_us, told=told)
        if ended_us > self.last_us:
            self.last_us = ended_us
            self.order = stage.order
            self._silent_us = -FAR
            if ended_us < now_us:
                self.floor_us = now_us
        if turned:
            self.settle()
        if self.calm:
            return turned or None
        self._end(now_us, stage)
        return True

    def _end(self, now_us: int, stage: Stage) -> None:
        """Judge a session that ends a silence, or is the first after much was learned.

        One that itself lies as far back as the silence does not end it.
        """
        found, gap_s = CLEAR if self._known else THIN, 0.0
        if self.life.state.is_open:
            if self.silent_us() <= now_us:
                found, gap_s = self._silent(now_us)
            else:
                found = CLEAR
                if self.arrivals is not None:
                    self.arrivals.remember_told()
                self._silent_us = -FAR
        self.judge(found, gap_s, None, now_us, stage)

    @property
    def _known(self) -> bool:
        return self.arrivals is not None and self.arrivals.known

    def _silent(self, now_us: int) -> tuple[Evaluation, float]:
        found, gap_s = super()._silent(now_us)
        if self.life.state is not State.FIRING:
            self.limit_s = gap_s
        if self.arrivals is not None:
            self.missing = self.arrivals.expected(now_us)
        return found, gap_s

    def settle(self) -> None:  # noqa: D102
        state = self.life.state
        self.calm = state is (State.OK if self._known else State.INSUFFICIENT)

    def silent_us(self) -> int:  # noqa: D102
        if self._silent_us == -FAR:
            due_us = FAR
            if self.arrivals is not None:
                due_us = max(self.arrivals.due_us(), self.last_us + self.least_us)
            due_us = min(due_us, self.last_us + self.most_us)
            self._silent_us = max(due_us, self.floor_us)
        return self._silent_us

    def threshold(self, expected: float | None) -> float | None:  # noqa: D102
        return self.limit_s if self.life.state in _TOLD else None

    def thin_phrase(self) -> str:  # noqa: D102
        return "too little is known of how busy it usually is"

    def _reason(self, before: object, found: Evaluation) -> str:
        state = self.life.state
        if state is State.INSUFFICIENT:
            return self.thin_phrase()
        if state is not State.FIRING:
            return "sessions come as usual"
        silent_s = self.value or 0.0
        step_s = next((step_s for step_s in (1, 60) if silent_s < 120 * step_s), 3_600)
        whole_us = round(silent_s / step_s) * step_s * SECOND_US
        return f"no session for {duration(whole_us)}{self._expected_phrase()}"

    def _expected_phrase(self) -> str:
        return (
            f", and {number(self.missing)} were to be expected" if self.missing else ""
        )

    def evidence(self) -> dict[str, Any]:  # noqa: D102
        return super().evidence() | known({"expected_sessions": self.missing})

    def dump(self) -> list[Any]:  # noqa: D102
        arrivals = None if self.arrivals is None else self.arrivals.dump()
        return [*super().dump(), self.limit_s, self.missing, arrivals]

    def load(self, state: list[Any]) -> None:  # noqa: D102
        seen, learned = state[:3], state[3:]
        if learned:
            self.limit_s, self.missing, arrivals = learned
            if arrivals is not None:
                self.arrivals = Arrivals(0)
                self.arrivals.load(arrivals)
        elif seen[0] != -FAR:
            # The rule was another one: what is usual is to be learned yet.
            self.arrivals = Arrivals(seen[0])
        self._silent_us = -FAR
        super().load(seen)


_TOLD: Final = frozenset({State.FIRING, State.RESOLVED})
