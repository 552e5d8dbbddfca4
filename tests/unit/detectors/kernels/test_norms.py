"""What is normal, compiled: the same as the scalar norms, to the bit."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import inf, isnan, nan
from random import Random
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.kernels import norms as kernels
from detectors.kernels import scales
from detectors.kernels.beta_binomial import table
from detectors.kernels.words import arena
from detectors.metrics import Scale
from detectors.normal import norms as scalar

AT = 3
GUARD = 12345.0
TABLE = table()

Sample = tuple[float, float]


class Kind(NamedTuple):
    """A kind of number: the scalar norm of it, and its streams."""

    name: str
    scale: int
    sign: float
    norm: Callable[[], scalar.Norm]
    usual: Callable[[Random], Sample]
    odd: tuple[Sample, ...]


def _plain(name: str, scale: Scale, sign: float, usual: object, odd: object) -> Kind:
    assert callable(usual)
    assert isinstance(odd, tuple)
    return Kind(
        name,
        scales.code(scale),
        sign,
        lambda: scalar.Norm(scale, sign),
        lambda draw: (usual(draw), 1.0),
        tuple((value, 1.0) for value in odd),
    )


def _calls(draw: Random) -> Sample:
    calls = draw.choice([1, 1, 2, 5, 9, 40, 90])
    rate = draw.betavariate(1.0, 12.0)
    return float(sum(draw.random() < rate for _ in range(calls))), float(calls)


KINDS = (
    _plain(
        "costs",
        Scale.LOG,
        1.0,
        lambda draw: draw.lognormvariate(-3.0, 0.8),
        (0.0, -1.0, 5e-324, 1e308, inf),
    ),
    _plain(
        "loops",
        Scale.SQRT,
        1.0,
        lambda draw: float(draw.randrange(1, 12)),
        (0.0, 1e308, inf),
    ),
    _plain(
        "scores",
        Scale.LOGIT,
        -1.0,
        lambda draw: min(100.0, max(0.0, draw.gauss(85.0, 12.0))),
        (0.0, 100.0),
    ),
    Kind(
        "errors",
        scales.RATE,
        1.0,
        lambda: scalar.RateNorm(1.0, single=False),
        _calls,
        ((0.0, 1.0), (9.0, 9.0), (9.0, 3.0), (0.0, 1e9), (1e300, 1e300), (2.0, 0.5)),
    ),
    Kind(
        "good calls",
        scales.RATE,
        -1.0,
        lambda: scalar.RateNorm(-1.0, single=False),
        _calls,
        ((5.0, 5.0), (0.0, 7.0)),
    ),
    Kind(
        "successes",
        scales.SINGLE,
        -1.0,
        lambda: scalar.RateNorm(-1.0, single=True),
        lambda draw: (float(draw.random() < 0.9), 1.0),
        ((1.0, 1.0), (0.0, 1.0)),
    ),
)


def _same(one: float, other: float | None) -> bool:
    return isnan(one) if other is None or isnan(other) else one == other


def _alike(kind: Kind, samples: Iterable[Sample], draw: Random) -> None:
    """Hold both to each other, sample by sample."""
    _, scale, sign, make, _, _ = kind
    norm, width = make(), kernels.width(kind.scale)
    of = scalar._WORDS if width == kernels.NORM_WIDTH else scalar._RATE_WORDS
    f, i = arena(AT + width + 3)
    f[:] = GUARD
    kernels.norm_begin(f, i, AT, scale)
    for value, weight in samples:
        before = i.tolist()
        known = norm.score(value, weight)
        found = kernels.norm_score(i, AT, value, weight, scale, sign, *TABLE)
        assert _same(found, known)
        assert i.tolist() == before
        if draw.random() < 0.1:
            known, found = None, nan
        norm.learn(value, weight, known)
        kernels.norm_learn(f, i, AT, value, weight, found, scale, sign)
        state = of.unpack(i[AT : AT + width].astype("<i8").tobytes())
        assert all(map(_same, state, of.unpack(norm.words))), (state, norm.dump())
        outside = [*f[:AT].tolist(), *f[AT + width :].tolist()]
        assert outside == [GUARD] * (AT + 3)
        assert kernels.norm_ready(i, AT, scale) == norm.ready
        assert _same(kernels.norm_spread(i, AT, scale), norm.spread)
        assert _same(kernels.norm_borrowed(i, AT), norm.borrowed)
        if isinstance(norm, scalar.RateNorm):
            # Rounded where it is used: an error here might never be seen there.
            unlike = kernels._concentration(i, AT, scale)
            assert _same(unlike, norm._concentration())


def _by_name(kind: Kind) -> str:
    return kind.name


@pytest.mark.parametrize("kind", KINDS, ids=_by_name)
def test_a_long_stream_is_learned_the_same_to_the_bit(kind: Kind) -> None:
    """Past what a norm remembers, with a change of level and odd numbers on the way."""
    draw = Random(11)  # noqa: S311 - no secret
    samples = [kind.usual(draw) for _ in range(2_500)]
    odd = [each for each in kind.odd if each[0] < inf]
    for at in range(40, len(samples), 37):
        samples[at] = draw.choice(odd)
    _alike(kind, samples, draw)


@pytest.mark.parametrize("kind", KINDS, ids=_by_name)
@settings(max_examples=40)
@given(data=st.data())
def test_a_stream_of_odd_numbers_is_learned_the_same_to_the_bit(
    kind: Kind, data: st.DataObject
) -> None:
    """From the first sample on, infinite ones as well."""
    draw = Random(data.draw(st.integers(0, 99)))  # noqa: S311 - no secret
    usual = st.builds(lambda _: kind.usual(draw), st.none())
    samples = st.lists(usual | st.sampled_from(kind.odd), min_size=12, max_size=60)
    _alike(kind, data.draw(samples), draw)


@given(st.floats(-9.0, 9.0), st.sampled_from(KINDS[:3]))
def test_scales_are_those_of_the_scalar_norms(place: float, kind: Kind) -> None:
    """There and back again."""
    norm = kind.norm()
    value = norm.back(place)
    assert scales.back(place, kind.scale) == value
    assert scales.there(value, kind.scale) == norm.there(value)
