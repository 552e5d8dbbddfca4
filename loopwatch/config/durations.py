"""Durations and counts as rules write them: ``30s``, ``1h30m``, ``50 sessions``."""

from __future__ import annotations

import re
from typing import Final

from detectors.rules import SECOND_US

UNITS: Final = {
    "w": 7 * 86_400 * SECOND_US,
    "d": 86_400 * SECOND_US,
    "h": 3_600 * SECOND_US,
    "m": 60 * SECOND_US,
    "s": SECOND_US,
    "ms": SECOND_US // 1_000,
}
"""Microseconds of each unit, the longest first."""

LONGEST_US: Final = 520 * 7 * 86_400 * SECOND_US
MOST_SESSIONS: Final = 1_000_000

_PART: Final = re.compile(r"([0-9]{1,12})(ms|[wdhms])")
_DURATION: Final = re.compile(r"(?:[0-9]{1,12}(?:ms|[wdhms]))+")
_COUNT: Final = re.compile(r"([0-9]{1,12}) ?sessions?")
_LOOSE: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?) *([a-zA-Z]*)")
_WORDS: Final = {
    "session": "sessions",
    "samples": "sessions",
    "sample": "sessions",
    "runs": "sessions",
    "events": "sessions",
    "evaluations": "sessions",
    "hr": "h",
    "hrs": "h",
    "min": "m",
    "mins": "m",
    "sec": "s",
    "secs": "s",
    "millis": "ms",
} | {
    spelling: unit
    for unit, word in (
        ("w", "week"),
        ("d", "day"),
        ("h", "hour"),
        ("m", "minute"),
        ("s", "second"),
        ("ms", "millisecond"),
    )
    for spelling in (word, f"{word}s")
}


def parse_duration(text: str) -> int:
    """Microseconds; units from the longest to the shortest, each at most once.

    Raises:
        ValueError: It is none; the message says why, in words that follow the text.
    """
    if not _DURATION.fullmatch(text):
        raise ValueError("is no duration")
    total_us, last = 0, -1
    order = list(UNITS)
    for number, unit in _PART.findall(text):
        if order.index(unit) <= last:
            raise ValueError("does not go from long units to short ones")
        last = order.index(unit)
        total_us += int(number) * UNITS[unit]
    if total_us > LONGEST_US:
        raise ValueError(f"is more than {format_duration(LONGEST_US)}")
    return total_us


def parse_count(text: str) -> int:
    """The number of sessions.

    Raises:
        ValueError: It is none; the message says why, in words that follow the text.
    """
    found = _COUNT.fullmatch(text)
    if found is None:
        raise ValueError("is no count of sessions")
    count = int(found[1])
    if count > MOST_SESSIONS:
        raise ValueError(f"is more than {MOST_SESSIONS} sessions")
    return count


def format_duration(span_us: int) -> str:
    """The shortest text that reads as so many microseconds (whole milliseconds).

    >>> format_duration(5_400_000_000)
    '1h30m'
    """
    parts = []
    for unit, unit_us in UNITS.items():
        number, span_us = divmod(span_us, unit_us)
        if number:
            parts.append(f"{number}{unit}")
    return "".join(parts) or "0s"


def suggest(text: str) -> str | None:
    """What was probably meant by a text that is no duration and no count."""
    found = _LOOSE.fullmatch(text.strip())
    if found is None:
        return None
    number, word = found[1], found[2]
    unit = word if word in UNITS else _WORDS.get(word.lower(), word.lower())
    if unit == "sessions":
        return None if "." in number else f"{number} sessions"
    if unit not in UNITS:
        return None
    span_us = round(float(number) * UNITS[unit])
    return format_duration(span_us) if span_us <= LONGEST_US else None
