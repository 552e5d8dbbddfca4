"""Rules that judge every session by itself."""

# Every kind of watch takes what the hungriest of them needs.
# ruff: noqa: ARG002

from __future__ import annotations

from collections.abc import Sequence
from math import inf, nan
from typing import Any

from detectors.kernels import layout
from detectors.kinds.compiled_watch import CompiledWatch
from detectors.kinds.plans import Plan
from detectors.kinds.watch import Watch
from detectors.life.evidence import known
from detectors.life.lifecycle import CLEAR
from detectors.state.stage import Stage
from detectors.state.store import Store
from detectors.transitions import State


class EachWatch(CompiledWatch):
    """A threshold without a window: the session's own value is judged.

    >>> from detectors.rules import Level, Severity, Threshold, rule
    >>> from detectors.trial import trial
    >>> limit = Threshold((Level(Severity.WARNING, 10.0),))
    >>> long = rule("long", "loop_count", limit, keep_firing_for_us=0)
    >>> [line.to_state.value for line in trial(long, {"loop_count": [4, 11, 4]})]
    ['ok', 'firing', 'resolved', 'ok']
    """

    __slots__ = ("column", "quiet", "sign")

    def __init__(self, plan: Plan, by: dict[str, str], store: Store, at: int) -> None:
        super().__init__(plan, by, store, at)
        self.column = plan.column
        self.sign = plan.sign
        self.quiet = -inf

    def sample(  # noqa: D102
        self, values: Sequence[float], ended_us: int, now_us: int, stage: Stage
    ) -> bool | None:
        value = self.own(values)
        if value <= self.quiet or value != value:  # noqa: PLR0124 - NaN is no sample
            return None
        self.weigh(value, value, now_us, stage)
        return True

    def own(self, values: Sequence[float]) -> float:
        """What a session's numbers come to, signed; NaN if it is no sample."""
        return values[self.column] * self.sign

    def judge_well(self, now_us: int, stage: Stage) -> None:
        """Say that the series is judged from this session on, and all is well.

        Compiled code has taken it in.
        """
        value = self.own(stage.values)
        Watch.judge(self, CLEAR, value, value, now_us, stage)
        self.rest()

    def evidence(self) -> dict[str, Any]:  # noqa: D102
        value = None if self.value is None else self.plan.sign * self.value
        trace = None if self.breach is None else self.breach.trace
        return known({"value": value, "trace": trace}) | super().evidence()

    def settle(self) -> None:  # noqa: D102
        quiet = self.plan.limits[0].enter if self.life.state is State.OK else -inf
        self.quiet = quiet
        super().settle()
        if self.at:
            self.store.arena.floats[self.at + layout.LIMIT] = quiet


class EachRateWatch(EachWatch):
    """The same for pooled rates: errors over calls of one session."""

    __slots__ = ()

    def own(self, values: Sequence[float]) -> float:  # noqa: D102
        calls, errors = values[self.plan.over], values[self.column]
        if not calls > 0:
            return nan
        return (errors / calls if errors == errors else 0.0) * self.sign  # noqa: PLR0124


class EachSessionWatch(EachWatch):
    """The same for ``sessions``: each counts 1."""

    __slots__ = ()

    def sample(  # noqa: D102
        self, values: Sequence[float], ended_us: int, now_us: int, stage: Stage
    ) -> bool | None:
        self.weigh(self.sign, self.sign, now_us, stage)
        return True
