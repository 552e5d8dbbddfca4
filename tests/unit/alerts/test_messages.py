"""What people read, and that every provider takes it, whatever the labels hold."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.delivery import Action, Delivery
from alerts.messages.pagerduty import pagerduty_event
from alerts.messages.slack import (
    AMBER,
    BLOCK_TEXT,
    BLUE,
    GREEN,
    RED,
    slack_message,
    surfaced_reply,
)
from alerts.messages.text import clip, escape, plain, shown, size, url_of
from alerts.messages.webhook import webhook_body
from alerts.messages.wording import (
    against,
    amount,
    dollars,
    measured,
    number,
    reason_told,
    span,
    why,
)
from alerts.notifications import Reason
from detectors.metrics import METRICS
from detectors.transitions import State
from loopwatch.sandbox.pagerduty import EVENT_BYTES, event_faults
from loopwatch.sandbox.slack_limits import UPDATE_TEXT, block_faults, text_size

_text = st.one_of(
    st.text(max_size=8),
    st.sampled_from(
        ["x" * 5_000, "<!channel>" * 700, "&" * 4_000, "😀" * 3_000, "`*_~" * 900]
    ),
    st.just("https://trace.example/run?a=" + "&" * 850),
    st.just("https://trace.example/" + "p" * 5_000),
)
_labels = st.dictionaries(_text, _text, max_size=6)
_share = st.floats(-9, 9)
_number = st.none() | st.floats(allow_nan=False, allow_infinity=False)


@st.composite
def _any_line(draw: st.DrawFn, scene: Any) -> Any:
    """A line in which strangers wrote all that strangers can write."""
    return scene.line(
        100,
        draw(st.sampled_from(["firing", "resolved"])),
        rule=draw(_text),
        metric=draw(st.sampled_from([*METRICS, "unknown"])),
        labels=draw(_labels),
        severity=draw(st.sampled_from(["info", "warning", "critical", None])),
        value=draw(_number),
        expected=draw(_number),
        threshold=draw(_number),
        peak=draw(_number),
        session_id=draw(st.none() | _text),
        reason=draw(_text),
        attribution=draw(_labels),
        causes=draw(st.dictionaries(_text | st.just("model"), _share, max_size=8)),
        evidence=draw(
            st.sampled_from([{}, {"level": 0.8}, scene.BUDGET])
            | st.fixed_dictionaries({"model": st.lists(_text)})
        ),
        rule_kind=draw(st.sampled_from(["threshold", "absence", "budget"])),
        aggregate=draw(st.sampled_from(["", "mean", "p95", "count"])),
        began=draw(st.sampled_from([None, "1970-01-01T00:01:00Z"])),
        sessions=draw(st.integers(0, 10**12)),
        trace=draw(st.none() | _text),
        summary=draw(st.none() | _text),
        runbook_url=draw(st.none() | _text),
    )


def _any_delivery(data: st.DataObject, scene: Any) -> Delivery:
    lines = data.draw(st.lists(_any_line(scene), min_size=1, max_size=2))
    many = data.draw(st.sampled_from([1, 1, 20]))
    found: Delivery = scene.delivery(
        action=data.draw(st.sampled_from(list(Action))),
        reason=data.draw(st.sampled_from(list(Reason))),
        group=data.draw(_text),
        alerts=tuple(lines * many),
        severity_before=data.draw(st.sampled_from([None, "warning", "critical"])),
        late=data.draw(st.booleans()),
        possible_repeat=data.draw(st.booleans()),
        quiet=data.draw(st.booleans()),
    )
    return found


_quick = settings(max_examples=25, deadline=None)


class TestSlackLimits:
    @_quick
    @given(data=st.data())
    def test_every_message_is_one_that_slack_takes(
        self, scene: Any, data: st.DataObject
    ) -> None:
        """Blocks, their sum, text and metadata are within every limit."""
        delivery = _any_delivery(data, scene)
        message = slack_message(delivery)
        (attachment,) = message.attachments
        assert block_faults(attachment["blocks"]) == []
        assert text_size(attachment["blocks"]) <= BLOCK_TEXT
        assert 0 < size(message.text) < UPDATE_TEXT
        assert len(json.dumps(message.metadata)) < 8_000
        assert 0 < size(surfaced_reply(delivery)) < UPDATE_TEXT

    @_quick
    @given(data=st.data())
    def test_nobody_can_mention_a_channel_through_a_label(
        self, scene: Any, data: st.DataObject
    ) -> None:
        """Every < that stands in a message is one of ours: a link or a date."""
        delivery = _any_delivery(data, scene)
        message = slack_message(delivery)
        said = json.dumps(
            [
                message.text,
                surfaced_reply(delivery),
                message.attachments[0]["blocks"],
            ],
            ensure_ascii=False,
        )
        for piece in said.split("<")[1:]:
            assert piece.lower().startswith(("http://", "https://", "!date^"))

    @pytest.mark.parametrize("sign", ["x", "&", "😀", "`"])
    def test_the_largest_message_there_can_be_is_taken(
        self, scene: Any, sign: str
    ) -> None:
        """Everything as long as it gets, with many alerts in one group."""
        long = sign * 5_000
        labels = {f"{number}{long}": long for number in range(50)}
        line = scene.line(
            100,
            "firing",
            rule=long,
            metric=long,
            labels=labels,
            attribution=labels,
            causes={f"{number}{long}": 0.1 for number in range(50)} | {"model": 9.0},
            evidence={"model": [long, long]},
            reason=long,
            summary=long,
            session_id=long,
            trace="https://a.example/" + "&" * 170,
            runbook_url="https://a.example/" + "&" * 170,
            expected=1e300,
            threshold=-1e-300,
            peak=1e300,
            sessions=10**15,
            began="1970-01-01T00:01:30Z",
        )
        message = slack_message(scene.delivery(alerts=(line,) * 100, late=True))
        (attachment,) = message.attachments
        assert block_faults(attachment["blocks"]) == []
        assert 3_000 < text_size(attachment["blocks"]) <= BLOCK_TEXT


class TestSlackMessage:
    def test_it_says_what_one_needs_at_night(self, scene: Any) -> None:
        """Rule, series, value against the limit, since when, how many, where to look."""
        line = scene.line(
            100,
            "firing",
            severity="critical",
            began="1970-01-01T00:01:30Z",
            sessions=14,
            peak=9.5,
            trace="https://trace.example/run/1?a=1&b=2",
            summary="Someone is burning money.",
            runbook_url="https://wiki.example/cost",
            attribution={"agent_version": "2.1.1"},
            causes={"loops": 0.22, "tokens_per_call": 0.73, "other": 0.05},
        )
        message = slack_message(scene.delivery(alerts=(line,)))
        assert message.text == (
            "🔴 Critical: session-cost (agent=support, task_type=refund)"
        )
        (attachment,) = message.attachments
        said = json.dumps(attachment["blocks"], ensure_ascii=False)
        for part in (
            "cost_usd *$3.20*, limit $2.00",
            "cost_usd above 2",
            "> Someone is burning money.",
            "`agent=support` `task_type=refund`",
            "*Sessions affected*\\n14",
            "*Worst*\\n$9.50",
            "*Why*\\n73 % tokens per call, 22 % loops, 5 % other",
            "`agent_version=2.1.1`",
            "<https://trace.example/run/1?a=1&amp;b=2|trace>, session `s-1`",
            "<!date^90^{date_short_pretty} {time_secs}|1970-01-01T00:01:30Z>",
            "<https://wiki.example/cost|Runbook>",
        ):
            assert part in said
        assert attachment["fallback"].startswith("Critical: session-cost")

    @pytest.mark.parametrize(
        ("severity", "action", "colour"),
        [
            ("critical", Action.OPEN, RED),
            ("warning", Action.UPDATE, AMBER),
            ("info", Action.OPEN, BLUE),
            (None, Action.OPEN, AMBER),
            ("critical", Action.CLOSE, GREEN),
        ],
    )
    def test_its_colour_says_how_bad_it_is(
        self, scene: Any, severity: str, action: Action, colour: str
    ) -> None:
        """Red for critical, amber for warning, green once it is over."""
        line = scene.line(100, "firing", severity=severity)
        message = slack_message(scene.delivery(alerts=(line,), action=action))
        assert message.attachments[0]["color"] == colour

    def test_an_escalation_says_from_where(self, scene: Any) -> None:
        """Here and in the reply that surfaces in the channel."""
        delivery = scene.delivery(
            action=Action.UPDATE,
            reason=Reason.ESCALATED,
            severity_before="warning",
            alerts=(scene.line(100, "firing", severity="critical"),),
        )
        assert "Escalated to critical from warning" in slack_message(delivery).text
        assert "Escalated to critical from warning" in surfaced_reply(delivery)

    def test_a_resolved_one_says_how_long_it_lasted(self, scene: Any) -> None:
        """From the breach's beginning to the end."""
        line = scene.line(1000, "resolved", began="1970-01-01T00:01:40Z")
        delivery = scene.delivery(action=Action.CLOSE, alerts=(line,))
        message = slack_message(delivery)
        assert message.text.startswith("🟢 Resolved: session-cost")
        assert "*Lasted*\\n15 m" in json.dumps(message.attachments)

    def test_late_and_repeated_ones_say_so(self, scene: Any) -> None:
        """In the line of text, and why in the message."""
        message = slack_message(scene.delivery(late=True, possible_repeat=True))
        assert message.text.endswith("(late) (possible repeat)")
        assert "catching up" in json.dumps(message.attachments)

    def test_an_edit_is_no_repeat(self, scene: Any) -> None:
        """The same message twice with the same words harms nobody."""
        message = slack_message(scene.delivery(possible_repeat=True, ref="C1/1.1"))
        assert "repeat" not in message.text

    def test_a_trace_that_is_no_address_is_shown_as_it_is(self, scene: Any) -> None:
        """Ids and tricks are text, never a link."""
        for trace in ("4bf92f3577b34da6", "javascript:alert(1)"):
            line = scene.line(100, "firing", trace=trace)
            message = slack_message(scene.delivery(alerts=(line,)))
            assert f"trace `{trace}`" in json.dumps(message.attachments)


class TestBudgets:
    def test_slack_says_when_it_will_be_exhausted(self, scene: Any) -> None:
        """In plain words in UTC, and as a time in the reader's own zone."""
        delivery = scene.delivery(alerts=(scene.budget(100, 0.8, value=412.0),))
        blocks = slack_message(delivery).attachments[0]["blocks"]
        assert blocks[0]["text"]["text"].startswith(
            "cost_usd of the month *$412.00*, reached 80 % of $500.00"
        )
        fields = [field["text"] for field in blocks[1]["fields"]]
        (found,) = [text for text in fields if text.startswith("*Will be exhausted*")]
        assert "<!date^6876000^" in found

    def test_once_it_is_exhausted_it_says_since_when(self, scene: Any) -> None:
        """And nothing is left to be said once the period is over."""
        line = scene.budget(100, 1.0, time="1970-03-22T00:00:00Z")
        fields = slack_message(scene.delivery(alerts=(line,))).attachments[0]["blocks"]
        assert "*Exhausted since*" in str(fields)
        over = scene.budget(100, 1.0, to_state=State.RESOLVED)
        message = slack_message(
            scene.delivery(alerts=(over,), action=Action.CLOSE, reason=Reason.RESOLVED)
        )
        assert "xhausted" not in str(message)

    def test_where_it_would_last_nothing_is_said(self, scene: Any) -> None:
        """Neither in Slack nor on PagerDuty."""
        evidence = {"level": 0.8, "amount": 500.0, "period": "month"}
        delivery = scene.delivery(alerts=(scene.budget(100, 0.8, evidence=evidence),))
        assert "xhausted" not in str(slack_message(delivery))
        assert "xhausted" not in str(pagerduty_event(delivery))

    def test_an_escalation_names_the_share_and_the_time(self, scene: Any) -> None:
        """From warning to warning would say nothing; to critical says both."""
        reply = surfaced_reply(
            scene.delivery(
                action=Action.UPDATE,
                reason=Reason.ESCALATED,
                severity_before="warning",
                alerts=(scene.budget(100, 0.95),),
            )
        )
        assert reply == (
            "🟠 *Escalated to 95 %*: tenant-budget, cost_usd of the month *$475.00*,"
            " reached 95 % of $500.00, will be exhausted on 21 March 14:00 UTC at the"
            " present rate"
        )
        critical = surfaced_reply(
            scene.delivery(
                action=Action.UPDATE,
                reason=Reason.ESCALATED,
                severity_before="warning",
                alerts=(scene.budget(100, 1.0),),
            )
        )
        assert "*Escalated to critical from warning*" in critical

    def test_a_page_says_it_in_its_title(self, scene: Any) -> None:
        """And the time stands by itself in the details."""
        event = pagerduty_event(scene.delivery(alerts=(scene.budget(100, 0.8),)))
        assert event["payload"]["summary"] == (
            "Warning: tenant-budget (tenant=acme): cost_usd of the month $400.00,"
            " reached 80 % of $500.00, will be exhausted on 21 March 14:00 UTC at the"
            " present rate"
        )
        details = event["payload"]["custom_details"]
        assert details["exhausted_at"] == "1970-03-21T14:00:00Z"

    def test_a_webhook_has_all_of_the_evidence(self, scene: Any) -> None:
        """And the words, in the reason."""
        line = scene.budget(100, 0.8, reason="will be exhausted on 21 March 14:00 UTC")
        body = json.loads(webhook_body(scene.delivery(alerts=(line,))))
        assert body["alerts"][0]["evidence"] == scene.BUDGET | {"spend": 400.0}
        assert body["alerts"][0]["reason"] == line.reason


class TestPagerDutyEvent:
    @_quick
    @given(data=st.data())
    def test_every_event_is_one_that_pagerduty_takes(
        self, scene: Any, data: st.DataObject
    ) -> None:
        """Required members are there, none is too long, the whole is below 512 KB."""
        event = pagerduty_event(_any_delivery(data, scene), "https://loopwatch.example")
        event["routing_key"] = "k" * 32
        assert event_faults(event) == []
        assert len(json.dumps(event)) <= EVENT_BYTES

    def test_the_largest_event_there_can_be_is_below_the_limit(
        self, scene: Any
    ) -> None:
        """Labels by the hundred, each as long as it gets, in characters of 12 bytes."""
        big = {f"{number}{'😀' * 2_000}": "😀" * 4_000 for number in range(100)}
        line = scene.line(
            100,
            "firing",
            rule="😀" * 4_000,
            labels=big,
            attribution=big,
            reason="😀" * 4_000,
            trace="😀" * 4_000,
            summary="😀" * 4_000,
        )
        delivery = scene.delivery(alerts=(line,) * 100, group="😀" * 9_000)
        event = pagerduty_event(delivery)
        assert 100_000 < len(json.dumps(event)) < EVENT_BYTES - 1_000

    def test_it_carries_what_the_page_shows(self, scene: Any) -> None:
        """Summary, severity, source, and details that tools can read."""
        line = scene.line(
            100,
            "firing",
            severity="critical",
            began="1970-01-01T00:01:30Z",
            sessions=14,
            runbook_url="https://wiki.example/cost",
            causes={"price": -0.1, "loops": 1.1},
        )
        event = pagerduty_event(scene.delivery(alerts=(line,)))
        payload = event["payload"]
        assert (event["event_action"], event["dedup_key"]) == ("trigger", "loopwatch-1")
        assert payload["summary"] == (
            "Critical: session-cost (agent=support, task_type=refund):"
            " cost_usd $3.20, limit $2.00"
        )
        assert payload["severity"] == "critical"
        assert payload["source"] == "support/refund"
        assert payload["component"] == "support"
        assert payload["class"] == "cost_usd"
        assert payload["timestamp"] == "1970-01-01T00:01:30Z"
        assert payload["custom_details"]["sessions_affected"] == 14
        assert payload["custom_details"]["why"] == "110 % loops, -10 % price"
        assert payload["custom_details"]["labels"] == line.labels
        assert event["links"] == [
            {"href": "https://wiki.example/cost", "text": "Runbook"}
        ]

    def test_without_causes_there_is_no_why(self, scene: Any) -> None:
        """Neither here nor in Slack."""
        delivery = scene.delivery()
        details = pagerduty_event(delivery)["payload"]["custom_details"]
        assert "why" not in details
        assert "*Why*" not in json.dumps(slack_message(delivery).attachments)

    @pytest.mark.parametrize("severity", ["info", "warning", "critical"])
    def test_severities_are_pagerdutys_own(self, scene: Any, severity: str) -> None:
        """Each of ours is one of theirs."""
        line = scene.line(100, "firing", severity=severity)
        event = pagerduty_event(scene.delivery(alerts=(line,)))
        assert event["payload"]["severity"] == severity

    def test_an_end_is_the_key_and_nothing_else(self, scene: Any) -> None:
        """PagerDuty asks for no more."""
        event = pagerduty_event(scene.delivery(action=Action.CLOSE))
        assert event == {"event_action": "resolve", "dedup_key": "loopwatch-1"}


class TestWebhookBody:
    def test_it_is_the_line_and_why(self, scene: Any) -> None:
        """The members are documented; the alerts are lines as the topic has them."""
        delivery = scene.delivery(
            action=Action.UPDATE,
            reason=Reason.ESCALATED,
            news={"a1": Reason.ESCALATED},
            severity_before="warning",
        )
        body = json.loads(webhook_body(delivery))
        assert body.pop("alerts") == [msgspec.to_builtins(delivery.alerts[0])]
        assert body == {
            "text": (
                "Escalated to warning from warning: session-cost"
                " (agent=support, task_type=refund): cost_usd above 2"
            ),
            "version": 1,
            "id": "0123456789abcdef",
            "time": "1970-01-01T00:01:50Z",
            "receiver": "agents",
            "group": delivery.group,
            "dedup_key": "loopwatch-1",
            "generation": 1,
            "status": "firing",
            "reason": "escalated",
            "severity_before": "warning",
            "late": False,
            "possible_repeat": False,
            "news": {"a1": "escalated"},
            "before": {},
            "firing": 1,
            "acknowledged_by": {},
            "blast_radius": None,
            "more": 0,
        }

    @_quick
    @given(data=st.data())
    def test_any_line_gives_json(self, scene: Any, data: st.DataObject) -> None:
        """Whatever the labels hold, it can be read back."""
        delivery = _any_delivery(data, scene)
        alerts = json.loads(webhook_body(delivery))["alerts"]
        assert len(alerts) == len(delivery.alerts)


class TestNewNormal:
    @pytest.mark.parametrize(
        ("reason", "evidence", "said"),
        [
            ("accepted", {"accepted_by": "ann"}, "accepted by ann as the new normal"),
            ("accepted", {}, "accepted as the new normal"),
            ("rebaselined", {}, "accepted as the new normal"),
        ],
    )
    def test_an_accepted_level_is_told_in_words(
        self, scene: Any, reason: str, evidence: dict[str, str], said: str
    ) -> None:
        """From where to where, in the metric's unit, in every kind of message."""
        line = scene.line(
            100,
            "resolved",
            reason=reason,
            rule_kind="baseline",
            expected=0.11,
            threshold=0.22,
            value=0.31,
            evidence=evidence,
        )
        words = f"{said}; it was $0.11, it is $0.31"
        over = scene.delivery(alerts=(line,), action=Action.CLOSE)
        (attachment,) = slack_message(over).attachments
        assert words in json.dumps(attachment["blocks"])
        assert json.loads(webhook_body(over))["text"].endswith(words)
        goes_on = scene.delivery(alerts=(line,), action=Action.UPDATE)
        details = pagerduty_event(goes_on)["payload"]["custom_details"]
        assert details["reason"] == words

    def test_later_lines_say_how_far_it_has_come(self, scene: Any) -> None:
        """The level before the shift is the measure, not the one accepted."""
        anchor = {"expected": 0.11, "at": "2026-03-03T10:00:00Z"}
        line = scene.line(100, "firing", value=0.8, evidence={"anchor": anchor})
        words = "cost_usd above 2; 7.27 x the $0.11 of before 2026-03-03"
        assert reason_told(line) == words
        (attachment,) = slack_message(scene.delivery(alerts=(line,))).attachments
        assert words in json.dumps(attachment["blocks"])

    @pytest.mark.parametrize(
        "anchor",
        [None, 3, {}, {"expected": 0.0, "at": "x"}, {"expected": 1.0, "at": None}],
    )
    def test_without_an_anchor_nothing_is_said(self, scene: Any, anchor: Any) -> None:
        """Nor with one that makes no measure."""
        line = scene.line(100, "firing", evidence={"anchor": anchor})
        assert reason_told(line) == "cost_usd above 2"


class TestUnits:
    @pytest.mark.parametrize(
        ("metric", "value", "said"),
        [
            ("cost_usd", 3.2, "$3.20"),
            ("latency_ms", 31_500.0, "31.5 s"),
            ("tool_error_rate", 0.152, "15.2 %"),
            ("quality_score", 61.0, "61 points"),
            ("loop_count", 31.0, "31 loops"),
            ("loop_count", 1.0, "1 loop"),
            ("input_tokens", 48_200.0, "48,200 tokens"),
            ("success_rate", 1.0, "100 %"),
            ("unknown", 5.0, "5"),
        ],
    )
    def test_values_have_their_metrics_unit(
        self, scene: Any, metric: str, value: float, said: str
    ) -> None:
        """As people say them."""
        assert amount(scene.line(1, "firing", metric=metric), value) == said

    def test_a_silence_is_a_time_and_a_count_has_no_dollars(self, scene: Any) -> None:
        """The unit follows what is judged, not the metric alone."""
        silent = scene.line(1, "firing", rule_kind="absence", metric="sessions")
        assert (measured(silent), amount(silent, 1800.0)) == ("silence", "30 m")
        missing = scene.line(
            1, "firing", rule_kind="absence", evidence={"expected_sessions": 16.4}
        )
        assert against(missing).endswith("about 16 sessions missing")
        counted = scene.line(1, "firing", aggregate="count")
        assert (measured(counted), amount(counted, 12.0)) == (
            "count cost_usd",
            "12 sessions",
        )

    @pytest.mark.parametrize(
        ("seconds", "said"),
        [
            (0.85, "850 ms"),
            (45, "45 s"),
            (125, "2 m 5 s"),
            (3600, "1 h"),
            (5400, "1 h 30 m"),
            (90_000, "1 d 1 h"),
        ],
    )
    def test_times_have_two_units_at_most(self, seconds: float, said: str) -> None:
        """The largest, and what is left in the next."""
        assert span(seconds) == said

    @given(st.floats(allow_nan=False, allow_infinity=False))
    def test_no_number_fills_the_screen(self, value: float) -> None:
        """However large or small."""
        assert max(len(number(value)), len(dollars(value)), len(span(value))) < 40


class TestWhy:
    def test_a_model_is_named_with_what_it_was(self, scene: Any) -> None:
        """The names are strangers' text: one line each, and short."""
        line = scene.line(
            1,
            "firing",
            causes={"other": 0.12, "model": 0.88},
            evidence={"model": ["small\n", "large" * 50]},
        )
        found = why(line)
        assert found.startswith("88 % model (small → largelarge")
        assert found.endswith("…), 12 % other")

    @pytest.mark.parametrize("models", [None, "small", ["small"], [1, 2, 3]])
    def test_evidence_of_another_kind_does_no_harm(
        self, scene: Any, models: Any
    ) -> None:
        """Two names, or none at all."""
        line = scene.line(1, "firing", causes={"model": 1.0})
        line = msgspec.structs.replace(line, evidence={"model": models})
        assert why(line) == "100 % model"


class TestText:
    @given(st.text(), st.integers(1, 50))
    def test_clipping_keeps_the_limit_and_says_so(
        self, text: str, longest: int
    ) -> None:
        """Never longer, and with an ellipsis where something is missing."""
        cut = clip(text, longest)
        assert size(cut) <= longest
        assert cut == text or cut.endswith("…")

    @given(st.text(alphabet=st.sampled_from("a&<>é😀")), st.integers(1, 50))
    def test_escaping_survives_clipping(self, text: str, longest: int) -> None:
        """What is shown unescapes to a beginning of the text: no entity is cut."""
        found = shown(text, longest)
        back = found.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
        assert size(found) <= longest
        assert plain(text).startswith(back.removesuffix("…"))
        assert escape(back.removesuffix("…")) == found.removesuffix("…")

    def test_control_characters_and_turned_directions_go(self) -> None:
        """A label cannot break lines or turn the text around it."""
        assert plain("a\n\x00b\u202ec\u2066\ud800") == "a bc\ufffd"

    @pytest.mark.parametrize(
        ("text", "address"),
        [
            ("https://a.example/x?y=1#z", "https://a.example/x?y=1#z"),
            ("http://a.example", "http://a.example"),
            ("https://a.example/a|b>c", "https://a.example/a%7Cb%3Ec"),
            ("javascript:alert(1)", None),
            ("https://", None),
            ("4bf92f3577b34da6", None),
            ("https://a.example/" + "x" * 300, None),
        ],
    )
    def test_only_web_addresses_become_links(
        self, text: str, address: str | None
    ) -> None:
        """And nothing in them can end the link."""
        assert url_of(text, 100) == address
