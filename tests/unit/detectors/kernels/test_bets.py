"""Bets, compiled: the same as the scalar bets, to the bit."""

from __future__ import annotations

from math import inf
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.kernels import bets as kernels
from detectors.kernels.stakes import stake
from detectors.kernels.words import Floats, Ints, arena
from tests.slow.bets import Bets

AT = 2
GUARD = 777


class Pair:
    """Scalar bets, and the words of compiled ones."""

    def __init__(
        self, margin: float, caution: float, *, tail: bool, small: int = 1
    ) -> None:
        self.scalar = Bets(margin, caution, tail=tail, small=small)
        self.f: Floats
        self.i: Ints
        self.f, self.i = arena(AT + kernels.BETS_WIDTH + 2)
        self.i[:] = GUARD
        kernels.bets_begin(self.f, self.i, AT, caution, small, 0, 0)
        self.check()

    def check(self) -> None:
        """Whether both know the same, and no other word was written to."""
        f, i = self.f[AT:].tolist(), self.i[AT:].tolist()
        begun = [list(each) for each in zip(i[5:10], i[10:15], strict=True)]
        assert self.scalar.dump() == [
            f[0:5],
            begun,
            i[15],
            f[16],
            i[17],
            f[18],
            f[19],
            i[20],
            f[21:25],
            f[25:29],
            f[29:33],
        ]
        assert self.i[:AT].tolist() == i[33:] == [GUARD] * 2

    def bet(self, deviation: float, number: int, at_us: int) -> None:
        """Bet on a sample; trying alone changes nothing."""
        scalar, before = self.scalar, self.i.tolist()
        out = np.zeros(5)
        most = kernels.bets_try(self.f, AT, deviation, scalar.margin, scalar.tail, out)
        assert self.i.tolist() == before
        kernels.bets_take(self.f, self.i, AT, out, number, at_us)
        scalar.bet(deviation, number, at_us)
        self.check()
        assert most == scalar.suspicion == kernels.bets_suspicion(self.f, AT)

    def fires(self, limit: float) -> int:
        """Which bet fires."""
        which = self.scalar.fires(limit)
        assert kernels.bets_fires(self.f, AT, limit) == which
        self.check()
        return which

    def hold(self, which: int, shift: float, samples: int, number: int) -> None:
        """Wait for the way back."""
        self.scalar.hold(which, shift, samples, number)
        kernels.bets_hold(self.f, self.i, AT, which, shift, samples, number)
        self.check()

    def returned(self, deviation: float, number: int) -> bool:
        """Whether it is back."""
        back = self.scalar.returned(deviation, number)
        margin = self.scalar.margin
        found = kernels.bets_returned(self.f, self.i, AT, deviation, margin, number)
        assert found == back
        self.check()
        return back

    def release(self, number: int, at_us: int) -> None:
        """Begin anew."""
        self.scalar.release(number, at_us)
        kernels.bets_release(self.f, self.i, AT, number, at_us)
        self.check()

    def learn(self, deviation: float) -> None:
        """Learn a healthy sample."""
        scalar = self.scalar
        scalar.learn(deviation)
        caution, small = scalar.caution, scalar.small
        kernels.bets_learn(self.f, self.i, AT, deviation, scalar.tail, caution, small)
        self.check()

    def sample(self, deviation: float, number: int, limit: float) -> None:
        """What a drift rule does with a sample; at times a gate holds a change back."""
        if self.scalar.holding >= 0:
            if self.returned(deviation, number):
                self.release(number, 7 * number)
            return
        self.bet(deviation, number, 7 * number)
        which = self.fires(limit)
        if which >= 0 and number % 8 == 0:
            shift = min(max(deviation, -4.0), 9.0)
            self.hold(which, shift, 1 + number % 9, number)
        else:
            self.learn(deviation)


@pytest.mark.parametrize("tail", [True, False])
@pytest.mark.parametrize(("caution", "small"), [(0.0, 1), (1.5, 1), (1.0, 2)])
def test_a_long_stream_is_bet_on_the_same_to_the_bit(
    caution: float, small: int, *, tail: bool
) -> None:
    """Over many changes there and back, of all sessions and of a share of them."""
    draw = Random(8)  # noqa: S311 - no secret
    pair = Pair(0.05, caution, tail=tail, small=small)
    shift = share = 0.0
    held = set()
    for number in range(1, 6_001):
        if number > 2_300 and number % 150 == 0:
            shift = draw.choice([0.0, 0.0, 0.5, 1.0, 2.5])
            share = draw.choice([0.0, 0.0, 0.1, 0.4])
        deviation = draw.gauss(shift, 1.0)
        if draw.random() < share:
            deviation += draw.choice([3.0, 5.0, 50.0])
        pair.sample(deviation, number, 7.5)
        held.add(pair.scalar.holding)
    assert min(held) == -1
    assert len(held) > 2
    assert (max(held) > 2) is tail


@settings(max_examples=60)
@given(
    st.lists(st.floats(allow_nan=False) | st.floats(-6.0, 9.0), max_size=80),
    st.sampled_from([0.0, 0.05, 0.15]),
    st.booleans(),
)
def test_odd_deviations_are_bet_on_the_same_to_the_bit(
    deviations: list[float], margin: float, tail: bool
) -> None:
    """The largest and the infinite ones as well."""
    pair = Pair(margin, 1.5, tail=tail)
    for number, deviation in enumerate([*deviations, inf, -inf, 0.0]):
        pair.sample(deviation, number, 2.0)


@given(st.floats(-6.0, 9.0), st.floats(0.0, 4.0))
def test_what_is_lost_without_a_logarithm_is_lost_with_it(
    deviation: float, won: float
) -> None:
    """The bound only spares work: a bet that has a total above 0 keeps it."""
    pair = Pair(0.0, 1.5, tail=True)
    pair.scalar.won = [won] * 5
    pair.f[AT : AT + 5] = won
    out = np.zeros(5)
    kernels.bets_try(pair.f, AT, deviation, 0.0, True, out)
    odds = stake(deviation) / pair.f[AT + kernels.PRICES + 3]
    for share, total in zip(kernels.SHARES, out[3:].tolist(), strict=True):
        plain = won + float(np.log(1 - share + share * odds))
        assert max(0.0, total) == pytest.approx(max(0.0, plain), abs=1e-12)


@pytest.mark.parametrize(
    ("deviation", "least", "most"), [(0.0, 50, 70), (-0.2, 50, 50), (-2.0, 5, 15)]
)
def test_the_way_back_must_last_or_be_plain(
    deviation: float, least: int, most: int
) -> None:
    """A few healthy sessions in a row end nothing; many do, or far better ones."""
    pair = Pair(0.05, 1.5, tail=True)
    pair.hold(1, 1.0, 20, 20)
    number = 21
    while not pair.returned(deviation, number):
        number += 1
    assert least <= number - 20 <= most


def test_a_bad_session_makes_the_way_back_begin_anew() -> None:
    """Where a share of the sessions is bad, the healthy ones between them say little."""
    pair = Pair(0.05, 1.5, tail=True)
    pair.hold(4, 1.5, 20, 20)
    for number in range(21, 221):
        assert not pair.returned(4.0 if number % 30 == 0 else -0.2, number)
    number = 221
    while not pair.returned(-0.2, number):
        number += 1
    assert number - 210 >= 50


def test_a_creep_does_not_pay_its_own_price() -> None:
    """The smallest tilt is not dearer than of normal deviations, whatever is learned."""
    pair = Pair(0.05, 1.5, tail=True)
    draw = Random(3)  # noqa: S311 - no secret
    for _ in range(2_000):
        pair.learn(draw.gauss(0.6, 1.0))
    pair.bet(0.0, 1, 1)
    pair.release(1, 1)
    for number in range(2, 402):
        pair.bet(0.6, number, number)
    assert pair.fires(11.0) == 0
