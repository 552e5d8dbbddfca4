"""Where a worker would hang it ends, with a code that says what to do."""

from __future__ import annotations

import threading
from typing import NoReturn

import pytest

from streams.kafka.guards import AGAIN, FAULT, ShutdownGuard, Watchdog


class EndedError(Exception):
    """Stands for the end of the process."""


def dog(assignment_s: float = 4) -> tuple[Watchdog, list[tuple[int, str]]]:
    """A watchdog that looks when it is told to, and what it said."""
    said: list[tuple[int, str]] = []

    def end(code: int, why: str) -> NoReturn:
        said.append((code, why))
        raise EndedError

    return Watchdog(stall_s=3, assignment_s=assignment_s, end=end, step_s=1), said


def test_a_loop_that_stands_still_ends() -> None:
    """After the time for it, and not while the loop runs."""
    watchdog, said = dog()
    for _ in range(10):
        watchdog.beat()
        watchdog.step()
    for _ in range(2):
        watchdog.step()
    assert not said
    with pytest.raises(EndedError):
        watchdog.step()
    assert said[0][0] == FAULT


def test_a_group_that_gives_nothing_ends() -> None:
    """The group is named; one that has given partitions is not."""
    watchdog, said = dog()
    watchdog.expect("score")
    watchdog.expect("deliver")
    watchdog.assigned("deliver")
    for _ in range(4):
        watchdog.beat()
        watchdog.step()
    watchdog.beat()
    with pytest.raises(EndedError):
        watchdog.step()
    ((code, why),) = said
    assert code == AGAIN
    assert "score" in why


def test_a_shutdown_expects_nothing() -> None:
    """A worker that is told to stop while it joins is left to stop."""
    watchdog, said = dog(assignment_s=1)
    watchdog.expect("score")
    watchdog.expect_nothing()
    for _ in range(5):
        watchdog.beat()
        watchdog.step()
    assert not said


def test_a_long_shutdown_is_cut_short() -> None:
    """Started twice it ends once; stopped in time it does not end."""
    ended = threading.Semaphore(0)
    codes: list[int] = []

    def end(code: int, _why: str) -> None:
        codes.append(code)
        ended.release()

    guard = ShutdownGuard(0.01, end)  # type: ignore[arg-type]
    guard.start()
    guard.start()
    assert ended.acquire(timeout=10)
    in_time = ShutdownGuard(60, end)  # type: ignore[arg-type]
    in_time.start()
    in_time.stop()
    assert codes == [AGAIN]
