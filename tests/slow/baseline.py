"""What a series was like before its count window: a summary of fixed size.

Learned samples go into slabs of a sixteenth of ``over`` each, of samples or of time,
and the oldest slab is dropped once the others suffice. A slab keeps sums, spread in
the metric's own scale, and for percentiles a histogram. Samples are winsorised by
the spread of what was learned before.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from math import inf
from typing import Any, Final

from detectors.kinds.plans import Judged, Plan
from detectors.life.evidence import known
from detectors.metrics import Aggregate, Scale
from detectors.normal.scales import FEWEST, Spread, winsorised
from detectors.numbers import finite, total
from detectors.transitions import rfc3339
from tests.slow.sketch import Bins, flatten, merge, remove, unflatten

SLABS: Final = 16
WIDTH: Final = 0.02
"""Relative width of histogram bins."""

_USUAL: Final = 2.0
"""So many standard deviations around the mean lie most of the sessions."""


class Slab:
    """A run of learned samples.

    Attributes:
        total: Sum of winsorised values, or of a rate's numerators.
        weight: Sum of a rate's denominators.
        began_us: The series' time at its first sample.
        ended_us: And at its last.
    """

    __slots__ = (
        "began_us",
        "bins",
        "ended_us",
        "high",
        "low",
        "samples",
        "spread",
        "total",
        "weight",
    )

    def __init__(self, began_us: int) -> None:
        self.began_us = self.ended_us = began_us
        self.samples = 0
        self.total = 0.0
        self.weight = 0.0
        self.low = inf
        self.high = -inf
        self.spread = Spread()
        self.bins: dict[int, int] = {}

    def dump(self) -> list[Any]:
        """As plain numbers."""
        return [
            self.began_us,
            self.ended_us,
            self.samples,
            self.total,
            self.weight,
            self.low,
            self.high,
            list(self.spread),
            flatten(self.bins),
        ]

    @classmethod
    def load(cls, state: list[Any]) -> Slab:
        """Take what ``dump`` gave."""
        slab = cls(state[0])
        slab.ended_us, slab.samples, slab.total, slab.weight = state[1:5]
        slab.low, slab.high = state[5:7]
        slab.spread = Spread(*state[7])
        slab.bins = unflatten(state[8])
        return slab


class Summary:
    """The baseline of one rule on one series, for count windows.

    Attributes:
        samples: How many are remembered.
        need: How many of them make an expectation.
        expected: The aggregate over them, None while there are too few.
    """

    __slots__ = (
        "_bins",
        "_bounds",
        "_closed",
        "_counts",
        "_plan",
        "_slab_samples",
        "_slab_us",
        "_slabs",
        "_stale",
        "expected",
        "need",
        "samples",
    )

    def __init__(self, plan: Plan) -> None:
        baseline = plan.baseline
        assert baseline is not None
        self._plan = plan
        self._slab_samples = max(1, baseline.over_samples // SLABS)
        self._slab_us = max(1, baseline.over_us // SLABS)
        self._slabs: deque[Slab] = deque()
        self._bins: Bins | None = None
        if plan.judged is Judged.RANK and 0 < plan.percent < 100:
            self._bins = Bins(WIDTH, whole=plan.rule.metric.scale is Scale.SQRT)
        self._counts: dict[int, int] = {}
        self._bounds = (-inf, inf)
        self._closed = Slab(0)
        self._stale = False
        self.samples = 0
        self.need = max(1, min(plan.rule.min_samples, baseline.over_samples))
        self.expected: float | None = None

    def learn(
        self, values: Sequence[float], weights: Sequence[float] | None, now_us: int
    ) -> None:
        """Add samples and form the expectation anew.

        Args:
            values: Samples in the metric's unit, or a rate's numerators.
            weights: A rate's denominators.
            now_us: The series' time.
        """
        # A few at a time may overfill a slab; many are spread over several.
        room = self._slab_samples
        for first in range(0, len(values), room):
            self._fill(
                self._open_slab(now_us),
                values[first : first + room],
                None if weights is None else weights[first : first + room],
            )
        self.refresh(now_us)

    def _open_slab(self, now_us: int) -> Slab:
        slabs = self._slabs
        if (
            not slabs
            or slabs[-1].samples >= self._slab_samples
            or now_us >= slabs[-1].began_us + self._slab_us
        ):
            slabs.append(Slab(now_us))
            self._stale = True
        slabs[-1].ended_us = now_us
        return slabs[-1]

    def _close(self) -> None:
        """Add up all slabs but the last: they no longer change."""
        self._stale = False
        closed = list(self._slabs)[:-1]
        self._closed = together = Slab(0)
        together.spread = Spread.joined([slab.spread for slab in closed])
        together.total = total([slab.total for slab in closed])
        together.weight = total([slab.weight for slab in closed])
        together.low = min([slab.low for slab in closed], default=inf)
        together.high = max([slab.high for slab in closed], default=-inf)

    def _fill(
        self, slab: Slab, values: Sequence[float], weights: Sequence[float] | None
    ) -> None:
        scale = self._plan.rule.metric.scale
        if weights is not None:
            slab.spread = slab.spread.add(Scale.SQRT, weights)
            kept = winsorised(Scale.SQRT, weights, *self._bounds)
            if kept is not weights:
                values = [
                    value * (now / was)
                    for value, now, was in zip(values, kept, weights, strict=True)
                ]
            slab.weight += total(kept)
        elif scale is not Scale.RATE:
            slab.spread = slab.spread.add(scale, values)
            values = winsorised(scale, values, *self._bounds)
        slab.total += total(values)
        slab.samples += len(values)
        slab.low = min(slab.low, *values)
        slab.high = max(slab.high, *values)
        self.samples += len(values)
        if self._bins is not None:
            keys = self._bins.keys(values)
            counts = Counter(keys)
            merge(slab.bins, counts)
            merge(self._counts, counts)

    def refresh(self, now_us: int) -> None:
        """Drop what ``over`` no longer reaches, and form the expectation anew."""
        baseline = self._plan.baseline
        assert baseline is not None
        slabs = self._slabs
        while slabs and (
            slabs[0].ended_us + baseline.over_us <= now_us
            or self.samples - slabs[0].samples >= baseline.over_samples
        ):
            oldest = slabs.popleft()
            self.samples -= oldest.samples
            remove(self._counts, oldest.bins)
            self._stale = True
        if self._stale:
            self._close()
        self._conclude()

    def _conclude(self) -> None:
        """Work out what hangs on all slabs together."""
        last = self._slabs[-1] if self._slabs else Slab(0)
        pooled = self._plan.judged is Judged.RATE
        scale = Scale.SQRT if pooled else self._plan.rule.metric.scale
        if scale is not Scale.RATE:
            self._bounds = self._spread(last).bounds(scale)
        enough = self.samples >= self.need
        self.expected = self.level() if enough else None

    def _spread(self, last: Slab) -> Spread:
        return Spread.joined((self._closed.spread, last.spread))

    def evidence(self) -> dict[str, Any]:
        """What is remembered, for people; spreads where the metric has a scale."""
        slabs, scale = self._slabs, self._plan.rule.metric.scale
        found: dict[str, Any] = {
            "baseline_samples": self.samples,
            "baseline_need": self.need,
        }
        if slabs:
            found["baseline_since"] = rfc3339(slabs[0].began_us)
            found["baseline_until"] = rfc3339(slabs[-1].ended_us)
        if slabs and scale is not Scale.RATE:
            spread = self._spread(slabs[-1])
            if spread.samples >= FEWEST:
                low, high = spread.bounds(scale, _USUAL)
                if scale is Scale.LOGIT:
                    low, high = max(0.0, low), min(100.0, high)
                found["baseline_scale"] = scale.value
                found["baseline_spread"] = spread.deviation(scale)
                found["baseline_low"] = low
                found["baseline_high"] = high
        return known(found)

    def level(self) -> float | None:
        """What the samples come to, however few; None if there are none."""
        if not self.samples:
            return None
        plan, closed = self._plan, self._closed
        last = self._slabs[-1]
        if plan.judged is Judged.COUNT:
            return float(plan.size)
        if plan.judged is not Judged.RANK:
            summed = finite(closed.total + last.total)
            if plan.judged is Judged.RATE:
                weight = finite(closed.weight + last.weight)
                return summed / weight if weight > 0 else None
            mean = summed / self.samples
            return finite(mean * plan.size) if plan.judged is Judged.SUM else mean
        low, high = min(closed.low, last.low), max(closed.high, last.high)
        if self._bins is None:
            return low if plan.rule.aggregate is Aggregate.MIN else high
        percent = plan.percent if plan.sign > 0 else 100 - plan.percent
        return max(low, min(high, self._bins.quantile(self._counts, percent)))

    def dump(self) -> list[Any]:
        """As plain numbers."""
        return [slab.dump() for slab in self._slabs]

    def load(self, state: list[Any]) -> None:
        """Take what ``dump`` gave; the expectation is as it was then."""
        self._slabs = deque(Slab.load(slab) for slab in state)
        self._counts = {}
        self.samples = 0
        for slab in self._slabs:
            self.samples += slab.samples
            merge(self._counts, slab.bins)
        self._close()
        self._conclude()
