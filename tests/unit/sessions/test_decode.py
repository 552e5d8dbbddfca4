"""A session event is read whole or refused with a reason for people."""

import json
import math
from contextlib import suppress
from typing import Any, get_type_hints

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from detectors.metrics import COLUMN
from streams.events.session import ANY_SCALE, Malformed, Session, decode_session
from streams.events.session_fields import SessionEvent

ENDED_S = 1_767_225_600  # 2026-01-01T00:00:00Z
ENDED_US = ENDED_S * 1_000_000


def encode(**fields: Any) -> bytes:
    """An event with the required fields and these; Ellipsis takes one away."""
    event = {"session_id": "s-1", "agent": "triage", "ended_at": ENDED_S, **fields}
    return json.dumps({k: v for k, v in event.items() if v is not ...}).encode()


def read(latest_us: int | None = None, **fields: Any) -> Session:
    """The session that an event of these fields is."""
    return decode_session(encode(**fields), (1.0, 10.0), latest_us)


def value(column: str, **fields: Any) -> float:
    """One number of that session."""
    return read(**fields).values[COLUMN[column]]


def reason(raw: bytes) -> str:
    """Why it is none."""
    with pytest.raises(Malformed) as refused:
        decode_session(raw, (1.0, 10.0), None)
    return str(refused.value)


class TestTimes:
    @pytest.mark.parametrize(
        ("ended_at", "us"),
        [
            (ENDED_S, ENDED_US),
            (ENDED_S + 0.25, ENDED_US + 250_000),
            (1_767_225_600.123456, ENDED_US + 123_456),
            (0, 0),
            ("2026-01-01T00:00:00Z", ENDED_US),
            ("2026-01-01t00:00:00z", ENDED_US),
            ("2026-01-01T00:00:00.123456+00:00", ENDED_US + 123_456),
            ("2026-01-01T05:30:00+05:30", ENDED_US),
            ("2025-12-31T19:00:00-05:00", ENDED_US),
            ("9999-12-31T23:59:59Z", 253_402_300_799_000_000),
        ],
    )
    def test_all_spellings_are_the_same_moment(
        self, ended_at: str | float, us: int
    ) -> None:
        """RFC 3339 with any offset and epoch seconds are read to the microsecond."""
        assert read(ended_at=ended_at).ended_at_us == us

    @pytest.mark.parametrize(
        ("ended_at", "why"),
        [
            (
                "2026-01-01T00:00:00",
                "2026-01-01T00:00:00 has no offset; write 2026-01-01T00:00:00Z",
            ),
            ("2026-01-01", 'ended_at: "2026-01-01" is neither RFC 3339 nor epoch'),
            ("yesterday", 'ended_at: "yesterday" is neither RFC 3339'),
            ("2026-02-30T00:00:00Z", "is neither RFC 3339 nor epoch seconds"),
            ("2026-01-01T00:00:00+25:00", "is neither RFC 3339 nor epoch seconds"),
            (str(ENDED_S), "is neither RFC 3339 nor epoch seconds"),
            (True, "ended_at: true is neither RFC 3339 nor epoch seconds"),
            ([], "ended_at: [] is neither RFC 3339"),
            (-1, "ended_at: -1 is before 1970"),
            ("1969-12-31T23:59:59Z", "ended_at: 1969-12-31T23:59:59Z is before 1970"),
            ("0001-01-01T00:00:00+23:59", "is before 1970"),
            (ENDED_S * 1000, "is beyond the year 9999; write seconds, not millisec"),
            (1e300, "is beyond the year 9999"),
            ("9999-12-31T23:59:59-01:00", "is beyond the year 9999"),
            (None, "ended_at is missing"),
            (..., "ended_at is missing"),
        ],
    )
    def test_a_time_that_is_none_is_refused(self, ended_at: Any, why: str) -> None:
        """What is no moment between 1970 and 9999 is refused, and says what is meant."""
        assert why in reason(encode(ended_at=ended_at))

    def test_the_future_begins_after_the_latest_moment_allowed(self) -> None:
        """A session may end at the limit, not after it; without one it may be legal."""
        assert read(ENDED_US).ended_at_us == ENDED_US
        with pytest.raises(Malformed, match="more than 5 minutes ahead of the clock"):
            read(ENDED_US - 1)
        assert read(ended_at="2999-01-01T00:00:00Z")

    def test_a_session_does_not_end_before_it_starts(self) -> None:
        """It may end when it starts; later it is refused."""
        assert read(started_at=ENDED_S)
        assert reason(encode(started_at=ENDED_S + 0.001)).startswith("started_at")

    def test_latency_is_derived_from_the_times(self) -> None:
        """Without a reported latency it is the time between start and end."""
        assert value("latency_ms", started_at="2025-12-31T23:59:58.5Z") == 1_500.0

    def test_a_reported_latency_wins(self) -> None:
        """A number that was reported is not derived again."""
        assert value("latency_ms", started_at=ENDED_S - 60, latency_ms=5) == 5


class TestNumbers:
    @pytest.mark.parametrize(
        ("fields", "cost"),
        [
            ({"cost_usd": 0.5}, 0.5),
            ({"tool_cost_usd": 0.25}, 0.25),
            ({"cost_usd": 0.5, "tool_cost_usd": 0.25}, 0.75),
            ({"cost_usd": 0}, 0.0),
            ({}, math.nan),
        ],
    )
    def test_cost_is_that_of_models_and_tools(
        self, fields: dict[str, float], cost: float
    ) -> None:
        """The two costs are added; a missing one is 0; both missing are no cost."""
        assert value("cost_usd", **fields) == pytest.approx(cost, nan_ok=True)

    @pytest.mark.parametrize(
        ("fields", "errors"),
        [
            ({"tool_calls": 4, "tool_errors": 1}, 1.0),
            ({"tool_calls": 4}, 0.0),
            ({"tool_calls": 0, "tool_errors": 0}, 0.0),
            ({}, math.nan),
        ],
    )
    def test_calls_without_errors_had_none(
        self, fields: dict[str, int], errors: float
    ) -> None:
        """Missing errors are 0 where there were calls, and unknown where not."""
        assert value("tool_errors", **fields) == pytest.approx(errors, nan_ok=True)

    @pytest.mark.parametrize(
        ("fields", "faults"),
        [
            ({"llm_calls": 5}, 0.0),
            ({"llm_calls": 5, "llm_errors": 1, "llm_truncations": 2}, 3.0),
            ({"llm_calls": 5, "llm_truncations": 2}, 2.0),
            ({"llm_calls": 2, "llm_errors": 2, "llm_truncations": 2}, 2.0),
            ({"llm_errors": 2}, math.nan),
        ],
    )
    def test_truncated_calls_are_faults(
        self, fields: dict[str, int], faults: float
    ) -> None:
        """Errors and truncations add up, to no more than the calls there were."""
        assert value("llm_faults", **fields) == pytest.approx(faults, nan_ok=True)

    def test_quality_becomes_points(self) -> None:
        """The lowest score of the scale is 0 points, the highest 100."""
        assert [value("quality_points", quality_score=q) for q in (1, 5.5, 10)] == [
            0.0,
            50.0,
            100.0,
        ]
        other = decode_session(encode(quality_score=4), (1.0, 5.0), None)
        assert other.values[COLUMN["quality_points"]] == 75.0

    @pytest.mark.parametrize("score", [0.99, 10.01, -3, 55])
    def test_a_score_outside_the_scale_is_refused(self, score: float) -> None:
        """Silently clipped scores would hide a wrong scale."""
        assert (
            reason(encode(quality_score=score))
            == f"quality_score {score:g} is outside the scale 1 to 10"
        )
        assert decode_session(encode(quality_score=score), ANY_SCALE, None)

    @pytest.mark.parametrize(
        ("fields", "succeeded"),
        [
            ({"status": "success"}, 1.0),
            ({"status": "Success"}, 1.0),
            ({"task_completed": True}, 1.0),
            ({"status": "failure"}, 0.0),
            ({"status": "Fail"}, 0.0),
            ({"status": "error"}, 0.0),
            ({"status": "timeout"}, 0.0),
            ({"task_completed": False}, 0.0),
            ({"status": "cancelled"}, math.nan),
            ({"status": "failure", "task_completed": True}, 0.0),
            ({"status": "cancelled", "task_completed": True}, math.nan),
            ({}, math.nan),
        ],
    )
    def test_success_in_all_its_spellings(
        self, fields: dict[str, Any], succeeded: float
    ) -> None:
        """The status wins over task_completed; a cancelled session is no sample."""
        assert value("succeeded", **fields) == pytest.approx(succeeded, nan_ok=True)

    @pytest.mark.parametrize(
        ("feedback", "down"), [("up", 0.0), ("down", 1.0), ("regenerated", 1.0)]
    )
    def test_regenerating_is_bad_feedback(self, feedback: str, down: float) -> None:
        """Who asks for another answer was not content with this one."""
        assert value("feedback_down", feedback=feedback) == down

    def test_a_whole_number_may_have_a_point(self) -> None:
        """3.0 is the integer 3 to JSON Schema, and what data frames make of one."""
        assert value("loop_count", loop_count=3.0) == 3

    @pytest.mark.parametrize(
        ("name", "raw", "why"),
        [
            ("cost_usd", "-1", "cost_usd: -1 is negative"),
            ("cost_usd", "NaN", "cost_usd: NaN is no number in JSON"),
            ("cost_usd", "-Infinity", "cost_usd: -Infinity is no number in JSON"),
            ("cost_usd", "1e999", "cost_usd: 1e999 is too large a number"),
            ("cost_usd", '"1.5"', 'cost_usd: "1.5" is not a number'),
            ("cost_usd", "true", "cost_usd: true is not a number"),
            ("cost_usd", "1e16", "cost_usd: 1e16 is beyond all measure"),
            ("latency_ms", "-0.5", "latency_ms: -0.5 is negative"),
            ("loop_count", "3.5", "loop_count: 3.5 is not a whole number"),
            ("loop_count", "false", "loop_count: false is not a number"),
            ("llm_calls", "[1]", "llm_calls: [1] is not a number"),
            ("input_tokens", "99999999999999999999", "is beyond all measure"),
            ("input_tokens", "9" * 5_000, "is too large a number"),
            ("status", '"done"', 'status: "done" is none of success, failure,'),
            ("status", "1", "status: 1 is none of success"),
            ("task_completed", "1", "task_completed: 1 is neither true nor false"),
            ("feedback", '"meh"', 'feedback: "meh" is none of up, down, regenerated'),
            ("session_id", '""', 'session_id: "" is empty'),
            ("session_id", "7", "session_id: 7 is not a string"),
            ("agent", "null", "agent is missing"),
            ("tenant", "5", "tenant: 5 is not a string"),
            ("tenant", f'"{"x" * 1_025}"', "is 1025 characters long; 1024 are allowed"),
            ("trace_url", f'"{"x" * 5_000}"', "5000 characters long; 4096 are"),
            ("attributes", "[]", "attributes: [] is not an object"),
            ("attributes", '{"a": {"b": 1}}', "attributes.a: is an object; only"),
            ("attributes", '{"a": [1]}', "attributes.a: is an array; only strings"),
        ],
    )
    def test_a_wrong_value_is_named(self, name: str, raw: str, why: str) -> None:
        """The reason names the field, what stands there, and what is wrong with it."""
        event = json.loads(encode())
        event.pop(name, None)
        text = json.dumps(event)[:-1] + f', "{name}": {raw}}}'
        assert why in reason(text.encode())

    def test_more_errors_than_calls_are_refused(self) -> None:
        """The whole event is out, never half of it."""
        assert (
            reason(encode(tool_errors=5, tool_calls=3))
            == "tool_errors 5 exceeds tool_calls 3"
        )


class TestLabels:
    def test_attributes_are_labels_as_json_prints_them(self) -> None:
        """Booleans and numbers become text, null is missing."""
        session = read(
            attributes={"a": True, "b": 3, "c": 0.5, "d": 1.0, "e": None, "f": "x"}
        )
        assert [session.label(name) for name in "abcdefg"] == [
            "true",
            "3",
            "0.5",
            "1.0",
            "",
            "x",
            "",
        ]

    def test_a_field_wins_over_an_attribute_of_its_name(self) -> None:
        """An attribute stands in only for a field that is missing."""
        assert read(tenant="acme", attributes={"tenant": "x"}).label("tenant") == "acme"
        assert read(attributes={"tenant": "x"}).label("tenant") == "x"

    def test_a_long_attribute_is_cut_where_it_is_a_label(self) -> None:
        """A note of 5,000 characters costs nobody the session."""
        assert len(read(attributes={"note": "x" * 5_000}).label("note")) == 1_024

    def test_the_url_of_a_trace_is_better_than_its_id(self) -> None:
        """One can be clicked on."""
        assert read(trace_id="t").trace == "t"
        assert read(trace_id="t", trace_url="https://t").trace == "https://t"


class TestOddEvents:
    @pytest.mark.parametrize(
        ("raw", "why"),
        [
            (b"", "empty"),
            (b" \n", "empty"),
            (b"[]", "not a JSON object"),
            (b"3", "not a JSON object"),
            (b"null", "not a JSON object"),
            (b"{}", "session_id is missing"),
            (b'{"session_id": "s"', "not JSON: the text ends too early"),
            (b"hello", "not JSON: invalid character at byte 0"),
            (b'{"a": 1,}', "not JSON: trailing comma in object at byte"),
            (b"{} {}", "not JSON: trailing characters at byte 4"),
            (b'\xef\xbb\xbf{"a":1}', "begins with a byte order mark"),
            (b'{"x": "\xff"}', "invalid UTF-8 at byte 7"),
            (b'{"agent": "\\ud800"}', "not JSON: \\ud800 is half a character"),
            (b'{"x": ' + b"[" * 100_000, "not JSON: nested too deeply"),
            (b"[" * 100_000, "not a JSON object"),
            (b'{"x": "' + b"x" * 2_000_000 + b'"}', "2000009 bytes are more than"),
        ],
    )
    def test_what_is_no_json_object_is_refused(self, raw: bytes, why: str) -> None:
        """The reason says where the text stops being an event."""
        assert why in reason(raw)

    def test_a_reason_is_one_line_for_a_terminal(self) -> None:
        """Names and values of others cannot move the cursor or fill the screen."""
        wrongs: list[Any] = [{"\x1b[2J\n" * 50: []}, ["\n" * 500]]
        for wrong in wrongs:
            text = reason(encode(attributes=wrong))
            assert text.isprintable()
            assert len(text) < 200

    def test_unknown_fields_are_kept_out_and_named(self) -> None:
        """They are never an error, whatever they hold."""
        session = read(reward=1.0, tools={"search": [1, 2]}, cost_usd=0.5)
        assert sorted(session.unknown) == ["reward", "tools"]
        assert session.values[COLUMN["cost_usd"]] == 0.5

    def test_null_is_missing(self) -> None:
        """Many programs write null for what they do not know."""
        nulls = dict.fromkeys(["tenant", "status", "cost_usd", "loop_count"])
        assert read(**nulls).values == pytest.approx(read().values, nan_ok=True)

    def test_a_repeated_field_counts_once(self) -> None:
        """The last one of a repeated name holds, as in every JSON parser."""
        raw = encode()[:-1] + b', "agent": "other"}'
        assert decode_session(raw, (1.0, 10.0), None).label("agent") == "other"

    @given(st.binary(max_size=60))
    @example(b'{"session_id":"\x00"}')
    def test_no_bytes_do_harm(self, raw: bytes) -> None:
        """Any bytes are a session or are malformed, never something else."""
        with suppress(Malformed):
            decode_session(raw, (1.0, 10.0), None)

    @given(
        st.dictionaries(
            st.sampled_from([*get_type_hints(SessionEvent), "x"]),
            st.recursive(
                st.none()
                | st.booleans()
                | st.integers()
                | st.floats()
                | st.text(max_size=8),
                lambda inner: (
                    st.lists(inner, max_size=2)
                    | st.dictionaries(st.text(max_size=3), inner, max_size=2)
                ),
                max_leaves=4,
            ),
        )
    )
    def test_no_json_does_harm(self, fields: dict[str, Any]) -> None:
        """Any JSON is a session with numbers in range, or is malformed."""
        with suppress(Malformed):
            numbers = read(**fields).values
            assert all(math.isnan(number) or 0 <= number <= 2e15 for number in numbers)
