"""What partitions ask each other: how many of your series carry what fires here?

A census counts the series of one partition, and only a partition in which a rule fires
knows that there is something to count. So it asks the others, which answer with a census
of their own. Questions travel in the log, as what is known of parents does: whoever reads
it again answers the same at the same place.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from heapq import nsmallest
from typing import Any, Final

import msgspec

from detectors.rules import SECOND_US

MOST: Final = 16
"""Values of one label that a partition asks for: those that fire most."""

LONGEST: Final = 100
"""Characters of such a value; longer ones are not asked for."""

ENOUGH: Final = 3
"""So many series must fire before what they share is looked for; more are not told."""

RENEW_US: Final = 300 * SECOND_US
"""A question that still stands is asked again after so long."""

_LAPSE_US: Final = 2 * RENEW_US
"""Without that it has lapsed: who asked may have died."""

_FEW: Final = 1_000
_SHARE: Final = 10
"""If more series fire, they are looked through again once this part has changed."""

MOST_HEARD: Final = 200_000
"""Characters of all that a partition is asked at a time: they stand in its seal."""

Values = tuple[str, ...]
"""Of the labels in a rule's ``by``, in its order."""


class Question(msgspec.Struct, frozen=True, array_like=True):
    """A rule fires in a partition: the others are to count its series.

    Attributes:
        partition: Who asks.
        since_us: When the rule began to fire there; with another one all that is asked
            is to be told anew.
        at_us: When it was asked, by the clock of who asks.
        firing: For each label the values that fire most there, and how many series with
            them fire, ``ENOUGH`` at most. Empty once nothing of the rule fires there.
    """

    partition: int
    rule: str
    since_us: int
    at_us: int
    firing: dict[str, dict[str, int]] = {}

    @property
    def size(self) -> int:
        """How many characters it has, about."""
        names = [
            *self.firing,
            *(name for each in self.firing.values() for name in each),
        ]
        return len(self.rule) + sum(map(len, names)) + 10 * len(names)


class Asking:
    """What a partition asks the others, each time once.

    Args:
        partition: Its number.
    """

    __slots__ = ("_moved", "_partition", "_said")

    def __init__(self, partition: int) -> None:
        self._partition = partition
        self._said: dict[str, Question] = {}
        self._moved: Counter[str] = Counter()

    def note(self, rule: str) -> None:
        """One more alert of a rule fires, or one less."""
        self._moved[rule] += 1

    def ask(
        self,
        rule: str,
        by: Sequence[str],
        fires: Mapping[Values, int],
        since_us: int,
        now_us: int,
    ) -> Question | None:
        """What is to be asked of a rule that fires; None if it has been.

        Args:
            rule: Its name.
            by: Its labels.
            fires: By the values of these labels since when a series fires.
            since_us: When the first of them began, or one that is over.
            now_us: The partition's time.
        """
        said = self._said.get(rule)
        if said is not None and (
            said.since_us != since_us or now_us - said.at_us >= RENEW_US
        ):
            said = None
        moved = self._moved[rule] * (1 if len(fires) <= _FEW else _SHARE / len(fires))
        if said is not None and moved < 1:
            return None
        del self._moved[rule]
        firing = {
            label: _most(
                Counter(values[place] for values in fires),
                {} if said is None else said.firing.get(label, {}),
            )
            for place, label in enumerate(by)
        }
        if said is not None and said.firing == firing:
            return None
        question = Question(self._partition, rule, since_us, now_us, firing)
        self._said[rule] = question
        return question

    def ended(self, firing: Iterable[str], now_us: int) -> list[Question]:
        """Take back what was asked of rules that fire no more.

        Args:
            firing: The rules that do.
            now_us: The partition's time.
        """
        over = self._said.keys() - set(firing)
        for rule in over:
            del self._moved[rule]
        return [
            Question(self._partition, rule, self._said.pop(rule).since_us, now_us)
            for rule in sorted(over)
        ]


def _most(counts: Mapping[str, int], before: Mapping[str, int]) -> dict[str, int]:
    """The values that fire most; of equal ones rather those that were told before."""

    def rank(name: str) -> tuple[int, bool, str]:
        return -min(counts[name], ENOUGH), name not in before, name

    names = nsmallest(MOST, (name for name in counts if len(name) <= LONGEST), rank)
    return {name: min(counts[name], ENOUGH) for name in sorted(names)}


class Asked:
    """What other partitions have asked: a function of the log."""

    __slots__ = ("_heard", "_size")

    def __init__(self) -> None:
        self._size = 0
        self._heard: dict[str, dict[int, Question]] = {}

    def __bool__(self) -> bool:
        """Whether anything is asked."""
        return bool(self._heard)

    def __contains__(self, rule: str) -> bool:
        """Whether anything is asked of a rule."""
        return rule in self._heard

    def hear(self, question: Question, now_us: int) -> bool:
        """Take a question; whether all that is asked of its rule is to be told anew.

        Args:
            question: It replaces what the partition asked of the rule before.
            now_us: The time; what was asked long before it has lapsed.
        """
        rule, partition = question.rule, question.partition
        questions = self._heard.setdefault(rule, {})
        known = questions.pop(partition, None)
        self._size -= 0 if known is None else known.size
        takes = (
            bool(question.firing)
            and not _is_over(question, now_us)
            and self._size + question.size <= MOST_HEARD
        )
        if takes:
            questions[partition] = question
            self._size += question.size
        elif not questions:
            del self._heard[rule]
        return takes and (known is None or known.since_us != question.since_us)

    def lapse(self, now_us: int) -> None:
        """Forget what was asked long ago."""
        for rule, questions in list(self._heard.items()):
            for partition, question in list(questions.items()):
                if _is_over(question, now_us):
                    self._size -= questions.pop(partition).size
            if not questions:
                del self._heard[rule]

    def wanted(self, rule: str) -> dict[str, set[str]]:
        """By label the values of a rule that are to be counted.

        Those with which enough series fire in all who ask, and of each label one at
        least: with it comes how many series there are.
        """
        found: dict[str, set[str]] = {}
        for label, counts in self._totals(rule).items():
            first = min(counts, key=lambda name: (-counts[name], name))
            enough = {name for name, count in counts.items() if count >= ENOUGH}
            found[label] = enough | {first}
        return found

    def _totals(self, rule: str) -> dict[str, Counter[str]]:
        totals: dict[str, Counter[str]] = {}
        for question in self._heard.get(rule, {}).values():
            for label, counts in question.firing.items():
                if counts:
                    totals.setdefault(label, Counter()).update(counts)
        return totals

    def dump(self) -> list[Any]:
        """As plain values."""
        heard = (each for of in self._heard.values() for each in of.values())
        return [msgspec.to_builtins(question) for question in heard]

    def load(self, state: Iterable[Any]) -> None:
        """Take what ``dump`` gave."""
        for question in msgspec.convert(list(state), list[Question]):
            self._heard.setdefault(question.rule, {})[question.partition] = question
            self._size += question.size


def _is_over(question: Question, now_us: int) -> bool:
    return question.at_us + _LAPSE_US < now_us
