"""The census: how many series of a rule carry a label's value, and how many fire.

From it notify finds what the series that broke share and the others do not. It is taken
once a minute of the partition's clock, at whole minutes, while something fires here or in
another partition, and of a rule also when it begins to fire where nothing of it did, or
when another partition begins to ask.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Final

from detectors.kinds.plans import Group, Plan
from detectors.life.lifecycle import FAR
from detectors.peers.questions import Asked, Asking, Question, Values
from detectors.state.roster import Roster
from detectors.state.stage import Said
from detectors.transitions import (
    Census,
    FirstCensus,
    Transition,
    microseconds,
    rfc3339,
)

MINUTE_US: Final = 60_000_000

MOST: Final = 1_000
"""Values of one label under one rule that a census tells of: those that fire most."""


class CensusTaker:
    """Which series of a partition fire, and when their census is due.

    It learns what fires from the lines that evaluation writes.

    Args:
        groups: All rules.
        roster: All series.
        partition: Its number.

    Attributes:
        asked: What other partitions want to be counted.
        silent: The lines of these blocks have been published before: some rows are
            ahead of the seal, and what was so in between cannot be known again.
    """

    __slots__ = (
        "_asking",
        "_first_us",
        "_heard",
        "_lines",
        "_next_us",
        "_open",
        "_partition",
        "_roster",
        "_rules",
        "_since_us",
        "asked",
        "silent",
    )

    def __init__(self, groups: Iterable[Group], roster: Roster, partition: int) -> None:
        self._rules: Mapping[str, tuple[Group, Plan]] = {
            plan.rule.name: (group, plan) for group in groups for plan in group.plans
        }
        self._roster = roster
        self._partition = partition
        self._open: dict[str, dict[Values, int]] = {}
        self._since_us: dict[str, int] = {}
        self._asking = Asking(partition)
        self.asked = Asked()
        self._lines: list[Said] = []
        self._heard = 0
        self._next_us = -FAR
        self._first_us = FAR
        self.silent = False

    @property
    def due_us(self) -> int:
        """When the next one is due; FAR while nothing fires anywhere."""
        if not self._is_on:
            return FAR
        return max(self._next_us, _whole_minute(self._first_us))

    @property
    def _is_on(self) -> bool:
        return bool(self._open or self.asked)

    def take_up(
        self, clock_us: int, opened: Iterable[tuple[str, Mapping[str, str], int]]
    ) -> None:
        """Go on after a restart.

        Args:
            clock_us: The partition's time.
            opened: The open alerts: rule, labels, and since when they fire.
        """
        self._next_us = _whole_minute(clock_us)
        self._first_us = clock_us
        for rule, labels, at_us in sorted(opened, key=itemgetter(2)):
            self._begin(rule, labels, at_us)

    def hear(self, lines: list[Said]) -> None:
        """Take note of what was written since the last call.

        Args:
            lines: All that was written; takes the first census of a rule.
        """
        if lines is not self._lines:
            self._lines, self._heard = lines, 0
        while self._heard < len(lines):
            line = lines[self._heard]
            self._heard += 1
            if not isinstance(line, Transition):
                continue
            if line.from_state.is_open and not line.to_state.is_open:
                self._end(line.rule, line.labels)
            elif line.to_state.is_open and not line.from_state.is_open:
                at_us = microseconds(line.time)
                if self._begin(line.rule, line.labels, at_us) and not self.silent:
                    lines += self._count(line.rule, at_us, FirstCensus)

    def run(self, due_us: int, lines: list[Said]) -> None:
        """Take the census that is due.

        Args:
            due_us: Its time.
            lines: Takes it.
        """
        self._next_us = due_us + MINUTE_US
        self.asked.lapse(due_us)
        if self.silent:
            return
        for rule in self._rules:
            if rule in self._open or rule in self.asked:
                lines += self._count(rule, due_us, Census)

    def take_questions(self, now_us: int) -> list[Question]:
        """What the other partitions are to be asked now.

        Args:
            now_us: The partition's time.
        """
        asking, news = self._asking, self._asking.ended(self._open, now_us)
        for rule, fires in self._open.items():
            by = self._rules[rule][0].by
            if by:
                asked = asking.ask(rule, by, fires, self._since_us[rule], now_us)
                news += [] if asked is None else [asked]
        return news

    def answer(
        self, questions: Iterable[Question], now_us: int, lines: list[Said]
    ) -> None:
        """Take what other partitions ask, and count at once what is new in it.

        Args:
            questions: Of all partitions; its own are none.
            now_us: The partition's time.
            lines: Takes what there is to count.
        """
        self.hear(lines)
        before: dict[str, dict[str, set[str]]] = {}
        if not self.asked:
            # What fires already may do so from a later time on.
            self._first_us = min(self._first_us, now_us) if self._open else now_us
        for question in questions:
            if question.partition != self._partition:
                known = before.setdefault(
                    question.rule, self.asked.wanted(question.rule)
                )
                if self.asked.hear(question, now_us):
                    known.clear()
        for rule, known in before.items():
            if rule in self._rules and not self.silent:
                wanted = self.asked.wanted(rule)
                new = {
                    label: names - known.get(label, set())
                    for label, names in wanted.items()
                }
                lines += self._count(rule, now_us, FirstCensus, new)

    def _begin(self, rule: str, labels: Mapping[str, str], at_us: int) -> bool:
        """An alert fires; whether nothing of its rule did before."""
        known = self._rules.get(rule)
        if known is None:
            return False
        self._first_us = min(self._first_us, at_us) if self._is_on else at_us
        self._asking.note(rule)
        fresh = rule not in self._open
        if fresh:
            self._since_us[rule] = at_us
        values = tuple(labels[name] for name in known[0].by)
        self._open.setdefault(rule, {})[values] = at_us
        return fresh

    def _end(self, rule: str, labels: Mapping[str, str]) -> None:
        firing = self._open.get(rule)
        if firing is not None:
            self._asking.note(rule)
            firing.pop(tuple(labels[name] for name in self._rules[rule][0].by), None)
            if not firing:
                del self._open[rule], self._since_us[rule]

    def _count(
        self,
        rule: str,
        at_us: int,
        kind: type[Census],
        only: Mapping[str, Collection[str]] | None = None,
    ) -> Iterator[Census]:
        """The lines of one rule, for what fired by then.

        Args:
            rule: Its name.
            at_us: The time.
            kind: Of the lines.
            only: By label the values to tell of; None: those that fire, and those that
                others ask for.
        """
        group, plan = self._rules[rule]
        fires = [
            values
            for values, since_us in self._open.get(rule, {}).items()
            if since_us <= at_us
        ]
        wanted = self.asked.wanted(rule) if only is None else only
        if not group.by or not (fires or any(wanted.values())):
            return
        count = self._roster.count(group, plan)
        for place, label in enumerate(group.by):
            firing = Counter(values[place] for values in fires)
            names = {*wanted.get(label, ()), *(_told(firing) if only is None else ())}
            for name in sorted(names):
                yield kind(
                    time=rfc3339(at_us),
                    partition=self._partition,
                    rule=rule,
                    label=label,
                    name=name,
                    series=count.of(place, name),
                    firing=firing[name],
                    all_series=count.series,
                    all_firing=len(fires),
                )


def _told(firing: Counter[str]) -> Sequence[str]:
    """The values that fire and are to be told of."""
    names = sorted(firing)
    if len(names) > MOST:
        names = sorted(names, key=lambda name: -firing[name])[:MOST]
    return names


def _whole_minute(at_us: int) -> int:
    """The first whole minute that is not before a time."""
    return -(-at_us // MINUTE_US) * MINUTE_US
