"""Did you mean: the known word that a misspelt one stands for."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Final

from loopwatch.config.faults import joined, shown

_SYNONYMS: Final[Mapping[str, tuple[str, ...]]] = {
    "avg": ("mean",),
    "average": ("mean",),
    "median": ("p50",),
    "total": ("sum",),
    "maximum": ("max",),
    "minimum": ("min",),
    "page": ("critical",),
    "error": ("critical",),
    "high": ("critical", "up"),
    "low": ("info", "down"),
    "higher": ("up",),
    "lower": ("down",),
    "above": ("up",),
    "below": ("down",),
    "cost": ("cost_usd",),
    "loops": ("loop_count",),
    "duration": ("latency_ms",),
    "duration_ms": ("latency_ms",),
    "error_rate": ("tool_error_rate",),
    "score": ("quality_score",),
    "filter": ("where",),
    "group": ("by",),
    "hysteresis": ("recover",),
    "matchers": ("match",),
    "uri": ("url",),
    "from": ("start",),
    "to": ("end",),
    "until": ("end",),
    "daily": ("day",),
    "weekly": ("week",),
    "monthly": ("month",),
}


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was probably meant, or None."""
    words = list(known)
    if len(word) > 80:
        return None
    plain = word.strip().lower().replace("-", "_").replace(" ", "_")
    for candidate in (plain, *_SYNONYMS.get(plain, ())):
        if candidate in words:
            return candidate
    close = difflib.get_close_matches(plain, words, n=1, cutoff=0.7)
    if close:
        return close[0]
    begun = [each for each in words if len(plain) > 1 and each.startswith(plain)]
    longer = [each for each in words if len(each) > 4 and plain.startswith(each)]
    for found in (begun, longer):
        if len(found) == 1:
            return found[0]
    return None


def unknown(what: str, word: str, known: Iterable[str]) -> str:
    """``unknown WHAT 'word', did you mean 'x'?``, or with the list of known ones."""
    words = list(known)
    meant = nearest(word, words)
    if meant is not None:
        return f"unknown {what} {shown(word)}, did you mean {shown(meant)}?"
    if not words:
        return f"unknown {what} {shown(word)}: none is defined"
    # Quotes around each would only be in the way; around what is hidden they stay.
    names = [each if each in shown(each) else shown(each) for each in words]
    return f"unknown {what} {shown(word)}; known: {joined(names, 'and')}"
