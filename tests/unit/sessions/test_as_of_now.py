"""Moved events keep their spelling and their distances."""

from datetime import datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.as_of_now import latest_end_us, move
from streams.events.session import ANY_SCALE, Malformed, decode_session

EARLY = datetime.fromisoformat("1980-01-01")
LATE = datetime.fromisoformat("9980-01-01")


@pytest.mark.parametrize(
    ("spelt", "moved"),
    [
        (b"1767225600", b"1767225690"),
        (b"1767225600.0", b"1767225690.0"),
        (b"1767225600.123456", b"1767225690.123456"),
        (b"1.7672256e9", b"1767225690"),
        (b'"2026-01-01T00:00:00Z"', b'"2026-01-01T00:01:30Z"'),
        (b'"2026-01-01t00:00:00.250z"', b'"2026-01-01t00:01:30.250z"'),
        (b'"2025-12-31 23:59:59+05:30"', b'"2026-01-01 00:01:29+05:30"'),
        (b'"2026-01-01T00:00:00.5-0800"', b'"2026-01-01T00:01:30.5-0800"'),
    ],
)
def test_a_time_keeps_its_spelling(spelt: bytes, moved: bytes) -> None:
    """Offset, fraction, separator and kind of number stay as they were."""
    event = b'{"session_id":"s","agent":"a","ended_at":%b,"started_at":%b}'
    assert move(event % (spelt, spelt), 90) == event % (moved, moved)


def test_the_rest_stays_as_it_was() -> None:
    """Numbers, nulls, nested and unknown fields to the last character."""
    event = (
        b'{"session_id":"\\u00fc","agent":"a","ended_at":100,"started_at":null,'
        b'"cost_usd":1e-3,"attributes":{"a": [1,  2]},"x":0.10}'
    )
    assert move(event, 5) == event.replace(b":100,", b":105,")


@given(
    st.datetimes(EARLY, LATE, timezones=st.timezones()),
    st.integers(-300_000_000, 300_000_000),
)
def test_any_time_moves_by_whole_seconds(ended: datetime, by_s: int) -> None:
    """The moved event ends exactly so much later."""
    event = msgspec.json.encode({"session_id": "s", "agent": "a", "ended_at": ended})
    before = decode_session(event, ANY_SCALE, None).ended_at_us
    after = decode_session(move(event, by_s), ANY_SCALE, None).ended_at_us
    assert after - before == by_s * 1_000_000


def test_a_time_that_cannot_be_moved_says_so() -> None:
    """Nothing ends after the year 9999."""
    event = b'{"session_id":"s","agent":"a","ended_at":"9999-12-31T00:00:00Z"}'
    with pytest.raises(Malformed, match="cannot be moved so far"):
        move(event, 100_000)


def test_the_last_session_is_the_one_that_ends_last() -> None:
    """Wherever it stands; lines that are no session do not count."""
    event = b'{"session_id":"s","agent":"a","ended_at":%d}'
    lines = [event % 5, b"x", event % 9, b"", event % 7, b'{"ended_at":99}']
    assert latest_end_us(lines) == 9_000_000
    assert latest_end_us([b"x"]) is None
