"""How many series a rule has, which labels they carry, and how many of them fire.

From the censuses of all partitions, summed up, and from the alerts themselves: these are
what the broken share, and those say how many healthy ones share it too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from alerts.ledger import Ledger
from alerts.reach import Headcount
from detectors.transitions import (
    Census,
    Clock,
    FirstCensus,
    Transition,
    microseconds,
)


class Headcounts:
    """The series of all rules that fire.

    All partitions count them, soon after a rule begins to fire in one. Until each has,
    there may be more than is known.

    Args:
        ledger: Where the censuses are kept.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._fires: dict[str, dict[str, dict[str, str]]] = {}
        self._carry: dict[str, Counter[tuple[str, str]]] = {}
        self._partitions: set[int] = set()

    def resume(self) -> None:
        """After rows were taken back."""
        self._fires.clear()
        self._carry.clear()
        for alert in self._ledger.alerts.values():
            if alert.line.to_state.is_open:
                self.note(alert.line)

    def note(self, line: Transition) -> None:
        """Take an alert's line."""
        fires = self._fires.setdefault(line.rule, {})
        carry = self._carry.setdefault(line.rule, Counter())
        carry.subtract(fires.pop(line.alert_id, {}).items())
        if line.to_state.is_open:
            fires[line.alert_id] = line.labels
            carry.update(line.labels.items())
        elif not fires:
            del self._fires[line.rule], self._carry[line.rule]
            for rule, partition in list(self._ledger.headcounts):
                if rule == line.rule:
                    del self._ledger.headcounts[rule, partition]
                    self._ledger.touch_headcount(rule, partition)

    def tick(self, clock: Clock) -> None:
        """Take a partition's clock: there is such a partition."""
        self._partitions.add(clock.partition)

    def hear(self, census: Census) -> None:
        """Take a line of a census; of a rule of which nothing fires it is old.

        A first census adds to what is known, that of the minute replaces it.
        """
        if census.rule not in self._fires:
            return
        place, at_us = (census.rule, census.partition), microseconds(census.time)
        known = self._ledger.headcounts.get(place)
        if known is None or (
            known.at_us < at_us and not isinstance(census, FirstCensus)
        ):
            known = Headcount(census.rule, census.partition, at_us, 0)
            self._ledger.headcounts[place] = known
        if known.at_us <= at_us:
            known.at_us = at_us
            known.series = census.all_series
            known.carried.setdefault(census.label, {})[census.name] = census.series
            self._ledger.touch_headcount(*place)

    def series(self, rule: str) -> int:
        """How many series a rule has, and at least as many as fire; 0 if unknown."""
        known = [each.series for each in self._of(rule)]
        return max(sum(known), self.firing(rule)) if known else 0

    def is_whole(self, rule: str) -> bool:
        """Whether all partitions have counted its series."""
        told = {number for name, number in self._ledger.headcounts if name == rule}
        return self._partitions <= told

    def is_counted(self, rule: str, label: str, value: str) -> bool:
        """Whether all that have counted its series say how many carry a value."""
        return all(value in each.carried.get(label, {}) for each in self._of(rule))

    def firing(self, rule: str) -> int:
        """How many of them fire."""
        return len(self._fires.get(rule, {}))

    def carrying(self, rule: str, label: str, value: str) -> int:
        """How many of them carry a value; 0 if no census tells of it."""
        known = [each.carried.get(label, {}).get(value, 0) for each in self._of(rule)]
        count = sum(known)
        return max(count, self.firing_with(rule, label, value)) if count else 0

    def firing_with(self, rule: str, label: str, value: str) -> int:
        """How many that carry it fire."""
        return self._carry.get(rule, Counter[tuple[str, str]]())[label, value]

    def labels(self, rule: str) -> Iterable[str]:
        """The labels that tell the rule's series apart."""
        return sorted({label for each in self._of(rule) for label in each.carried})

    def _of(self, rule: str) -> Iterator[Headcount]:
        return (
            each for (name, _), each in self._ledger.headcounts.items() if name == rule
        )
