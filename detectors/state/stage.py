"""What is going on while a block is folded: which session, and the lines so far."""

from __future__ import annotations

from typing import Any

import numpy as np

from detectors.batch import tick
from detectors.kernels.layout import LABELS
from detectors.kernels.words import Floats, Ints, Table
from detectors.peers.fleets import Fleets
from detectors.peers.parents import Parents, Shares
from detectors.state.blocks import Block, as_block
from detectors.state.recent import attributes
from detectors.transitions import Census, Transition, Update

Said = Transition | Update | Census


class Stage:
    """The session at hand, for the few evaluations that have to say something.

    Attributes:
        at: Position of the session in the block; -1 while a timer runs.
        order: Number of the observation in its partition.
        evidence: What every line written now adds to its own evidence.
        parents: What new series begin with.
        shares: What series say for others to begin with.
        fleets: What budgets of false alarms make of limits.
    """

    __slots__ = (
        "_codes",
        "_first",
        "_values",
        "_values_at",
        "at",
        "block",
        "evidence",
        "fleets",
        "lines",
        "order",
        "parents",
        "partition",
        "shares",
    )

    def __init__(self, partition: int) -> None:
        self.partition = partition
        self.at = -1
        self.order = 0
        self.evidence: dict[str, Any] = {}
        self.lines: list[Said] = []
        self.parents = Parents()
        self.shares = Shares()
        self.fleets = Fleets()
        self.begin(as_block(tick({}, 0)), np.zeros((0, LABELS), np.int64), 0)

    def begin(self, block: Block, codes: Table, first: int) -> None:
        """Take up a block.

        Args:
            block: Of sessions, or none.
            codes: For each session those of its labels.
            first: The number of its first session.
        """
        self.block, self._codes, self._first = block, codes, first
        self._values: list[float] = []
        self._values_at = -1
        self.at = -1

    @property
    def session_id(self) -> str | None:
        """The session that is folded; None while a timer runs."""
        return self.block.session_ids[self.at] if self.at >= 0 else None

    @property
    def ended_us(self) -> int | None:
        """When it ended; None while a timer runs."""
        return int(self.block.ended_at_us[self.at]) if self.at >= 0 else None

    @property
    def trace(self) -> str | None:
        """Its trace, if it has one."""
        return (self.block.traces[self.at] or None) if self.at >= 0 else None

    @property
    def values(self) -> list[float]:
        """Its numbers, in the order of ``COLUMNS``; not to be asked by timers."""
        if self._values_at != self.at:
            self._values_at = self.at
            self._values = self.block.values[self.at].tolist()
        return self._values

    @property
    def row(self) -> Floats:
        """The same as an array."""
        row: Floats = self.block.values[self.at]
        return row

    @property
    def attributes(self) -> tuple[str, ...]:
        """Its labels, in the order of ``ATTRIBUTES``; not to be asked by timers."""
        return attributes(self.block, self.at)

    @property
    def codes(self) -> Ints:
        """The codes of its labels, as the state names them."""
        codes: Ints = self._codes[self.at]
        return codes

    @property
    def ref(self) -> int:
        """The number by which the state may refer to it."""
        return self._first + self.at
