"""Rules that judge every session by itself."""

# Every kind of watch takes what the hungriest of them needs.
# ruff: noqa: ARG002

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Any

from detectors.kinds.plans import Plan
from detectors.kinds.watch import Watch
from detectors.life.evidence import known
from detectors.state.stage import Stage
from detectors.transitions import State


class EachWatch(Watch):
    """A threshold without a window: the session's own value is judged."""

    __slots__ = ("column", "quiet", "sign")

    def __init__(self, plan: Plan, by: dict[str, str]) -> None:
        super().__init__(plan, by)
        self.column = plan.column
        self.sign = plan.sign
        self.quiet = -inf

    def sample(  # noqa: D102
        self, values: Sequence[float], ended_us: int, now_us: int, stage: Stage
    ) -> bool | None:
        value = values[self.column] * self.sign
        if value <= self.quiet or value != value:  # noqa: PLR0124 - NaN is no sample
            return None
        self.weigh(value, value, now_us, stage)
        return True

    def evidence(self) -> dict[str, Any]:  # noqa: D102
        value = None if self.value is None else self.plan.sign * self.value
        trace = None if self.breach is None else self.breach.trace
        return known({"value": value, "trace": trace}) | super().evidence()

    def settle(self) -> None:  # noqa: D102
        quiet = self.plan.limits[0].enter if self.life.state is State.OK else -inf
        self.quiet = quiet

    def dump(self) -> list[Any]:  # noqa: D102
        return []

    def load(self, state: list[Any]) -> None:  # noqa: D102
        self.settle()


class EachRateWatch(EachWatch):
    """The same for pooled rates: errors over calls of one session."""

    __slots__ = ()

    def sample(  # noqa: D102
        self, values: Sequence[float], ended_us: int, now_us: int, stage: Stage
    ) -> bool | None:
        calls = values[self.plan.over]
        if not calls > 0:
            return None
        errors = values[self.column]
        value = (errors / calls if errors == errors else 0.0) * self.sign  # noqa: PLR0124
        if value <= self.quiet:
            return None
        self.weigh(value, value, now_us, stage)
        return True


class EachSessionWatch(EachWatch):
    """The same for ``sessions``: each counts 1."""

    __slots__ = ()

    def sample(  # noqa: D102
        self, values: Sequence[float], ended_us: int, now_us: int, stage: Stage
    ) -> bool | None:
        self.weigh(self.sign, self.sign, now_us, stage)
        return True
