"""When a message that did not arrive is tried again, and when it is given up."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from typing import Final

from alerts.delivery import Action
from alerts.rows import Message
from detectors.rules import SECOND_US, Severity
from detectors.transitions import Transition

SHORTEST_US: Final = SECOND_US
LONGEST_US: Final = 300 * SECOND_US
_DEADLINE_US: Final = 2 * 3600 * SECOND_US
_LONG_DEADLINE_US: Final = 24 * 3600 * SECOND_US


def back_off_us(delivery_id: str, attempts: int) -> int:
    """How long to wait after so many attempts: doubling, with full jitter.

    The jitter is a hash, not chance: the same history gives the same times. See
    "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
    """
    text = f"{delivery_id}/{attempts}".encode()
    share = int.from_bytes(blake2b(text, digest_size=8).digest(), "big") / 2**64
    # Beyond 2**9 s the cap holds; the power itself must stay small.
    ceiling_us = min(LONGEST_US, SECOND_US << min(attempts, 9))
    return max(SHORTEST_US, int(share * ceiling_us))


def give_up_us(action: Action, alerts: Iterable[Transition], now_us: int) -> int:
    """Until when a message is tried.

    A day for what is critical, and for every end: an incident whose end nobody is
    told stays open for ever. Two hours for the rest, which is stale by then.
    """
    critical = any(line.severity == Severity.CRITICAL for line in alerts)
    if critical or action is Action.CLOSE:
        return now_us + _LONG_DEADLINE_US
    return now_us + _DEADLINE_US


def next_try_us(message: Message, after_us: int | None, now_us: int) -> int | None:
    """When to try again; None: never, its time is up.

    Args:
        message: With the attempts made, this one included.
        after_us: The channel's own word on how long to wait.
        now_us: When the attempt failed.
    """
    wait_us = max(back_off_us(message.id, message.attempts), after_us or 0)
    if now_us >= message.give_up_us or now_us + (after_us or 0) > message.give_up_us:
        return None
    return min(now_us + wait_us, message.give_up_us)
