"""The alert of one rule on one series: its life, the evidence of a breach, its lines.

Each kind of rule says here in its own words what it has found.
"""

from __future__ import annotations

from typing import Any, Final

from msgspec import UNSET, UnsetType

from detectors.identity import alert_id
from detectors.kinds.plans import Plan
from detectors.life import evidence
from detectors.life.breach import Breach
from detectors.life.lifecycle import FAR, Evaluation, Life
from detectors.normal.anchor import Anchor
from detectors.numbers import finite
from detectors.severities import severity_of
from detectors.state.stage import Stage
from detectors.transitions import Flapping, State, Transition, Update, rfc3339

WRONG: Final = frozenset({State.PENDING, State.FIRING, State.RECOVERING})
"""Where something is wrong, told or not."""


class Alert:
    """What is told of a rule on a series.

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

    def settle(self) -> None:
        """Work out again what ``sample`` looks at first: the life has changed."""

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
    def since_us(self) -> int:
        """Since when its open alert fires."""
        breach = self.breach
        fired_us = FAR if breach is None else breach.fired_us
        return fired_us if fired_us < FAR else self.life.since_us

    @property
    def is_wrong(self) -> bool:
        """Whether it breaches, fires or recovers."""
        return self.life.state in WRONG

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
