"""What a worker logs is a line an event, and no event a thousand times."""

from __future__ import annotations

import logging

import pytest

from streams.logs import RateLimit, _Line


def record(name: str, text: str, *args: object) -> logging.LogRecord:
    """A record as a logger makes it."""
    return logging.LogRecord(name, logging.ERROR, __file__, 1, text, args, None)


def test_repeats_are_counted_not_written() -> None:
    """Of one kind a line passes in each period, with the number of those held."""
    clock = [0.0]
    limit = RateLimit(10, lambda: clock[0])
    assert limit.filter(record("aiokafka", "no broker %s", "a"))
    assert not limit.filter(record("aiokafka", "no broker %s", "b"))
    assert not limit.filter(record("aiokafka", "no broker %s", "c"))
    assert limit.filter(record("aiokafka", "another thing"))
    clock[0] = 11
    last = record("aiokafka", "no broker %s", "d")
    assert limit.filter(last)
    assert last.getMessage() == "no broker d (and 2 times more before)"


@pytest.mark.parametrize(("name", "lines"), [("aiokafka.conn", 1), ("streams.x", 5)])
def test_only_our_own_faults_show_their_way(name: str, lines: int) -> None:
    """A library's exception is one line; ours has its traceback."""
    try:
        raise ValueError("the cause")
    except ValueError as error:
        found = record(name, "it failed")
        found.exc_info = (ValueError, error, error.__traceback__)
    text = _Line(full=False).format(found)
    assert len(text.splitlines()) >= lines
    assert ("Traceback" in text) == (lines > 1)
    assert "the cause" in text
    assert "it failed" in text
