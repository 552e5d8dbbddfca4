"""Dead letters keep what was refused, and where it came from."""

import base64
import hashlib
import json

import pytest

from streams.events.deadletter import decode_dead_letter, encode_dead_letter


def letter(value: bytes, key: bytes | None = b"k") -> bytes:
    """The dead letter of a record."""
    return encode_dead_letter(
        "not a JSON object",
        topic="agent.sessions",
        partition=3,
        offset=42,
        key=key,
        value=value,
        at_us=1_767_225_600_500_000,
    )


def test_any_program_can_read_it() -> None:
    """It is JSON; the bytes are base64."""
    assert json.loads(letter(b"\xff[]")) == {
        "time": "2026-01-01T00:00:00.5Z",
        "reason": "not a JSON object",
        "topic": "agent.sessions",
        "partition": 3,
        "offset": 42,
        "key": base64.b64encode(b"k").decode(),
        "size_bytes": 3,
        "sha256": None,
        "bytes": base64.b64encode(b"\xff[]").decode(),
    }


@pytest.mark.parametrize("value", [b"", b"\0\xff", b"x" * 65_536])
def test_the_bytes_come_back(value: bytes) -> None:
    """Up to 64 KiB they are whole."""
    read = decode_dead_letter(letter(value, key=None))
    assert (read.value, read.size_bytes, read.sha256) == (value, len(value), None)
    assert read.key is None


def test_of_a_long_record_the_beginning_is_kept() -> None:
    """With its length and its hash, by which the whole can be found."""
    value = b"x" * 65_536 + b"y"
    read = decode_dead_letter(letter(value, key=b"k" * 5_000))
    assert read.value == value[:65_536]
    assert read.size_bytes == 65_537
    assert read.sha256 == hashlib.sha256(value).hexdigest()
    assert read.key == b"k" * 1_024


@pytest.mark.parametrize("record", [b"", b"{}", b"[]", b'{"reason": 1}'])
def test_what_is_no_dead_letter_says_so(record: bytes) -> None:
    """Foreign records on the topic are no crash."""
    with pytest.raises(ValueError, match="not a dead letter"):
        decode_dead_letter(record)
