"""One block is folded: compiled code goes ahead, Python answers when it stops."""

from __future__ import annotations

from typing import Final

import numpy as np

from detectors.identity import series_labels
from detectors.kernels import fold as kernel
from detectors.kernels import layout
from detectors.kernels.drift import WHOLLY
from detectors.kernels.words import Ints
from detectors.kinds.compiled_watch import CompiledWatch
from detectors.kinds.counted import CountWatch
from detectors.kinds.drift import DriftWatch
from detectors.kinds.each import EachWatch
from detectors.kinds.plans import Group
from detectors.kinds.silence import SilenceWatch
from detectors.kinds.spanned import SpanWatch
from detectors.life.lifecycle import FAR
from detectors.peers.giving import Giving
from detectors.state.blocks import Block
from detectors.state.checkpoints import Checkpoints
from detectors.state.passing import refresh
from detectors.state.population import Population
from detectors.state.seals import salt_of
from detectors.state.series import Series
from detectors.state.series import watch as made
from detectors.state.stage import Stage
from detectors.state.store import Store
from detectors.state.tables import Masks
from detectors.transitions import State

UNKNOWN: Final = -FAR
"""The clock while a source has not been heard of."""

_NOTHING: Final = np.zeros(0, np.int64)


class Folder:
    """Folds the blocks of a partition, one after the other.

    Attributes:
        cursor: Where the fold stands; see ``kernels.fold``.
    """

    __slots__ = (
        "_block",
        "_checkpoints",
        "_everyone",
        "_found",
        "_giving",
        "_groups",
        "_heralds",
        "_idle_us",
        "_masks",
        "_stage",
        "_store",
        "cursor",
    )

    def __init__(  # noqa: PLR0917
        self,
        groups: list[Group],
        everyone: Population,
        checkpoints: Checkpoints,
        stage: Stage,
        store: Store,
        giving: Giving,
        idle_us: int,
    ) -> None:
        self._groups = groups
        self._everyone = everyone
        self._checkpoints = checkpoints
        self._stage = stage
        self._store = store
        self._giving = giving
        self._idle_us = idle_us
        self._masks = Masks(groups)
        self._heralds: dict[int, CompiledWatch] = {}
        self._block: Block = stage.block
        self._found: Ints = _NOTHING
        self.cursor: Ints = np.zeros(kernel.WORDS, np.int64)

    def forget_masks(self) -> None:
        """The bits of masks mean something else from now on."""
        self._masks.clear()

    def salts(self, block: Block) -> Ints:
        """For each key of a block what tells its observations; finds the series."""
        keys, words = block.keys, self._store.arena.ints
        found = self._everyone.find(keys)
        salts: Ints = words[found + layout.SALT]
        salts[found == 0] = 0
        for place in np.flatnonzero(salts == 0).tolist():
            salts[place] = salt_of(keys[place])
            if found[place]:
                # It was restored, and is met for the first time since.
                words[found[place] + layout.SALT] = salts[place]
        self._found = found
        return salts

    def fold(
        self,
        block: Block,
        offset: int,
        *,
        applied: int,
        own_us: int,
        others_us: int,
        clock_us: int,
        order: int,
        doubles: Ints,
    ) -> Ints:
        """Fold a block; the cursor as it stands at the end.

        Args:
            block: Its series have been found by ``salts``.
            offset: Of the block among the observations.
            applied: Highest source offset folded before.
            own_us: Time of the block's source.
            others_us: The smallest of the other sources' times.
            clock_us: The partition's time.
            order: Number of the last observation.
            doubles: For each observation whether it has been seen; empty: none has.
        """
        cursor, stage, store = self.cursor, self._stage, self._store
        everyone = self._everyone
        self._block = block
        self._checkpoints.make_room(len(block.keys))
        judged_from_us = block.judged_from_us
        cursor[kernel.POSITION] = cursor[kernel.STEP] = 0
        cursor[kernel.SESSION] = -1
        cursor[kernel.APPLIED], cursor[kernel.OWN_US] = applied, own_us
        cursor[kernel.OTHERS_US], cursor[kernel.CLOCK_US] = others_us, clock_us
        cursor[kernel.ORDER], cursor[kernel.OFFSET] = order, offset
        cursor[kernel.JUDGED_FROM_US] = (
            UNKNOWN if judged_from_us is None else judged_from_us
        )
        cursor[kernel.IDLE_US] = self._idle_us
        cursor[kernel.FOLD] += 1
        cursor[kernel.SESSIONS : kernel.TURNED_AWAY + 1] = 0
        codes = store.label_codes(block)
        cursor[kernel.REF] = first = store.recent.add(block)
        stage.begin(block, codes, first)
        store.places[layout.PEERS] = stage.parents.known
        store.lending.follow(stage.parents)
        masks = self._masks.rows(block.mask_table)
        rows = masks[block.mask_codes] if len(masks) else _NOTHING
        tables, arena = store.tables, store.arena
        while True:
            cursor[kernel.DUE_US] = everyone.earliest_us
            why = kernel.fold(
                cursor,
                arena.floats,
                arena.ints,
                arena.heads,
                self._checkpoints.changed,
                tables.rules,
                tables.rule_floats,
                tables.facets,
                tables.facet_floats,
                tables.first_rules,
                self._masks.taken_from,
                self._masks.taken,
                block.offsets,
                block.clocks_us,
                block.ended_at_us,
                block.values,
                codes,
                block.observed,
                block.series,
                rows,
                doubles,
                self._found,
                store.scratch,
                store.places,
                store.odds_keys,
                store.odds,
                store.given,
                store.given_floats,
                store.said,
                store.lending.lent,
                store.lending.kin,
            )
            if self._store.places[layout.SAID_COUNT]:
                self._say()
            if why == kernel.DONE:
                return cursor
            self._answer(why)

    def _answer(self, why: int) -> None:
        """Do what compiled code cannot, and let it go on behind it."""
        cursor, stage = self.cursor, self._stage
        stage.order = int(cursor[kernel.ORDER])
        if self._store.places[layout.GIVEN_COUNT] > layout.GIVEN_ROOM // 2:
            self._giving.add_up()
        if why == kernel.FULL:
            self._giving.add_up()
            self._store.arena.reserve()
        elif why == kernel.TIMERS:
            stage.at = -1
            if self._everyone.run(int(cursor[kernel.CLOCK_US])):
                self._find_again()
        elif why == kernel.STRANGE:
            stage.at = int(cursor[kernel.SESSION])
            self._admit()
        elif why == kernel.OWN_TIMERS:
            self._run_own()
        elif why == kernel.AWAKE:
            self._refresh()
        elif why == kernel.PLACE:
            place = self._place()
            self._everyone.timers.place(
                int(self._found[place]), self._block.keys[place]
            )
        else:
            stage.at = int(cursor[kernel.SESSION])
            self._ask()

    def _say(self) -> None:
        """Say which series can be judged from now on, and are well."""
        store, stage, everyone = self._store, self._stage, self._everyone
        count = int(store.places[layout.SAID_COUNT])
        store.places[layout.SAID_COUNT] = 0
        first = int(self.cursor[kernel.REF])
        last, by = -1, dict[str, str]()
        for row, at, number, ref, now_us in store.said[:count].tolist():
            plan = store.tables.plans[row]
            series = everyone.awake.get(everyone.keys[number])
            watch = None if series is None else series.known_at(plan.position)
            if watch is None:
                if number != last:
                    last, by = number, series_labels(everyone.keys[number])
                watch = self._herald(row, by, at)
            assert isinstance(watch, DriftWatch | EachWatch)  # noqa: S101 - see kernels
            stage.at = ref - first
            watch.judge_well(now_us, stage)

    def _herald(self, row: int, by: dict[str, str], at: int) -> CompiledWatch:
        """What speaks for a rule on a series that is nothing but words."""
        watch = self._heralds.get(row)
        if watch is None:
            found = made(self._store.tables.plans[row], by, self._store, at)
            assert isinstance(found, CompiledWatch)  # noqa: S101 - only these are words
            watch = self._heralds[row] = found
        # To be made anew for each line would take longer than to write it.
        watch.by, watch.at = by, at
        watch.wake(State.INSUFFICIENT)
        return watch

    def _find_again(self) -> None:
        self._found = self._everyone.find(self._block.keys)

    def _place(self) -> int:
        """The place of the observation's series among the block's keys."""
        return int(self._block.series[self.cursor[kernel.POSITION]])

    def _series(self) -> Series:
        """The series at hand."""
        return self._everyone.get(self._block.keys[self._place()])

    def _next(self) -> None:
        """Nothing is left to do about the observation."""
        self.cursor[kernel.POSITION] += 1
        self.cursor[kernel.STEP] = kernel.BEGUN

    def _admit(self) -> None:
        cursor, place = self.cursor, self._place()
        ended_us = int(self._block.ended_at_us[cursor[kernel.SESSION]])
        offset = int(cursor[kernel.OFFSET])
        places = self._everyone.places
        turned_away = places.turned_away
        address = self._everyone.admit(
            self._block.keys[place],
            offset,
            ended_us,
            max(int(cursor[kernel.CLOCK_US]), ended_us),
        )
        if not address:
            if places.turned_away > turned_away:
                cursor[kernel.TURNED_AWAY] += 1
                if offset > places.ahead:
                    # Nor does any other, until a series is gone.
                    self._found[self._found == 0] = kernel.NO_PLACE
            self._next()
            return
        words = self._store.arena.ints
        words[address + layout.IN_BLOCK] = cursor[kernel.FOLD]
        words[address + layout.LAST_OFFSET] = offset
        self._found[place] = address

    def _run_own(self) -> None:
        place, now_us = self._place(), int(self.cursor[kernel.NOW_US])
        key, address = self._block.keys[place], int(self._found[place])
        self._stage.at = -1
        if self._everyone.run_own(key, address, now_us):
            self._stage.at = int(self.cursor[kernel.SESSION])
            self._found[place] = 0
            if self._everyone.places.most is not None:
                self._find_again()

    def _refresh(self) -> None:
        store, address = self._store, int(self._found[self._place()])
        group = self._everyone.group_at(address)
        refresh(store, address, group, int(self.cursor[kernel.NOW_US]))

    def _ask(self) -> None:
        """Let the rules speak that have something to say, or are not compiled."""
        cursor, stage, block = self.cursor, self._stage, self._block
        series = self._series()
        words = self._store.arena.ints
        self._store.places[layout.OF_SERIES] = words[series.at + layout.NUMBER]
        group = series.group
        position, session = int(cursor[kernel.POSITION]), stage.at
        mask = block.mask_table[block.mask_codes[position]]
        taken = self._masks.positions(mask, group.number)
        ended_us = int(block.ended_at_us[session])
        now_us = int(cursor[kernel.NOW_US])
        old = ended_us < cursor[kernel.JUDGED_FROM_US]
        left = int(cursor[kernel.LEFT])
        news = False
        kinds = self._store.tables.rules[:, layout.KIND]
        which = int(cursor[kernel.RULE])
        while True:
            plan = group.plans[taken[which]]
            watch = series.watch_at(plan.position)
            if watch is None:
                # With it the series may have to be forgotten sooner than before.
                watch, news = series.open_watch(plan), True
            if left != WHOLLY and isinstance(
                watch, CountWatch | DriftWatch | SilenceWatch | SpanWatch
            ):
                news = watch.go_on(left, now_us, stage) is not None or news
            elif not (old and isinstance(watch, EachWatch)):
                told = watch.sample(stage.values, ended_us, now_us, stage)
                news = told is not None or news
            which, left = which + 1, WHOLLY
            if which == len(taken):
                self._next()
                break
            if kinds[group.plans[taken[which]].row] != layout.PYTHON:
                cursor[kernel.RULE] = which
                break
        if news:
            self._everyone.place(series)
