"""Rules on silence that know how busy a series usually is.

What is usual is learned by ``arrivals``. The rule is ``insufficient`` until two days
and some sessions are known; ``at_most`` holds from the first session on.
"""

# Every kind of watch takes what the hungriest of them needs.
# ruff: noqa: ARG002

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from detectors.kernels import layout
from detectors.kernels.silence import TO_JUDGE, silent_us
from detectors.kinds.absence import AbsenceWatch
from detectors.kinds.plans import Limit, Plan
from detectors.life.evidence import known
from detectors.life.lifecycle import CLEAR, FAR, THIN, Evaluation
from detectors.life.phrases import duration, number
from detectors.normal.arrivals import Arrivals
from detectors.rules import SECOND_US
from detectors.state.stage import Stage
from detectors.state.store import Store
from detectors.transitions import State


class SilenceWatch(AbsenceWatch):
    """Fires once so many sessions are missing that it is no chance; values are seconds.

    When that is follows from the newest session and from what was known when its hour
    began. So further sessions of the hour can only move it to a later time, and it need
    not be worked out for each of them.

    Compiled code takes sessions in and learns: all that is known is in the partition's
    memory.

    Attributes:
        arrivals: What is usual.
        limit_s: How long the silence told last was allowed to be.
        missing: Sessions that were to be expected in it.

    >>> from detectors.rules import Silence, rule
    >>> from detectors.trial import trial
    >>> quiet = rule("quiet", "sessions", Silence())
    >>> said = trial(quiet, {"cost_usd": [1.0] * 300}, every_s=600, then_s=7200)
    >>> [(line.time[5:16], line.to_state.value) for line in said]
    [('01-03T01:00', 'ok'), ('01-03T03:26', 'firing')]
    """

    __slots__ = ("arrivals", "limit_s", "missing")

    def __init__(self, plan: Plan, by: dict[str, str], store: Store, at: int) -> None:
        super().__init__(plan, by, store, at)
        self.arrivals = Arrivals(store, at)
        self.limit_s: float | None = None
        self.missing: float | None = None

    def levels(self) -> tuple[Limit, ...]:  # noqa: D102
        return ()

    @property
    def words_alone(self) -> bool:  # noqa: D102
        return self._calm

    def sample(  # noqa: D102
        self, values: Sequence[float], ended_us: int, now_us: int, stage: Stage
    ) -> bool | None:
        last_us, floor_us, _ = self._words()
        told = self.life.state is State.FIRING
        turned = self.arrivals.take(ended_us, told=told)
        if ended_us > last_us:
            floor_us = now_us if ended_us < now_us else floor_us
            self._set([ended_us, floor_us, stage.order])
        if turned:
            self.settle()
        if self._calm:
            return turned or None
        return self.go_on(TO_JUDGE, now_us, stage)

    def go_on(self, left: int, now_us: int, stage: Stage) -> bool:
        """Go on with a session that has been taken in.

        Args:
            left: What is left to do; see ``kernels.silence``.
            now_us: The series' time.
            stage: Takes the lines.
        """
        if left == TO_JUDGE:
            self._end(now_us, stage)
        return True

    def _end(self, now_us: int, stage: Stage) -> None:
        """Judge a session that ends a silence, or is the first after much was learned.

        One that itself lies as far back as the silence does not end it.
        """
        found, gap_s = CLEAR if self.arrivals.known else THIN, 0.0
        if self.life.state.is_open:
            if self.silent_us() <= now_us:
                found, gap_s = self._silent(now_us)
            else:
                found = CLEAR
                self.arrivals.remember_told()
        self.judge(found, gap_s, None, now_us, stage)

    def _silent(self, now_us: int) -> tuple[Evaluation, float]:
        found, gap_s = super()._silent(now_us)
        if self.life.state is not State.FIRING:
            self.limit_s = gap_s
        self.missing = self.arrivals.expected(now_us)
        return found, gap_s

    @property
    def _calm(self) -> bool:
        known = self.arrivals.known
        return self.life.state is (State.OK if known else State.INSUFFICIENT)

    def settle(self) -> None:  # noqa: D102
        quiet = layout.ALWAYS_ASK
        if self._calm:
            # Its words say all there is from now on, and these are none of them.
            self.limit_s = self.missing = None
            quiet = layout.ALL_WELL if self.arrivals.known else layout.TOO_YOUNG
        self.store.arena.ints[self.at + layout.QUIET] = quiet

    def silent_us(self) -> int:  # noqa: D102
        store, arena = self.store, self.store.arena
        return int(
            silent_us(
                arena.floats,
                arena.ints,
                self.at,
                store.tables.rules,
                self.plan.row,
                store.scratch,
            )
        )

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

    def more(self) -> list[Any]:  # noqa: D102
        return [] if self.limit_s is None else [self.limit_s, self.missing]

    def load_more(self, state: list[Any]) -> None:  # noqa: D102
        self.limit_s, self.missing = state

    def begin_at(self, last_us: int, floor_us: int, order: int) -> None:  # noqa: D102
        if last_us != -FAR:
            self.arrivals.begin(last_us)
        super().begin_at(last_us, floor_us, order)


_TOLD: Final = frozenset({State.FIRING, State.RESOLVED})
