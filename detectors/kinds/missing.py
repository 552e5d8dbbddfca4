"""Whether a rule still has data: what waits for its samples.

Where a rule says what becomes of its alert without data, a second watch stands behind
its own, on the same sessions. It writes no line: it lets the first one speak.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from detectors.kinds.absence import AbsenceWatch
from detectors.kinds.plans import Plan
from detectors.kinds.watch import Watch
from detectors.life.lifecycle import FAR
from detectors.rules import NoData
from detectors.state.stage import Stage
from detectors.state.store import Store
from detectors.transitions import State

Principal = Callable[[], Watch | None]
"""The watch whose data it is; None before its first sample."""


class MissingWatch(AbsenceWatch):
    """``ok`` while there is data, ``pending`` once it has waited in vain.

    ``insufficient`` before the first sample: there is nothing to wait for.
    """

    __slots__ = ("principal",)

    def __init__(
        self,
        plan: Plan,
        by: dict[str, str],
        store: Store,
        at: int,
        principal: Principal,
    ) -> None:
        super().__init__(plan, by, store, at)
        self.principal = principal

    def sample(  # noqa: D102
        self, values: Sequence[float], ended_us: int, now_us: int, stage: Stage
    ) -> bool | None:
        if not is_sample(self.plan, values):
            return None
        self.see(ended_us, now_us, stage)
        state = self.life.state
        if state is State.OK:
            return None
        if state is State.INSUFFICIENT:
            self._turn(State.OK)
        elif now_us < self.silent_us():
            self._turn(State.OK)
            principal = self.principal()
            if principal is not None:
                principal.find_data(now_us, stage)
        return True

    def _turn(self, state: State) -> None:
        self.life = self.life._replace(state=state)
        self.settle()

    def due(self) -> tuple[int, int]:  # noqa: D102
        return (self.silent_us() if self._waits else FAR), self.order

    @property
    def _waits(self) -> bool:
        if self.life.state is not State.OK:
            return False
        if self.plan.rule.no_data is NoData.ALERT:
            return True
        principal = self.principal()
        return principal is not None and principal.is_wrong

    def run(self, due_us: int, stage: Stage) -> None:  # noqa: D102
        self._turn(State.PENDING)
        principal = self.principal()
        if principal is not None:
            principal.miss_data(self.after_us, due_us, stage)

    def end(self, at_us: int, stage: Stage, reason: str) -> None:
        """Nothing: it never fires."""

    def forget(self, at_us: int, stage: Stage, reason: str) -> None:
        """Nothing: it has said nothing."""


def is_sample(plan: Plan, values: Sequence[float]) -> bool:
    """Whether a session carries what a rule judges."""
    if plan.over >= 0:
        return values[plan.over] > 0
    return plan.column < 0 or values[plan.column] == values[plan.column]
