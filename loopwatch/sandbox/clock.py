"""The sandbox's clock, and times as the page shows them (UTC)."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

from loopwatch.sandbox.markup import Markup, element


def steady_clock() -> Callable[[], float]:
    """Epoch seconds that never go backwards, whatever happens to the system's."""
    offset_s = time.time() - time.monotonic()
    return lambda: offset_s + time.monotonic()


def clock_time(time_s: float) -> str:
    """``12:03:04``."""
    return f"{datetime.fromtimestamp(time_s, UTC):%H:%M:%S}"


def show_time(time_s: float) -> Markup:
    """A time of day that tells its date when pointed at."""
    moment = datetime.fromtimestamp(time_s, UTC)
    return element(
        "time",
        clock_time(time_s),
        datetime=f"{moment:%Y-%m-%dT%H:%M:%SZ}",
        title=f"{moment:%Y-%m-%d %H:%M:%S} UTC",
    )


def duration(span_s: float) -> str:
    """``41 s``, ``3 min 20 s`` or ``2 h 5 min``."""
    seconds = round(max(0.0, span_s))
    if seconds < 60:
        return f"{seconds} s"
    minutes, seconds = divmod(seconds, 60)
    if minutes < 60:
        return f"{minutes} min {seconds} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"
