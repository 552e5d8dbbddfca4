"""Rules on silence: nothing from a series for a while."""

# Every kind of watch takes what the hungriest of them needs.
# ruff: noqa: ARG002

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from detectors.kernels import layout
from detectors.kinds.compiled_watch import CompiledWatch
from detectors.kinds.plans import Limit, Plan
from detectors.life.evidence import known
from detectors.life.lifecycle import CLEAR, FAR, Evaluation, Life, Verdict
from detectors.life.phrases import duration
from detectors.rules import Absence
from detectors.state.stage import Stage
from detectors.state.store import Store
from detectors.transitions import State, rfc3339


class AbsenceWatch(CompiledWatch):
    """Fires once a series has been silent for ``after_us``; values are seconds.

    >>> from detectors.rules import SECOND_US, Absence, rule
    >>> from detectors.trial import trial
    >>> quiet = rule("quiet", "sessions", Absence(1800 * SECOND_US))
    >>> [line.to_state.value for line in trial(quiet, {"cost_usd": [1.0]}, then_s=1801)]
    ['ok', 'firing']
    """

    __slots__ = ("after_us",)

    def __init__(self, plan: Plan, by: dict[str, str], store: Store, at: int) -> None:
        super().__init__(plan, by, store, at)
        kind = plan.rule.kind
        self.after_us = kind.after_us if isinstance(kind, Absence) else FAR

    def _words(self) -> list[int]:
        begin = self.at + layout.SEEN_US
        return self.store.arena.ints[begin : begin + 3].tolist()  # type: ignore[no-any-return]

    @property
    def last_us(self) -> int:
        """When the last session ended."""
        return self._words()[0]

    @property
    def floor_us(self) -> int:
        """The earliest time at which its silence can be told.

        The series' time when a session was late.
        """
        return self._words()[1]

    @property
    def order(self) -> int:
        """The number of the observation that ended last."""
        return self._words()[2]

    def levels(self) -> tuple[Limit, ...]:  # noqa: D102
        after_s = self.after_us / 1_000_000
        return (Limit(self.plan.rank, after_s, after_s),)

    def sample(  # noqa: D102
        self, values: Sequence[float], ended_us: int, now_us: int, stage: Stage
    ) -> bool | None:
        self.see(ended_us, now_us, stage)
        if self.life.state is State.OK:
            return None
        if now_us - self.last_us < self.after_us or not self.life.state.is_open:
            found, gap_s = CLEAR, 0.0
        else:
            found, gap_s = self._silent(now_us)
        self.judge(found, gap_s, None, now_us, stage)
        return True

    def see(self, ended_us: int, now_us: int, stage: Stage) -> None:
        """Take note of a session."""
        last_us, floor_us, _ = self._words()
        if ended_us > last_us:
            floor_us = now_us if ended_us < now_us else floor_us
            self._set([ended_us, floor_us, stage.order])

    def _silent(self, now_us: int) -> tuple[Evaluation, float]:
        rank = self.plan.rank
        gap_s = (now_us - self.last_us) / 1_000_000
        return Evaluation(Verdict.BREACH, rank, rank), gap_s

    def _set(self, words: list[int]) -> None:
        begin = self.at + layout.SEEN_US
        self.store.arena.ints[begin : begin + 3] = words

    def due(self) -> tuple[int, int]:  # noqa: D102
        due_us, order = super().due()
        if self.life.state is not State.FIRING:
            silent_us = self.silent_us()
            if silent_us <= due_us:
                return silent_us, self.order
        return due_us, order

    def wait_until(self, at_us: int) -> None:  # noqa: D102
        super().wait_until(at_us)
        last_us, floor_us, order = self._words()
        self._set([last_us, max(floor_us, at_us), order])

    def silent_us(self) -> int:
        """When the silence since the last session is to be told; FAR if never."""
        last_us, floor_us, _ = self._words()
        return max(last_us + self.after_us, floor_us)

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

    def begin_at(self, last_us: int, floor_us: int, order: int) -> None:
        """The rule was another one so far: only the series' last session is known."""
        self._set([last_us, floor_us, order])
        self.settle()
