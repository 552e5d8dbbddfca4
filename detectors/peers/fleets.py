"""One budget of false alarms for all series of a rule, wherever they are.

A drift rule bets on each session; where nothing changes its bets are fair, so each
session is the beginning of a false alarm with a probability of about ``exp(-limit)``
(Ville's inequality; Shafer and Vovk, Game-Theoretic Foundations, 2019). What a fleet
may be wrong a day, over how many sessions it has a day, is therefore the limit. Each
partition counts its sessions in event time; summed up over them they come back in the
log, as what is known of parents does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import exp, log
from typing import Any, Final

from detectors.kinds.plans import Group, Plan
from detectors.kinds.sensitivities import SETTINGS
from detectors.peers.lineage import prefix
from detectors.peers.parents import Part, Sums
from detectors.rules import SECOND_US, Drift

LEAST, MOST = 5.0, 20.0
"""Evidence in nats below which no change is told, and at which every one is."""

_HOUR_US: Final = 3_600 * SECOND_US
_DAY_US: Final = 24.0 * _HOUR_US
_REACHES: Final = (1.0, 7.0)
"""Days that are remembered. The larger count holds: growth is seen within a day, and a
weekend does not make Monday's limits loose."""

_STEP: Final = 0.25
_MARK: Final = "\x1f"
"""No key of a parent begins with it."""

_AT_NOTHING, _PER_NAT = -1.8, 1.1
"""Logarithm of a session's false alarms: at a limit of 0, and how much each nat takes
from it. Fewer than fair bets would have, because what is normal must be wrong by a few
standard errors first; measured at limits of 5 to 9 on the series of ``make bench-drift``,
between the metrics with most and with fewest."""


def limit_of(sessions_a_day: float, alarms_a_day: float) -> float:
    """Evidence at which a fleet is wrong so often, in nats.

    Args:
        sessions_a_day: Of all series together.
        alarms_a_day: False ones that are allowed.

    >>> limit_of(24_000, 2) == limit_of(2_400, 0.2)
    True
    """
    if not sessions_a_day > 0:
        return LEAST
    enough = (log(sessions_a_day / alarms_a_day) + _AT_NOTHING) / _PER_NAT
    return round(min(max(enough, LEAST), MOST), 2)


class Fleet:
    """The series of one rule.

    Attributes:
        key: By which its sessions a day travel.
        limit: Evidence at which a change is told, in nats.
        taken: Sessions since they were last counted in.
    """

    __slots__ = (
        "_allowed",
        "_at_first",
        "_counted_us",
        "_counts",
        "_told",
        "key",
        "limit",
        "taken",
    )

    def __init__(self, plan: Plan, alarms_a_day: float) -> None:
        self.key = _MARK + prefix(plan)
        self._allowed = alarms_a_day
        self._at_first = SETTINGS["medium"].enough(plan.rule.metric)
        self.limit = self._at_first
        self.taken = 0
        self._counted_us: int | None = None
        self._counts = [[0.0, 0.0] for _ in _REACHES]
        self._told = Sums()

    @property
    def doubt(self) -> float:
        """Evidence at which a series that has just begun is told to be bad."""
        return self.limit * SETTINGS["medium"].doubt / self._at_first

    def count(self, now_us: int) -> None:
        """Count in what was taken, once an hour has passed."""
        if self._counted_us is None:
            self._counted_us, self.taken = now_us, 0
        elif now_us - self._counted_us >= _HOUR_US:
            days = (now_us - self._counted_us) / _DAY_US
            for reach, count in zip(_REACHES, self._counts, strict=True):
                kept = exp(-days / reach)
                count[0] = count[0] * kept + self.taken
                count[1] = count[1] * kept + days
            self._counted_us, self.taken = now_us, 0

    def news(self) -> Part | None:
        """Its sessions a day, if they have changed noticeably since they were told."""
        a_day = max(taken / days if days else 0.0 for taken, days in self._counts)
        sums = Sums(1.0, level=a_day)
        if not (a_day and sums.moved_from(self._told)):
            return None
        self._told = sums
        return Part(self.key, sums)

    def hear(self, sums: Sums) -> None:
        """Follow what all partitions have together, in steps that are worth one."""
        if sums.series:
            limit = limit_of(sums.level, self._allowed)
            if abs(limit - self.limit) >= _STEP:
                self.limit = limit

    def dump(self) -> list[Any]:
        """As plain values."""
        return [self.key, self.limit, self.taken, self._counted_us, self._counts]

    def load(self, state: Sequence[Any]) -> None:
        """Take what ``dump`` gave."""
        _, self.limit, self.taken, self._counted_us, counts = state
        self._counts = [list(count) for count in counts]


class Fleets:
    """The rules of a partition that have a budget: a function of the log.

    Args:
        groups: All rules.
    """

    __slots__ = ("_fleets", "_strangers")

    def __init__(self, groups: Iterable[Group] = ()) -> None:
        self._strangers: list[Sequence[Any]] = []
        self._fleets = {
            plan.rule.name: Fleet(plan, kind.false_alarms_a_day)
            for group in groups
            for plan in group.plans
            if isinstance(kind := plan.rule.kind, Drift)
            and kind.false_alarms_a_day is not None
        }

    @property
    def by_rule(self) -> Mapping[str, Fleet]:
        """Those there are, by the rule's name."""
        return self._fleets

    @property
    def limits(self) -> dict[str, float]:
        """In force now, by the rule's name."""
        return {name: fleet.limit for name, fleet in self._fleets.items()}

    def count(self, now_us: int) -> None:
        """The clock has come so far."""
        for fleet in self._fleets.values():
            fleet.count(now_us)

    def take_news(self) -> list[Part]:
        """What is to be summed up over all partitions."""
        found = [fleet.news() for fleet in self._fleets.values()]
        return [part for part in found if part is not None]

    def hear(self, parts: Iterable[Part]) -> bool:
        """Take what the log says; whether any of it was about a fleet."""
        mine = {fleet.key: fleet for fleet in self._fleets.values()}
        heard = [(mine[part.key], part.sums) for part in parts if part.key in mine]
        for fleet, sums in heard:
            fleet.hear(sums)
        return bool(heard)

    def dump(self) -> list[Any]:
        """As plain values."""
        return [*(fleet.dump() for fleet in self._fleets.values()), *self._strangers]

    def load(self, state: Iterable[Sequence[Any]]) -> None:
        """Take what ``dump`` gave; that of other rules is kept until they are back."""
        mine = {fleet.key: fleet for fleet in self._fleets.values()}
        for each in state:
            if each[0] in mine:
                mine[each[0]].load(each)
            else:
                self._strangers.append(each)

    def retire(self) -> None:
        """Rules that the book lacks will not be back."""
        self._strangers.clear()
