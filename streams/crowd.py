"""That there is no place for more series, in words."""

from __future__ import annotations

import msgspec

from detectors.state.places import Crowd


def crowded(crowd: Crowd, turned_away: int) -> str:
    """What is not watched, why, and what to do about it.

    Args:
        crowd: What fills the partition.
        turned_away: Sessions that found no place.
    """
    first = msgspec.json.encode(crowd.first).decode()
    rules = ", ".join(crowd.rules)
    sessions = "1 session" if turned_away == 1 else f"{turned_away:,} sessions"
    return (
        f"{sessions} found no place: there are {crowd.series:,} series, and max_series"
        f" leaves place for {crowd.most:,} here; new ones are not watched, beginning with"
        f" {first} of {rules}. The newest {crowd.newest:,} series have"
        f" {crowd.values:,} values of {crowd.label!r}: take it out of 'by' if it has no"
        " end of them, shorten 'retention', or raise 'max_series'"
    )
