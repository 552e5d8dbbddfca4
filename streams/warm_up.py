"""Warming up: what reads sessions is compiled before anything waits for it.

Run by the installation (``python -m streams.warm_up``), and by a worker before it joins
its group, in which it must not be silent for so long.
"""

from __future__ import annotations

from typing import Final

from detectors.rules import Level, RuleBook, Severity, Threshold, rule
from streams.observations.observe import Observer

_SESSION: Final = b'{"session_id":"s","agent":"a","ended_at":0}'
_BOOK: Final = RuleBook(
    (
        rule(
            "any",
            "cost_usd",
            Threshold((Level(Severity.WARNING, 1.0),)),
            by=("agent", "tenant"),
        ),
    )
)


def warm_up() -> None:
    """Read two sessions, which takes every way through compiled code."""
    Observer(_BOOK, 1, 1).observe(0, [(0, _SESSION), (1, _SESSION)], None).blocks()


if __name__ == "__main__":
    warm_up()
