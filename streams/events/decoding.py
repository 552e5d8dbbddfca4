"""Decoding: the values of many records become columns.

Compiled code reads what is plainly valid; what it leaves goes through
``decode_session`` one by one, which gives the same or says what is wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from struct import Struct
from typing import Final, cast

import numpy as np
from numpy.typing import NDArray

from detectors.metrics import COLUMNS
from streams.events.event_words import FIELD_COUNT, TEXTS
from streams.events.octets import PADDING, Octets
from streams.events.pricing import DAY_US, prices
from streams.events.scan import LEFT, NUMBERS, READ, UNPRICED, scan
from streams.events.session import LATEST_US, Malformed, Session, decode_session
from streams.events.session_fields import LABEL_FIELDS, LARGEST_AMOUNT
from streams.observations.labels import Labels

_pack_row = Struct(f"<{len(COLUMNS)}d").pack
_MODEL: Final = TEXTS.index("model")
_TOKENS_IN: Final = COLUMNS.index("input_tokens")
_TOKENS_OUT: Final = COLUMNS.index("output_tokens")
_CALLS: Final = COLUMNS.index("llm_calls")
_COST: Final = COLUMNS.index("cost_usd")


@dataclass(frozen=True, slots=True)
class Decoded:
    """The sessions among some records, n of them, in their order.

    Attributes:
        places: Where each stood among the records.
        octets: What the texts are cut out of: UTF-8, padded.
        begins: texts x n, where each begins: ``scan.TEXTS``, with the trace in the
            second, and then the attributes that were asked for.
        ends: texts x n, where each ends.
        ended_at_us: Epoch µs.
        values: n x len(COLUMNS); NaN is missing.
        rejected: Records that are no session, by their place, and why.
        unknown: Of each session with fields that the contract does not know, these.
        unpriced: Sessions with tokens, but neither a cost nor a known price.
    """

    places: NDArray[np.int64]
    octets: Octets
    begins: NDArray[np.int64]
    ends: NDArray[np.int64]
    ended_at_us: NDArray[np.int64]
    values: NDArray[np.float64]
    rejected: Sequence[tuple[int, str]]
    unknown: Sequence[tuple[str, ...]]
    unpriced: int


def decode_sessions(
    values: Sequence[bytes | None],
    quality_scale: tuple[float, float],
    latest_us: int | None,
    attributes: Sequence[str] = (),
) -> Decoded:
    """Read the values of records.

    Args:
        values: JSON; None is no value.
        quality_scale: Lowest and highest score that judges give.
        latest_us: Sessions that end after it are malformed; None: none is.
        attributes: Labels that are wanted beside the fields.
    """
    count, width = len(values), len(TEXTS) + len(attributes)
    bounds, joined = _join(values)
    octets = np.frombuffer(joined, np.uint8)
    kinds = np.empty(count, np.int8)
    ended_at_us = np.empty(count, np.int64)
    rows = np.empty((count, len(COLUMNS)), np.float64)
    begins = np.empty((width, count), np.int64)
    ends = np.empty((width, count), np.int64)
    latest = LATEST_US if latest_us is None else min(latest_us, LATEST_US)
    lowest, highest = map(float, quality_scale)
    names = [name.encode() for name in attributes]
    scan(
        octets,
        bounds,
        latest,
        lowest,
        highest,
        kinds,
        ended_at_us,
        rows,
        begins,
        ends,
        np.frombuffer(b"".join([*names, PADDING]), np.uint8),
        np.cumsum([0, *map(len, names)]),
        np.empty(NUMBERS),
        np.zeros(FIELD_COUNT + 1, np.int64),
    )
    lacking = np.flatnonzero(kinds == UNPRICED)
    unpriced = 0
    if len(lacking):
        models = Labels()
        named = models.numbers(octets, begins[_MODEL, lacking], ends[_MODEL, lacking])
        unpriced = _price(lacking, named, models.texts, ended_at_us, rows)
    left = np.flatnonzero(kinds == LEFT)
    rejected: list[tuple[int, str]] = []
    sessions: list[Session] = []
    read: list[int] = []
    for at in left.tolist():
        value = values[at]
        try:
            if value is None:
                raise Malformed("no value")
            sessions.append(decode_session(value, quality_scale, latest_us))
        except Malformed as fault:
            rejected.append((at, str(fault)))
        else:
            read.append(at)
    if read:
        kinds[read] = READ
        packed = b"".join([_pack_row(*session.values) for session in sessions])
        rows[read] = np.frombuffer(packed, "<f8").reshape(-1, len(COLUMNS)) + 0.0
        ended_at_us[read] = [session.ended_at_us for session in sessions]
        texts = [
            text.encode()
            for session in sessions
            for text in _texts(session, attributes)
        ]
        lengths = np.fromiter(map(len, texts), np.int64, len(texts))
        stops = len(joined) + np.cumsum(lengths)
        begins[:, read] = (stops - lengths).reshape(-1, width).T
        ends[:, read] = stops.reshape(-1, width).T
        octets = np.frombuffer(b"".join([joined, *texts, PADDING]), np.uint8)
    places = np.arange(count)
    if rejected:
        places = np.flatnonzero(kinds != LEFT)
        begins, ends = begins.take(places, axis=1), ends.take(places, axis=1)
        ended_at_us, rows = ended_at_us[places], rows[places]
    return Decoded(
        places=places,
        octets=octets,
        begins=begins,
        ends=ends,
        ended_at_us=ended_at_us,
        values=rows,
        rejected=rejected,
        unknown=[session.unknown for session in sessions if session.unknown],
        unpriced=unpriced + sum([session.unpriced for session in sessions]),
    )


def _join(values: Sequence[bytes | None]) -> tuple[NDArray[np.int64], bytes]:
    """Where each value begins in all of them, and these, padded.

    One that is none takes no bytes: no session begins there.
    """
    bounds = np.zeros(len(values) + 1, np.int64)
    try:
        present = cast("Sequence[bytes]", values)
        lengths = np.fromiter(map(len, present), np.int64, len(values))
    except TypeError:
        present = [value or b"" for value in values]
        lengths = np.fromiter(map(len, present), np.int64, len(values))
    np.cumsum(lengths, out=bounds[1:])
    return bounds, b"".join([*present, PADDING])


def _price(
    lacking: NDArray[np.int64],
    named: NDArray[np.int64],
    models: Sequence[str],
    ended_at_us: NDArray[np.int64],
    rows: NDArray[np.float64],
) -> int:
    """Put in the costs of rows that lack one; how many are without a price."""
    groups = named << 32 | ended_at_us[lacking] // DAY_US
    for group in np.unique(groups).tolist():
        same = lacking[groups == group]
        model = models[group >> 32]
        tokens = rows[same]
        calls = np.nan_to_num(tokens[:, _CALLS], nan=1.0)
        inputs, outputs = tokens[:, _TOKENS_IN], tokens[:, _TOKENS_OUT]
        if model:
            found = prices(model, inputs, outputs, calls, ended_at_us[same])
            rows[same, _COST] = np.where(found > LARGEST_AMOUNT, np.nan, found)
    return int(np.isnan(rows[lacking, _COST]).sum())


def _texts(session: Session, attributes: Sequence[str]) -> list[str]:
    """The texts of a session in the order of the columns."""
    labels = [session.label(name) for name in (*LABEL_FIELDS, *attributes)]
    return [session.session_id, session.trace, "", *labels]
