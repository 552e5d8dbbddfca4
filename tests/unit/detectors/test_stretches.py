from __future__ import annotations

import doctest
import json
from collections.abc import Callable
from math import isfinite, sin
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.stretches import Stretches, channel, peaks, reach, tail
from detectors.stretches.channel import LIMIT, SETTLED
from detectors.stretches.context import Context
from detectors.stretches.peaks import SHORTEST, Peaks
from detectors.stretches.reach import BLOCK, BLOCKS, Reach

VALUES = st.floats(allow_nan=False, allow_infinity=False)


def scores(values: list[float], found: Stretches | None = None) -> list[float]:
    """What a channel says to each value."""
    judged = found or Stretches()
    return [judged.update(value, number) for number, value in enumerate(values)]


def rhythm(length: int, seed: int = 1) -> list[float]:
    """A wave of 48 samples with some noise."""
    noise = Random(seed)  # noqa: S311 - no secret
    return [10 + 3 * sin(n * 0.1309) + noise.gauss(0, 0.3) for n in range(length)]


def shifted(values: list[float], noise: Random) -> list[float]:
    """Twice the level."""
    return [20 + noise.gauss(0, 0.3) for _ in values]


def burst(values: list[float], noise: Random) -> list[float]:
    """Three high values, the rest as it was."""
    high = [25 + noise.gauss(0, 1) for _ in range(3)]
    return [*values[:10], *high, *values[13:]]


def flat(values: list[float], noise: Random) -> list[float]:
    """One value inside the range, again and again."""
    return [12.9 + noise.gauss(0, 0.0001) for _ in values]


def faster(values: list[float], noise: Random) -> list[float]:
    """The same range, nine times as fast."""
    return [10 + 3 * sin(n * 1.178) + noise.gauss(0, 0.3) for n in range(len(values))]


class TestWhatIsOdd:
    @pytest.mark.parametrize("odd", [shifted, burst, flat, faster])
    def test_scores_above_the_limit(
        self, odd: Callable[[list[float], Random], list[float]]
    ) -> None:
        """A shift, a burst, a flat line and a changed rhythm are stretches."""
        usual = rhythm(3_000)
        noise = Random(2)  # noqa: S311 - no secret
        found = scores(usual[:2_500] + odd(usual[2_500:2_700], noise))
        assert max(found[SETTLED:2_500]) < LIMIT
        assert max(found[2_500:]) >= LIMIT

    def test_a_stretch_is_told_once(self) -> None:
        """What stays at a new level is no further stretch in the wait after it."""
        usual = rhythm(2_500)
        noise = Random(3)  # noqa: S311 - no secret
        found = scores(usual + [30 + noise.gauss(0, 0.3) for _ in range(1_000)])
        told = [number for number, score in enumerate(found[2_500:]) if score >= LIMIT]
        assert told
        assert max(told) < 20

    @pytest.mark.parametrize("seed", range(4))
    def test_healthy_noise_is_none(self, seed: int) -> None:
        """Independent noise, a wave with noise, and slow noise stay quiet."""
        noise = Random(seed)  # noqa: S311 - no secret
        independent = [noise.gauss(100, 15) for _ in range(3_000)]
        slow = [0.0]
        for _ in range(3_000):
            slow.append(0.9 * slow[-1] + noise.gauss(0, 1))
        for healthy in (independent, rhythm(3_000, seed), slow):
            assert max(scores(healthy)[SETTLED:]) < LIMIT

    def test_a_constant_series_is_silent(self) -> None:
        """What never changes scores zero throughout."""
        assert set(scores([45.0] * 1_000)) == {0.0}


class TestAnyNumbers:
    @given(
        st.lists(VALUES | st.sampled_from([0.0, 1e308, -1e308, 5e-324]), max_size=40)
    )
    def test_scores_are_between_zero_and_one(self, values: list[float]) -> None:
        """Whatever is finite gives a finite score, also over and over."""
        for score in scores(values * 8):
            assert isfinite(score)
            assert 0.0 <= score <= 1.0

    @given(st.integers(-20, 60))
    def test_the_unit_does_not_matter(self, power: int) -> None:
        """Scores are those of the same series in another unit."""
        values = [*rhythm(600), 30.0, *rhythm(60, 2)]
        again = scores([value * 2.0**power for value in values])
        assert again[2:] == pytest.approx(scores(values)[2:], abs=1e-9)

    def test_the_origin_does_not_matter(self) -> None:
        """Scores are those of the same series moved up."""
        values = [float(round(value * 64)) for value in [*rhythm(600), 30.0]]
        again = scores([value + 4096 for value in values])
        assert again[2:] == pytest.approx(scores(values)[2:], abs=1e-6)


class TestState:
    @given(
        st.lists(st.integers(-5, 5) | VALUES, min_size=1, max_size=60),
        st.integers(0, 420),
    )
    def test_comes_back_bit_equal(self, values: list[float], after: int) -> None:
        """Stopped anywhere and taken up again, the scores and the state are the same."""
        series = [float(value) for value in values * 20][:420]
        whole, first = Stretches(), Stretches()
        expected = scores(series, whole)
        begun = scores(series[:after], first)
        second = Stretches()
        second.load(json.loads(json.dumps(first.dump())))
        assert second.dump() == first.dump()
        assert begun + scores(series[after:], second) == expected
        assert second.dump() == whole.dump()

    def test_a_long_life_comes_back_bit_equal(self) -> None:
        """Also where blocks were dropped and the edge of peaks has moved."""
        usual = rhythm(9_000)
        first, second = Stretches(), Stretches()
        scores(usual[:6_000], first)
        second.load(json.loads(json.dumps(first.dump())))
        assert scores(usual[6_000:], second) == scores(usual[6_000:], first)

    def test_a_dump_is_a_copy(self) -> None:
        """What was dumped does not change with the channel."""
        found = Stretches()
        scores(rhythm(300), found)
        dumped = found.dump()
        before = json.dumps(dumped)
        scores(rhythm(300, 2), found)
        assert json.dumps(dumped) == before

    def test_does_not_grow_with_age(self) -> None:
        """Ten times the life of a steady series is the same size, within a half."""
        found = Stretches()
        scores(rhythm(2_000), found)
        young = len(json.dumps(found.dump()))
        scores(rhythm(20_000, 2), found)
        assert len(json.dumps(found.dump())) < 1.5 * young


class TestReach:
    def test_forgets_what_is_long_ago(self) -> None:
        """A peak older than the blocks is no longer part of the range."""
        found = Reach()
        found.update(0.0)
        found.update(100.0)
        inside = [found.update(float(n % 2)) for n in range(BLOCK * BLOCKS)]
        assert max(inside) == 0.0
        assert found.update(50.0) == pytest.approx(49.0)


class TestContext:
    def test_a_known_order_broken_surprises(self) -> None:
        """What always followed is no surprise; what never did is a great one."""
        found = Context(4)
        found.begin([float(n % 4) for n in range(200)])
        assert found.update(0.0) < 0.01
        assert found.update(3.0) > 3.0

    def test_bins_cover_every_number(self) -> None:
        """The furthest values fall into the outermost bins."""
        found = Context(4)
        found.begin([0.0, 4.0])
        bins = [found.bin(value) for value in (-1e300, -0.5, 0.0, 3.9, 4.0, 1e300)]
        assert bins == [0, 7, 8, 11, 12, 19]


class TestPeaks:
    def test_wait_grows_with_age(self) -> None:
        """A twentieth of the life, at least 80 and at most 1,200 samples."""
        found = Peaks()
        assert found.wait == SHORTEST
        for _ in range(4_000):
            found.update(0.0)
        assert found.wait == 200
        for _ in range(26_000):
            found.update(0.0)
        assert found.wait == 1_200

    def test_a_lower_peak_counts_after_the_wait(self) -> None:
        """It is held back while the higher one is within reach, and then no longer."""
        found = Peaks()
        assert found.update(5.0) == 5.0
        quiet = [found.update(1.0) for _ in range(SHORTEST)]
        assert set(quiet) == {0.0}
        assert found.update(2.0) == 2.0


@pytest.mark.parametrize("module", [channel, peaks, reach, tail])
def test_examples_in_the_modules_run(module: object) -> None:
    """The examples in the docstrings are true."""
    assert doctest.testmod(module).failed == 0  # type: ignore[arg-type]
