"""Slack's Web API, as slack-sdk sees it."""

from typing import Any

import aiohttp
import msgspec
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from loopwatch.sandbox import Limits, Sandbox, Workspace
from loopwatch.sandbox.slack import channel_id_of

CHANNEL = "#agent-alerts"


def section(text: str = "hello") -> dict[str, Any]:
    """A section block."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def button(**changed: Any) -> dict[str, Any]:
    """An actions block with one button."""
    text = {"type": "plain_text", "text": "open"}
    return {
        "type": "actions",
        "elements": [{"type": "button", "action_id": "a", "text": text, **changed}],
    }


async def refusal(call: Any) -> dict[str, Any]:
    """What Slack answers to a call that it refuses."""
    with pytest.raises(SlackApiError) as caught:
        await call
    answer = caught.value.response
    return {"status": answer.status_code, **answer.data}


class TestAuth:
    async def test_any_bot_token_is_somebody(self, slack: AsyncWebClient) -> None:
        """auth.test tells who the token belongs to."""
        answer = await slack.auth_test()
        assert answer["ok"] is True
        assert answer["team"] == "Loopwatch sandbox"
        assert answer.headers["X-OAuth-Scopes"] == "chat:write,chat:write.public"

    @pytest.mark.parametrize(
        ("token", "error"),
        [
            ("", "not_authed"),
            ("xoxb-invalid-1", "invalid_auth"),
            ("sk-something-else", "invalid_auth"),
            ("xoxb-revoked-1", "token_revoked"),
            ("xoxb-expired-1", "token_expired"),
            ("xoxb-inactive-1", "account_inactive"),
            ("xoxb-noscope-1", "missing_scope"),
            ("xoxb-1111-was-revoked", "token_revoked"),
            ("xoxb-2222-lacks-scope", "missing_scope"),
        ],
    )
    async def test_bad_tokens_are_refused_by_name(
        self, box: Sandbox, token: str, error: str
    ) -> None:
        """Each trouble of a token has Slack's word, with HTTP 200."""
        box.workspace = Workspace(
            revoked_tokens=frozenset({"xoxb-1111-was-revoked"}),
            tokens_without_scope=frozenset({"xoxb-2222-lacks-scope"}),
        )
        client = AsyncWebClient(token, base_url=box.slack_url, retry_handlers=[])
        answer = await refusal(client.chat_postMessage(channel=CHANNEL, text="x"))
        assert (answer["status"], answer["error"]) == (200, error)
        assert box.inbox.messages() == []

    async def test_a_token_may_come_in_a_form(
        self, box: Sandbox, http: aiohttp.ClientSession
    ) -> None:
        """The form's token counts where there is no header."""
        form = {"token": "xoxb-form", "channel": CHANNEL, "text": "by form"}
        async with http.post(f"{box.slack_url}chat.postMessage", data=form) as answer:
            assert (await answer.json())["ok"] is True
        assert box.inbox.messages()[0].text == "by form"


class TestPostMessage:
    async def test_a_message_arrives_whole(
        self, box: Sandbox, slack: AsyncWebClient
    ) -> None:
        """Text, blocks, attachments and metadata are kept and returned."""
        metadata = {"event_type": "alert", "event_payload": {"generation": 1}}
        answer = await slack.chat_postMessage(
            channel=CHANNEL,
            text="fallback",
            blocks=[section("in *blocks*")],
            attachments=[{"color": "#e01e5a", "blocks": [section("in a bar")]}],
            metadata=metadata,
        )
        message = box.inbox.message(str(answer["channel"]), str(answer["ts"]))
        assert message is not None
        assert answer["channel"] == channel_id_of(CHANNEL)
        assert answer["message"]["text"] == "fallback"
        assert answer["message"]["blocks"][0]["block_id"]
        assert message.channel == CHANNEL
        assert message.metadata == metadata
        assert message.words == "fallback\nin *blocks*\nin a bar"

    async def test_names_and_ids_are_one_channel(
        self, box: Sandbox, slack: AsyncWebClient
    ) -> None:
        """A channel may be given by name, with or without #, or by id."""
        by_name = await slack.chat_postMessage(channel="#ops", text="1")
        await slack.chat_postMessage(channel="ops", text="2")
        await slack.chat_postMessage(channel=str(by_name["channel"]), text="3")
        assert [m.text for m in box.inbox.messages("#ops")] == ["1", "2", "3"]

    async def test_each_ts_is_new_and_later(self, slack: AsyncWebClient) -> None:
        """A ts is a string, and unique in its channel even in the same second."""
        stamps = [
            str((await slack.chat_postMessage(channel=CHANNEL, text="x"))["ts"])
            for _ in range(3)
        ]
        assert stamps == [f"1712345678.000{n}00" for n in (1, 2, 3)]

    @pytest.mark.parametrize(
        ("field", "error"),
        [
            ("unknown_channels", "channel_not_found"),
            ("archived_channels", "is_archived"),
            ("channels_without_bot", "not_in_channel"),
        ],
    )
    @pytest.mark.parametrize("name", [CHANNEL, channel_id_of(CHANNEL)])
    async def test_troubled_channels(
        self, box: Sandbox, slack: AsyncWebClient, field: str, error: str, name: str
    ) -> None:
        """A channel's trouble is told, whether named by name or id."""
        box.workspace = msgspec.convert({field: [name]}, Workspace)
        answer = await refusal(slack.chat_postMessage(channel=CHANNEL, text="x"))
        assert answer["error"] == error

    @pytest.mark.parametrize(
        ("arguments", "error"),
        [
            ({}, "no_text"),
            ({"text": "  \n"}, "no_text"),
            ({"text": "", "blocks": []}, "no_text"),
            ({"text": "x", "attachments": [{"text": "a"}] * 101},
             "too_many_attachments"),
            ({"text": "x", "blocks": "{"}, "invalid_blocks_format"),
            ({"text": "x", "blocks": {"type": "divider"}}, "invalid_blocks_format"),
            ({"text": "x", "blocks": [section("x" * 2500)] * 5},
             "msg_blocks_too_long"),
            ({"text": "x", "attachments": [{"blocks": [section("x" * 2500)] * 5}]},
             "msg_blocks_too_long"),
            ({"text": "x", "metadata": "{"}, "invalid_metadata_format"),
            ({"text": "x", "metadata": {"event_type": "x"}}, "invalid_metadata_schema"),
            ({"text": "x", "metadata": {"event_type": "x",
                                        "event_payload": {"a": "x" * 9000}}},
             "metadata_too_large"),
            ({"text": "x", "thread_ts": "not-a-ts"}, "invalid_thread_ts"),
            ({"text": "x", "markdown_text": "y"}, "markdown_text_conflict"),
            ({"markdown_text": "y" * 12_001}, "msg_too_long"),
        ],
    )  # fmt: skip
    async def test_what_slack_does_not_take(
        self,
        box: Sandbox,
        slack: AsyncWebClient,
        arguments: dict[str, Any],
        error: str,
    ) -> None:
        """Each limit has its error, nothing is posted, and the reason is recorded."""
        call = slack.api_call(
            "chat.postMessage", json={"channel": CHANNEL, **arguments}
        )
        answer = await refusal(call)
        assert (answer["status"], answer["error"]) == (200, error)
        assert box.inbox.messages() == []
        assert [r.refusal for r in box.inbox.refused("chat.postMessage")] == [error]

    @pytest.mark.parametrize(
        ("blocks", "faults"),
        [
            ([section("x" * 3001)],
             ["failed to match all allowed schemas [json-pointer:/blocks/0/text]",
              "must be less than 3001 characters [json-pointer:/blocks/0/text/text]"]),
            ([section("")],
             ["failed to match all allowed schemas [json-pointer:/blocks/0/text]",
              "must be more than 0 characters [json-pointer:/blocks/0/text/text]"]),
            ([{"type": "divider"}] * 51,
             ["no more than 50 items allowed [json-pointer:/blocks]"]),
            ([{"type": "section", "fields": [{"type": "mrkdwn", "text": "x"}] * 11}],
             ["no more than 10 items allowed [json-pointer:/blocks/0/fields]"]),
            ([{"type": "section",
               "fields": [{"type": "mrkdwn", "text": "x" * 2001}]}],
             ["failed to match all allowed schemas [json-pointer:/blocks/0/fields/0]",
              ("must be less than 2001 characters "
              "[json-pointer:/blocks/0/fields/0/text]")]),
            ([{"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}],
             ["must be less than 151 characters [json-pointer:/blocks/0/text/text]"]),
            ([{"type": "header", "text": {"type": "mrkdwn", "text": "x"}}],
             ["unsupported type: mrkdwn [json-pointer:/blocks/0/text/type]"]),
            ([{"type": "context",
               "elements": [{"type": "mrkdwn", "text": "x"}] * 11}],
             ["no more than 10 items allowed [json-pointer:/blocks/0/elements]"]),
            ([{"type": "actions",
               "elements": button()["elements"] * 26}],
             ["no more than 25 items allowed [json-pointer:/blocks/0/elements]"]),
            ([button(text={"type": "plain_text", "text": "x" * 76})],
             [("must be less than 76 characters "
              "[json-pointer:/blocks/0/elements/0/text/text]")]),
            ([button(value="x" * 2001)],
             [("must be less than 2001 characters "
              "[json-pointer:/blocks/0/elements/0/value]")]),
            ([button(url="x" * 3001)],
             [("must be less than 3001 characters "
              "[json-pointer:/blocks/0/elements/0/url]")]),
            ([button(action_id="x" * 256)],
             [("must be less than 256 characters "
              "[json-pointer:/blocks/0/elements/0/action_id]")]),
            ([{**section(), "block_id": "x" * 256}],
             ["must be less than 256 characters [json-pointer:/blocks/0/block_id]"]),
            ([{"type": "markdown", "text": "x" * 12_001}],
             ["must be less than 12001 characters [json-pointer:/blocks/0/text]",
              "must be less than 12001 characters [json-pointer:/blocks]"]),
            ([{"type": "divider", "text": {"type": "mrkdwn", "text": "x"}}],
             ["invalid additional property: text [json-pointer:/blocks/0]"]),
            ([{"type": "section"}],
             ["missing required field: text [json-pointer:/blocks/0]"]),
            ([{"text": "x"}], ["missing required field: type [json-pointer:/blocks/0]"]),
            ([{"type": "poem"}], ["unsupported type: poem [json-pointer:/blocks/0/type]"]),
            (["x"], ["must provide an object [json-pointer:/blocks/0]"]),
        ],
    )  # fmt: skip
    async def test_invalid_blocks_are_told_with_their_place(
        self, slack: AsyncWebClient, blocks: list[Any], faults: list[str]
    ) -> None:
        """Every limit of a block is refused in Slack's words, in both places."""
        answer = await refusal(
            slack.chat_postMessage(channel=CHANNEL, text="x", blocks=blocks)
        )
        assert answer["error"] == "invalid_blocks"
        assert answer["errors"] == faults
        assert answer["response_metadata"]["messages"] == [
            f"[ERROR] {fault}" for fault in faults
        ]

    async def test_invalid_blocks_in_an_attachment(self, slack: AsyncWebClient) -> None:
        """Within attachments the error is another, and the place tells where."""
        answer = await refusal(
            slack.chat_postMessage(
                channel=CHANNEL, text="x", attachments=[{"blocks": [section("")]}]
            )
        )
        assert answer["error"] == "invalid_attachments"
        assert answer["errors"][1] == (
            "must be more than 0 characters "
            "[json-pointer:/attachments/0/blocks/0/text/text]"
        )

    async def test_all_that_is_allowed_at_its_largest(
        self, slack: AsyncWebClient
    ) -> None:
        """What is exactly at a limit is taken."""
        blocks = [
            {"type": "header", "text": {"type": "plain_text", "text": "x" * 150}},
            section("x" * 3000),
            {
                "type": "section",
                "fields": [{"type": "plain_text", "text": "x" * 100}] * 9
                + [{"type": "mrkdwn", "text": "x" * 2000}],
            },
            button(value="x" * 2000, url="https://" + "x" * 2992),
            *[{"type": "divider"}] * 46,
        ]
        answer = await slack.chat_postMessage(channel=CHANNEL, text="x", blocks=blocks)
        assert answer["ok"] is True

    async def test_long_text_is_cut_with_a_warning(
        self, box: Sandbox, slack: AsyncWebClient
    ) -> None:
        """More than 40,000 characters are posted, cut, and warned of."""
        answer = await slack.chat_postMessage(channel=CHANNEL, text="x" * 40_001)
        assert answer["response_metadata"]["warnings"] == ["message_truncated"]
        assert len(box.inbox.messages()[0].text) == 40_000

    async def test_replies_belong_to_their_parent(
        self, box: Sandbox, slack: AsyncWebClient
    ) -> None:
        """thread_ts and reply_broadcast are kept."""
        parent = await slack.chat_postMessage(channel=CHANNEL, text="parent")
        await slack.chat_postMessage(
            channel=CHANNEL,
            text="reply",
            thread_ts=str(parent["ts"]),
            reply_broadcast=True,
        )
        reply = box.inbox.messages()[1]
        assert (reply.thread_ts, reply.broadcast) == (parent["ts"], True)

    @pytest.mark.parametrize(
        ("content_type", "body", "error"),
        [
            ("application/json", b"{", "invalid_json"),
            ("application/json", b"[1]", "json_not_object"),
            ("application/json", b"[" * 5000, "invalid_json"),
            ("application/xml", b"<x/>", "invalid_post_type"),
            ("application/json", b'{"text":"x"}', "invalid_arguments"),
        ],
    )
    async def test_bodies_that_are_none(
        self,
        box: Sandbox,
        http: aiohttp.ClientSession,
        content_type: str,
        body: bytes,
        error: str,
    ) -> None:
        """What cannot be read, or names no channel, is refused by its name."""
        headers = {"Content-Type": content_type, "Authorization": "Bearer xoxb-1"}
        url = f"{box.slack_url}chat.postMessage"
        async with http.post(url, data=body, headers=headers) as answer:
            assert answer.status == 200
            assert (await answer.json())["error"] == error

    async def test_unknown_methods(self, slack: AsyncWebClient) -> None:
        """A method that is not here is named."""
        answer = await refusal(slack.api_call("chat.sing"))
        assert answer["error"] == "unknown_method"
        assert answer["req_method"] == "chat.sing"


class TestUpdate:
    async def test_the_history_keeps_every_version(
        self, box: Sandbox, slack: AsyncWebClient
    ) -> None:
        """An edit replaces what is given, keeps what is not, and is marked."""
        posted = await slack.chat_postMessage(
            channel=CHANNEL, text="firing", attachments=[{"color": "danger"}]
        )
        place: dict[str, Any] = {
            "channel": str(posted["channel"]),
            "ts": str(posted["ts"]),
        }
        answer = await slack.chat_update(**place, text="resolved")
        (message,) = box.inbox.messages()
        assert answer["message"]["edited"]["user"]
        assert [version.text for version in message.versions] == ["firing", "resolved"]
        assert message.attachments[0]["color"] == "danger"

    async def test_blocks_left_out_stay_and_an_empty_list_removes(
        self, box: Sandbox, slack: AsyncWebClient
    ) -> None:
        """Omitted blocks are kept; [] removes them."""
        posted = await slack.chat_postMessage(
            channel=CHANNEL, text="x", blocks=[section()]
        )
        place: dict[str, Any] = {
            "channel": str(posted["channel"]),
            "ts": str(posted["ts"]),
        }
        await slack.chat_update(**place, text="y")
        assert len(box.inbox.messages()[0].blocks) == 1
        await slack.chat_update(**place, text="y", blocks=[])
        assert box.inbox.messages()[0].blocks == ()

    @pytest.mark.parametrize(
        ("changed", "error"),
        [
            ({"channel": CHANNEL}, "channel_not_found"),
            ({"ts": "1712345678.999999"}, "message_not_found"),
            ({"ts": ""}, "invalid_arguments"),
            ({"text": "x" * 4001}, "msg_too_long"),
            ({"text": None}, "no_text"),
            ({"text": ""}, "no_text"),
            ({"blocks": [section("")]}, "invalid_blocks"),
        ],
    )
    async def test_what_cannot_be_updated(
        self, slack: AsyncWebClient, changed: dict[str, Any], error: str
    ) -> None:
        """An edit needs the id, the ts, and something to say."""
        posted = await slack.chat_postMessage(channel=CHANNEL, text="x")
        arguments: dict[str, Any] = {
            "channel": posted["channel"],
            "ts": posted["ts"],
            "text": "y",
            **changed,
        }
        answer = await refusal(slack.api_call("chat.update", json=arguments))
        assert answer["error"] == error

    async def test_a_webhooks_message_cannot_be_updated(
        self, box: Sandbox, slack: AsyncWebClient, http: aiohttp.ClientSession
    ) -> None:
        """What came by an incoming webhook is nobody's to edit."""
        await http.post(box.incoming_url, json={"text": "x"})
        (message,) = box.inbox.messages()
        answer = await refusal(
            slack.chat_update(channel=message.channel_id, ts=message.ts, text="y")
        )
        assert answer["error"] == "cant_update_message"


class TestRateLimits:
    async def test_a_burst_and_then_one_a_second(
        self, box: Sandbox, slack: AsyncWebClient, clock: Any
    ) -> None:
        """25 at once in a channel, then 429 with whole seconds to wait."""
        for _ in range(25):
            await slack.chat_postMessage(channel=CHANNEL, text="x")
        with pytest.raises(SlackApiError) as caught:
            await slack.chat_postMessage(channel=CHANNEL, text="x")
        answer = caught.value.response
        assert answer.status_code == 429
        assert answer.headers["Retry-After"] == "1"
        assert answer.data == {"ok": False, "error": "ratelimited"}
        await slack.chat_postMessage(channel="#other", text="x")
        clock.now_s += 1
        await slack.chat_postMessage(channel=CHANNEL, text="x")
        assert len(box.inbox.messages(CHANNEL)) == 26

    async def test_updates_have_a_limit_of_their_own(
        self, slack: AsyncWebClient, clock: Any
    ) -> None:
        """50 updates in any minute, over all channels."""
        posted = await slack.chat_postMessage(channel=CHANNEL, text="x")
        place: dict[str, Any] = {
            "channel": str(posted["channel"]),
            "ts": str(posted["ts"]),
        }
        for _ in range(50):
            await slack.chat_update(**place, text="y")
        clock.now_s += 20
        with pytest.raises(SlackApiError) as caught:
            await slack.chat_update(**place, text="y")
        assert caught.value.response.headers["Retry-After"] == "40"
        clock.now_s += 40
        await slack.chat_update(**place, text="z")

    async def test_a_request_inside_retry_after_is_noted(
        self, box: Sandbox, slack: AsyncWebClient, clock: Any
    ) -> None:
        """Who does not wait as told is caught, and who does is not."""
        for _ in range(26):
            await slack.api_call("auth.test")
        for _ in range(25):
            await slack.chat_postMessage(channel=CHANNEL, text="x")
        for _ in range(2):
            await refusal(slack.chat_postMessage(channel=CHANNEL, text="x"))
        clock.now_s += 1
        await slack.chat_postMessage(channel=CHANNEL, text="x")
        posts = box.inbox.requests("chat.postMessage")
        assert [r.too_early for r in posts[-3:]] == [False, True, False]

    async def test_limits_can_be_set_and_switched_off(self, clock: Any) -> None:
        """A burst of one, or none at all."""
        async with Sandbox(limits=Limits(slack_burst=1), clock=clock) as box:
            slack = AsyncWebClient("xoxb-1", base_url=box.slack_url, retry_handlers=[])
            await slack.chat_postMessage(channel=CHANNEL, text="x")
            answer = await refusal(slack.chat_postMessage(channel=CHANNEL, text="x"))
            assert answer["status"] == 429
        async with Sandbox(limits=None, clock=clock) as box:
            slack = AsyncWebClient("xoxb-1", base_url=box.slack_url, retry_handlers=[])
            for _ in range(30):
                await slack.chat_postMessage(channel=CHANNEL, text="x")
