"""Names that outlive restarts: of series, of alerts, of sessions.

All of them are functions of labels alone, computed with BLAKE2b, so that they are
the same in every process, on every machine and in every version of Python.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b

import msgspec

_encode = msgspec.json.Encoder(order="sorted").encode
_decoder = msgspec.json.Decoder(dict[str, str])


def series_key(labels: Mapping[str, str]) -> bytes:
    """The key of the series with these ``by`` labels: their JSON, names sorted."""
    return _encode(dict(labels))


def series_labels(key: bytes) -> dict[str, str]:
    """The ``by`` labels of a series, from its key.

    Raises:
        msgspec.DecodeError: The bytes are no key.
    """
    return _decoder.decode(key)


def partition_of(key: bytes, partitions: int) -> int:
    """The partition of ``loopwatch.observations`` that owns a series."""
    return int.from_bytes(blake2b(key, digest_size=8).digest(), "big") % partitions


def session_hash(session_id: str) -> int:
    """64 bits of a session id, by which a repeat is recognised in its series."""
    digest = blake2b(session_id.encode("utf-8", "surrogatepass"), digest_size=8)
    return int.from_bytes(digest.digest(), "big")


def alert_id(rule: str, by_labels: Mapping[str, str]) -> str:
    """The alert of a rule on a series: 20 hexadecimal digits."""
    text = _encode([rule, dict(by_labels)])
    return blake2b(text, digest_size=10).hexdigest()
