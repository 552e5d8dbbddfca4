"""What a series was like before its count window: a summary of fixed size.

Learned samples go into slabs of a sixteenth of ``over`` each, of samples or of time,
and the oldest slab is dropped once the others suffice. A slab keeps sums, spread in
the metric's own scale, and for percentiles a histogram. Samples are winsorised by
the spread of what was learned before. The arithmetic is compiled
(``kernels.summary``); here is what is said of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from detectors.kernels import counted_rows, layout, summary
from detectors.kinds.plans import Plan
from detectors.life.evidence import known
from detectors.metrics import Scale
from detectors.normal.scales import FEWEST, Spread
from detectors.state.paper import DAMAGED
from detectors.state.store import Store
from detectors.transitions import rfc3339

_USUAL: Final = 2.0
"""So many standard deviations around the mean lie most of the sessions."""


class Summary:
    """The baseline of one rule on one series, for count windows.

    Args:
        store: The memory.
        plan: The rule.
        at: Where in it the words begin.
    """

    __slots__ = ("_plan", "_store", "at")

    def __init__(self, store: Store, plan: Plan, at: int) -> None:
        self._store, self._plan, self.at = store, plan, at

    def begin(self) -> None:
        """Make its words those of a summary of nothing."""
        arena = self._store.arena
        summary.summary_begin(arena.floats, arena.ints, self.at)

    @property
    def samples(self) -> int:
        """How many are remembered."""
        return int(self._store.arena.ints[self.at + layout.SUMMARISED])

    @property
    def need(self) -> int:
        """How many of them make an expectation."""
        return int(self._store.tables.rules[self._plan.row, layout.BASE_NEED])

    @property
    def expected(self) -> float | None:
        """The aggregate over them, None while there are too few."""
        expected = float(self._store.arena.floats[self.at + layout.EXPECTED])
        return expected if expected == expected else None  # noqa: PLR0124 - NaN

    def learn(self, window: int, first: int, samples: int, now_us: int) -> None:
        """Add samples and form the expectation anew; see ``summary_learn``."""
        store = self._store
        store.arena.reserve()
        summary.summary_learn(
            store.arena.floats,
            store.arena.ints,
            store.arena.heads,
            self.at,
            store.tables.rules,
            store.tables.rule_floats,
            self._plan.row,
            window,
            first,
            0,
            samples,
            now_us,
            store.scratch,
        )

    def refresh(self, now_us: int) -> None:
        """Drop what ``over`` no longer reaches, and form the expectation anew."""
        store = self._store
        summary.summary_refresh(
            store.arena.floats,
            store.arena.ints,
            store.arena.heads,
            self.at,
            store.tables.rules,
            self._plan.row,
            now_us,
            store.scratch,
        )

    def level(self) -> float | None:
        """What the samples come to, however few; None if there are none."""
        store = self._store
        level = summary.summary_level(
            store.arena.floats,
            store.arena.ints,
            self.at,
            store.tables.rules,
            self._plan.row,
            store.scratch,
        )
        return level if level == level else None  # noqa: PLR0124 - NaN

    def replace(self, other: Summary) -> None:
        """Be the other one, which is no more."""
        ints, words = self._store.arena.ints, layout.SUMMARY_WIDTH
        self.free()
        ints[self.at : self.at + words] = ints[other.at : other.at + words]

    def free(self) -> None:
        """Give back what it holds, but not its own words."""
        arena = self._store.arena
        summary.summary_free(arena.ints, arena.heads, self.at)

    def _slabs(self) -> Iterator[int]:
        ints = self._store.arena.ints
        slab = int(ints[self.at + layout.FIRST_SLAB])
        while slab:
            yield slab
            slab = int(ints[slab + layout.NEXT_SLAB])

    def evidence(self) -> dict[str, Any]:
        """What is remembered, for people; spreads where the metric has a scale."""
        scale = self._plan.rule.metric.scale
        ints, slabs = self._store.arena.ints, list(self._slabs())
        found: dict[str, Any] = {
            "baseline_samples": self.samples,
            "baseline_need": self.need,
        }
        if slabs:
            began_us = int(ints[slabs[0] + layout.SLAB_BEGAN_US])
            found["baseline_since"] = rfc3339(began_us)
            ended_us = int(ints[slabs[-1] + layout.SLAB_ENDED_US])
            found["baseline_until"] = rfc3339(ended_us)
        if slabs and scale is not Scale.RATE:
            spreads = [self._spread(slab) for slab in slabs]
            closed = Spread.joined(spreads[:-1])
            spread = Spread.joined((closed, spreads[-1]))
            if spread.samples >= FEWEST:
                low, high = spread.bounds(scale, _USUAL)
                if scale is Scale.LOGIT:
                    low, high = max(0.0, low), min(100.0, high)
                found["baseline_scale"] = scale.value
                found["baseline_spread"] = spread.deviation(scale)
                found["baseline_low"] = low
                found["baseline_high"] = high
        return known(found)

    def _spread(self, slab: int) -> Spread:
        arena = self._store.arena
        total, squares = arena.floats[slab + layout.SPREAD_TOTAL :][:2].tolist()
        return Spread(int(arena.ints[slab + layout.SPREAD_COUNT]), total, squares)

    def dump(self) -> bytes:
        """As bytes."""
        store = self._store
        ints = store.arena.ints
        out = store.paper.room(1 + counted_rows.summary_room(ints, self.at))
        out[0], words = counted_rows.put_slabs(ints, self.at, out, 1)
        return store.paper.packed(words)

    def load(self, packed: bytes) -> None:
        """Take what ``dump`` gave, in place of nothing.

        Raises:
            ValueError: It gave nothing of the kind.
        """
        store, rule = self._store, self._plan.row
        rules, words = store.tables.rules, store.read(packed)
        end = len(words)
        if (
            not end
            or counted_rows.slabs_end(words, 1, end, words[0], rules, rule) != end
        ):
            raise ValueError(DAMAGED)
        arena = store.arena
        floats, ints = arena.floats, arena.ints
        judged = int(rules[rule, layout.JUDGED])
        counted_rows.get_slabs(
            floats, ints, arena.heads, self.at, judged, words, 1, int(words[0])
        )
        summary.summary_conclude(floats, ints, self.at, rules, rule, store.scratch)
