"""What the series of a partition share: memory, tables, names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from detectors.arena import Arena
from detectors.blocks import Block
from detectors.kernels import beta_binomial, layout, rows, squeezing
from detectors.kernels.births import begin_watch
from detectors.kernels.giving import all_given
from detectors.kernels.octets import Octets
from detectors.kernels.words import Floats, Grid, Ints, Table
from detectors.labels import Labels
from detectors.plans import Group
from detectors.recent import Recent, Told
from detectors.tables import Tables
from detectors.transitions import State

_DAMAGED: Final = "the words of a row are damaged"
_QUIET: Final = {State.OK: layout.ALL_WELL, State.INSUFFICIENT: layout.TOO_YOUNG}

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
        given, given_floats: What series say for others to borrow, to be added up.
        said: Which series can be judged from now on; see ``kernels.layout``.
        odds_keys, odds: See ``kernels.beta_binomial``.
    """

    __slots__ = (
        "_octets",
        "_packed",
        "_refs",
        "_squeezed",
        "arena",
        "given",
        "given_floats",
        "labels",
        "odds",
        "odds_keys",
        "places",
        "recent",
        "said",
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
        self.given: Table = np.zeros((layout.GIVEN_ROOM, layout.GIVEN_INTS), np.int64)
        width = layout.MOST_FACETS * layout.GIVEN_WIDTH
        self.given_floats: Grid = np.zeros((layout.GIVEN_ROOM, width))
        self.said: Table = np.zeros((layout.SAID_ROOM, layout.SAID_INTS), np.int64)
        self._octets: Octets = np.zeros(1 << 12, np.uint8)
        self._packed: Ints = np.zeros(4 * rows.MOST, np.int64)
        self._squeezed = np.zeros(squeezing.MOST * len(self._packed), np.uint8)
        self._refs: Ints = np.zeros(4 * layout.MOST_SUSPECTS, np.int64)

    def settle(self, watch: int, state: State) -> None:
        """Say in a watch's words whether sessions may be folded without asking."""
        self.arena.ints[watch + layout.QUIET] = _QUIET.get(state, layout.ALWAYS_ASK)

    def begin_watch(self, rule: int) -> int:
        """The address of a new state of a rule; 0 if it has none here."""
        self.arena.reserve()
        tables, arena = self.tables, self.arena
        return int(
            begin_watch(
                arena.floats,
                arena.ints,
                arena.heads,
                tables.rules,
                tables.rule_floats,
                rule,
                tables.facets,
            )
        )

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

    def pack(self, watch: int, rule: int) -> tuple[bytes, list[Told]]:
        """A rule's state as bytes, and the sessions it refers to."""
        words, count = rows.pack(
            self.arena.ints,
            watch,
            self.tables.rules,
            rule,
            self._packed,
            0,
            self._refs,
            0,
        )
        refs = self._refs[:count].tolist()
        return self._bytes(words), [self.recent.find(ref) for ref in refs]

    def unpack(
        self, watch: int, rule: int, packed: bytes, told: Sequence[list[Any]]
    ) -> None:
        """Read back what ``pack`` gave, in place of what there was.

        Raises:
            ValueError: It gave nothing of the kind.
        """
        self.arena.reserve()
        arena, rules, words = self.arena, self.tables.rules, words_of(packed)
        if not rows.is_sound(words, 0, len(words), rules, rule, len(told)):
            raise ValueError(_DAMAGED)
        refs = self._told(told)
        rows.unpack(arena.ints, arena.heads, watch, rules, rule, words, 0, refs)

    def pack_series(self, series: int, group: Group) -> tuple[bytes, list[Told]]:
        """The states of a series with which all is well, and the sessions they name."""
        count = len(group.plans)
        if count * rows.MOST > len(self._packed):
            self._packed = np.zeros(count * rows.MOST, np.int64)
            self._refs = np.zeros(count * layout.MOST_SUSPECTS, np.int64)
        words, known = rows.pack_series(
            self.arena.ints,
            series,
            count,
            self.tables.rules,
            int(self.tables.first_rules[group.number]),
            self._packed,
            self._refs,
        )
        refs = self._refs[:known].tolist()
        return self._bytes(words), [self.recent.find(ref) for ref in refs]

    def unpack_series(
        self, series: int, group: Group, packed: bytes, told: Sequence[list[Any]]
    ) -> None:
        """Read back what ``pack_series`` gave, by a group with the same rules.

        Raises:
            ValueError: It gave nothing of the kind.
        """
        words, count = words_of(packed), len(group.plans)
        first = int(self.tables.first_rules[group.number])
        rules, arena = self.tables.rules, self.arena
        if not rows.are_sound(words, count, rules, first, len(told)):
            raise ValueError(_DAMAGED)
        refs = self._told(told)
        while not rows.unpack_series(
            arena.ints, arena.heads, series, rules, first, words, refs
        ):
            self.give_watches(series, group)
            arena.grow()

    def give_watches(self, series: int, group: Group) -> None:
        """Take back the states of a series."""
        ints = self.arena.ints
        for position, plan in enumerate(group.plans):
            watch = int(ints[series + layout.WATCHES + position])
            if watch:
                self.give_watch(watch, plan.row)
                ints[series + layout.WATCHES + position] = 0

    def take_back(self, watch: int, rule: int) -> None:
        """What a rule on a series has said for others to borrow is no longer so."""
        known = int(self.places[layout.GIVEN_COUNT])
        if known + layout.GIVEN_MOST > len(self.given):
            # Many series may be forgotten before anybody adds up.
            self.given = np.concatenate((self.given, np.zeros_like(self.given)))
            floats = self.given_floats
            self.given_floats = np.concatenate((floats, np.zeros_like(floats)))
        all_given(
            self.arena.floats,
            self.arena.ints,
            watch,
            self.tables.rules,
            rule,
            -1,
            self.places,
            self.given,
            self.given_floats,
        )

    def give_watch(self, watch: int, rule: int) -> None:
        """Take back a rule's state."""
        arena = self.arena
        rows.free_watch(arena.ints, arena.heads, watch, self.tables.rules, rule)

    def due(self, series: int, group: Group, retention_us: int) -> tuple[int, int]:
        """See ``kernels.rows.due``."""
        tables = self.tables
        due_us, order = rows.due(
            self.arena.floats,
            self.arena.ints,
            series,
            len(group.plans),
            tables.rules,
            int(tables.first_rules[group.number]),
            tables.after_us,
            retention_us,
            self.scratch,
        )
        return int(due_us), int(order)

    def forget_sessions(self, series: Ints, groups: Sequence[Group]) -> None:
        """Let go of the sessions that no series refers to.

        Args:
            series: The addresses of all.
            groups: All groups, by number.
        """
        counts = np.array([len(group.plans) for group in groups], np.int64)
        found, progress = np.zeros(1 << 12, np.int64), np.zeros(2, np.int64)
        tables = self.tables
        while not rows.refer(
            self.arena.ints,
            series,
            counts,
            tables.rules,
            tables.first_rules,
            found,
            progress,
        ):
            found = np.concatenate((found, np.zeros_like(found)))
        self.recent.retain(np.unique(found[: progress[1]]).tolist())

    def _bytes(self, words: int) -> bytes:
        if squeezing.MOST * words > len(self._squeezed):
            self._squeezed = np.zeros(squeezing.MOST * len(self._packed), np.uint8)
        count = squeezing.squeeze(self._packed, words, self._squeezed)
        return int(words).to_bytes(4, "little") + self._squeezed[:count].tobytes()

    def _told(self, told: Sequence[list[Any]]) -> Ints:
        return np.array([self.recent.keep_told(each) for each in told], np.int64)


def words_of(packed: bytes) -> Ints:
    """The words of a state that has been packed.

    Raises:
        ValueError: The bytes are none.
    """
    count = int.from_bytes(packed[:4], "little")
    squeezed = np.frombuffer(bytearray(packed[4:]), np.uint8)
    if count > 2 * len(squeezed):
        raise ValueError(_DAMAGED)
    words = np.zeros(count, np.int64)
    if not squeezing.spread(squeezed, count, words):
        raise ValueError(_DAMAGED)
    return words


def bytes_of(words: Ints) -> bytes:
    """Words as ``Store.pack`` has them."""
    out = np.zeros(squeezing.MOST * len(words) + 1, np.uint8)
    count = squeezing.squeeze(words, len(words), out)
    return len(words).to_bytes(4, "little") + out[:count].tobytes()
