"""Moving the times of events: a file of last month as if it had just happened."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

import msgspec

from streams.events.session import ANY_SCALE, Malformed, decode_session

_MOMENTS: Final = ("ended_at", "started_at")
_DATE_TIME: Final = re.compile(
    rb'"(\d{4}-\d\d-\d\d)([Tt ])(\d\d:\d\d:\d\d)((?:\.\d+)?(?:[Zz]|[+-]\d\d:?\d\d))"'
)

_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_encode = msgspec.json.Encoder().encode


def latest_end_us(lines: Iterable[bytes]) -> int | None:
    """The largest ``ended_at`` of the lines that are sessions, epoch microseconds."""
    latest_us = None
    for line in lines:
        try:
            ended_us = decode_session(line, ANY_SCALE, None).ended_at_us
        except Malformed:
            continue
        if latest_us is None or ended_us > latest_us:
            latest_us = ended_us
    return latest_us


def move(event: bytes, by_s: int) -> bytes:
    """A valid event whose times lie so many seconds later, each spelt as it was.

    Whole seconds, so that a whole number stays one and fractions stay as they are.

    Raises:
        Malformed: A time would leave the years that can be written.
    """
    fields = _fields(event)
    for name in _MOMENTS:
        raw = bytes(fields.get(name, b"null"))
        if raw != b"null":
            fields[name] = msgspec.Raw(_moved(raw, by_s))
    return _encode(fields)


def _moved(raw: bytes, by_s: int) -> bytes:
    found = _DATE_TIME.fullmatch(raw)
    if found is None:
        return format(Decimal(raw.decode()) + by_s, "f").encode()
    day, separator, clock, rest = found.groups()
    moment = datetime.fromisoformat(f"{day.decode()}T{clock.decode()}")
    try:
        moment += timedelta(seconds=by_s)
    except OverflowError:
        raise Malformed("its times cannot be moved so far") from None
    day, clock = moment.isoformat().encode().split(b"T")
    return b'"%b%b%b%b"' % (day, separator, clock, rest)
