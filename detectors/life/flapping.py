"""Whether an alert flaps: begins and ends again and again within a short time.

Where a rule asks for it, the times of its last changes are kept. While an alert flaps
it stays open, and people hear of it once, then once in each ``within``.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Flap(NamedTuple):
    """The changes of an alert.

    Attributes:
        times: When it last began or ended, oldest first; no more than the rule counts.
        changes: Since it flaps, with those that made it flap; 0 if it does not.
        since_us: The first of them.
        told_us: When people were last to hear of it.
        number: How often they were.
    """

    times: tuple[int, ...] = ()
    changes: int = 0
    since_us: int = 0
    told_us: int = 0
    number: int = 0

    @property
    def flaps(self) -> bool:
        """Whether it flaps."""
        return self.changes > 0


CALM: Final = Flap()


def changed(flap: Flap, at_us: int, most: int, within_us: int) -> Flap:
    """Count a change.

    Args:
        flap: The changes before it.
        at_us: When it was.
        most: So many within the time are flapping; 0: nobody asks.
        within_us: The time.

    >>> calm = changed(CALM, 5, 2, 10)
    >>> calm.flaps, changed(calm, 14, 2, 10).flaps, changed(calm, 15, 2, 10).flaps
    (False, True, False)
    """
    if most == 0:
        return CALM
    times = (*flap.times, at_us)[-most:]
    if flap.flaps:
        flap = flap._replace(times=times, changes=flap.changes + 1)
        return told(flap, at_us, within_us)
    times = tuple(time for time in times if at_us - time < within_us)
    if len(times) < most:
        return Flap(times)
    return Flap(times, len(times), times[0], at_us, 1)


def ended(flap: Flap, at_us: int, most: int) -> Flap:
    """Count an end, which makes nothing flap: that needs evidence."""
    return Flap((*flap.times, at_us)[-most:]) if most else CALM


def flaps_with(flap: Flap, at_us: int, most: int, within_us: int) -> bool:
    """Whether an alert would flap, or goes on to, with a change at a time."""
    return changed(flap, at_us, most, within_us).flaps


def told(flap: Flap, at_us: int, within_us: int) -> Flap:
    """Let people hear of it, if they last did so long ago."""
    if at_us < flap.told_us + within_us:
        return flap
    return flap._replace(told_us=at_us, number=flap.number + 1)


def quiet_us(flap: Flap, within_us: int) -> int:
    """When the last change is so long ago that it counts no more."""
    return flap.times[-1] + within_us
