"""Short phrases that say why a line was written."""

from __future__ import annotations

_UNITS = (
    (86_400_000_000, "d"),
    (3_600_000_000, "h"),
    (60_000_000, "m"),
    (1_000_000, "s"),
)


def duration(span_us: int) -> str:
    """A time as rules spell it.

    >>> duration(900_000_000)
    '15m'
    """
    for unit_us, unit in _UNITS:
        if span_us >= unit_us and span_us % unit_us == 0:
            return f"{span_us // unit_us}{unit}"
    return f"{span_us / 1_000_000:g}s"


def number(value: float) -> str:
    """A value in four digits, without an exponent where people expect none.

    >>> number(30000.0), number(0.123456)
    ('30000', '0.1235')
    """
    if 1_000 <= abs(value) < 1e15:
        return f"{value:.0f}"
    return f"{value:.4g}"
