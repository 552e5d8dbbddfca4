"""Whether a rule still has data: what waits for its samples."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from detectors.kinds.missing import is_sample
from detectors.kinds.plans import Plan
from detectors.kinds.watch import Watch
from detectors.life.lifecycle import FAR
from detectors.rules import NoData
from detectors.state.stage import Stage
from detectors.transitions import State
from tests.slow.absence import AbsenceWatch


class MissingWatch(AbsenceWatch):
    """``ok`` while there is data, ``pending`` once it has waited in vain."""

    __slots__ = ("principal",)

    def __init__(
        self, plan: Plan, by: dict[str, str], principal: Callable[[], Watch | None]
    ) -> None:
        super().__init__(plan, by)
        self.principal = principal

    def sample(  # noqa: D102
        self, values: Sequence[float], ended_us: int, now_us: int, stage: Stage
    ) -> bool | None:
        if not is_sample(self.plan, values):
            return None
        if ended_us > self.last_us:
            self.last_us = ended_us
            self.order = stage.order
            if ended_us < now_us:
                self.floor_us = now_us
        if self.life.state is State.OK:
            return None
        if self.life.state is State.INSUFFICIENT:
            self.life = self.life._replace(state=State.OK)
        elif now_us < self.silent_us():
            self.life = self.life._replace(state=State.OK)
            principal = self.principal()
            if principal is not None:
                principal.find_data(now_us, stage)
        return True

    def due(self) -> tuple[int, int]:  # noqa: D102
        waits = self.life.state is State.OK
        if waits and self.plan.rule.no_data is NoData.RESOLVE:
            principal = self.principal()
            waits = principal is not None and principal.is_wrong
        return (self.silent_us() if waits else FAR), self.order

    def run(self, due_us: int, stage: Stage) -> None:  # noqa: D102
        self.life = self.life._replace(state=State.PENDING)
        principal = self.principal()
        if principal is not None:
            principal.miss_data(self.after_us, due_us, stage)

    def end(self, at_us: int, stage: Stage, reason: str) -> None:
        """Nothing: it never fires."""

    def forget(self, at_us: int, stage: Stage, reason: str) -> None:
        """Nothing: it has said nothing."""
