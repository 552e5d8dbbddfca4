"""What the series of a partition share: memory, tables, names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from detectors.arena import Arena
from detectors.blocks import Block
from detectors.kernels import beta_binomial, layout, rows
from detectors.kernels.octets import Octets
from detectors.kernels.words import Floats, Ints, Table
from detectors.labels import Labels
from detectors.plans import Group
from detectors.recent import Recent
from detectors.tables import Tables

_WORDS: Final = 32
"""Words that a byte of what windows hold needs at most."""


class Store:
    """The memory of a partition.

    Attributes:
        arena: Its words.
        tables: The rules.
        labels: Those that the state names.
        recent: Sessions that the state may have to name.
        scratch, places: The sample at hand; see ``kernels.layout``.
        odds_keys, odds: See ``kernels.beta_binomial``.
    """

    __slots__ = (
        "_octets",
        "_packed",
        "_refs",
        "arena",
        "labels",
        "odds",
        "odds_keys",
        "places",
        "recent",
        "scratch",
        "tables",
    )

    def __init__(self, groups: Sequence[Group]) -> None:
        self.arena = Arena()
        self.tables = Tables(groups)
        self.labels = Labels()
        self.recent = Recent()
        self.scratch: Floats = np.zeros(layout.SCRATCH_FLOATS)
        self.places: Ints = np.zeros(layout.SCRATCH_INTS, np.int64)
        self.odds_keys, self.odds = beta_binomial.table()
        self._octets: Octets = np.zeros(1 << 12, np.uint8)
        self._packed: Ints = np.zeros(rows.MOST, np.int64)
        self._refs: Ints = np.zeros(layout.MOST_SUSPECTS, np.int64)

    def label_codes(self, block: Block) -> Table:
        """For each session the codes of its labels, as ``ATTRIBUTES`` has them.

        Those that only lines name have none.
        """
        codes = np.zeros((len(block.offsets), layout.LABELS), np.int64)
        for place in (
            layout.VERSION_AT,
            layout.MODEL_AT,
            layout.TASK_AT,
            layout.AGENT_AT,
        ):
            known = np.array(self.labels.codes(block.attribute_tables[place]), np.int64)
            codes[:, place] = known[block.attribute_codes[:, place]]
        return codes

    def octets(self, room: int) -> Octets:
        """So many bytes or more, to be written to."""
        if room > len(self._octets):
            self._octets = np.zeros(2 * room, np.uint8)
        return self._octets

    def read(self, packed: bytes) -> Octets:
        """Bytes to be read, with room in the arena for what they say."""
        self.arena.reserve(_WORDS * len(packed))
        return np.frombuffer(packed, np.uint8)

    def pack(self, watch: int, rule: int) -> tuple[bytes, list[int]]:
        """The state of a drift rule as bytes, and the sessions it refers to."""
        packed, refs = self._packed, self._refs
        words, count = rows.pack(
            self.arena.ints, watch, self.tables.rules, rule, packed, refs
        )
        return packed[:words].astype("<i8").tobytes(), refs[:count].tolist()

    def unpack(self, watch: int, rule: int, packed: bytes, refs: list[int]) -> None:
        """Read back what ``pack`` gave; the sessions have numbers of this store's."""
        self.arena.reserve()
        rows.unpack(
            self.arena.ints,
            self.arena.heads,
            watch,
            self.tables.rules,
            rule,
            np.frombuffer(packed, "<i8").astype(np.int64),
            np.array(refs, np.int64),
        )
