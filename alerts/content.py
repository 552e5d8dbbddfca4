"""Which alerts of a group a message shows, and in which order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from alerts.notifications import RANK
from alerts.rows import Told
from alerts.severity import rank
from detectors.transitions import Transition

SHOWN: Final = 50
"""Alerts of a group that a message carries; of the rest it says how many they are."""


def arranged(
    lines: Iterable[Transition], told: Mapping[str, Told]
) -> tuple[Transition, ...]:
    """What a message shows: news first by reason, then the worst, at most so many."""

    def place(line: Transition) -> tuple[int, int, str]:
        news = told.get(line.alert_id)
        first = len(RANK) if news is None else RANK[news.reason]
        return first, -rank(line.severity), line.alert_id

    return tuple(sorted(lines, key=place)[:SHOWN])
