"""What is going on while a batch of plain numbers is folded."""

from __future__ import annotations

from detectors.batch import Batch, tick
from detectors.state.stage import Said
from detectors.state.stage import Stage as Quick

__all__ = ["Said", "Stage"]


class Stage(Quick):
    """The session at hand, read from a batch instead of a block."""

    __slots__ = ("batch",)

    def __init__(self, partition: int) -> None:
        super().__init__(partition)
        self.batch: Batch = tick({}, 0)

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
    def values(self) -> list[float]:
        """Its numbers, in the order of ``COLUMNS``."""
        return list(self.batch.values[self.at])

    @property
    def attributes(self) -> tuple[str, ...]:
        """Its labels, in the order of ``ATTRIBUTES``."""
        return tuple(self.batch.attributes[self.at])
