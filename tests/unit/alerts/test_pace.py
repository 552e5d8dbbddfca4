"""Token buckets and pauses, on a clock of the test."""

from hypothesis import given
from hypothesis import strategies as st

from alerts.clients.pace import PATIENCE_S, Pace, Paces


class _Time:
    """Seconds that pass only when somebody sleeps."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def clock(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        self.now_s += seconds


async def test_a_burst_goes_at_once_and_the_rest_at_its_pace() -> None:
    """Four at once, then one a second."""
    time = _Time()
    pace = Pace(1.0, 4, time.clock, time.sleep)
    times = []
    for _ in range(6):
        assert await pace.turn() == 0.0
        times.append(time.now_s - 100.0)
    assert times == [0, 0, 0, 0, 1, 2]


async def test_rest_fills_the_bucket_and_no_more() -> None:
    """After a long rest the burst is back, not a larger one."""
    time = _Time()
    pace = Pace(1.0, 2, time.clock, time.sleep)
    for _ in range(3):
        await pace.turn()
    time.now_s += 1000
    start_s = time.now_s
    for _ in range(3):
        await pace.turn()
    assert time.now_s - start_s == 1.0


async def test_a_pause_lets_nobody_through() -> None:
    """Whoever comes is told how long it still takes."""
    time = _Time()
    pace = Pace(1.0, 4, time.clock, time.sleep)
    pace.pause(30.0)
    pace.pause(5.0)
    assert await pace.turn() == 30.0
    time.now_s += 30.0
    assert await pace.turn() == 0.0


async def test_a_long_wait_is_not_sat_out() -> None:
    """The caller is told, and takes no place in the line."""
    time = _Time()
    pace = Pace(0.1, 1, time.clock, time.sleep)
    assert await pace.turn() == 0.0
    assert await pace.turn() == 10.0
    assert await pace.turn() == 10.0


@given(st.lists(st.floats(0, 3), min_size=1, max_size=40))
async def test_no_window_holds_more_than_burst_and_rate(gaps: list[float]) -> None:
    """In any span of time at most burst + rate x span are let through."""
    time = _Time()
    pace = Pace(2.0, 3, time.clock, time.sleep)
    times = []
    for gap in gaps:
        time.now_s += gap
        if await pace.turn() == 0.0:
            times.append(time.now_s)
    for first in range(len(times)):
        for last in range(first, len(times)):
            span_s = times[last] - times[first]
            assert last - first + 1 <= 3 + 2.0 * span_s + 1e-6


def test_who_shares_a_limit_shares_a_bucket() -> None:
    """By its key."""
    paces = Paces()
    assert paces.of("a", 1, 1) is paces.of("a", 1, 1)
    assert paces.of("a", 1, 1) is not paces.of("b", 1, 1)
    assert PATIENCE_S < 30
