"""Silences and acknowledgements: what people ask not to be told, and for how long.

Both are plain rows, so that they outlive the process. A silence is about labels, and
holds for alerts to come; an acknowledgement is about one generation of an alert.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import msgspec

from alerts.severity import rank, share
from detectors.actions import Match, read_match
from detectors.matchers import Matchers
from detectors.metrics import METRICS, Direction
from detectors.transitions import Transition

WORSE: Final = 1.5
"""An acknowledgement ends once the value is so many times the peak it was given at."""


class Silence(msgspec.Struct):
    """Nobody is told of the alerts that match.

    Attributes:
        at_us: From then on.
        until_us: Until then, exclusive.
    """

    id: str
    match: Match
    at_us: int
    until_us: int
    by: str = ""
    comment: str = ""

    def holds(self, now_us: int) -> bool:
        """Whether it is in force."""
        return self.at_us <= now_us < self.until_us

    @property
    def matchers(self) -> Matchers:
        """Its conditions, ready to be held against labels."""
        return _matchers(msgspec.json.encode(self.match))


class Cursor(msgspec.Struct):
    """How far the control topic was read: the next offset."""

    offset: int


class Ack(msgspec.Struct):
    """Somebody looks after an alert.

    Attributes:
        generation: The one it holds for.
        rank: How bad the alert was then, 0 to 2.
        share: Of a budget's amount, then.
        peak: The worst value until then.
    """

    by: str
    at_us: int
    until_us: int
    generation: int
    rank: int
    share: float = 0.0
    peak: float | None = None
    comment: str = ""


def acknowledge(
    line: Transition, *, by: str, at_us: int, until_us: int, comment: str = ""
) -> Ack:
    """An acknowledgement of an alert as it stands."""
    peak = line.value if line.peak is None else line.peak
    return Ack(
        by=by,
        at_us=at_us,
        until_us=until_us,
        generation=line.generation,
        rank=rank(line.severity),
        share=share(line),
        peak=peak,
        comment=comment,
    )


def is_broken(ack: Ack, line: Transition) -> bool:
    """Whether an alert has got worse than what was acknowledged, or is another one."""
    if line.generation != ack.generation or not line.to_state.is_open:
        return True
    if (rank(line.severity), share(line)) > (ack.rank, ack.share):
        return True
    if line.value is None or ack.peak is None:
        return False
    if _is_bad_down(line):
        return line.value < ack.peak / WORSE
    return line.value > ack.peak * WORSE


def _is_bad_down(line: Transition) -> bool:
    """Whether lower is worse: the worst value is always beyond the limit."""
    if line.peak is not None and line.threshold is not None:
        return line.peak < line.threshold
    metric = METRICS.get(line.metric)
    return metric is not None and metric.direction is Direction.DOWN


@lru_cache(maxsize=1024)
def _matchers(match: bytes) -> Matchers:
    return read_match(msgspec.json.decode(match, type=Match))
