"""Many records at once are read as each is alone, and what is refused says the same."""

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from detectors.identity import session_hash
from streams.events import decoding
from streams.events.decoding import Decoded, decode_sessions
from streams.events.event_words import TEXTS
from streams.events.octets import PADDING
from streams.events.session import Malformed, decode_session
from streams.events.session_fields import LABEL_FIELDS, LONGEST_LABEL
from streams.observations.hashing import hash_texts

SCALE = (1.0, 10.0)
ENDED_S = 1_767_225_600
LATEST_US = (ENDED_S + 300) * 1_000_000
ATTRIBUTES = ("region", "team")

TEXT = st.sampled_from(
    [
        *('""', '"a"', '"b-17"', '"exactly8"', '"exactly 16 bytes"', '"\x7f"'),
        *('"a\\"b"', '"\\u00fc"', '"ü"', '"a\tb"', '"\\ud800"', '"open', "7", "null"),
        f'"{"x" * LONGEST_LABEL}"',
        f'"{"x" * (LONGEST_LABEL + 1)}"',
        f'"{"x" * 5_000}"',
    ]
)
DECIMAL = (
    st.floats(0, 1e16, allow_nan=False).map(repr)
    | st.floats(0, 1).map(repr)
    | st.decimals(0, 1_000, places=7).map(str)
    | st.from_regex(
        r"-?[0-9]{1,22}(\.[0-9]{1,22})?([eE][+-]?[0-9]{1,3})?", fullmatch=True
    )
)
NUMBER = (
    st.integers(-2, 40).map(str)
    | st.integers(2**53 - 2, 2**53 + 2).map(str)
    | DECIMAL
    | st.sampled_from(
        [
            *("null", "-0", "-0.0", "3.0", "1.", ".5", "01", "1e5", "1e-7", "0e0"),
            *("1e400", "1e-400", "true", '"3"', "[]", "0.1e1", "1E+2", "+1", "- 1"),
            *("1e15", "1000000000000000", "1000000000000001", "1e+15", "NaN"),
        ]
    )
)
MOMENT = (
    st.integers(ENDED_S - 5, ENDED_S + 5).map(str)
    | st.floats(ENDED_S - 5, ENDED_S + 400).map(repr)
    | st.datetimes().map(lambda moment: f'"{moment.isoformat()}Z"')
    | st.from_regex(
        r'"2025-(12|02|04|13)-(0[0-9]|2[89]|3[012])[Tt ][0-2][0-9]:[0-6][0-9]:[0-6]'
        r'[0-9](\.[0-9]{0,10})?(Z|z|[+-][0-2][0-9]:?[0-6][0-9]|)"',
        fullmatch=True,
    )
    | st.sampled_from(
        [
            *("null", "0", "-1", "1e9", "253402300799", "253402300800", '"today"'),
            *("253402300799.5", '"1969-12-31T23:59:59Z"', '"0000-01-01T00:00:00Z"'),
            *('"9999-12-31T23:59:59.9999999Z"', '"2024-02-29T00:00:00Z"', '""'),
            *('"1970-01-01T00:00:00+00:01"', '"2100-02-29T00:00:00Z"', '"2026'),
        ]
    )
)
STATUS = st.sampled_from(
    [
        *('"success"', '"Success"', '"failure"', '"Fail"', '"error"', '"timeout"'),
        *(
            '"cancelled"',
            '"succes"',
            '"successful"',
            '""',
            "null",
            "1",
            '"err\\u006fr"',
        ),
    ]
)
LABEL = st.sampled_from(['""', '"a"', '"b-17"', '"exactly8"', '"exactly 16 bytes"'])
COUNTS = (
    *("loop_count", "llm_calls", "llm_errors", "llm_truncations"),
    *("tool_calls", "tool_errors", "input_tokens", "output_tokens"),
)
AMOUNTS = ("latency_ms", "cost_usd", "tool_cost_usd")
SECONDS = st.integers(ENDED_S - 5, ENDED_S + 5)
USUAL_MOMENT = (
    SECONDS.map(str)
    | st.floats(ENDED_S - 9, ENDED_S + 9).map(repr)
    | st.builds(
        '"2026-01-01T00:00:{:02}{}{}"'.format,
        st.integers(0, 59),
        st.sampled_from(["", ".5", ".123", ".999999", ".9999995", ".123456789"]),
        st.sampled_from(["Z", "+00:00", "-00:00", "+01:30"]),
    )
)
SCALAR = (
    st.sampled_from(["true", "false", "null", "tru", "nul", "{}", "[]", "-", "0"])
    | LABEL
    | TEXT
    | NUMBER
)
PAIR = st.builds(
    "{}:{}".format,
    st.sampled_from(
        ['"team"', '"region"', '"other"', '"tenant"', '"größe"', '""', '"te\\u0061m"']
    ),
    SCALAR,
)
Spellings = st.SearchStrategy[str]
FIELDS: dict[str, tuple[Spellings, Spellings]] = {
    "session_id": (st.sampled_from(['"s-1"', '"s-2"']), TEXT),
    "agent": (st.sampled_from(['"triage"', '"a"']), TEXT),
    "ended_at": (USUAL_MOMENT, MOMENT),
    "started_at": (USUAL_MOMENT, MOMENT),
    **{name: (LABEL, TEXT) for name in LABEL_FIELDS if name != "agent"},
    "trace_id": (LABEL, TEXT),
    "trace_url": (LABEL, TEXT),
    "status": (
        st.sampled_from(['"success"', '"Fail"', '"timeout"', '"cancelled"']),
        STATUS,
    ),
    "feedback": (
        st.sampled_from(['"up"', '"down"', '"regenerated"']),
        st.sampled_from(['"upp"', "null", '"', "true"]),
    ),
    "task_completed": (
        st.sampled_from(["true", "false"]),
        st.sampled_from(["null", "tru", "fals", "1", "falsy"]),
    ),
    "quality_score": (st.floats(1, 10).map(repr), NUMBER | st.just("-0.5")),
    **dict.fromkeys(COUNTS, (st.integers(0, 5).map(str), NUMBER)),
    **dict.fromkeys(AMOUNTS, (st.floats(0, 1e4).map(repr), NUMBER)),
    "attributes": (
        st.sampled_from(["null", "{}", '{"team":"red"}', '{"tenant":"acme"}']),
        st.lists(PAIR, max_size=4).map(",".join).map("{{{}}}".format)
        | st.sampled_from(["[]", '{"', "{,}", '{"a":1,}', '{"team" : 1 , "b" : 2 }']),
    ),
}
SPACE = st.sampled_from(["", "", "", " ", "\n\t ", "\r", "\v"])


@st.composite
def records(draw: st.DrawFn) -> bytes:
    """An event, mostly valid, in any spelling, some of them torn."""
    needed = ["session_id", "agent", "ended_at"]
    more = draw(st.lists(st.sampled_from([*FIELDS]), max_size=7, unique=True))
    names = draw(st.permutations([*dict.fromkeys([*needed, *more])]))
    odd = draw(st.integers(0, 29))
    if odd == 0:
        names = [*names, draw(st.sampled_from([*FIELDS]))]
    if odd == 1:
        names = names[1:]
    space = draw(SPACE) if odd < 9 else ""
    strange = draw(st.sampled_from(names)) if odd % 3 == 2 else ""
    pairs = [
        f'{space}"{name}"{space}:{space}{draw(FIELDS[name][name == strange])}'
        for name in names
    ]
    if odd == 3:
        pairs.append(draw(st.sampled_from(['"reward":[1]', '"reward":{"a":[]}'])))
    raw = f"{{{','.join(pairs)}{space}}}{space}".encode("utf-8", "surrogatepass")
    damage = draw(st.integers(0, 39))
    if damage == 0:
        raw = raw[: draw(st.integers(0, len(raw)))]
    if damage == 1:
        at = draw(st.integers(0, len(raw) - 1))
        raw = raw[:at] + bytes([draw(st.integers(0, 255))]) + raw[at + 1 :]
    return raw


def text(decoded: Decoded, row: int, column: int) -> str:
    """One text of a session."""
    begin, end = decoded.begins[column, row], decoded.ends[column, row]
    return decoded.octets[begin:end].tobytes().decode()


def one_by_one(
    values: Sequence[bytes | None], latest_us: int | None
) -> tuple[list[Any], list[Any], int, list[Any]]:
    """What ``decode_session`` makes of each record."""
    read, rejected, unpriced, unknown = [], [], 0, []
    for at, value in enumerate(values):
        try:
            if value is None:
                raise Malformed("no value")
            session = decode_session(value, SCALE, latest_us)
        except Malformed as fault:
            rejected.append((at, str(fault)))
            continue
        labels = [session.label(name) for name in (*LABEL_FIELDS, *ATTRIBUTES)]
        row = [repr(float(number) + 0.0) for number in session.values]
        texts = [session.session_id, session.trace, *labels]
        read.append((at, session.ended_at_us, row, texts))
        unpriced += session.unpriced
        unknown += [session.unknown] if session.unknown else []
    return read, rejected, unpriced, unknown


def at_once(
    values: Sequence[bytes | None], latest_us: int | None
) -> tuple[list[Any], list[Any], int, list[Any]]:
    """What they are when they are read together."""
    decoded = decode_sessions(values, SCALE, latest_us, ATTRIBUTES)
    columns = [0, 1, *range(3, len(TEXTS) + len(ATTRIBUTES))]
    read = [
        (
            place,
            int(decoded.ended_at_us[row]),
            list(map(repr, decoded.values[row].tolist())),
            [text(decoded, row, column) for column in columns],
        )
        for row, place in enumerate(decoded.places.tolist())
    ]
    return read, list(decoded.rejected), decoded.unpriced, list(decoded.unknown)


@given(
    st.lists(records() | st.none(), min_size=1, max_size=5),
    st.sampled_from([None, LATEST_US]),
)
@example([b'{"session_id":"a","agent":', b'"b","ended_at":1}'], None)
@example([b'{"session_id":"a","agent":"b","ended_at":1', b"}"], None)
@example([b'{"session_id":"a","agent":"b","ended_at":1}', b' {"session_id":"'], None)
@example([b'{"session_id":"a","agent":"b","ended_at":17', b'{"agent"', b""], None)
@settings(max_examples=600)
def test_together_is_as_one_by_one(
    values: list[bytes | None], latest_us: int | None
) -> None:
    """The same sessions to the last bit, the same refusals in the same words."""
    assert at_once(values, latest_us) == one_by_one(values, latest_us)


@given(st.lists(DECIMAL, min_size=1, max_size=20))
@settings(max_examples=300)
def test_numbers_are_rounded_as_they_should_be(numbers: list[str]) -> None:
    """Whatever the digits, the number is the one nearest to them."""
    values = [
        f'{{"session_id":"a","agent":"b","ended_at":1,"cost_usd":{number}}}'.encode()
        for number in numbers
    ]
    assert at_once(values, None) == one_by_one(values, None)


@given(
    st.lists(
        st.binary(max_size=12)
        | st.text(max_size=6).map(lambda text: text.encode("utf-8", "surrogatepass"))
        | st.sampled_from(
            [b"\xed\xa0\x80", b"\xc0\x80", b"\xf4\x90\x80\x80", b"\xe0\x80"]
        ),
        min_size=1,
    )
)
@settings(max_examples=300)
def test_texts_are_utf8_or_refused(texts: list[bytes]) -> None:
    """Nothing that is no text gets into a label, in whatever row it stands."""
    values = [
        b'{"session_id":"a","agent":"b","ended_at":1,"tenant":"%b"}' % text
        for text in texts
    ]
    assert at_once(values, None) == one_by_one(values, None)


@given(st.lists(st.lists(PAIR, max_size=4).map(",".join), min_size=1, max_size=9))
@settings(max_examples=300)
def test_attributes_are_the_same_together(attributes: list[str]) -> None:
    """Those that are wanted become labels; all of them have to be scalars."""
    values = [
        f'{{"session_id":"a","agent":"b","ended_at":1,"attributes":{{{text}}}}}'.encode(
            "utf-8", "surrogatepass"
        )
        for text in attributes
    ]
    assert at_once(values, None) == one_by_one(values, None)


def plain(**fields: Any) -> bytes:
    """An event as a program writes it."""
    event = {"session_id": "s-1", "agent": "triage", "ended_at": ENDED_S, **fields}
    return msgspec.json.encode(event)


USUAL = [
    plain(),
    plain(ended_at="2026-01-01T00:00:00Z", started_at="2025-12-31T23:59:58.5+00:00"),
    plain(ended_at=ENDED_S + 0.123456, task_type="", tenant=None, trace_id="t-1"),
    plain(ended_at="2026-01-01T00:00:00.123456789+02:00", trace_url="https://t/1"),
    plain(cost_usd=0.021700000000000004, latency_ms=8123.9, tool_cost_usd=2e-05),
    plain(llm_calls=3, llm_errors=1, llm_truncations=1, tool_calls=4, quality_score=7),
    plain(agent="überprüfung", tenant="日本", user_id="😀", model="a\x7f"),
    plain(attributes={"team": "rot", "region": 7, "cost": -0.5, "ok": True, "x": None}),
    plain(attributes={"team": None, "region": False, "": "", "größe": "ß"}),
    plain(status="failure", feedback="down", task_completed=False, loop_count=None),
    b' {"agent": "a", "session_id": "b",\n"ended_at": 7, "input_tokens": 5 } ',
]


def test_what_programs_write_needs_no_second_look(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Texts, times and numbers as they are usually spelt are read at once."""

    def refuse(*_: object) -> None:
        raise AssertionError("was read one by one")

    expected = one_by_one(USUAL, None)
    monkeypatch.setattr(decoding, "decode_session", refuse)
    assert at_once(USUAL, None) == expected


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["gpt-4o", "gemini-2.5-pro", "sonar", "nobody's", ""]),
            st.sampled_from([0, 1, 200_000, 200_001, 10**6, 2**53]),
            st.integers(0, 10**6),
            st.sampled_from([None, 0, 1, 3]),
            st.sampled_from([ENDED_S, ENDED_S - 400 * 86_400]),
        ),
        max_size=8,
    )
)
def test_costs_are_worked_out_together_as_alone(sessions: list[Any]) -> None:
    """By the price list of the day, whatever the model's prices hang on."""
    values = [
        plain(
            model=model,
            input_tokens=tokens_in,
            output_tokens=tokens_out,
            llm_calls=calls,
            ended_at=ended_s,
        )
        for model, tokens_in, tokens_out, calls, ended_s in sessions
    ]
    assert at_once(values, None) == one_by_one(values, None)


def test_an_empty_chunk_is_nothing() -> None:
    """No record, no session."""
    assert at_once([], None) == ([], [], 0, [])


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=300)))
def test_hashes_are_those_of_single_ids(ids: list[str]) -> None:
    """A repeat is recognised whichever way its hash was worked out."""
    texts = [text.encode() for text in ids]
    bounds = np.cumsum([0, *map(len, texts)])
    octets = np.frombuffer(b"".join([*texts, PADDING]), np.uint8)
    hashes = hash_texts(octets, bounds[:-1], bounds[1:])
    assert hashes.tolist() == [session_hash(text) for text in ids]


@pytest.mark.parametrize("length", [0, 1, 7, 8, 127, 128, 129, 255, 256, 257, 1_024])
def test_hashes_of_any_length(length: int) -> None:
    """A hash is worked out in blocks of 128 bytes."""
    octets = np.frombuffer(b"x" * length + PADDING, np.uint8)
    hashes = hash_texts(octets, np.zeros(1, np.int64), np.array([length]))
    assert hashes[0] == session_hash("x" * length)
