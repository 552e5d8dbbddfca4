"""The rules as tables of numbers, for what is compiled."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import nan
from typing import Final

import numpy as np

from detectors.cost.causes import chunks
from detectors.kernels import layout as at
from detectors.kernels.bets import width as bets_width
from detectors.kernels.creeps import CREEP_WIDTH, MARK_US
from detectors.kernels.factors import FACTORS_WIDTH
from detectors.kernels.norms import width
from detectors.kernels.rulers import LOG_SCALE, LOGIT_SCALE, NO_SCALE, SQRT_SCALE
from detectors.kernels.steps import WIDEST, together
from detectors.kernels.window_factors import WINDOW_FACTORS_WIDTH
from detectors.kernels.words import Grid, Ints, Table
from detectors.kinds.plans import Group, Judged, Plan
from detectors.kinds.sensitivities import SETTINGS
from detectors.life.lifecycle import FAR
from detectors.metrics import COLUMN, Aggregate, Scale
from detectors.normal.facets import Facet, facets
from detectors.peers.fleets import Fleet, Fleets
from detectors.rules import (
    Absence,
    Baseline,
    Budget,
    Drift,
    NoData,
    Silence,
    Threshold,
)

_JUDGED: Final = {
    Judged.RATE: at.JUDGED_RATE,
    Judged.MEAN: at.JUDGED_MEAN,
    Judged.SUM: at.JUDGED_SUM,
    Judged.COUNT: at.JUDGED_COUNT,
    Judged.RANK: at.JUDGED_RANK,
}
_SCALES: Final = {
    Scale.LOG: LOG_SCALE,
    Scale.SQRT: SQRT_SCALE,
    Scale.LOGIT: LOGIT_SCALE,
    Scale.RATE: NO_SCALE,
}
_CODED: Final = frozenset({"agent", "task_type", "model"})
"""Labels that the state has codes of."""
_FIRST: Final = {"agent": at.FIRST_AGENT, "task_type": at.FIRST_TASK}


class Tables:
    """All rules of a partition.

    Attributes:
        rules, rule_floats, facets, facet_floats: See ``kernels.layout``.
        first_rules: For each group the row of its first rule.
        plans: For each row its rule.
        after_us: For each rule on silence how long it may last, else 0.
    """

    __slots__ = (
        "_drifts",
        "after_us",
        "facet_floats",
        "facets",
        "first_rules",
        "plans",
        "rule_floats",
        "rules",
    )

    def __init__(self, groups: Sequence[Group]) -> None:
        rules: list[list[int]] = []
        floats: list[list[float]] = []
        known: list[list[int]] = []
        known_floats: list[list[float]] = []
        first_rules, after_us = [], []
        for number, group in enumerate(groups):
            group.number = number
            first_rules.append(len(rules))
            lasting = any(isinstance(plan.rule.kind, Budget) for plan in group.plans)
            for plan in group.plans:
                plan.row = len(rules)
                row = [0] * at.RULE_INTS
                row_floats = [plan.sign] + [nan] * (at.RULE_FLOATS - 1)
                kind = plan.rule.kind
                if isinstance(kind, Drift):
                    self._drift(plan, group.by, row, row_floats, known, known_floats)
                elif isinstance(kind, Absence):
                    row[at.KIND], row[at.WATCH_WIDTH] = at.ABSENCE, at.ABSENCE_WIDTH
                    waits = plan.of >= 0
                    row[at.COLUMN_AT] = plan.column if waits else -1
                    row[at.OVER] = plan.over if waits else -1
                elif isinstance(kind, Silence):
                    row[at.KIND], row[at.WATCH_WIDTH] = at.SILENCE, at.SILENCE_WIDTH
                    most_us = kind.at_most_us
                    row[at.AT_LEAST_US] = kind.at_least_us
                    row[at.AT_MOST_US] = FAR if most_us is None else most_us
                elif plan.each and plan.column >= 0:
                    _each(plan, row, row_floats)
                elif not plan.each and isinstance(kind, Threshold | Baseline):
                    _window(plan, row, row_floats)
                row[at.LASTING] = lasting
                after_us.append(_after_us(plan))
                rules.append(row)
                floats.append(row_floats)
        self.plans = [plan for group in groups for plan in group.plans]
        self._drifts = {
            plan.rule.name: plan.row
            for plan in self.plans
            if isinstance(plan.rule.kind, Drift)
        }
        self.rules: Table = _table(rules, at.RULE_INTS)
        self.rule_floats: Grid = np.array(floats).reshape(-1, at.RULE_FLOATS)
        self.facets: Table = _table(known, at.FACET_INTS)
        self.facet_floats: Grid = np.array(known_floats).reshape(-1, at.FACET_FLOATS)
        self.first_rules: Ints = np.array(first_rules, np.int64)
        self.after_us: Ints = np.array(after_us, np.int64)

    def _budgeted(self, fleets: Fleets) -> Iterator[tuple[Fleet, int]]:
        """The rules that have a budget, of which there may be few or none."""
        for name, fleet in fleets.by_rule.items():
            yield fleet, self._drifts[name]

    def count(self, fleets: Fleets, now_us: int) -> None:
        """Hand over the samples taken of rules with a budget.

        Args:
            fleets: Takes them.
            now_us: How far the clock has come.
        """
        for fleet, row in self._budgeted(fleets):
            fleet.taken += int(self.rules[row, at.TAKEN])
            self.rules[row, at.TAKEN] = 0
        fleets.count(now_us)

    def follow(self, fleets: Fleets) -> None:
        """Take the limits that budgets give."""
        for fleet, row in self._budgeted(fleets):
            self.rule_floats[row, at.ENOUGH] = fleet.limit
            self.rule_floats[row, at.DOUBT] = fleet.doubt

    @staticmethod
    def _drift(  # noqa: PLR0917
        plan: Plan,
        by: Sequence[str],
        row: list[int],
        floats: list[float],
        known: list[list[int]],
        known_floats: list[list[float]],
    ) -> None:
        kind = plan.rule.kind
        assert isinstance(kind, Drift)  # noqa: S101 - no other kind comes here
        setting = SETTINGS[kind.sensitivity]
        found = facets(plan.rule.metric, plan.sign)
        row[at.KIND] = at.DRIFT
        row[at.FACET], row[at.FACETS] = len(known), len(found)
        row[at.LAG] = setting.lag
        row[at.NAMED] = _named(by)
        row[at.BY_AGENT], row[at.BY_TASK] = "agent" in by, "task_type" in by
        first = min(by, default="agent")
        row[at.FIRST_OF] = _FIRST.get(first, 0)
        row[at.TRACKED] = "agent_version" not in by
        row[at.TRACKED + 1] = "model" not in by
        floats[at.ENOUGH] = setting.enough(plan.rule.metric)
        floats[at.CAUTION] = setting.caution
        row[at.SMALL] = setting.small(plan.rule.metric)
        floats[at.DOUBT] = setting.doubt
        norms, bets = 0, at.BETS
        for facet in found:
            known.append(_facet(facet, norms, bets))
            known_floats.append([plan.sign, facet.margin * setting.wander])
            norms += width(facet.code[3])
            bets += bets_width(facet.tail)
        row[at.NORMS_WIDTH] = norms
        # Where a series mixes its sessions a level of its own would mean little.
        if found[0].creeps and {"agent", "task_type"}.issubset(by):
            row[at.CREEPS] = bets
            bets += MARK_US + 1
            for facet, facet_row in zip(found, known[row[at.FACET] :], strict=True):
                facet_row[at.CREEP_AT] = bets
                facet_row[at.CREEPS_TOO] = facet.creeps
                bets += CREEP_WIDTH
        if plan.rule.metric.numerator == COLUMN["cost_usd"] and plan.sign > 0:
            row[at.FACTORS] = bets
            bets += FACTORS_WIDTH
        row[at.WATCH_WIDTH] = bets


def _named(by: Sequence[str]) -> int:
    """Which labels of a series the state has no codes of."""
    first, others = sorted(by)[:1], sorted(by)[1:]
    if not _CODED.issuperset(others):
        return at.OTHERS_TOO
    return 0 if _CODED.issuperset(first) else at.FIRST_ALONE


def _after_us(plan: Plan) -> int:
    """How long a rule on silence waits while all is well; of other rules 0."""
    kind = plan.rule.kind
    if not isinstance(kind, Absence):
        return 0
    # Without data an alert is to end: there is none.
    idle = plan.of >= 0 and plan.rule.no_data is NoData.RESOLVE
    return FAR // 2 if idle else kind.after_us


def _each(plan: Plan, row: list[int], floats: list[float]) -> None:
    row[at.KIND] = at.EACH if plan.over < 0 else at.EACH_RATE
    row[at.COLUMN_AT], row[at.OVER] = plan.column, max(plan.over, 0)
    row[at.WATCH_WIDTH] = at.EACH_WIDTH
    floats[at.ENTER] = plan.limits[0].enter
    floats[at.LEAVE] = min(min(limit.enter, limit.leave) for limit in plan.limits)
    if plan.says_why:
        row[at.FACTORS] = at.EACH_WIDTH
        row[at.WATCH_WIDTH] += FACTORS_WIDTH


def _window(plan: Plan, row: list[int], floats: list[float]) -> None:
    """A rule over the last sessions, or the last minutes."""
    row[at.KIND] = at.TIMED if plan.span_us else at.COUNTED
    row[at.COLUMN_AT], row[at.OVER] = plan.column, plan.over
    row[at.JUDGED] = _JUDGED[plan.judged]
    row[at.SIZE], row[at.NEED], row[at.PERCENT] = plan.size, plan.need, plan.percent
    row[at.WATCH_WIDTH] = at.TIMED_WIDTH if plan.span_us else at.COUNTED_WIDTH
    scale = plan.rule.metric.scale
    row[at.BINNED] = plan.judged is Judged.RANK and 0 < plan.percent < 100
    row[at.BINNED_WHOLE] = scale is Scale.SQRT
    row[at.BASE_PERCENT] = plan.percent if plan.sign > 0 else 100 - plan.percent
    row[at.SPAN_US] = plan.span_us
    row[at.STEP_WIDTH] = at.STEP_TOTAL + 1
    if plan.judged is Judged.RATE:
        row[at.STEP_WIDTH] = at.STEP_WEIGHT + 1
    elif plan.judged is Judged.RANK:
        row[at.STEP_WIDTH] = WIDEST
    if plan.limits:
        floats[at.ENTER] = plan.limits[0].enter
    row[at.ENTER_WORD] = int(np.array(floats[at.ENTER]).view(np.int64))
    if plan.baseline is not None:
        _baseline(plan, plan.baseline, row, floats)
    if plan.says_why:
        row[at.FACTORS] = row[at.WATCH_WIDTH]
        row[at.WATCH_WIDTH] += WINDOW_FACTORS_WIDTH
        row[at.CHUNKS_HELD : at.CHUNKS_KEPT + 1] = chunks(plan)


def _baseline(
    plan: Plan, baseline: Baseline, row: list[int], floats: list[float]
) -> None:
    row[at.WATCH_WIDTH] = at.SUMMARY_AT + at.SUMMARY_WIDTH
    if plan.span_us:
        row[at.WATCH_WIDTH] = at.ERAS_AT + at.ERAS_WIDTH
        row[at.WINDOWS] = windows = baseline.over_us // plan.span_us
        row[at.ERA_STEPS] = together(windows)
    row[at.BASED] = 1
    row[at.OVER_SAMPLES], row[at.OVER_US] = baseline.over_samples, baseline.over_us
    row[at.BASE_NEED] = max(1, min(plan.rule.min_samples, baseline.over_samples))
    row[at.SPREADS] = _SCALES[plan.rule.metric.scale]
    if plan.judged is Judged.RATE:
        row[at.SPREADS] = SQRT_SCALE
    row[at.SMALLEST] = plan.rule.aggregate is Aggregate.MIN
    floats[at.RATIO] = nan if baseline.ratio is None else baseline.ratio
    floats[at.DROP] = nan if baseline.drop is None else baseline.drop


def _facet(facet: Facet, norm_at: int, bets_at: int) -> list[int]:
    row = [0] * at.FACET_INTS
    row[at.READER], row[at.READS], row[at.PER], row[at.SCALE] = facet.code
    row[at.TAIL] = facet.tail
    row[at.NORM_AT], row[at.BETS_AT] = norm_at, bets_at
    return row


def _table(rows: list[list[int]], width: int) -> Table:
    return np.array(rows, np.int64).reshape(-1, width)


class Masks:
    """Which rules of each group take a session, for each mask of a block.

    Attributes:
        taken_from, taken: See ``kernels.fold``.
    """

    __slots__ = ("_groups", "_known", "_positions", "_rows", "taken", "taken_from")

    def __init__(self, groups: Sequence[Group]) -> None:
        self._groups = groups
        self.clear()

    def clear(self) -> None:
        """The bits of the masks mean something else from now on."""
        self._known: dict[int, int] = {}
        self._rows: list[list[int]] = []
        self._positions: list[int] = []
        self.taken_from: Table = np.zeros((0, len(self._groups) + 1), np.int64)
        self.taken: Ints = np.zeros(0, np.int64)

    def rows(self, masks: Iterable[int]) -> Ints:
        """For each mask its row in ``taken_from``."""
        known = self._known
        found = [known.get(mask, -1) for mask in masks]
        if -1 in found:
            found = [self._row(mask) for mask in masks]
            self.taken_from = _table(self._rows, len(self._groups) + 1)
            self.taken = np.array(self._positions, np.int64)
        return np.array(found, np.int64)

    def positions(self, mask: int, group: int) -> list[int]:
        """Which rules of a group take a session with a mask of the block."""
        begins = self._rows[self._known[mask]]
        return self._positions[begins[group] : begins[group + 1]]

    def _row(self, mask: int) -> int:
        row = self._known.get(mask)
        if row is None:
            row = self._known[mask] = len(self._rows)
            begins = [len(self._positions)]
            for group in self._groups:
                self._positions += [
                    position for position, bit in enumerate(group.bits) if mask & bit
                ]
                begins.append(len(self._positions))
            self._rows.append(begins)
        return row
