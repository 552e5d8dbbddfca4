"""The inbox keeps what arrived, tells who waits, and holds no secret."""

import asyncio
import itertools
import json
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from slack_sdk.web.async_client import AsyncWebClient

from loopwatch.sandbox import Inbox, Limits, Message, Sandbox, Version
from loopwatch.sandbox.inbox import HISTORY_KEPT, INCIDENTS_KEPT, MESSAGES_KEPT
from loopwatch.sandbox.secrecy import mask, mask_all, mask_text

KEY = "0123456789abcdef0123456789abcdef"


class TestWaiting:
    async def test_waits_for_what_arrives(
        self, box: Sandbox, slack: AsyncWebClient
    ) -> None:
        """wait_for returns what its question returned, once it is true."""
        waiting = asyncio.ensure_future(
            box.wait_for(lambda inbox: inbox.messages("#agent-alerts"))
        )
        await slack.chat_postMessage(channel="#other", text="x")
        assert not waiting.done()
        await slack.chat_postMessage(channel="#agent-alerts", text="x")
        assert [message.text for message in await waiting] == ["x"]

    async def test_what_is_true_already_is_not_waited_for(self, box: Sandbox) -> None:
        """A question that is true at once is answered at once."""
        assert await box.wait_for(lambda _inbox: "yes", timeout_s=0) == "yes"

    async def test_a_moment_is_not_missed(self, box: Sandbox) -> None:
        """What is true between two changes that nobody could see is noticed."""
        waiting = asyncio.ensure_future(
            box.wait_for(lambda inbox: len(inbox.notes()) == 1)
        )
        await asyncio.sleep(0)
        box.inbox.note("one")
        box.inbox.note("two")
        assert await waiting

    async def test_a_timeout_says_what_is_there(self, box: Sandbox) -> None:
        """The error tells what the sandbox has instead."""
        box.inbox.add_webhook("x", "POST", {}, None)
        with pytest.raises(TimeoutError, match=r"0 messages.* 1 webhooks"):
            await box.wait_for(lambda inbox: inbox.messages(), timeout_s=0.01)

    async def test_a_question_that_fails_fails_who_asked(self, box: Sandbox) -> None:
        """The error of the question comes out of wait_for, not of the server."""
        with pytest.raises(ZeroDivisionError):
            await box.wait_for(lambda _inbox: 1 / 0)


class TestOverHttp:
    async def test_everything_is_in_the_json(
        self,
        box: Sandbox,
        slack: AsyncWebClient,
        pagerduty: Callable[..., Any],
        http: aiohttp.ClientSession,
    ) -> None:
        """Messages with versions, incidents with logs, webhooks, refusals, notes."""
        posted = await slack.chat_postMessage(channel="#agent-alerts", text="one")
        await slack.chat_update(
            channel=str(posted["channel"]), ts=str(posted["ts"]), text="two"
        )
        await asyncio.to_thread(pagerduty().trigger, "it burns", "agent", "d")
        await http.post(box.webhook_url, json={"a": 1})
        await http.post(box.incoming_url, json={})
        await http.post(
            f"{box.url}/sandbox/note", json={"text": "hello", "sessions": 7}
        )
        async with http.get(f"{box.url}/sandbox/inbox") as answer:
            seen = await answer.json()
        versions = seen["messages"][0]["versions"]
        assert [version["text"] for version in versions] == ["one", "two"]
        assert seen["incidents"][0]["log"][0]["action"] == "trigger"
        assert seen["webhooks"][0]["body"] == {"a": 1}
        assert [item["refusal"] for item in seen["refused"]] == ["no_text"]
        assert len(seen["requests"]) == 5
        assert seen["notes"][0]["text"] == "hello"
        assert seen["counters"]["sessions"] == 7

    async def test_clear_forgets(
        self, box: Sandbox, slack: AsyncWebClient, http: aiohttp.ClientSession
    ) -> None:
        """After a clear nothing is there, and counters start again."""
        await slack.chat_postMessage(channel="#agent-alerts", text="one")
        await http.post(f"{box.url}/sandbox/clear")
        assert box.inbox.messages() == []
        assert box.inbox.requests() == []
        assert box.inbox.counters.messages == 0

    async def test_other_sites_cannot_change_anything(
        self, box: Sandbox, http: aiohttp.ClientSession
    ) -> None:
        """A page of another site, open in the same browser, is refused."""
        box.inbox.note("stays")
        stranger = {"Origin": "https://evil.example"}
        for path in ("clear", "note", "faults"):
            url = f"{box.url}/sandbox/{path}"
            async with http.post(url, json={}, headers=stranger) as answer:
                assert answer.status == 403
        assert [note.text for note in box.inbox.notes()] == ["stays"]
        own = {"Origin": box.url}
        async with http.post(f"{box.url}/sandbox/clear", headers=own) as answer:
            assert answer.status == 200

    @pytest.mark.parametrize("body", ['{"txt": "x"}', "[]", '{"tone": "loud"}'])
    async def test_a_note_that_is_none(
        self, box: Sandbox, http: aiohttp.ClientSession, body: str
    ) -> None:
        """What is not a note is 400."""
        async with http.post(f"{box.url}/sandbox/note", data=body) as answer:
            assert answer.status == 400

    async def test_it_says_that_it_is_well(
        self, box: Sandbox, http: aiohttp.ClientSession
    ) -> None:
        """/healthz is 200."""
        async with http.get(f"{box.url}/healthz") as answer:
            assert await answer.json() == {"status": "ok"}


class TestSecrets:
    async def test_no_secret_is_kept_or_shown(
        self, box: Sandbox, http: aiohttp.ClientSession
    ) -> None:
        """Tokens, keys and webhook URLs leave at most their last four characters."""
        token, bearer, hook = (
            "xoxb-12345-secret-9876",
            "hush-hush-3141592",
            "SeCr3tH00k",
        )
        auth = {"Authorization": f"Bearer {token}"}
        text = f"leaked {token} and {box.url}/services/T/B/{hook}"
        message = {"channel": "#a", "text": text, "token": token}
        await http.post(f"{box.slack_url}chat.postMessage", json=message, headers=auth)
        await http.post(f"{box.slack_url}chat.postMessage", data={"token": token})
        await http.post(f"{box.url}/services/T/B/{hook}", json={"text": "x"})
        event = {
            "routing_key": KEY,
            "event_action": "trigger",
            "payload": {"summary": KEY, "source": "x", "severity": "info"},
        }
        await http.post(f"{box.url}/v2/enqueue", json=event)
        large = {**event, "filler": "x" * 20_000}
        await http.post(f"{box.url}/v2/enqueue", json=large)
        await http.post(f"{box.url}/v2/enqueue", data=json.dumps(event)[:60])
        headers = {"Authorization": f"Bearer {bearer}", "X-Api-Key": bearer}
        await http.post(box.webhook_url, json={"said": bearer}, headers=headers)
        pages = []
        for path in ("/", "/sandbox/inbox"):
            async with http.get(box.url + path) as answer:
                pages.append(await answer.text())
        seen = "".join(pages) + repr(vars(box.inbox)) + repr(box.inbox.requests())
        for secret in (token, bearer, hook, KEY):
            assert secret not in seen
        assert mask(KEY) in seen

    @given(st.text("abcdefg", min_size=12), st.text("0123456789 "))
    def test_masked_text_holds_no_secret(self, secret: str, around: str) -> None:
        """A secret anywhere in a JSON value is replaced by its end."""
        masked = mask_all({secret: [around + secret + around]}, [secret])
        shown = "…" + secret[-4:]
        assert masked == {shown: [around + shown + around]}

    @pytest.mark.parametrize(
        ("text", "masked"),
        [
            ("with xoxb-1234-abcdefgh now", "with …efgh now"),
            ("xapp-1-A0-long-enough", "…ough"),
            (
                "http://h/services/T1/B2/abcdefghijkl?x",
                "http://h/services/T1/B2/…ijkl?x",
            ),
            ("http://h/services/T1/B2/short", "http://h/services/T1/B2/…"),
            ("nothing to hide", "nothing to hide"),
        ],
    )
    def test_known_shapes_are_masked(self, text: str, masked: str) -> None:
        """Slack's tokens and webhook URLs are known by their look."""
        assert mask_text(text) == masked


class TestMemory:
    def test_the_newest_are_kept(self) -> None:
        """A sandbox that runs for weeks keeps the newest of everything."""
        inbox = Inbox(lambda: 0.0)
        for number in range(MESSAGES_KEPT + 5):
            version = Version(time_s=0.0, text=str(number))
            inbox.add_message(
                Message(
                    channel_id="C1",
                    channel="#a",
                    ts=f"{number}.0",
                    via="incoming",
                    versions=(version,),
                )
            )
        assert len(inbox.messages()) == MESSAGES_KEPT
        assert inbox.messages()[-1].text == str(MESSAGES_KEPT + 4)
        assert inbox.counters.messages == MESSAGES_KEPT + 5

    def test_open_incidents_are_kept_before_resolved_ones(self) -> None:
        """Resolved incidents are forgotten first."""
        inbox = Inbox(lambda: 0.0)
        first = inbox.trigger("k", "…", "first", {"payload": {}})
        second = inbox.trigger("k", "…", "second", {"payload": {}})
        inbox.close_incident("k", second, "resolve", resolve=True)
        for number in range(INCIDENTS_KEPT - 1):
            inbox.trigger("k", "…", str(number), {"payload": {}})
        assert inbox.incident(second.number) is None
        assert inbox.open_incident("k", "first") == first

    def test_a_long_history_keeps_its_beginning_and_its_end(self) -> None:
        """How it began and how it stands are never lost."""
        times = itertools.count()
        inbox = Inbox(lambda: float(next(times)))
        for number in range(HISTORY_KEPT * 2):
            inbox.trigger("k", "…", "d", {"payload": {"summary": str(number)}})
        log = inbox.incidents()[0].log
        assert len(log) == HISTORY_KEPT
        assert log[0].payload["summary"] == "0"
        assert log[-1].payload["summary"] == str(HISTORY_KEPT * 2 - 1)


async def test_limits_of_webhooks_do_not_exist(
    clock: Any, http: aiohttp.ClientSession
) -> None:
    """A plain webhook takes whatever comes, put or post, JSON or not."""
    async with Sandbox(limits=Limits(slack_burst=1), clock=clock) as box:
        for _ in range(5):
            await http.post(box.webhook_url, data=b"\xff not JSON")
        async with http.put(f"{box.url}/hook/other", json=[1]) as answer:
            assert answer.status == 200
        assert len(box.inbox.webhooks("alerts")) == 5
        (other,) = box.inbox.webhooks("other")
        assert (other.method, other.body) == ("PUT", [1])
