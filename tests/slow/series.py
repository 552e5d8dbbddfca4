"""A series: the sessions that share their ``by`` labels, under all of its rules."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from detectors.identity import series_labels
from detectors.kinds.anomaly import AnomalyWatch
from detectors.kinds.budget import BudgetWatch
from detectors.kinds.plans import Group, Judged, Plan
from detectors.kinds.watch import Watch
from detectors.life.lifecycle import FAR
from detectors.rules import Absence, Anomaly, Budget, Drift, Silence
from tests.slow.absence import AbsenceWatch
from tests.slow.costs import CostEachWatch, cost_watch
from tests.slow.counted import CountWatch
from tests.slow.drift import DriftWatch
from tests.slow.each import EachRateWatch, EachSessionWatch, EachWatch
from tests.slow.means import MeanWatch, SessionsMeanWatch
from tests.slow.missing import MissingWatch
from tests.slow.ranks import RankWatch, SessionsRankWatch
from tests.slow.rates import RateWatch
from tests.slow.silence import SilenceWatch
from tests.slow.spanned import SpanWatch


def watch(plan: Plan, by: dict[str, str]) -> Watch:
    """What evaluates a rule on a series, before its first sample."""
    if isinstance(plan.rule.kind, Absence):
        return AbsenceWatch(plan, by)
    if isinstance(plan.rule.kind, Silence):
        return SilenceWatch(plan, by)
    if isinstance(plan.rule.kind, Drift):
        return DriftWatch(plan, by)
    if isinstance(plan.rule.kind, Anomaly):
        return AnomalyWatch(plan, by)
    if isinstance(plan.rule.kind, Budget):
        return BudgetWatch(plan, by)
    if plan.says_why:
        return CostEachWatch(plan, by) if plan.each else cost_watch(plan, by)
    if plan.span_us:
        return SpanWatch(plan, by)
    if not plan.each:
        return _count_watch(plan, by)
    if plan.over >= 0:
        return EachRateWatch(plan, by)
    return (EachWatch if plan.column >= 0 else EachSessionWatch)(plan, by)


def _count_watch(plan: Plan, by: dict[str, str]) -> CountWatch:
    if plan.judged is Judged.RATE:
        return RateWatch(plan, by)
    if plan.judged is Judged.RANK:
        return (RankWatch if plan.column >= 0 else SessionsRankWatch)(plan, by)
    return (MeanWatch if plan.column >= 0 else SessionsMeanWatch)(plan, by)


class Series:
    """One series and the state of its rules.

    Attributes:
        salt: 64 bits of its key, by which its observations are told apart.
        group: The rules with its ``by``, perhaps none.
        needed: The bits of a mask with which every rule takes a session; -1, which
            no mask has, if the rules must be asked one by one.
        watches: For each rule its state, None before its ``where`` first matched.
        live: The states that there are, in the order of the rules.
        strangers: States of rules that this book does not have, as rows hold them.
        last_us: Largest ``ended_at`` of its sessions.
        floor_us: The series' time when that session was late.
        order: Number of the observation that set ``last_us``.
        last_offset: Of the last block that changed it.
        seq_floor: What the ``seq`` of its first lines must be above.
        apart: Not to be folded without a closer look: new, or already in its row.
        bound_us, bound_order: Where it stands among the timers.
    """

    __slots__ = (
        "apart",
        "bound_order",
        "bound_us",
        "by",
        "complete",
        "floor_us",
        "group",
        "key",
        "last_offset",
        "last_us",
        "live",
        "needed",
        "order",
        "retention_us",
        "salt",
        "seq_floor",
        "strangers",
        "touched",
        "watches",
    )

    def __init__(self, key: bytes, salt: int, group: Group, retention_us: int) -> None:
        self.key = key
        self.salt = salt
        self.by = series_labels(key)
        self.group = group
        self.watches: list[Watch | None] = [None] * len(group.plans)
        self.live: list[Watch] = []
        self.complete = False
        self.needed = -1
        self.strangers: list[list[Any]] = []
        self.retention_us = retention_us
        self.last_us = self.floor_us = -FAR
        self.order = 0
        self.last_offset = -1
        self.seq_floor = 0
        self.apart = True
        self.touched = False
        self.bound_us, self.bound_order = FAR, 0

    def open_watch(self, plan: Plan) -> Watch:
        """The state of a rule, made if it is the first time."""
        known = self.watches[plan.position]
        if known is None:
            known = self._begin(plan)
            known.life = known.life._replace(seq=self.seq_floor)
            self.watches[plan.position] = known
            self.live = [each for each in self.watches if each is not None]
            self.complete = len(self.live) == len(self.watches)
        return known

    def _begin(self, plan: Plan) -> Watch:
        if plan.of < 0:
            return watch(plan, self.by)
        return MissingWatch(plan, self.by, lambda: self.watches[plan.of])

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
        for each in gone:
            self.watches[each.plan.position] = None
        self.live = [each for each in self.live if each.kept_us > at_us]
        self.complete, self.needed = False, -1
        if self.live:
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
