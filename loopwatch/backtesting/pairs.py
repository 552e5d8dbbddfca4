"""Which alert of one run is which of another, and what became of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

from loopwatch.backtesting.record import Episode, Record

Pair = tuple[Episode | None, Episode | None]
"""An alert before and after; one of them may be missing, never both."""


def pairs(before: Record, after: Record) -> list[Pair]:
    """Every alert of both runs, in order of time.

    Two are the same if they are of one rule and one series and fire at one time for
    a moment; of several, the first with the first.
    """
    names = sorted({*before.episodes, *after.episodes})
    found = [
        pair
        for name in names
        for pair in _matched(
            before.episodes.get(name, ()), after.episodes.get(name, ())
        )
    ]
    return sorted(found, key=_time)


def has_moved(before: Episode, after: Episode) -> bool:
    """Whether it fired or ended at another time, or rose to another level."""
    return (before.fired_us, before.resolved_us, before.severity) != (
        after.fired_us,
        after.resolved_us,
        after.severity,
    )


def _matched(before: Sequence[Episode], after: Sequence[Episode]) -> Iterator[Pair]:
    old, new = deque(before), deque(after)
    while old and new:
        if _is_over(old[0], new[0]):
            yield old.popleft(), None
        elif _is_over(new[0], old[0]):
            yield None, new.popleft()
        else:
            yield old.popleft(), new.popleft()
    yield from ((one, None) for one in old)
    yield from ((None, one) for one in new)


def _is_over(one: Episode, other: Episode) -> bool:
    """Whether one had ended when the other fired."""
    return one.resolved_us is not None and one.resolved_us < other.fired_us


def _time(pair: Pair) -> tuple[int, str]:
    fired = [one.fired_us for one in pair if one is not None]
    name = next(one.alert_id for one in pair if one is not None)
    return min(fired), name
