"""One rule on one series: its life, the evidence of a breach, and its lines.

Subclasses hold the samples. Their ``sample`` is called for every session and must
be quick while all is well; whatever is not goes through ``weigh``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import inf
from typing import Any, Final

from msgspec import UNSET, UnsetType

from detectors.identity import alert_id
from detectors.kinds.plans import Limit, Plan, rate
from detectors.life import evidence, lifecycle, phrases
from detectors.life.breach import Breach
from detectors.life.flapping import CALM
from detectors.life.lifecycle import FAR, THIN, Evaluation, Life, Moment, Verdict
from detectors.normal.anchor import ACCEPTED, REBASELINED, Anchor
from detectors.numbers import finite
from detectors.peers.parents import Normal
from detectors.rules import NoData
from detectors.severities import severity_of
from detectors.state.stage import Stage
from detectors.transitions import Flapping, State, Transition, Update, rfc3339

UPDATE_US: Final = 60_000_000
"""Updates of one alert are at least this far apart, and from its other lines."""

_WRONG: Final = frozenset({State.PENDING, State.FIRING, State.RECOVERING})


class Watch:
    """One rule on one series.

    Attributes:
        value: The aggregate judged last, signed; None before the first.
        breach: The evidence, from the first breach on.
        anchor: What was normal before the last shift that was accepted.
    """

    __slots__ = ("anchor", "breach", "by", "life", "plan", "value")

    def __init__(self, plan: Plan, by: dict[str, str]) -> None:
        self.plan = plan
        self.by = by
        self.life = Life()
        self.value: float | None = None
        self.breach: Breach | None = None
        self.anchor: Anchor | None = None

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
        raise NotImplementedError

    def settle(self) -> None:
        """Work out again what ``sample`` looks at first: the life has changed."""

    def free(self) -> None:
        """Give back what it holds of the partition's memory: it is no more."""

    def expected_now(self) -> float | None:
        """What the baseline says at present, None without one."""
        return None

    @property
    def expected(self) -> float | None:
        """The baseline in force: while the alert is open, the one it fired with."""
        expected = None
        if self.plan.baseline is not None:
            if self.breach is not None and self.life.state.is_open:
                expected = self.breach.expected
            if expected is None:
                expected = self.expected_now()
        return expected

    @property
    def kept_us(self) -> int:
        """Until when it outlasts the retention of its series."""
        return -FAR

    @property
    def since_us(self) -> int:
        """Since when its open alert fires."""
        breach = self.breach
        fired_us = FAR if breach is None else breach.fired_us
        return fired_us if fired_us < FAR else self.life.since_us

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
        if found.verdict is not Verdict.THIN or before.state not in _WRONG:
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
        return found.verdict is not Verdict.BREACH and before.state not in _WRONG

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

    def _note(
        self,
        before: Life,
        value: float,
        own: float | None,
        now_us: int,
        stage: Stage,
    ) -> None:
        breach = self.breach
        if breach is None or before.state not in _WRONG:
            self.breach = breach = Breach(now_us, value, self.plan)
        if breach.note(value, own, stage) and before.state.is_open:
            breach.update_us = min(
                breach.update_us, max(breach.told_us + UPDATE_US, now_us)
            )

    def _tell(self, before: Life, at_us: int, stage: Stage, reason: str) -> None:
        """Write the line for what ``self.life`` has become since ``before``."""
        seq = max(before.seq + 1, at_us // 1000)
        self.life = life = self.life.told(seq)
        breach = self.breach
        told = breach is not None and life.state not in (State.OK, State.INSUFFICIENT)
        shown = told and not (life.silent or before.silent)
        if breach is not None:
            breach.told_us = at_us
            breach.update_us = FAR
        plan = self.plan
        rule = plan.rule
        value = None if self.value is None else finite(plan.sign * self.value)
        expected = self._stated()
        stage.lines.append(
            Transition(
                time=rfc3339(at_us),
                alert_id=alert_id(rule.name, self.by),
                rule=rule.name,
                metric=rule.metric.name,
                labels={**self.by, **plan.labels},
                generation=life.generation,
                seq=seq,
                from_state=before.state,
                to_state=life.state,
                severity=severity_of(life.level) if life.level >= 0 else None,
                value=value,
                expected=expected,
                threshold=self.threshold(expected),
                session_id=stage.session_id,
                reason=reason,
                rule_kind=rule.kind.name,
                aggregate=rule.aggregate.value,
                began=rfc3339(breach.began_us) if told and breach else None,
                sessions=breach.sessions if told and breach else 0,
                peak=breach.stated_peak(plan.sign) if told and breach else None,
                trace=breach.trace if told and breach else None,
                summary=rule.summary,
                runbook_url=rule.runbook_url,
                partition=stage.partition,
                attribution=self.attribution() if shown else {},
                causes=self.causes() if shown else {},
                evidence=self._told_evidence(breach, stage) if shown and breach else {},
                flapping=self._flapping(before),
            )
        )
        if life.state is State.OK or life.state is State.INSUFFICIENT:
            self.breach = None

    def _reason(self, before: Life, found: Evaluation) -> str:
        plan, after = self.plan, self.life
        if after.state is State.INSUFFICIENT:
            return self.thin_phrase()
        level = after.level
        if after.state is State.RECOVERING or after.state is State.RESOLVED:
            return f"{plan.what()} no longer {self.limit_phrase(level)}"
        if after.state is State.OK:
            if before.state is State.INSUFFICIENT:
                return f"{plan.what()} can be judged and is healthy"
            return f"{plan.what()} is healthy"
        if before.state is State.FIRING and found.level < before.level:
            return f"{plan.what()} no longer {self.limit_phrase(before.level)}"
        return f"{plan.what()} {self.limit_phrase(level)}"

    def attribution(self) -> dict[str, str]:
        """Labels that explain the breach though the series does not carry them."""
        return {}

    def causes(self) -> dict[str, float]:
        """What moved with the breach, and which part of it each accounts for."""
        return {}

    def evidence(self) -> dict[str, Any]:
        """The numbers behind the verdict, by the names in ``docs/tune.md``."""
        expected = self._stated()
        found = evidence.limits(self.plan, expected, self.life.level)
        return found | evidence.comparison(self.plan, self.value, expected)

    def _stated(self) -> float | None:
        """The expectation that lines state; of a resolved alert, its own."""
        if self.life.state is State.RESOLVED and self.breach is not None:
            return self.breach.expected
        return self.expected

    def _told_evidence(self, breach: Breach, stage: Stage) -> dict[str, Any]:
        anchor = {} if self.anchor is None else {"anchor": self.anchor.evidence()}
        return {**self.evidence(), **breach.evidence(), **anchor, **stage.evidence}

    def threshold(self, expected: float | None) -> float | None:
        """The limit that a line names."""
        return self.plan.threshold(expected, self.life.level)

    def limit_phrase(self, level: int) -> str:
        """The limit in words; on the way out, the one the alert fired with."""
        return self.plan.limit_phrase(self._stated(), level)

    def thin_phrase(self) -> str:
        """Why there is nothing to judge, in words."""
        return f"fewer than {self.plan.need} samples"

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

    @property
    def flapping(self) -> Flapping | None:
        """What is to be said of an alert that flaps."""
        found = self._flapping(self.life)
        return found if isinstance(found, Flapping) else None

    def _flapping(self, before: Life) -> Flapping | UnsetType:
        """What lines say of an alert that flaps, or has just ceased to."""
        flap = self.life.flap if self.life.flap.flaps else before.flap
        if not flap.flaps:
            return UNSET
        return Flapping(
            number=self.life.flap.number,
            changes=flap.changes,
            since=rfc3339(flap.since_us),
            within_s=self.plan.policy.flap_us / 1e6,
        )

    def _update(self, before: Life, breach: Breach, due_us: int, stage: Stage) -> None:
        seq = max(self.life.seq + 1, due_us // 1000)
        self.life = self.life.told(seq)
        breach.told_us = due_us
        breach.update_us = FAR
        sign = self.plan.sign
        stage.lines.append(
            Update(
                time=rfc3339(due_us),
                alert_id=alert_id(self.plan.rule.name, self.by),
                seq=seq,
                value=None if self.value is None else finite(sign * self.value),
                peak=breach.stated_peak(sign),
                sessions=breach.sessions,
                flapping=self._flapping(before),
                evidence=breach.evidence(),
            )
        )

    def end(self, at_us: int, stage: Stage, reason: str) -> None:
        """Resolve what is open: the rule, or the series, is no more."""
        before = self.life
        self.life = lifecycle.end(before, at_us)
        if lifecycle.differs(before, self.life):
            self._tell(before, at_us, stage, reason)

    @property
    def is_wrong(self) -> bool:
        """Whether it breaches, fires or recovers."""
        return self.life.state in _WRONG

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
            if before.state not in _WRONG:
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

    def dump(self) -> list[Any]:
        """What the samples amount to, as plain numbers."""
        raise NotImplementedError

    def load(self, state: list[Any]) -> None:
        """Take what ``dump`` gave."""
        raise NotImplementedError
