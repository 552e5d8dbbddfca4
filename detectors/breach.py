"""The evidence of one breach: since when, how many sessions, how bad."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from typing import Any

from detectors.lifecycle import FAR
from detectors.plans import Plan


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
    """

    __slots__ = (
        "aggregate",
        "began_us",
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
        self.metric = plan.rule.metric.name if plan else ""
        self.aggregate = plan.rule.aggregate.value if plan else ""
        self.kind = plan.rule.kind.name if plan else ""
        self.sign = plan.sign if plan else 1.0
        self.labels: Mapping[str, str] = plan.labels if plan else {}

    def note(self, value: float, own: float | None, trace: str | None) -> bool:
        """Add one breaching evaluation; whether there is news in it."""
        news = value > self.peak
        if news:
            self.peak = value
        if own is None:
            return news
        self.sessions += 1
        if trace is not None and (self.trace is None or own > self.worst):
            self.worst = own
            self.trace = trace
        return True

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
            *fired,
        ) = state
        if fired:
            breach.fired_us, breach.fired_order, breach.taken = fired
        return breach
