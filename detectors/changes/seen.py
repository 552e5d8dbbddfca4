"""A change as it is seen, whatever has seen it: bets, creeps, or its peers."""

from __future__ import annotations

from typing import NamedTuple

from detectors.normal.suspects import Suspect


class Seen(NamedTuple):
    """What is known of a change when it is seen.

    Attributes:
        facet: Which facet of the metric shows it most.
        begun: The series' sample before the first of it.
        began_us: When that was.
        since: Its sessions that are still remembered, oldest first.
        new, old: The levels since and before.
        shift: How far it lies off, in standard deviations of a session.
        nats, limit: The evidence, and what was asked for.
        borrowed: How much of what was expected came from peers.
        bet: Which bet shows it.
        more: Nats that the way back must show beyond the usual.
        blamed: Label to value: what its sessions share and the others do not.
        season: How many times the usual is expected in this hour; None if no hour
            differs.
    """

    facet: int
    begun: int
    began_us: int
    since: list[Suspect]
    new: float
    old: float
    shift: float
    nats: float
    limit: float
    borrowed: float
    bet: int = 0
    more: float = 0.0
    blamed: dict[str, str] | None = None
    season: float | None = None
