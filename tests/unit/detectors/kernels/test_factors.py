"""What a cost is made of, compiled: the same as the scalar code, to the bit."""

from __future__ import annotations

from math import inf, nan
from random import Random

import numpy as np
import pytest

from detectors.batch import ATTRIBUTES
from detectors.cost.decomposition import WIDTH
from detectors.kernels import factors as kernels
from detectors.kernels.arena import HEADS, TOP
from detectors.kernels.halves import half
from detectors.kernels.words import Floats, arena
from detectors.metrics import COLUMN
from tests.slow.causes import CostFactors

AT = 1
END = AT + kernels.FACTORS_WIDTH
GUARD = 99
MODELS = ["", "small", "large", "new"]
NAMES = ["cost_usd", "loop_count", "llm_calls", "tool_calls", "input_tokens"]


def _session(draw: Random, *, odd: float) -> Floats:
    values = np.full(len(COLUMN), nan)
    for name in [*NAMES, "output_tokens"]:
        values[COLUMN[name]] = draw.lognormvariate(1.0, 1.0)
        if draw.random() < odd:
            values[COLUMN[name]] = draw.choice([nan, 0.0, -1.0, 1e120, inf, 5e-324])
    return values


@pytest.mark.parametrize("odd", [0.0, 0.2])
def test_a_long_stream_is_summed_the_same_to_the_bit(odd: float) -> None:
    """Through changes of model, changes of cost, and sessions that say nothing."""
    draw = Random(4)  # noqa: S311 - no secret
    scalar = CostFactors()
    _, i = arena(AT + kernels.FACTORS_WIDTH + 1 + 2 * WIDTH)
    i[: END + 1] = GUARD
    heads = np.zeros(HEADS, np.int64)
    heads[TOP] = END + 1
    kernels.factors_begin_state(i, AT)
    swapped = explained = 0
    for number in range(4_000):
        values = _session(draw, odd=odd)
        model = draw.choice([0, 1, *(3 * [1 + number // 1_000 % 3])])
        labels = [""] * len(ATTRIBUTES)
        labels[ATTRIBUTES.index("model")] = MODELS[model]
        usual = scalar.model
        if number % 400 == 300:
            scalar.begin()
            kernels.factors_begin(i, heads, AT)
        if number % 400 < 300:
            scalar.learn(values.tolist(), labels)
            kernels.factors_learn(i, AT, values, model)
        else:
            values[COLUMN["cost_usd"]] *= 3.0
            scalar.during(values.tolist(), labels)
            kernels.factors_during(i, heads, AT, values, model)
        assert kernels.sums_of(i, AT) == scalar._usual
        assert kernels.sums_of(i, AT + kernels.CHUNK) == scalar._chunk
        assert kernels.during(i, AT) == scalar._now
        chunks, model, newcomer = (
            half(i, AT, place)
            for place in (kernels.CHUNKS, kernels.MODEL, kernels.NEWCOMER)
        )
        assert chunks == scalar._chunks
        assert (MODELS[model], MODELS[newcomer]) == (scalar.model, scalar.newcomer)
        assert i[[0, END]].tolist() == [GUARD] * 2
        shares = kernels.shares(i, AT)
        assert shares == scalar.shares()
        swapped += scalar.model != usual
        explained += bool(shares)
    assert swapped >= 2
    assert explained > 100
