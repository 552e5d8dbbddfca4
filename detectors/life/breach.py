"""The evidence of one breach: since when, how many sessions, how bad."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from typing import Any, Final, NamedTuple

from detectors.kinds.plans import Plan
from detectors.life.lifecycle import FAR
from detectors.numbers import finite
from detectors.state.stage import Stage
from detectors.transitions import rfc3339

KEPT: Final = 5
"""How many of a breach's sessions are remembered by name."""


class Culprit(NamedTuple):
    """A session of a breach.

    Attributes:
        value: Its own, signed so that larger is worse.
        trace: ``trace_url``, else ``trace_id``; None if it has neither.
    """

    value: float
    session_id: str
    ended_us: int
    trace: str | None


class Breach:
    """What is known of a breach, from its first evaluation on.

    It also keeps what lines say of the rule, so that the alert can be resolved when
    the rule is gone.

    Attributes:
        began_us: When it was first seen.
        sessions: Sessions whose evaluation breached since then.
        peak: The worst value judged since then, signed.
        worst: The worst value of a single session among them, signed.
        trace: Of the session that shows it best.
        expected: The baseline that the alert fired with.
        fired_us: When it fired; FAR before.
        fired_order: The number of the observation that made it fire.
        taken: Samples since then, the one that made it fire included.
        rebaseline_us: When its level becomes the normal one by itself; follows from
            the rule and ``fired_us``, and is in no row.
        told_us: When a line last told of it.
        update_us: When the next update is due.
        culprits: The worst sessions among them, worst first, at most ``KEPT``; of
            equals those that came first.
    """

    __slots__ = (
        "aggregate",
        "began_us",
        "culprits",
        "expected",
        "fired_order",
        "fired_us",
        "kind",
        "labels",
        "metric",
        "peak",
        "rebaseline_us",
        "sessions",
        "sign",
        "taken",
        "told_us",
        "trace",
        "update_us",
        "worst",
    )

    def __init__(self, began_us: int, peak: float, plan: Plan | None) -> None:
        self.began_us = began_us
        self.sessions = 0
        self.peak = peak
        self.worst = -inf
        self.trace: str | None = None
        self.expected: float | None = None
        self.fired_us = self.rebaseline_us = FAR
        self.fired_order = self.taken = 0
        self.told_us = began_us
        self.update_us = FAR
        self.culprits: list[Culprit] = []
        self.metric = plan.rule.metric.name if plan else ""
        self.aggregate = plan.rule.aggregate.value if plan else ""
        self.kind = plan.rule.kind.name if plan else ""
        self.sign = plan.sign if plan else 1.0
        self.labels: Mapping[str, str] = plan.labels if plan else {}

    def note(self, value: float, own: float | None, stage: Stage) -> bool:
        """Add one breaching evaluation; whether there is news in it.

        Args:
            value: The aggregate, signed.
            own: The session's own value, signed; None for timers.
            stage: Which session it is.
        """
        news = value > self.peak
        if news:
            self.peak = value
        if own is None:
            return news
        self.sessions += 1
        culprits = self.culprits
        if len(culprits) < KEPT or own > culprits[-1].value:
            self._remember(own, stage)
        if self.trace is None or own > self.worst:
            trace = stage.trace
            if trace is not None:
                self.worst = own
                self.trace = trace
        return True

    def _remember(self, own: float, stage: Stage) -> None:
        # Only here a session's id is decoded: few sessions are among the worst.
        session_id, ended_us = stage.session_id, stage.ended_us
        if session_id is None or ended_us is None:
            return
        culprits = self.culprits
        place = len(culprits)
        while place and culprits[place - 1].value < own:
            place -= 1
        culprits.insert(place, Culprit(own, session_id, ended_us, stage.trace))
        del culprits[KEPT:]

    def stated_peak(self, sign: float) -> float | None:
        """The worst value as lines state it; None where there was none."""
        return None if self.peak == -inf else finite(sign * self.peak)

    def evidence(self) -> dict[str, Any]:
        """The sessions that counted most, as plain values; nothing without any."""
        if not self.culprits:
            return {}
        return {"worst_sessions": [self._shown(each) for each in self.culprits]}

    def _shown(self, culprit: Culprit) -> dict[str, Any]:
        shown: dict[str, Any] = {
            "session_id": culprit.session_id,
            "value": finite(self.sign * culprit.value),
            "ended_at": rfc3339(culprit.ended_us),
        }
        if culprit.trace is not None:
            shown["trace"] = culprit.trace
        return shown

    def dump(self) -> list[Any]:
        """As plain values."""
        return [
            self.began_us,
            self.sessions,
            self.peak,
            self.worst,
            self.trace,
            self.expected,
            self.told_us,
            self.update_us,
            self.metric,
            self.aggregate,
            self.kind,
            self.sign,
            dict(self.labels),
            self.fired_us,
            self.fired_order,
            self.taken,
            [list(culprit) for culprit in self.culprits],
        ]

    @classmethod
    def load(cls, state: list[Any]) -> Breach:
        """Take what ``dump`` gave."""
        breach = cls(state[0], state[2], None)
        (
            _,
            breach.sessions,
            _,
            breach.worst,
            breach.trace,
            breach.expected,
            breach.told_us,
            breach.update_us,
            breach.metric,
            breach.aggregate,
            breach.kind,
            breach.sign,
            breach.labels,
            *later,
        ) = state
        # A row may be older than what was added since.
        if later:
            breach.fired_us, breach.fired_order, breach.taken = later[:3]
            breach.culprits = [Culprit(*each) for each in (later[3:] or [[]])[0]]
        return breach
