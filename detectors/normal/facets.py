"""What a drift rule looks at in a session: the metric, and the metric per unit of work.

Cost follows the work that a session does, and work varies far more than its price. So
cost is also watched per token, and tokens per call; latency per call. A facet other
than the metric itself counts only while the metric has become worse as well: cheaper
input tokens at the same price per answer are no rise in cost.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Final

from detectors.kernels import layout, scales
from detectors.metrics import COLUMN, Metric, Scale
from detectors.normal.norms import Norm, RateNorm

OUTPUT_WEIGHT: Final = 5.0
"""What an output token costs in input tokens, at most providers' prices."""

_COST: Final = COLUMN["cost_usd"]
_LATENCY: Final = COLUMN["latency_ms"]
_CALLS: Final = COLUMN["llm_calls"]
_INPUT: Final = COLUMN["input_tokens"]
_OUTPUT: Final = COLUMN["output_tokens"]

_SCALES: Final = {
    Scale.LOG: scales.LOG,
    Scale.SQRT: scales.SQRT,
    Scale.LOGIT: scales.LOGIT,
}

Sample = tuple[float, float]
"""A number and its weight; the weight of a rate is its number of calls."""
Read = Callable[[Sequence[float]], Sample | None]


class Kin(Enum):
    """What the sessions of two series must share to be alike in a facet."""

    TASK = "task"  # whatever model does it
    WORK = "work"  # the same work by the same model, else the same work
    MODEL = "model"  # the same model, whatever the work


@dataclass(frozen=True, slots=True)
class Facet:
    """One number of a session that a rule on a metric watches.

    Attributes:
        name: For people: ``cost_usd per token``.
        read: Takes it from a session's numbers; None where the session has none.
        norm: Makes what learns it.
        code: How compiled code reads it, and in which scale it learns it: ``READER``,
            ``READS``, ``PER`` and ``SCALE`` of ``kernels.layout``.
        margin: How far sessions may wander, in deviations, without being worse.
        tail: Whether single extreme sessions say something; not of a yes or no.
        kin: What tells like from like between series.
        creeps: Whether a level that rises by a little each day is told of.
    """

    name: str
    read: Read
    norm: Callable[[], Norm]
    code: tuple[int, int, int, int]
    margin: float
    tail: bool
    kin: Kin = Kin.WORK
    creeps: bool = False


def _plain(column: int, *, positive: bool) -> Read:
    def read(values: Sequence[float]) -> Sample | None:
        value = values[column]
        if value != value or (positive and value <= 0):  # noqa: PLR0124 - NaN
            return None
        return value, 1.0

    return read


def _rate(numerator: int, denominator: int) -> Read:
    def read(values: Sequence[float]) -> Sample | None:
        calls, errors = values[denominator], values[numerator]
        if not calls > 0:
            return None
        return (errors if errors == errors else 0.0), calls  # noqa: PLR0124 - NaN

    return read


def _per_token(values: Sequence[float]) -> Sample | None:
    output = values[_OUTPUT]
    tokens = values[_INPUT] + OUTPUT_WEIGHT * (output if output > 0 else 0.0)
    return (values[_COST] / tokens, 1.0) if tokens > 0 and values[_COST] > 0 else None


def _per_call(column: int) -> Read:
    def read(values: Sequence[float]) -> Sample | None:
        value, calls = values[column], values[_CALLS]
        return (value / calls, 1.0) if calls > 0 and value > 0 else None

    return read


@cache
def facets(metric: Metric, sign: float) -> tuple[Facet, ...]:
    """The facets of a metric, itself first.

    Args:
        metric: Not ``sessions``, which a session does not carry.
        sign: 1.0, or -1.0 where lower values are worse.

    >>> from detectors.metrics import METRICS
    >>> [facet.name for facet in facets(METRICS["cost_usd"], 1.0)]
    ['cost_usd', 'cost_usd per token', 'input_tokens per call']
    """
    column = metric.numerator
    assert column is not None  # noqa: S101 - check refuses the only other one
    name = metric.name
    if metric.denominator is not None:
        read = _rate(column, metric.denominator)
        code = (layout.RATE, column, metric.denominator, scales.RATE)
        rate = lambda: RateNorm(sign, single=False)  # noqa: E731
        return (Facet(name, read, rate, code, 0.05, True, Kin.TASK),)
    if metric.per_session:
        read = _plain(column, positive=False)
        code = (layout.PLAIN, column, 0, scales.SINGLE)
        rate = lambda: RateNorm(sign, single=True)  # noqa: E731
        return (Facet(name, read, rate, code, 0.08, False, Kin.TASK),)
    margin = 0.15 if column == _LATENCY else 0.05
    positive = metric.scale is Scale.LOG
    reader = layout.POSITIVE if positive else layout.PLAIN
    code = (reader, column, 0, _SCALES[metric.scale])
    read = _plain(column, positive=positive)
    kin = Kin.WORK if column in (_COST, _LATENCY) else Kin.TASK
    norm = lambda: Norm(metric.scale, sign)  # noqa: E731
    creeps = column in (_COST, _INPUT, _OUTPUT)
    found = [Facet(name, read, norm, code, margin, True, kin, creeps)]

    def further(title: str, how: Read, reader: int, column: int, kin: Kin) -> None:
        code = (reader, column, 0, scales.LOG)
        norm = lambda: Norm(Scale.LOG, sign)  # noqa: E731
        too = creeps and reader != layout.PER_TOKEN
        found.append(Facet(title, how, norm, code, margin, True, kin, too))

    if column == _COST:
        further("cost_usd per token", _per_token, layout.PER_TOKEN, _COST, Kin.MODEL)
        tokens = "input_tokens per call"
        further(tokens, _per_call(_INPUT), layout.PER_CALL, _INPUT, Kin.TASK)
    elif column in (_LATENCY, _INPUT, _OUTPUT):
        kin = Kin.MODEL if column == _LATENCY else Kin.TASK
        further(f"{name} per call", _per_call(column), layout.PER_CALL, column, kin)
    return tuple(found)
