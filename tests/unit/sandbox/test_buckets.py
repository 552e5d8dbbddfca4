"""Rate limits grant what they promise, and never more."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopwatch.sandbox.buckets import SlidingWindows, TokenBuckets

gaps = st.lists(
    st.floats(min_value=0, max_value=90, allow_nan=False), min_size=1, max_size=120
)
rates = st.sampled_from([0.1, 1.0, 2.5])
sizes = st.integers(1, 8)


def grants(limiter: TokenBuckets | SlidingWindows, gaps: list[float]) -> list[float]:
    """The times at which requests after these gaps were granted."""
    now_s, granted = 1_000.0, []
    for gap in gaps:
        now_s += gap
        if limiter.take("key", now_s) == 0.0:
            granted.append(now_s)
    return granted


@given(gaps, rates, sizes)
def test_bucket_grants_at_most_its_burst_and_what_flowed_in(
    gaps: list[float], per_s: float, burst: int
) -> None:
    """Between any two grants no more was granted than burst plus rate times time."""
    granted = grants(TokenBuckets(per_s, burst), gaps)
    for first, start in enumerate(granted):
        for last in range(first, len(granted)):
            allowed = burst + per_s * (granted[last] - start)
            assert last - first + 1 <= allowed + 1e-6


@given(gaps, sizes)
def test_window_grants_at_most_its_limit_in_any_window(
    gaps: list[float], limit: int
) -> None:
    """Any limit + 1 grants that follow each other span a whole window."""
    granted = grants(SlidingWindows(limit, 60.0), gaps)
    for first in range(len(granted) - limit):
        assert granted[first + limit] - granted[first] >= 60.0 - 1e-6


@given(gaps, rates, sizes, st.booleans())
def test_who_waits_as_told_is_granted(
    gaps: list[float], per_s: float, size: int, window: bool
) -> None:
    """The wait that a refusal gives is enough, and half of it is not."""
    limiter = SlidingWindows(size) if window else TokenBuckets(per_s, size)
    now_s = 1_000.0
    for gap in gaps:
        now_s += gap
        wait_s = limiter.take("key", now_s)
        if wait_s > 1e-6:
            assert limiter.take("key", now_s + wait_s / 2) > 0
            now_s += wait_s + 1e-6
            assert limiter.take("key", now_s) == 0.0


@given(gaps, sizes)
def test_keys_do_not_share(gaps: list[float], size: int) -> None:
    """What one key uses up is not missing to another."""
    busy, alone = TokenBuckets(1.0, size), TokenBuckets(1.0, size)
    now_s = 1_000.0
    for gap in gaps:
        now_s += gap
        busy.take("other", now_s)
        assert busy.take("key", now_s) == alone.take("key", now_s)


def test_a_clock_that_goes_backwards_gives_nothing_away() -> None:
    """Time before the last request does not fill a bucket."""
    buckets = TokenBuckets(1.0, 1)
    assert buckets.take("key", 100.0) == 0.0
    assert buckets.take("key", 50.0) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("make", "arguments"),
    [
        (TokenBuckets, (0.0, 5)),
        (TokenBuckets, (1.0, 0)),
        (SlidingWindows, (0,)),
        (SlidingWindows, (1, 0.0)),
    ],
)
def test_limits_that_grant_nothing_are_refused(
    make: type, arguments: tuple[float, ...]
) -> None:
    """A limiter that could never grant is a mistake of whoever made it."""
    with pytest.raises(ValueError, match="needs a"):
        make(*arguments)


def test_memory_does_not_grow_with_keys_that_are_idle() -> None:
    """Keys seen once, long ago, are forgotten."""
    buckets, windows = TokenBuckets(1.0, 1), SlidingWindows(1)
    for number in range(30_000):
        buckets.take(number, number * 10.0)
        windows.take(number, number * 10.0)
    assert len(buckets._levels) <= 10_000
    assert len(windows._grants) <= 10_000
