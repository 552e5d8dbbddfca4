"""Bets, compiled: the same as the scalar bets, to the bit."""

from __future__ import annotations

from math import inf
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.kernels import bets as kernels
from detectors.kernels import holding, layout
from detectors.kernels.arena import HEADS, TOP
from detectors.kernels.halves import halves, high, high_int, low
from detectors.kernels.moments import moment, number_of, time_of
from detectors.kernels.stakes import stake
from detectors.kernels.words import Floats, Ints, arena
from tests.slow.bets import Bets
from tests.slow.halves import moment as slow_moment

WATCH = 4
AT = WATCH + layout.BETS
GUARD = 777
FREE = AT + kernels.BETS_WIDTH + 2
"""What is held is in what follows."""


class Pair:
    """Scalar bets, and the words of compiled ones."""

    def __init__(
        self, margin: float, caution: float, *, tail: bool, small: int = 1
    ) -> None:
        self.scalar = Bets(margin, caution, tail=tail, small=small)
        self.tail = tail
        self.end = AT + kernels.width(tail)
        self.number = self.at_us = 0
        self.last = (0, 0)
        self.f: Floats
        self.i: Ints
        self.f, self.i = arena(FREE + 16)
        self.heads: Ints = np.zeros(HEADS, np.int64)
        self.heads[TOP] = FREE
        self.i[self.end : FREE] = GUARD
        kernels.bets_begin(self.i, AT, tail, caution, small)
        self.check()

    def check(self) -> None:
        """Whether both know the same, and no other word was written to."""
        f, i, known = self.f, self.i, self.scalar
        count = kernels.BETS if self.tail else kernels.TILTED
        won = [kernels.bets_won(i, AT, which) for which in range(count)]
        assert known.won[:count] == won
        for which, nats in enumerate(won):
            if nats > 0.0:
                word = kernels.bets_begun(i, AT, which)
                found = number_of(word, self.number), time_of(word, self.at_us)
                assert known.begun_at[which] == found
        words = [AT + kernels.LEARNED + which for which in range(kernels.TILTED)]
        if self.tail:
            words.append(AT + kernels.FAR_LEARNED)
        prices = [*i[AT + kernels.PRICES :][:2].tolist()]
        seen, means, squares, priced = known.dump()[-4:]
        assert high_int(i[AT + kernels.WON + 1]) == seen
        assert [low(i[word]) for word in words] == means[: len(words)]
        assert [high(i[word]) for word in words] == squares[: len(words)]
        assert [each(word) for word in prices for each in (low, high)] == priced
        assert set(i[self.end : FREE].tolist()) == {GUARD}
        held = int(i[WATCH + layout.CHANGE])
        assert bool(held) is (known.holding >= 0)
        if held:
            assert i[held + layout.C_BET] == known.holding
            shift, since, returned, far = known.dump()[4:8]
            assert f[held + layout.C_SHIFT] == shift
            assert i[held + layout.C_SINCE] == since
            assert f[held + layout.C_RETURNED] == returned
            assert f[held + layout.C_FAR] == far

    def see(self, number: int, at_us: int) -> None:
        """A sample is at hand."""
        self.number, self.at_us = number, at_us
        self.i[WATCH + layout.SAMPLES] = number

    def bet(self, deviation: float, number: int, at_us: int) -> None:
        """Bet on a sample."""
        self.see(number, at_us)
        scalar, last = self.scalar, moment(*self.last)
        most = kernels.bets_take(self.i, AT, deviation, scalar.margin, self.tail, last)
        scalar.bet(deviation, self.last)
        self.last = slow_moment(number, at_us)
        self.check()
        assert most == scalar.suspicion
        assert most == kernels.bets_suspicion(self.i, AT, self.tail)

    def fires(self, limit: float) -> int:
        """Which bet fires."""
        which = self.scalar.fires(limit)
        assert kernels.bets_fires(self.i, AT, self.tail, limit) == which
        self.check()
        return which

    def hold(self, which: int, shift: float, samples: int, number: int) -> None:
        """Wait for the way back."""
        self.see(number, self.at_us)
        self.scalar.hold(which, shift, samples, number)
        holding.hold(self.f, self.i, self.heads, WATCH, which, shift, samples)
        self.check()

    def returned(self, deviation: float, number: int) -> bool:
        """Whether it is back."""
        self.see(number, self.at_us)
        back = self.scalar.returned(deviation, number)
        margin = self.scalar.margin
        found = holding.returned(self.f, self.i, WATCH, AT, deviation, margin)
        assert found == back
        self.check()
        return back

    def release(self, number: int, at_us: int) -> None:
        """Begin anew."""
        self.scalar.release()
        self.last = slow_moment(number, at_us)
        kernels.bets_release(self.i, AT, self.tail)
        holding.let_go(self.i, self.heads, WATCH)
        self.check()

    def learn(self, deviation: float) -> None:
        """Learn a healthy sample."""
        scalar = self.scalar
        scalar.learn(deviation)
        caution, small = scalar.caution, scalar.small
        kernels.bets_learn(self.i, AT, deviation, self.tail, caution, small)
        self.check()

    def turn(self) -> None:
        """Begin nearly anew."""
        self.scalar.turn()
        kernels.bets_turn(self.i, AT, self.tail)
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
    pair.i[AT + kernels.FAR_WON] = halves(won, won)
    kernels.bets_take(pair.i, AT, deviation, 0.0, True, 0)
    odds = stake(deviation) / high(pair.i[AT + kernels.PRICES + 1])
    for which, share in enumerate(kernels.SHARES, kernels.TILTED):
        total = kernels.bets_won(pair.i, AT, which)
        plain = won + float(np.log(1 - share + share * odds))
        assert total == pytest.approx(max(0.0, plain), abs=1e-6)


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


def test_a_long_life_says_no_more_than_how_often_to_set_prices() -> None:
    """What is counted has an end, and what follows from it goes on."""
    pair = Pair(0.05, 1.5, tail=True)
    draw = Random(5)  # noqa: S311 - no secret
    counted = []
    for number in range(4_200):
        pair.learn(draw.gauss(0.0, 1.0))
        counted.append(high_int(pair.i[AT + kernels.WON + 1]))
        if number == 4_100:
            pair.turn()
    assert counted[1_999] == 2_000
    assert set(counted[2_000:4_100]) == set(range(2_000, 2_016))
    assert counted[4_100:4_103] == [counted[4_100], 201, 202]


def test_a_bet_begins_with_the_sample_before_the_first_that_it_wins() -> None:
    """However long nothing was won, and however large the numbers are."""
    pair = Pair(0.0, 1.5, tail=True)
    begin = 5_000_000_000
    for number in range(begin, begin + 9):
        pair.bet(-3.0, number, number * 1_000)
    pair.bet(2.0, begin + 20, (begin + 20) * 1_000)
    word = kernels.bets_begun(pair.i, AT, 0)
    assert number_of(word, begin + 99) == begin + 8
    assert time_of(word, (begin + 99) * 1_000) == (begin + 8) * 1_000
