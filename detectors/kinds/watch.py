"""One rule on one series: what is judged, and what becomes of its alert.

Subclasses hold the samples. Their ``sample`` is called for every session and must
be quick while all is well; whatever is not goes through ``weigh``.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from detectors.kinds.alert import WRONG
from detectors.kinds.plans import Limit, rate
from detectors.kinds.timed_alert import UPDATE_US, TimedAlert
from detectors.life import lifecycle
from detectors.life.breach import Breach
from detectors.life.lifecycle import FAR, THIN, Evaluation, Life, Moment, Verdict
from detectors.normal.anchor import Anchor
from detectors.peers.parents import Normal
from detectors.state.stage import Stage
from detectors.transitions import State


class Watch(TimedAlert):
    """One rule on one series.

    It is no ``ABC``, whose metaclass makes ``isinstance`` dearer: that is asked of
    watches session by session. Abstract methods are for the type checker.
    """

    __slots__ = ()

    @abstractmethod
    def sample(
        self, values: Sequence[float], ended_us: int, now_us: int, stage: Stage
    ) -> bool | None:
        """Fold one session.

        Args:
            values: The session's numbers, in the order of ``COLUMNS``.
            ended_us: When it ended.
            now_us: The series' time.
            stage: Which session it is; takes the lines.

        Returns:
            None if all is well and no timer has moved to an earlier time.
        """

    def free(self) -> None:
        """Give back what it holds of the partition's memory: it is no more."""

    @property
    def kept_us(self) -> int:
        """Until when it outlasts the retention of its series."""
        return -FAR

    def levels(self) -> tuple[Limit, ...]:
        """The limits in force; none if the baseline is not known."""
        return self.plan.levels(self.expected)

    def weigh(
        self, value: float | None, own: float | None, now_us: int, stage: Stage
    ) -> bool:
        """Evaluate a signed value, and write what became of the alert.

        Args:
            value: The aggregate; None if the window is too thin.
            own: The session's own value, signed; None for timers.
            now_us: The series' time.
            stage: Takes the lines.

        Returns:
            Whether the baseline may learn the sample: it did not breach, and
            nothing was wrong when it was seen.
        """
        levels = self.levels() if value is not None else ()
        found = rate(levels, value) if value is not None and levels else THIN
        return self.judge(found, value, own, now_us, stage)

    def judge(
        self,
        found: Evaluation,
        value: float | None,
        own: float | None,
        now_us: int,
        stage: Stage,
    ) -> bool:
        """Take a step in the alert's life; see ``weigh``."""
        before = self.life
        if found.verdict is not Verdict.THIN or before.state not in WRONG:
            self.value = value if found.verdict is not Verdict.THIN else None
        expected = self.expected
        moment = Moment(now_us, stage.order)
        after = lifecycle.step(before, found, moment, self.plan.policy)
        if found.verdict is Verdict.BREACH and value is not None:
            self._note(before, value, own, now_us, stage)
        self.life = after
        if lifecycle.differs(before, after):
            if after.state is State.FIRING and not before.state.is_open:
                assert self.breach is not None  # noqa: S101 - a breach made it fire
                self.breach.expected = expected
                self._fired(self.breach, moment)
            self._tell(before, now_us, stage, self._reason(before, found))
        if before is not after:
            self.settle()
        return found.verdict is not Verdict.BREACH and before.state not in WRONG

    def _note(
        self,
        before: Life,
        value: float,
        own: float | None,
        now_us: int,
        stage: Stage,
    ) -> None:
        breach = self.breach
        if breach is None or before.state not in WRONG:
            self.breach = breach = Breach(now_us, value, self.plan)
        if breach.note(value, own, stage) and before.state.is_open:
            breach.update_us = min(
                breach.update_us, max(breach.told_us + UPDATE_US, now_us)
            )

    def end(self, at_us: int, stage: Stage, reason: str) -> None:
        """Resolve what is open: the rule, or the series, is no more."""
        before = self.life
        self.life = lifecycle.end(before, at_us)
        if lifecycle.differs(before, self.life):
            self._tell(before, at_us, stage, reason)

    def given(self) -> Iterable[Mapping[str, Normal]]:
        """What it has said of itself for new series to begin with, by parent."""
        return ()

    def take_back(self, stage: Stage) -> None:
        """What it has said for new series to begin with is no longer so."""
        for given in self.given():
            stage.shares.change(given, {})

    def forget(self, at_us: int, stage: Stage, reason: str) -> None:
        """Go back to where all begin: the series is forgotten."""
        self.end(at_us, stage, reason)
        self.take_back(stage)
        before = self.life
        self.value = None
        self.life = lifecycle.forget(before)
        if lifecycle.differs(before, self.life):
            self._tell(before, at_us, stage, reason)

    def dump_shift(self) -> list[Any] | None:
        """The anchor, and what subclasses keep of an open alert; None if nothing."""
        return None if self.anchor is None else [list(self.anchor), None]

    def load_shift(self, state: list[Any]) -> None:
        """Take what ``dump_shift`` gave, after ``load``."""
        anchor, _ = state
        self.anchor = None if anchor is None else Anchor(*anchor)

    @abstractmethod
    def dump(self) -> list[Any]:
        """What the samples amount to, as plain numbers."""

    @abstractmethod
    def load(self, state: list[Any]) -> None:
        """Take what ``dump`` gave."""
