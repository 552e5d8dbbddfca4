"""Which of several records of a key holds: the one that has seen more of the log.

A worker that was frozen in the midst of a checkpoint may write the rest of it when its
successor has gone on: an old row behind a new one, or a tombstone behind a series that
was born again. So rows begin with the last block they hold, and tombstones carry in a
header up to which block they are right.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

_HEADER: Final = "offset"

Headers = list[tuple[str, bytes]]


class _Head(msgspec.Struct, array_like=True):
    """What every row of detect begins with."""

    version: int
    offset: int


_head = msgspec.msgpack.Decoder(_Head).decode


def headers_of(offset: int) -> Headers:
    """The headers of a tombstone that is right up to a block."""
    return [(_HEADER, b"%d" % offset)]


def seen(record: Any) -> int | None:  # noqa: ANN401  aiokafka has no types
    """The last block that a record holds; None if it does not say so.

    Tombstones of earlier versions do not, nor do rows that are not understood.
    """
    try:
        if record.value is None:
            return int(dict(record.headers)[_HEADER])
        return _head(record.value).offset
    except (LookupError, TypeError, ValueError, msgspec.MsgspecError):
        return None


def holds(old: Any, new: Any) -> bool:  # noqa: ANN401
    """Whether a record that lies behind another one replaces it.

    What does not say what it holds is left to those who read it.
    """
    then, now = seen(old), seen(new)
    return then is None or now is None or now >= then
