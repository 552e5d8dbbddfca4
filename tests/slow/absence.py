"""Rules on silence: nothing from a series for a while."""

# Every kind of watch takes what the hungriest of them needs.
# ruff: noqa: ARG002

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from detectors.kinds.plans import Limit, Plan
from detectors.kinds.watch import Watch
from detectors.life.evidence import known
from detectors.life.lifecycle import CLEAR, FAR, Evaluation, Life, Verdict
from detectors.life.phrases import duration
from detectors.rules import Absence
from detectors.state.stage import Stage
from detectors.transitions import State, rfc3339


class AbsenceWatch(Watch):
    """Fires once a series has been silent for ``after_us``; values are seconds.

    Attributes:
        last_us: When the last session ended.
        floor_us: The series' time when a session was late, and thus the earliest
            time at which its silence can be told.
    """

    __slots__ = ("after_us", "calm", "floor_us", "last_us", "order")

    def __init__(self, plan: Plan, by: dict[str, str]) -> None:
        super().__init__(plan, by)
        kind = plan.rule.kind
        self.after_us = kind.after_us if isinstance(kind, Absence) else FAR
        self.last_us = -FAR
        self.floor_us = -FAR
        self.order = 0
        self.calm = False

    def levels(self) -> tuple[Limit, ...]:  # noqa: D102
        after_s = self.after_us / 1_000_000
        return (Limit(self.plan.rank, after_s, after_s),)

    def sample(  # noqa: D102
        self, values: Sequence[float], ended_us: int, now_us: int, stage: Stage
    ) -> bool | None:
        if ended_us > self.last_us:
            self.last_us = ended_us
            self.order = stage.order
            if ended_us < now_us:
                self.floor_us = now_us
        if self.calm:
            return None
        if now_us - self.last_us < self.after_us or not self.life.state.is_open:
            found, gap_s = CLEAR, 0.0
        else:
            found, gap_s = self._silent(now_us)
        self.judge(found, gap_s, None, now_us, stage)
        return True

    def _silent(self, now_us: int) -> tuple[Evaluation, float]:
        rank = self.plan.rank
        gap_s = (now_us - self.last_us) / 1_000_000
        return Evaluation(Verdict.BREACH, rank, rank), gap_s

    def settle(self) -> None:  # noqa: D102
        self.calm = self.life.state is State.OK

    def due(self) -> tuple[int, int]:  # noqa: D102
        due_us, order = super().due()
        if self.life.state is not State.FIRING:
            silent_us = self.silent_us()
            if silent_us <= due_us:
                return silent_us, self.order
        return due_us, order

    def silent_us(self) -> int:
        """When the silence since the last session is to be told; FAR if never."""
        return max(self.last_us + self.after_us, self.floor_us)

    def run(self, due_us: int, stage: Stage) -> None:  # noqa: D102
        if self.life.state is State.FIRING or self.silent_us() != due_us:
            super().run(due_us, stage)
            return
        found, gap_s = self._silent(due_us)
        self.judge(found, gap_s, None, due_us, stage)

    def _reason(self, before: object, found: Evaluation) -> str:
        after = duration(self.after_us)
        if self.life.state is State.FIRING:
            return f"no session for {after}"
        return f"sessions within {after}"

    def _kept_reason(self, before: Life) -> str:
        kept = max(self.plan.policy.keep_us, self.plan.policy.flap_us)
        return f"sessions within {duration(self.after_us)} for {duration(kept)}"

    def evidence(self) -> dict[str, Any]:  # noqa: D102
        last = None if self.last_us == -FAR else rfc3339(self.last_us)
        limit_s = self.threshold(None)
        return known(
            {"limit": limit_s, "silent_s": self.value, "last_session_at": last}
        )

    def dump(self) -> list[Any]:  # noqa: D102
        return [self.last_us, self.floor_us, self.order]

    def load(self, state: list[Any]) -> None:  # noqa: D102
        self.last_us, self.floor_us, self.order = state
        self.settle()
