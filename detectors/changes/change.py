"""What a drift rule has to say of a change: levels, beginning, suspects, and in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from detectors.changes.seen import Seen
from detectors.life.phrases import number
from detectors.numbers import finite

REPLACED: Final = ("agent_version", "model")
"""What, when it is replaced, may have begun a change."""

_UNSAID: Final = frozenset({"began_us", "at"})


class Change:
    """The change that is told of, or nothing.

    Attributes:
        old, new: The levels before and since.
        fired_at: Sample, and time in microseconds, at which it was seen.
        blamed: Label to value: what its sessions share and the others do not.
        evidence: What was seen, by name.
    """

    __slots__ = ("blamed", "evidence", "fired_at", "new", "old")

    def __init__(self) -> None:
        self.old: float | None = None
        self.new: float | None = None
        self.fired_at = (0, 0)
        self.blamed: dict[str, str] = {}
        self.evidence: dict[str, Any] = {}

    def forget(self) -> None:
        """All is well again."""
        self.old = self.new = None
        self.blamed, self.evidence = {}, {}

    def take(self, seen: Seen, facet: str, sample: int, now_us: int) -> None:
        """Take what was seen.

        Args:
            seen: That.
            facet: The name of the facet that shows it.
            sample: The series' sample at which it was.
            now_us: When that was.
        """
        at, since = seen.facet, seen.since
        worst = sorted(since, key=lambda s: -(s.deviations[at] or 0.0))[:3]
        self.new, self.old = finite(seen.new), finite(seen.old)
        self.fired_at = (sample, now_us)
        self.blamed = seen.blamed or {}
        self.evidence = {
            "facet": facet,
            "evidence_nats": round(seen.nats, 2),
            "limit_nats": seen.limit,
            "shift_deviations": round(seen.shift, 2),
            "began_session": since[0].told.session_id,
            "sessions_since": sample - seen.begun,
            "began_us": seen.began_us,
            "at": at,
            "borrowed": round(seen.borrowed, 2),
            "shifted_sessions": [[each.told.session_id, each.own] for each in worst],
        }
        if seen.season is not None:
            self.evidence["season"] = round(seen.season, 3)

    @property
    def is_newcomer(self) -> bool:
        """Whether it never was otherwise, and only its peers are."""
        return self.evidence.get("borrowed") == 1.0

    def told(self) -> dict[str, Any]:
        """The part of the evidence that is told."""
        return {name: v for name, v in self.evidence.items() if name not in _UNSAID}

    def in_words(self, metric: str, *, lasts: bool) -> str:
        """What happened.

        Args:
            metric: Its name.
            lasts: Whether it does, or has just ended.
        """
        if self.old is None or self.new is None:
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
        """As plain values; empty if there is nothing to say."""
        if self.old is None and not self.evidence:
            return []
        return [[self.old, self.new, list(self.fired_at)], self.blamed, self.evidence]

    def load(self, state: Sequence[Any]) -> None:
        """Take what ``dump`` gave."""
        if state:
            change, self.blamed, self.evidence = state
            self.old, self.new, fired_at = change
            self.fired_at = (fired_at[0], fired_at[1])
