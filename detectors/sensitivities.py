"""What a drift rule's sensitivity means, in numbers."""

from __future__ import annotations

from typing import Final, NamedTuple


class Setting(NamedTuple):
    """What a sensitivity means.

    Attributes:
        limit: Evidence in nats at which a change is told.
        caution: By how many standard errors what is normal may be wrong.
        wander: How much of a facet's margin healthy sessions are granted.
        doubt: Evidence in nats at which a series that has just begun is told to be bad
            beside its peers; it is asked only once.
        lag: So many samples of a young series wait before they are learned, so that
            the first ones of a change do not hide it.
    """

    limit: float
    caution: float
    wander: float
    doubt: float
    lag: int


SETTINGS: Final = {
    "low": Setting(16.0, 1.5, 1.0, 9.0, 0),
    "medium": Setting(11.0, 1.5, 1.0, 6.0, 0),
    "high": Setting(7.5, 1.5, 0.0, 4.5, 16),
}
"""By sensitivity."""
