"""What the series of a partition share: memory, tables, names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from detectors.kernels import beta_binomial, layout, rows, sound
from detectors.kernels.births import begin_watch
from detectors.kernels.ends import free_watch
from detectors.kernels.giving import all_given
from detectors.kernels.suspects import refer
from detectors.kernels.words import Floats, Grid, Ints, Table
from detectors.kinds.plans import Group
from detectors.peers.lending import Lending
from detectors.state.arena import Arena
from detectors.state.blocks import Block
from detectors.state.labels import Labels
from detectors.state.paper import DAMAGED, Paper, words_of
from detectors.state.recent import Recent
from detectors.state.tables import Tables
from detectors.transitions import State

_QUIET: Final = {State.OK: layout.ALL_WELL, State.INSUFFICIENT: layout.TOO_YOUNG}


class Store:
    """The memory of a partition.

    Attributes:
        arena: Its words.
        tables: The rules.
        labels: Those that the state names.
        lending: What new series begin with.
        recent: Sessions that the state may have to name.
        scratch, places: The sample at hand; see ``kernels.layout``.
        given, given_floats: What series say for others to borrow, to be added up.
        said: Which series can be judged from now on; see ``kernels.layout``.
        odds_keys, odds: See ``kernels.beta_binomial``.
        paper: Takes words of rows.
    """

    __slots__ = (
        "_refs",
        "arena",
        "given",
        "given_floats",
        "labels",
        "lending",
        "odds",
        "odds_keys",
        "paper",
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
        self.lending = Lending(self.tables, self.labels)
        self.recent = Recent()
        self.scratch: Floats = np.zeros(layout.SCRATCH_FLOATS)
        self.places: Ints = np.zeros(layout.SCRATCH_INTS, np.int64)
        self.odds_keys, self.odds = beta_binomial.table()
        self.given: Table = np.zeros((layout.GIVEN_ROOM, layout.GIVEN_INTS), np.int64)
        width = layout.MOST_FACETS * layout.GIVEN_FLOATS
        self.given_floats: Grid = np.zeros((layout.GIVEN_ROOM, width))
        self.paper = Paper()
        self.said: Table = np.zeros((layout.SAID_ROOM, layout.SAID_INTS), np.int64)
        self._refs: Ints = np.zeros(layout.MOST_SUSPECTS, np.int64)

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

    def read(self, packed: bytes) -> Ints:
        """Words that have been packed, with room in the arena for what they say.

        Raises:
            ValueError: The bytes are none.
        """
        words = words_of(packed)
        self.arena.reserve(rows.arena_room(len(words)))
        return words

    def pack(self, watch: int, rule: int) -> tuple[bytes, list[bytes]]:
        """A rule's state as bytes, and the sessions it refers to."""
        arena, tables = self.arena, self.tables
        out = self.paper.room(rows.room(arena.ints, watch, tables.rules, rule))
        words, count = rows.pack(
            arena.floats,
            arena.ints,
            watch,
            tables.rules,
            tables.rule_floats,
            rule,
            out,
            0,
            self._refs,
            0,
        )
        refs = self._refs[:count].tolist()
        return self.paper.packed(words), [self.recent.row(ref) for ref in refs]

    def unpack(
        self, watch: int, rule: int, packed: bytes, told: Sequence[bytes]
    ) -> None:
        """Read back what ``pack`` gave into a watch that is new.

        Raises:
            ValueError: It gave nothing of the kind.
        """
        words = self.read(packed)
        arena, tables = self.arena, self.tables
        if not sound.is_sound(words, 0, len(words), tables.rules, rule, len(told)):
            raise ValueError(DAMAGED)
        rows.unpack(
            arena.floats,
            arena.ints,
            arena.heads,
            watch,
            tables.rules,
            tables.rule_floats,
            rule,
            words,
            0,
            self._told(told),
            self.scratch,
        )

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
        free_watch(arena.ints, arena.heads, watch, self.tables.rules, rule)

    def forget_sessions(self, series: Ints, groups: Sequence[Group]) -> None:
        """Let go of the sessions that no series refers to.

        Args:
            series: The addresses of all.
            groups: All groups, by number.
        """
        counts = np.array([len(group.plans) for group in groups], np.int64)
        found, progress = np.zeros(1 << 12, np.int64), np.zeros(2, np.int64)
        tables = self.tables
        while not refer(
            self.arena.ints,
            series,
            counts,
            tables.rules,
            tables.first_rules,
            found,
            progress,
        ):
            found = np.concatenate((found, np.zeros_like(found)))
        self.recent.retain(np.unique(found[: progress[1]]))

    def _told(self, told: Sequence[bytes]) -> Ints:
        return np.array([self.recent.keep_row(each) for each in told], np.int64)
