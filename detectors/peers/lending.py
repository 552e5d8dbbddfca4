"""What peers lend, as compiled code finds it: asked for once for a kind of sessions."""

from __future__ import annotations

from typing import Final

import numpy as np

from detectors.kernels import layout, lending
from detectors.kernels.words import Ints, Table
from detectors.peers.lineage import APART, values_of
from detectors.peers.parents import Parents
from detectors.state.labels import Labels
from detectors.state.tables import Tables

_FIRST: Final = 1 << 8
_MOST: Final = 1 << 14
"""Rows of the table."""

_STRANGE: Final = -1
"""What all labels are known by under which nothing is lent."""


class Lending:
    """What the parents that a partition has heard of lend to those that are born.

    Args:
        tables: The rules.
        labels: Those that the state names.

    Attributes:
        lent, kin: See ``kernels.lending``.
    """

    __slots__ = (
        "_heard",
        "_held",
        "_labels",
        "_named",
        "_rules",
        "_times",
        "kin",
        "lent",
    )

    def __init__(self, tables: Tables, labels: Labels) -> None:
        self._rules = tables.rules
        self._labels = labels
        self._heard: frozenset[str] = frozenset()
        self._times = 0
        self._named = 1
        self.kin: Ints = np.zeros(1 << 8, np.int64)
        self._begin(_FIRST)

    def _begin(self, rows: int) -> None:
        """Know nothing."""
        width = lending.LENT + int(self._rules[:, layout.NORMS_WIDTH].max(initial=0))
        self.lent: Table = np.zeros((rows, width), np.int64)
        self._held = 0

    def follow(self, parents: Parents) -> None:
        """Take up what has been heard of parents, and labels, since the last call."""
        if self._times != parents.times:
            self._times = parents.times
            heard = values_of(parents.keys)
            changed, self._heard = heard ^ self._heard, heard
            for text in changed:
                code = self._labels.known(text)
                if 0 < code < self._named:
                    self._name(code)
            if self._held:
                self._begin(len(self.lent))
        if self._named < len(self._labels):
            more = len(self._labels) - len(self.kin)
            if more > 0:
                self.kin = np.pad(self.kin, (0, more + len(self.kin)))
            for code in range(self._named, len(self._labels)):
                self._name(code)
            self._named = len(self._labels)

    def _name(self, code: int) -> None:
        text = self._labels.text(code)
        # What takes keys apart is found in none of them as it stands.
        known = text in self._heard or APART in text
        self.kin[code] = code if known else _STRANGE

    def keep(self, rule: int, labels: tuple[int, int, int], words: Ints | None) -> None:
        """Write down what is lent to a kind of sessions.

        Args:
            rule: Row of the rule.
            labels: The codes of agent, task type and model.
            words: The norms of a stratum that begins with it; None if nothing is lent.
        """
        if self._rules[rule, layout.NAMED]:
            return
        if 2 * self._held >= len(self.lent):
            # The few that are still needed are asked for again.
            self._begin(min(2 * len(self.lent), _MOST))
        agent, task, model = labels
        row = lending.lent_row(
            self.lent, self._rules, rule, agent, task, model, self.kin
        )
        known = self.lent[row]
        if not known[lending.OF_RULE]:
            self._held += 1
            known[: lending.LENDS] = lending.kind(
                self._rules, rule, agent, task, model, self.kin
            )
            known[lending.LENDS] = words is not None
            if words is not None:
                known[lending.LENT : lending.LENT + len(words)] = words
