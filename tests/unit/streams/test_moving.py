"""Partitions that go on under other rules, all of them at one place."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from detectors.batch import tick
from detectors.partition import Partition
from detectors.rules import Level, RuleBook, Severity, Threshold, rule
from streams.state.moving import all_moved
from streams.state.owned import Owned

DEAR = Threshold((Level(Severity.WARNING, 1.0),))
BEFORE = RuleBook((rule("before", "cost_usd", DEAR),))
AFTER = RuleBook((rule("after", "cost_usd", DEAR),))


def owned(number: int) -> Owned:
    """A partition that knows its time."""
    partition = Partition(BEFORE, number=number)
    partition.apply(tick({0: number}, 1), 0)
    return Owned(partition, 1)


async def test_all_of_them_are_moved_and_none_goes_on_yet() -> None:
    """Also one that comes meanwhile, loaded under the rules of before."""
    mine = {0: owned(1), 1: owned(2)}
    moving = asyncio.create_task(all_moved(mine, AFTER))
    await asyncio.sleep(0)
    mine[2] = owned(3)
    ready = await moving
    assert ready.keys() == set(mine.values())
    for each, partition in ready.items():
        assert partition is not each.partition
        assert partition.clock_us == each.partition.clock_us


async def test_if_one_cannot_follow_none_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fault is handed on, and what is at work has not changed."""
    mine = {0: owned(1), 1: owned(2)}
    before = [each.partition for each in mine.values()]

    def refuse(_self: Partition, _book: RuleBook) -> Any:
        raise ValueError("no state of this rule")
        yield

    monkeypatch.setattr(Partition, "moving", refuse)
    with pytest.raises(ValueError, match="no state"):
        await all_moved(mine, AFTER)
    assert [each.partition for each in mine.values()] == before
