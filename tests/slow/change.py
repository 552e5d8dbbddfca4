"""What a drift rule has to say of a change: levels, beginning, suspects, and in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from detectors.life.phrases import number
from detectors.numbers import finite
from tests.slow.suspects import Suspect, levels, mean_deviation

REPLACED: Final = ("agent_version", "model")
"""What, when it is replaced, may have begun a change."""

_UNSAID: Final = frozenset({"began_us", "at"})


class Change:
    """The change that is told of, or nothing.

    Attributes:
        old, new: The levels before and since.
        fired_at: Sample, and time, at which it was seen.
        blamed: Label to value: what its sessions share and the others do not.
        evidence: What was seen, by name.
        facet: Which facet showed the last one.
    """

    __slots__ = ("blamed", "evidence", "facet", "fired_at", "new", "old")

    def __init__(self) -> None:
        self.old: float | None = None
        self.new: float | None = None
        self.fired_at = (0, 0)
        self.blamed: dict[str, str] = {}
        self.evidence: dict[str, Any] = {}
        self.facet = 0

    def forget(self) -> None:
        """All is well again."""
        self.old = self.new = None
        self.blamed, self.evidence = {}, {}

    def take(
        self, since: Sequence[Suspect], facet: tuple[int, str], begun: int
    ) -> None:
        """Note what can be said of any change.

        Args:
            since: The suspects since it began, oldest first.
            facet: Number and name of the facet that shows it.
            begun: The sample before the first of it.
        """
        self.facet, name = facet
        self.new, self.old = (finite(level) for level in levels(since))
        worst = sorted(since, key=lambda s: -(s.deviations[self.facet] or 0.0))[:3]
        self.evidence = {
            "facet": name,
            "evidence_nats": 0.0,
            "limit_nats": 0.0,
            "shift_deviations": round(mean_deviation(since, self.facet), 2),
            "began_session": since[0].session_id,
            "sessions_since": self.fired_at[0] - begun,
            "began_us": 0,
            "at": self.facet,
            "borrowed": 0.0,
            "shifted_sessions": [[each.session_id, each.own] for each in worst],
        }

    @property
    def is_newcomer(self) -> bool:
        """Whether it never was otherwise, and only its peers are."""
        return self.evidence.get("borrowed") == 1.0

    def told(self) -> dict[str, Any]:
        """The part of the evidence that is told."""
        return {name: v for name, v in self.evidence.items() if name not in _UNSAID}

    def in_words(self, metric: str, *, lasts: bool) -> str:
        """What happened to a metric, and whether it lasts or has just ended."""
        if not (self.old is not None and self.new is not None):
            return metric
        if not lasts:
            return f"{metric} is back near {number(self.old)}"
        if self.is_newcomer:
            return (
                f"{metric} is {number(self.new)} from the first session on; its peers "
                f"have {number(self.old)}"
            )
        moved = "rose" if self.new > self.old else "fell"
        text = f"{metric} {moved} from {number(self.old)} to {number(self.new)}"
        facet = self.evidence.get("facet", metric)
        if facet != metric:
            text += f", seen in {facet}"
        text += f"; began {self.evidence.get('sessions_since', 0)} sessions ago"
        for name in REPLACED:
            if name in self.blamed:
                text += f", with {name} {self.blamed[name]}"
        return text

    def dump(self) -> list[Any]:
        """As plain values."""
        return [self.old, self.new, list(self.fired_at), self.blamed, self.evidence]

    def load(self, state: list[Any]) -> None:
        """Take what ``dump`` gave."""
        self.old, self.new, fired_at, self.blamed, self.evidence = state
        self.fired_at = (fired_at[0], fired_at[1])
