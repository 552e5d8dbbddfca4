"""The published schema says what the decoder does."""

import json
import os
import subprocess
import sys
from importlib.resources import files
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from streams.events.session import ANY_SCALE, Malformed, decode_session
from streams.events.session_fields import REQUIRED, SessionEvent

SCHEMA: dict[str, Any] = json.loads(
    files("streams").joinpath("session.schema.json").read_text("utf-8")
)
FIELDS = sorted(SCHEMA["properties"])
VALID = Draft202012Validator(SCHEMA)

TWO_DIGITS = st.integers(0, 70).map(lambda number: f"{number:02d}")
TIMES = st.builds(
    "{}-{}-{}{}{}:{}:{}{}{}".format,
    st.sampled_from(["1969", "1970", "1999", "2026", "9999", "026", "12026"]),
    st.sampled_from(["00", "01", "12", "13", "1"]),
    st.sampled_from(["00", "01", "28", "32"]),
    st.sampled_from(["T", "t", " ", "_", ""]),
    st.sampled_from(["00", "12", "23", "24"]),
    TWO_DIGITS,
    TWO_DIGITS,
    st.sampled_from(["", ".5", ".123456789", ".", ",5"]),
    st.sampled_from(["Z", "z", "+00:00", "-05:30", "+0530", "+24:00", "+05", ""]),
)
EDGES = st.sampled_from(
    [
        *(-1, 0, 1, 2**53, 2**53 + 1, 10**15, 10**15 + 1, -(10**15), 10**30),
        *(-0.5, 0.5, 3.0, 1e15, 1e16, 253_402_300_799, 253_402_300_799.5),
        *(253_402_300_800, 1_767_225_600_000),
        *("", "x" * 1_024, "x" * 1_025, "é" * 1_024, "x" * 4_096, "x" * 4_097),
        *("success", "Success", "FAIL", "up", "regenerated", "Down"),
    ]
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
    | TIMES
    | EDGES
)
VALUES = (
    SCALARS
    | st.lists(SCALARS, max_size=2)
    | st.dictionaries(
        st.text(max_size=2), SCALARS | st.lists(SCALARS, max_size=1), max_size=2
    )
)


def accepted(event: Any) -> bool:
    """Whether the decoder takes it."""
    try:
        decode_session(json.dumps(event).encode(), ANY_SCALE, None)
    except Malformed:
        return False
    return True


def base() -> dict[str, Any]:
    """An event that ends at the end of time, so that any start is before it."""
    return {"session_id": "s", "agent": "a", "ended_at": "9999-12-31T23:59:59.999999Z"}


def test_it_is_a_schema() -> None:
    """Of the draft that it names."""
    Draft202012Validator.check_schema(SCHEMA)


def test_it_names_every_field() -> None:
    """And no other, and requires those that the decoder requires."""
    assert set(FIELDS) == set(SessionEvent.__struct_fields__)
    assert set(SCHEMA["required"]) == set(REQUIRED)


def test_its_example_is_a_session() -> None:
    """Both say so."""
    for event in SCHEMA["examples"]:
        assert VALID.is_valid(event)
        assert accepted(event)
        assert not set(event) - set(FIELDS)


@given(st.sampled_from([*FIELDS, "unheard_of"]), VALUES)
@example("loop_count", 3.0)
@example("cost_usd", -1)
@example("attributes", {"a": None})
@example("attributes", {"a": [1]})
@example("ended_at", "2026-01-01T00:00:00")
@example("ended_at", None)
@example("started_at", None)
@settings(max_examples=400)
def test_they_agree(name: str, value: Any) -> None:
    """Any value of any field is right for both or wrong for both."""
    event = base() | {name: value}
    assert VALID.is_valid(event) is accepted(event)


@given(TIMES)
@settings(max_examples=300)
def test_they_agree_on_times(text: str) -> None:
    """Also on each spelling of a time.

    But for the first hours of 1970, which some offsets move into 1969: what year a
    moment is in elsewhere is beyond a pattern.
    """
    assume(not text.startswith("1970-01-01"))
    event = base() | {"started_at": text}
    assert VALID.is_valid(event) is accepted(event)


@pytest.mark.parametrize("name", REQUIRED)
def test_they_agree_on_what_is_required(name: str) -> None:
    """An event without a required field is none for either."""
    event = base()
    del event[name]
    assert not VALID.is_valid(event)
    assert not accepted(event)


@pytest.mark.parametrize("event", [[], "x", 3, None, {}])
def test_they_agree_that_an_event_is_an_object(event: Any) -> None:
    """What is no object is no event."""
    assert not VALID.is_valid(event)
    assert not accepted(event)


def test_the_command_prints_it() -> None:
    """``loopwatch schema`` writes the schema to stdout and nothing else."""
    done = subprocess.run(
        [sys.executable, "-m", "loopwatch", "schema"],
        capture_output=True,
        check=True,
        env=os.environ,
    )
    assert json.loads(done.stdout) == SCHEMA
    assert done.stderr == b""
