"""What is going on while a batch is folded: which session, and the lines so far."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from detectors.batch import Batch, tick
from detectors.transitions import Transition, Update

Said = Transition | Update


class Stage:
    """The session at hand, for the few evaluations that have to say something.

    Attributes:
        at: Position of the session in the batch; -1 while a timer runs.
        order: Number of the observation in its partition.
        evidence: What every line written now adds to its own evidence.
    """

    __slots__ = ("at", "batch", "evidence", "lines", "order", "partition")

    def __init__(self, partition: int) -> None:
        self.partition = partition
        self.batch: Batch = tick({}, 0)
        self.at = -1
        self.order = 0
        self.evidence: dict[str, Any] = {}
        self.lines: list[Said] = []

    @property
    def session_id(self) -> str | None:
        """The session that is folded; None while a timer runs."""
        return self.batch.session_ids[self.at] if self.at >= 0 else None

    @property
    def ended_us(self) -> int | None:
        """When it ended; None while a timer runs."""
        return self.batch.ended_at_us[self.at] if self.at >= 0 else None

    @property
    def trace(self) -> str | None:
        """Its trace, if it has one."""
        return (self.batch.traces[self.at] or None) if self.at >= 0 else None

    @property
    def values(self) -> Sequence[float]:
        """Its numbers, in the order of ``COLUMNS``; not to be asked by timers."""
        return self.batch.values[self.at]

    @property
    def attributes(self) -> Sequence[str]:
        """Its labels, in the order of ``ATTRIBUTES``; not to be asked by timers."""
        return self.batch.attributes[self.at]
