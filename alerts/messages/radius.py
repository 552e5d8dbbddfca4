"""How far what broke together reaches, in words, and what it has in common."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from alerts.messages.members import LISTED
from alerts.messages.text import clip, plain
from alerts.reach import Blast
from detectors.life.phrases import moment
from detectors.transitions import microseconds, rfc3339

_LABEL: Final = 120


def reach(blast: Blast) -> str:
    """How many of how many: ``38 of 40 tenants``; ``12 series`` of an unknown number.

    Where some may not have been counted yet: ``38 of at least 40 tenants``.
    """
    noun = _plural(blast.counted) if blast.counted else "series"
    if blast.series is None:
        return f"{blast.firing:,} series"
    few = "at least " if blast.at_least else ""
    return f"{blast.firing:,} of {few}{blast.series:,} {noun}"


def common(blast: Blast) -> str:
    """What the broken share: ``all with model=x``; empty if that is not known yet.

    Where nothing is found it says so: nobody is to look for what is not there. Unless
    all that could be in common has not been looked at yet.
    """
    parts = []
    if blast.shared:
        all_of = blast.sharing == blast.broken
        who = "all" if all_of else f"{blast.sharing:,} of these {blast.broken:,}"
        parts.append(f"{who} with {_pairs(blast.shared)}")
    if blast.attributed:
        parts.append(f"explained by {_pairs(blast.attributed)}")
    looked = blast.sought and not blast.at_least
    if not parts and blast.healthy is not None and looked:
        parts.append("no common cause found")
    return ", ".join(parts)


def is_news(blast: Blast) -> bool:
    """Whether it says more in one line than the names of those that broke."""
    found = bool(blast.shared or blast.attributed)
    return bool(blast.series) and (found or blast.broken >= LISTED)


def radius(blast: Blast, now_us: int) -> str:
    """One sentence: ``38 of 40 tenants, all with model=x, since 14:02 UTC``.

    Args:
        blast: It.
        now_us: When that is said: of another day the date is said as well.
    """
    rules = f"under {blast.rules} rules" if blast.rules > 1 else ""
    told = [reach(blast), common(blast), rules, f"since {_since(blast.since, now_us)}"]
    return ", ".join(part for part in told if part)


def _pairs(labels: Mapping[str, str]) -> str:
    return " and ".join(
        clip(f"{plain(name)}={plain(value)}", _LABEL)
        for name, value in sorted(labels.items())
    )


def _since(text: str, now_us: int) -> str:
    if rfc3339(now_us)[:10] == text[:10]:
        return f"{datetime.fromisoformat(text):%H:%M} UTC"
    return moment(microseconds(text))


def _plural(label: str) -> str:
    noun = clip(plain(label.replace("_", " ")), _LABEL)
    return noun if noun.endswith("s") else f"{noun}s"
