"""What people ask for, as it is written and as it travels."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.control.actions import (
    LARGEST,
    AcceptAction,
    AckAction,
    Action,
    MalformedAction,
    decode_action,
    encode_action,
    is_action,
    read_actions,
)

AT = "2026-03-03T10:00:00Z"
RIGHT: list[dict[str, Any]] = [
    {"at": AT, "action": "accept", "match": {"agent": "a"}, "by": "ann"},
    {"at": AT, "action": "accept", "match": {"agent": ["a", "b"], "tenant": ""}},
    {"at": AT, "action": "accept", "match": ['tenant=~"acme-.*"', "rule!=x"]},
    {
        "at": AT,
        "action": "silence",
        "id": "s1",
        "match": {"agent": "a"},
        "until": "2026-03-03T12:00:00+01:00",
        "by": "ann",
        "comment": "a deploy",
    },
    {"at": AT, "action": "expire", "id": "s1"},
    {"at": AT, "action": "ack", "match": {}, "by": "ann", "for": "1h30m"},
    {"at": AT, "action": "forgive", "receiver": "on-call", "by": "ann"},
]


@pytest.mark.parametrize("written", RIGHT)
def test_an_action_comes_back_as_it_was_written(written: dict[str, Any]) -> None:
    """S59's four, and what `loopwatch status --forgive` writes."""
    action = decode_action(json.dumps(written).encode())
    assert json.loads(encode_action(action)) == written


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"action": "mute"}, "action: mute is unknown; it is one of accept, silence,"),
        ({"action": None}, "action: is missing; it is one of accept, silence,"),
        ({"at": None}, "at: is missing"),
        ({"at": "today"}, "at: today is no time; write 2026-11-24T09:30:00Z"),
        ({"at": "2026-03-03T10:00:00"}, "at: 2026-03-03T10:00:00 has no offset"),
        ({"at": 5}, "at: expected `str`, got `int`"),
        ({"match": None}, "match: is missing"),
        ({"match": "agent=a"}, "match: "),
        ({"match": {"agent": 5}}, "match[...]: "),
        ({"match": {"agent": []}}, "'agent' has an empty list, which matches nothing"),
        ({"match": {"not a label": "x"}}, "is no matcher"),
        ({"match": ['agent=~"("']}, "is no regular expression"),
        ({"mach": {}}, "mach: is unknown"),
        ({"action": "silence"}, "id: is missing"),
        (
            {"action": "silence", "id": "s1", "until": AT},
            f"until: {AT} is not after 'at'",
        ),
        ({"action": "forgive", "match": None}, "receiver: is missing"),
        (
            {"action": "forgive", "match": None, "receiver": ""},
            "receiver: is empty",
        ),
        ({"action": "ack", "for": "soon"}, "for: soon is no time; write 1h or 30m"),
    ],
)
def test_what_is_wrong_is_named(changes: dict[str, Any], reason: str) -> None:
    """The field, and what would be right."""
    written = {"at": AT, "action": "accept", "match": {"agent": "a"}} | changes
    text = json.dumps({k: v for k, v in written.items() if v is not None}).encode()
    with pytest.raises(MalformedAction) as found:
        decode_action(text)
    assert reason in str(found.value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"{", "not JSON"),
        (b"[" * 100_000, "more than"),
        (b"[]", "not a JSON object"),
        (b"\xff", "not JSON"),
        (b'"' + b"x" * LARGEST + b'"', "more than"),
    ],
)
def test_what_is_no_object_is_named(text: bytes, reason: str) -> None:
    """Foreign bytes are no crash."""
    with pytest.raises(MalformedAction, match=reason):
        decode_action(text)


@given(
    st.binary(max_size=60)
    | st.from_regex(r'\{"action":"accept".{0,40}\}').map(str.encode)
)
def test_any_bytes_are_an_action_or_refused(text: bytes) -> None:
    """No other exception (property)."""
    is_action(text)
    try:
        action: Action | None = decode_action(text)
    except MalformedAction:
        action = None
    assert action is None or decode_action(encode_action(action)) == action


def test_announcements_of_workers_are_no_actions() -> None:
    """They stand on the same topic, and are nobody's mistake."""
    assert not is_action(b'{"kind":"worker","worker":"w","digest":"d"}')
    assert not is_action(b"")
    assert is_action(b'{"action":"of a later version"}')


def test_a_file_is_read_in_order_of_time() -> None:
    """Lines of one time in the order of the file; each fault with its number."""
    lines = [
        _line("accept", "2026-03-03T10:00:00Z", match={"n": "1"}),
        b"",
        b"nonsense",
        _line("accept", "2026-03-03T09:00:00Z", match={"n": "2"}),
        _line("accept", "2026-03-03T11:00:00+01:00", match={"n": "3"}),
        _line("accept", "soon", match={}),
    ]
    found, faults = read_actions(lines)
    assert [number for number, _ in found] == [4, 1, 5]
    assert all(isinstance(action, AcceptAction) for _, action in found)
    assert [number for number, _ in faults] == [3, 6]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1h", 3600), ("1h30m", 5400), ("500ms", 0.5), ("2w", 1_209_600)],
)
def test_how_long_an_acknowledgement_holds(text: str, seconds: float) -> None:
    """Units as everywhere."""
    action = decode_action(_line("ack", AT, match={}, **{"for": text}))
    assert isinstance(action, AckAction)
    assert action.for_us == seconds * 1_000_000


def _line(action: str, at: str, **fields: Any) -> bytes:
    return json.dumps({"at": at, "action": action} | fields).encode()
