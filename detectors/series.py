"""A series: the sessions that share their ``by`` labels, under all of its rules."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from detectors.absence import AbsenceWatch
from detectors.anomaly import AnomalyWatch
from detectors.budget import BudgetWatch
from detectors.costs import CostEachWatch, cost_watch
from detectors.counted import CountWatch
from detectors.drift import DriftWatch
from detectors.each import EachRateWatch, EachSessionWatch, EachWatch
from detectors.identity import series_labels
from detectors.kernels import layout
from detectors.lifecycle import FAR
from detectors.plans import Group, Plan
from detectors.rules import Absence, Anomaly, Budget, Drift
from detectors.spanned import SpanWatch
from detectors.store import Store
from detectors.watch import Watch

Compiled = AbsenceWatch | CountWatch | DriftWatch | EachWatch | SpanWatch
"""What compiled code may fold: its state is in the partition's memory."""


def watch(plan: Plan, by: dict[str, str], store: Store) -> Watch:
    """What evaluates a rule on a series, before its first sample."""
    if isinstance(plan.rule.kind, Absence):
        return AbsenceWatch(plan, by, store)
    if isinstance(plan.rule.kind, Drift):
        return DriftWatch(plan, by, store)
    if isinstance(plan.rule.kind, Anomaly):
        return AnomalyWatch(plan, by)
    if isinstance(plan.rule.kind, Budget):
        return BudgetWatch(plan, by)
    if plan.each:
        return _each_watch(plan, by, store)
    if plan.says_why:
        return cost_watch(plan, by, store)
    return (SpanWatch if plan.span_us else CountWatch)(plan, by, store)


def _each_watch(plan: Plan, by: dict[str, str], store: Store) -> EachWatch:
    if plan.says_why:
        return CostEachWatch(plan, by, store)
    if plan.over >= 0:
        return EachRateWatch(plan, by, store)
    return (EachWatch if plan.column >= 0 else EachSessionWatch)(plan, by, store)


class Series:
    """One series and the state of its rules.

    Attributes:
        group: The rules with its ``by``, perhaps none.
        watches: For each rule its state, None before its ``where`` first matched.
        live: The states that there are, in the order of the rules.
        strangers: States of rules that this book does not have, as rows hold them.
        at: Address of its words; what these mean ``kernels.layout`` says.
        number: Its place among the partition's series.
        seq_floor: What the ``seq`` of its first lines must be above.
        bound_order: With ``bound_us`` where it stands among the timers.
    """

    __slots__ = (
        "_store",
        "at",
        "bound_order",
        "by",
        "group",
        "key",
        "live",
        "number",
        "retention_us",
        "seq_floor",
        "strangers",
        "touched",
        "watches",
    )

    def __init__(  # noqa: PLR0917
        self,
        key: bytes,
        salt: int,
        group: Group,
        retention_us: int,
        store: Store,
        number: int,
    ) -> None:
        self.key = key
        self.by = series_labels(key)
        self.group = group
        self.watches: list[Watch | None] = [None] * len(group.plans)
        self.live: list[Watch] = []
        self.strangers: list[list[Any]] = []
        self.retention_us = retention_us
        self._store = store
        self.number = number
        self.at = store.arena.take(self._words)
        words = store.arena.ints
        words[self.at + layout.NUMBER] = number
        words[self.at + layout.GROUP] = max(group.number, 0)
        words[self.at + layout.IN_BLOCK] = -1
        words[self.at + layout.SALT] = salt
        self.last_us = self.floor_us = -FAR
        self.last_offset = -1
        self.seq_floor = 0
        self.touched = False
        self.bound_us, self.bound_order = FAR, 0

    @property
    def _words(self) -> int:
        return layout.WATCHES + len(self.watches)

    def _get(self, place: int) -> int:
        return int(self._store.arena.ints[self.at + place])

    def _set(self, place: int, value: int) -> None:
        self._store.arena.ints[self.at + place] = value

    @property
    def last_us(self) -> int:
        """Largest ``ended_at`` of its sessions."""
        return self._get(layout.LAST_US)

    @last_us.setter
    def last_us(self, value: int) -> None:
        self._set(layout.LAST_US, value)

    @property
    def floor_us(self) -> int:
        """The series' time when that session was late."""
        return self._get(layout.FLOOR_US)

    @floor_us.setter
    def floor_us(self, value: int) -> None:
        self._set(layout.FLOOR_US, value)

    @property
    def order(self) -> int:
        """Number of the observation that set ``last_us``."""
        return self._get(layout.ORDER)

    @order.setter
    def order(self, value: int) -> None:
        self._set(layout.ORDER, value)

    @property
    def last_offset(self) -> int:
        """Of the last block that changed it."""
        return self._get(layout.LAST_OFFSET)

    @last_offset.setter
    def last_offset(self, value: int) -> None:
        self._set(layout.LAST_OFFSET, value)

    @property
    def bound_us(self) -> int:
        """Where it stands among the timers."""
        return self._get(layout.BOUND_US)

    @bound_us.setter
    def bound_us(self, value: int) -> None:
        self._set(layout.BOUND_US, value)

    def let_in(self, fold: int, offset: int) -> None:
        """It takes part in a block that is being folded."""
        self._set(layout.IN_BLOCK, fold)
        self.last_offset = offset

    def written(self) -> None:
        """Its row has been taken: the next change makes it dirty again."""
        self._set(layout.DIRTY, 0)

    def free(self) -> None:
        """Give back what it holds of the partition's memory."""
        for each in self.live:
            each.free()
        self._store.arena.give(self.at, self._words)

    def open_watch(self, plan: Plan) -> Watch:
        """The state of a rule, made if it is the first time."""
        known = self.watches[plan.position]
        if known is None:
            known = watch(plan, self.by, self._store)
            known.life = known.life._replace(seq=self.seq_floor)
            self.watches[plan.position] = known
            if isinstance(known, Compiled):
                self._set(layout.WATCHES + plan.position, known.at)
            self.live = [each for each in self.watches if each is not None]
        return known

    def due(self) -> tuple[int, int]:
        """When its next timer is due, and which observation set it."""
        earliest = self._retention()
        for each in self.live:
            earliest = min(earliest, each.due())
        return earliest

    def _retention(self) -> tuple[int, int]:
        """When it is to be forgotten, or at first what of it need not be kept."""
        idle_us = max(self.last_us + self.retention_us, self.floor_us)
        if self.live and (least := min(each.kept_us for each in self.live)) > idle_us:
            return least, self.order
        return idle_us, self.order

    def keep(self, at_us: int) -> list[Watch]:
        """Let go of the rules that need not be kept any longer; those are returned.

        If some are left, the next session is to the series as its first.
        """
        gone = [each for each in self.live if each.kept_us <= at_us]
        self.live = [each for each in self.live if each.kept_us > at_us]
        if self.live:
            for each in gone:
                self.watches[each.plan.position] = None
                self._set(layout.WATCHES + each.plan.position, 0)
            self.last_us, self.floor_us = -FAR, at_us
        return gone

    def due_watch(self, due: tuple[int, int]) -> Watch | None:
        """Whose timer that is; None if the series itself is to be forgotten."""
        for each in self.live:
            if each.due() == due:
                return each
        return None

    def awake(self, now_us: int) -> None:
        """After a long silence: let baselines drop what they no longer reach."""
        for each in self.live:
            if isinstance(each, CountWatch):
                each.awake(now_us)

    def opened(self) -> Iterator[Watch]:
        """Its open alerts."""
        return (each for each in self.live if each.life.state.is_open)
