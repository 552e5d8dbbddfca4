"""Dead letters: what could not be read, kept with the reason and the way back to it."""

from __future__ import annotations

from hashlib import sha256
from typing import Final

import msgspec

from detectors.transitions import rfc3339

KEPT_BYTES: Final = 64 * 1024
"""Of a longer record only so much is kept."""

_KEPT_KEY_BYTES: Final = 1_024


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True, rename={"value": "bytes"}):
    """One record of ``loopwatch.deadletter``; bytes are base64 in JSON.

    Attributes:
        time: When it was refused, RFC 3339.
        reason: Why, for people.
        key: The record's key, or the first 1,024 bytes of it.
        size_bytes: Of the record's value.
        sha256: Of the whole value, in hexadecimal, where ``value`` is only its
            beginning.
        value: The record's, or the first 64 KiB of it; ``bytes`` in JSON.
    """

    time: str
    reason: str
    topic: str
    partition: int
    offset: int
    key: bytes | None
    size_bytes: int
    sha256: str | None
    value: bytes


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(DeadLetter)


def encode_dead_letter(
    reason: str,
    *,
    topic: str,
    partition: int,
    offset: int,
    key: bytes | None,
    value: bytes,
    at_us: int,
) -> bytes:
    """The dead letter of a record.

    Args:
        reason: Why it could not be read, for people.
        topic: Where the record is.
        partition: Where in the topic.
        offset: Where in the partition.
        key: The record's.
        value: The record's.
        at_us: When it was refused, epoch microseconds.
    """
    cut = len(value) > KEPT_BYTES
    return _encoder.encode(
        DeadLetter(
            time=rfc3339(at_us),
            reason=reason,
            topic=topic,
            partition=partition,
            offset=offset,
            key=key if key is None else key[:_KEPT_KEY_BYTES],
            size_bytes=len(value),
            sha256=sha256(value).hexdigest() if cut else None,
            value=value[:KEPT_BYTES],
        )
    )


def decode_dead_letter(record: bytes) -> DeadLetter:
    """Read a dead letter.

    Raises:
        ValueError: The record is none.
    """
    try:
        return _decoder.decode(record)
    except msgspec.MsgspecError as fault:
        raise ValueError(f"not a dead letter: {fault}") from None
