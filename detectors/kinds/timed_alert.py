"""What an alert waits for: ends of holds, updates, data, and its level to become normal."""

from __future__ import annotations

from math import inf
from typing import Final

from detectors.kinds.alert import WRONG, Alert
from detectors.life import lifecycle, phrases
from detectors.life.breach import Breach
from detectors.life.flapping import CALM
from detectors.life.lifecycle import FAR, Life, Moment
from detectors.normal.anchor import ACCEPTED, REBASELINED, Anchor
from detectors.rules import NoData
from detectors.state.stage import Stage
from detectors.transitions import State

UPDATE_US: Final = 60_000_000
"""Updates of one alert are at least this far apart, and from its other lines."""


class TimedAlert(Alert):
    """An alert, and what becomes of it with time alone, or for want of data."""

    __slots__ = ()

    def due(self) -> tuple[int, int]:
        """When the next timer is due, and which observation set it."""
        due_us, order = self.life.due_us, self.life.order
        breach = self.breach
        if self.life.flap.times:
            due_us = min(due_us, self._pause_us())
        if breach is not None:
            due_us = min(due_us, breach.update_us)
            if breach.rebaseline_us <= due_us and self.life.state.is_open:
                return breach.rebaseline_us, breach.fired_order
        return due_us, order

    def _pause_us(self) -> int:
        """When the alert is to be told as a flapping one, or as one that is not."""
        pause_us = lifecycle.pause_us(self.life, self.plan.policy)
        if self.breach is not None and self.life.flap.flaps:
            return max(pause_us, self.breach.told_us + UPDATE_US)
        return pause_us

    def wait_until(self, at_us: int) -> None:
        """Let nothing be due before a time: its rule has changed meanwhile."""
        life, breach = self.life, self.breach
        if lifecycle.pause_us(life, self.plan.policy) < at_us:
            life = life._replace(flap=CALM)
        self.life = life._replace(due_us=max(life.due_us, at_us))
        if breach is not None:
            breach.update_us = max(breach.update_us, at_us)
            breach.rebaseline_us = max(breach.rebaseline_us, at_us)

    def run(self, due_us: int, stage: Stage) -> None:
        """Run the timer that is due."""
        before, breach = self.life, self.breach
        if (
            breach is not None
            and before.state.is_open
            and breach.rebaseline_us == due_us
        ):
            if not self.accept(due_us, stage, REBASELINED):
                # The windows have only just begun anew, and the wait with them.
                breach.fired_us, breach.taken = due_us, 0
                self.plan_rebaseline()
        elif before.due_us == due_us:
            self.life = lifecycle.expire(before, self.plan.policy)
            self._tell(before, due_us, stage, self._kept_reason(before))
            self.settle()
        else:
            news = breach is not None and breach.update_us == due_us
            policy = self.plan.policy
            if lifecycle.pause_us(before, policy) <= due_us:
                self.life = lifecycle.calm_down(before, due_us, policy)
                news = news or before.flap.flaps
            if breach is not None and news:
                self._update(before, breach, due_us, stage)

    def _kept_reason(self, before: Life) -> str:
        """Why an alert is over, or about to be, after its hold."""
        policy = self.plan.policy
        kept_us = policy.keep_us
        if before.flap.flaps and before.state is State.RECOVERING:
            kept_us = max(kept_us, policy.flap_us)
        kept = phrases.duration(kept_us)
        return f"{self.plan.what()} not {self.limit_phrase(before.level)} for {kept}"

    def _fired(self, breach: Breach, now: Moment) -> None:
        breach.fired_us, breach.fired_order, breach.taken = *now, 0
        self.plan_rebaseline()

    def plan_rebaseline(self, floor_us: int = -FAR) -> None:
        """Work out when the level becomes the normal one by itself.

        Args:
            floor_us: Not before this time: the rule may be another one than when
                the alert fired.
        """
        after, breach = self.plan.rule.rebaseline_after, self.breach
        if breach is not None:
            timed = after is not None and after.span_us and breach.fired_us < FAR
            breach.rebaseline_us = FAR
            if after is not None and timed:
                due_us = breach.fired_us + after.span_us
                breach.rebaseline_us = max(due_us, floor_us)

    def count_open(self, now_us: int, stage: Stage) -> None:
        """Count a sample since firing began; after so many the level is normal."""
        after, breach = self.plan.rule.rebaseline_after, self.breach
        if breach is None or not self.life.state.is_open:
            return
        breach.taken += 1
        if after is not None and 0 < after.samples <= breach.taken:
            self.accept(now_us, stage, REBASELINED)

    def accept(self, now_us: int, stage: Stage, reason: str = ACCEPTED) -> bool:
        """Take the level of the open alert for the normal one, and resolve it.

        Kinds of rules that learn override it, and end with ``resolve_at``.

        Args:
            now_us: The series' time.
            stage: Takes the line.
            reason: Of the line.

        Returns:
            Whether there was anything to accept.
        """
        del now_us, stage, reason
        return False

    def resolve_at(self, level: float, now_us: int, stage: Stage, reason: str) -> None:
        """Resolve the open alert: what it fired on is the normal level now.

        Args:
            level: The new one, in the metric's unit; the line's value.
            now_us: The series' time.
            stage: Takes the line.
            reason: Of the line.
        """
        before, breach = self.life, self.breach
        self.value = self.plan.sign * level
        self.life = lifecycle.end(before, now_us)
        self._tell(before, now_us, stage, reason)
        if breach is not None and breach.expected is not None:
            self.anchor = Anchor(breach.expected, breach.began_us)
        self.settle()

    def miss_data(self, after_us: int, now_us: int, stage: Stage) -> None:
        """There has been no sample for so long: the alert ends, or this is one."""
        plan, before = self.plan, self.life
        alerts = plan.rule.no_data is NoData.ALERT
        moment = Moment(now_us, stage.order)
        level = plan.rank if alerts else None
        self.life = lifecycle.miss(before, level, moment, plan.policy)
        if self.life is before:
            return
        if self.life.silent:
            self.value = None
            if before.state not in WRONG:
                self.breach = Breach(now_us, -inf, plan)
            if self.breach is not None and not before.state.is_open:
                self.breach.expected = self.expected
                self._fired(self.breach, moment)
        self._tell(before, now_us, stage, f"no data for {phrases.duration(after_us)}")
        self.settle()

    def find_data(self, now_us: int, stage: Stage) -> None:
        """There is a sample again: what fired for want of one alone is over."""
        before = self.life
        moment = Moment(now_us, stage.order)
        self.life = lifecycle.back(before, moment, self.plan.policy)
        if self.life is not before:
            self._tell(before, now_us, stage, "there is data again")
            self.settle()
