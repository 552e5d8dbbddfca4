"""A series: the sessions that share their ``by`` labels, under all of its rules."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from detectors.identity import series_labels
from detectors.kernels import layout
from detectors.kernels.words import Ints
from detectors.kinds.absence import AbsenceWatch
from detectors.kinds.anomaly import AnomalyWatch
from detectors.kinds.budget import BudgetWatch
from detectors.kinds.compiled_watch import CompiledWatch
from detectors.kinds.costs import CostEachWatch, cost_watch
from detectors.kinds.counted import CountWatch
from detectors.kinds.drift import DriftWatch
from detectors.kinds.each import EachRateWatch, EachSessionWatch, EachWatch
from detectors.kinds.missing import MissingWatch
from detectors.kinds.plans import Group, Plan
from detectors.kinds.silence import SilenceWatch
from detectors.kinds.spanned import SpanWatch
from detectors.kinds.watch import Watch
from detectors.life.lifecycle import FAR
from detectors.rules import Absence, Anomaly, Budget, Drift, Silence
from detectors.state.store import Store
from detectors.transitions import State


class Word:
    """An attribute of a series that is a word of its own.

    Args:
        place: Which.
    """

    __slots__ = ("_place",)

    def __init__(self, place: int) -> None:
        self._place = place

    def __get__(self, series: Series, _owner: object = None) -> int:
        return int(series.words[series.at + self._place])

    def __set__(self, series: Series, value: int) -> None:
        series.words[series.at + self._place] = value


def watch(plan: Plan, by: dict[str, str], store: Store, at: int) -> Watch:
    """What evaluates a rule on a series; its words are at an address, 0 without."""
    if isinstance(plan.rule.kind, Absence):
        return AbsenceWatch(plan, by, store, at)
    if isinstance(plan.rule.kind, Silence):
        return SilenceWatch(plan, by, store, at)
    if isinstance(plan.rule.kind, Drift):
        return DriftWatch(plan, by, store, at)
    if isinstance(plan.rule.kind, Anomaly):
        return AnomalyWatch(plan, by)
    if isinstance(plan.rule.kind, Budget):
        return BudgetWatch(plan, by)
    if plan.each:
        return _each_watch(plan, by, store, at)
    if plan.says_why:
        return cost_watch(plan, by, store, at)
    return (SpanWatch if plan.span_us else CountWatch)(plan, by, store, at)


def _each_watch(plan: Plan, by: dict[str, str], store: Store, at: int) -> EachWatch:
    if plan.says_why:
        return CostEachWatch(plan, by, store, at)
    if plan.over >= 0:
        return EachRateWatch(plan, by, store, at)
    return (EachWatch if plan.column >= 0 else EachSessionWatch)(plan, by, store, at)


class Series:
    """One series and the state of its rules, as Python works on it.

    Its numbers are words in the partition's memory, and while nothing is wrong there
    need be nothing else: then it is let go, and found again there.

    Attributes:
        group: The rules with its ``by``, perhaps none.
        strangers: States of rules that this book does not have, as rows hold them.
        at: Address of its words; what these mean ``kernels.layout`` says.
    """

    __slots__ = (
        "_retention_us",
        "_store",
        "_watches",
        "at",
        "by",
        "group",
        "key",
        "strangers",
    )

    def __init__(
        self, key: bytes, group: Group, at: int, store: Store, retention_us: int
    ) -> None:
        self.key = key
        self.by = series_labels(key)
        self.group = group
        self.at = at
        self._watches: list[Watch | None] = [None] * len(group.plans)
        self.strangers: list[list[Any]] = []
        self._store = store
        self._retention_us = retention_us

    last_us = Word(layout.LAST_US)
    floor_us = Word(layout.FLOOR_US)
    order = Word(layout.ORDER)
    last_offset = Word(layout.LAST_OFFSET)
    bound_us = Word(layout.BOUND_US)
    bound_order = Word(layout.BOUND_ORDER)
    seq_floor = Word(layout.SEQ_FLOOR)

    @property
    def words(self) -> Ints:
        """The partition's memory."""
        return self._store.arena.ints

    @property
    def watches(self) -> list[Watch | None]:
        """For each rule its state, None before its ``where`` first matched."""
        begin = self.at + layout.WATCHES
        words = self._store.arena.ints[begin : begin + len(self._watches)]
        for position in np.flatnonzero(words).tolist():
            self.watch_at(position)
        return self._watches

    def _awake(self, plan: Plan, at: int) -> Watch:
        """The watch whose words are at an address, where all is well."""
        quiet = self._store.arena.ints[at + layout.QUIET]
        state = State.OK if quiet == layout.ALL_WELL else State.INSUFFICIENT
        known = self._begin(plan, at)
        assert isinstance(known, CompiledWatch)  # noqa: S101 - no other has words
        known.wake(state)
        known.settle()
        return known

    def watch_at(self, position: int) -> Watch | None:
        """The state of one rule, None before its ``where`` first matched."""
        known = self._watches[position]
        if known is None:
            at = int(self._store.arena.ints[self.at + layout.WATCHES + position])
            if at:
                known = self._awake(self.group.plans[position], at)
                self._watches[position] = known
        return known

    def known_at(self, position: int) -> Watch | None:
        """The same if it is an object already: others are nothing but words."""
        return self._watches[position]

    @property
    def _timed(self) -> Iterator[Watch]:
        """The states that may have a timer: of others nothing but words is known."""
        kinds = self._store.tables.rules[:, layout.KIND]
        for position, plan in enumerate(self.group.plans):
            known = self._watches[position]
            if known is None and kinds[plan.row] in _TIMED:
                known = self.watch_at(position)
            if known is not None:
                yield known

    def _begin(self, plan: Plan, at: int) -> Watch:
        if plan.of < 0:
            return watch(plan, self.by, self._store, at)
        return MissingWatch(
            plan, self.by, self._store, at, lambda: self.watch_at(plan.of)
        )

    @property
    def live(self) -> list[Watch]:
        """The states that there are, in the order of the rules."""
        return [each for each in self.watches if each is not None]

    def open_watch(self, plan: Plan) -> Watch:
        """The state of a rule, made if it is the first time."""
        known = self.watch_at(plan.position)
        if known is None:
            at = self._store.begin_watch(plan.row)
            known = self._begin(plan, at)
            known.life = known.life._replace(seq=self.seq_floor)
            known.settle()
            self._watches[plan.position] = known
            self._store.arena.ints[self.at + layout.WATCHES + plan.position] = at
        return known

    @property
    def plain(self) -> bool:
        """Whether its words say all there is to say."""
        return not self.strangers and all(
            each is None or (isinstance(each, CompiledWatch) and _plain(each))
            for each in self._watches
        )

    def rest(self) -> None:
        """Write into its words what is left of its alerts' lives."""
        for each in self._watches:
            if isinstance(each, CompiledWatch):
                each.rest()

    def due(self) -> tuple[int, int]:
        """When its next timer is due, and which observation set it."""
        timed = list(self._timed)
        earliest = self._retention(timed)
        for each in timed:
            earliest = min(earliest, each.due())
        return earliest

    def _retention(self, known: list[Watch]) -> tuple[int, int]:
        """When it is to be forgotten, or at first what of it need not be kept."""
        idle_us = max(self.last_us + self._retention_us, self.floor_us)
        live = known if len(known) == self._count else []
        if live and (least := min(each.kept_us for each in live)) > idle_us:
            return least, self.order
        return idle_us, self.order

    @property
    def _count(self) -> int:
        """How many of its rules have a state."""
        begin = self.at + layout.WATCHES
        words = self._store.arena.ints[begin : begin + len(self._watches)].tolist()
        pairs = zip(words, self._watches, strict=True)
        return sum(bool(at) or known is not None for at, known in pairs)

    def keep(self, at_us: int) -> list[Watch]:
        """Let go of the rules that need not be kept any longer; those are returned.

        If some are left, the next session is to the series as its first.
        """
        live = self.live
        gone = [each for each in live if each.kept_us <= at_us]
        for each in gone:
            position = each.plan.position
            self._watches[position] = None
            self._store.arena.ints[self.at + layout.WATCHES + position] = 0
        if len(gone) < len(live):
            self.last_us, self.floor_us = -FAR, at_us
        return gone

    def wait_until(self, at_us: int) -> None:
        """Let nothing be due before a time."""
        self.floor_us = max(self.floor_us, at_us)
        for each in self.live:
            each.wait_until(at_us)

    def due_watch(self, due: tuple[int, int]) -> Watch | None:
        """Whose timer that is; None if the series itself is to be forgotten."""
        for each in self._timed:
            if each.due() == due:
                return each
        return None

    def opened(self) -> Iterator[Watch]:
        """Its open alerts."""
        known = (each for each in self._watches if each is not None)
        return (each for each in known if each.life.state.is_open)


_TIMED: Final = frozenset({layout.ABSENCE, layout.SILENCE, layout.TIMED})
"""Kinds of rules whose words alone set a timer."""


def _plain(watch: CompiledWatch) -> bool:
    if not (watch.at and watch.words_alone):
        return False
    settled = watch.life.state is State.OK or watch.life.state is State.INSUFFICIENT
    calm = not watch.life.flap.times
    return settled and calm and watch.breach is None and watch.anchor is None
