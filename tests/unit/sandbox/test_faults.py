"""Scripted faults do to real clients what the real world does."""

import asyncio
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from loopwatch.sandbox import Fault, Kind, Sandbox

POST = "chat.postMessage"


def post(slack: AsyncWebClient, text: str = "x") -> Any:
    """Post a message."""
    return slack.chat_postMessage(channel="#agent-alerts", text=text)


async def test_a_status_with_a_body(box: Sandbox, slack: AsyncWebClient) -> None:
    """The status and body asked for, for as many requests, and then all is well."""
    box.fail(
        Fault(
            kind=Kind.STATUS,
            endpoint=POST,
            times=2,
            status=503,
            body={"ok": False, "error": "service_unavailable"},
        )
    )
    for _ in range(2):
        with pytest.raises(SlackApiError) as caught:
            await post(slack)
        assert caught.value.response.status_code == 503
    await post(slack, "third")
    assert [message.text for message in box.inbox.messages()] == ["third"]


async def test_an_error_that_hides_a_success(
    box: Sandbox, slack: AsyncWebClient
) -> None:
    """A processed fault answers an error, and the message is there."""
    error = {"ok": False, "error": "fatal_error"}
    box.fail(Fault(kind=Kind.STATUS, status=200, body=error, processed=True))
    with pytest.raises(SlackApiError, match="fatal_error"):
        await post(slack)
    assert len(box.inbox.messages()) == 1


@pytest.mark.parametrize("after", [None, 7, "1.5"])
async def test_a_rate_limit(
    box: Sandbox, slack: AsyncWebClient, after: str | int | None
) -> None:
    """429 as Slack words it, with the Retry-After asked for."""
    box.fail(Fault(kind=Kind.RATE_LIMIT, retry_after=after))
    with pytest.raises(SlackApiError) as caught:
        await post(slack)
    answer = caught.value.response
    assert (answer.status_code, answer.data["error"]) == (429, "ratelimited")
    assert answer.headers["Retry-After"] == str(after or 1)


async def test_a_rate_limit_in_each_providers_words(
    box: Sandbox, http: aiohttp.ClientSession
) -> None:
    """PagerDuty tells no time to wait, a webhook of Slack tells it twice."""
    box.fail(
        Fault(kind=Kind.RATE_LIMIT, endpoint="pagerduty"),
        Fault(kind=Kind.RATE_LIMIT, endpoint="incoming", retry_after=3),
    )
    async with http.post(f"{box.url}/v2/enqueue", json={}) as answer:
        assert answer.status == 429
        assert "Retry-After" not in answer.headers
    async with http.post(box.incoming_url, json={"text": "x"}) as answer:
        assert (answer.status, answer.headers["Retry-After"]) == (429, "3")
        assert (await answer.json())["retry_after"] == 3


@pytest.mark.parametrize(
    ("kind", "arrived"), [(Kind.RESET_BEFORE, 0), (Kind.RESET_AFTER, 1)]
)
async def test_a_reset(
    box: Sandbox, slack: AsyncWebClient, kind: Kind, arrived: int
) -> None:
    """The connection breaks, before or after the message was taken."""
    box.fail(Fault(kind=kind))
    with pytest.raises(aiohttp.ClientConnectionError):
        await post(slack)
    assert len(box.inbox.messages()) == arrived
    (request,) = box.inbox.requests(POST)
    assert (request.status, request.fault) == (None, str(kind))


async def test_a_slow_answer(box: Sandbox, slack: AsyncWebClient) -> None:
    """The client gives up waiting; the message was taken all the same."""
    box.fail(Fault(kind=Kind.SLOW, delay_s=60))
    sending = asyncio.ensure_future(post(slack))
    await box.wait_for(lambda inbox: inbox.requests(POST))
    assert not sending.done()
    sending.cancel()
    assert len(box.inbox.messages()) == 1


async def test_a_sandbox_that_closes_lets_the_slow_ones_go() -> None:
    """Nobody waits for a slow answer longer than the sandbox lives."""
    async with aiohttp.ClientSession() as http:
        async with Sandbox() as box:
            box.fail(Fault(kind=Kind.SLOW, delay_s=600))
            sending = asyncio.ensure_future(http.post(box.webhook_url, json={}))
            await box.wait_for(lambda inbox: inbox.webhooks())
        assert (await sending).status == 200


async def test_half_an_answer(box: Sandbox, http: aiohttp.ClientSession) -> None:
    """The body ends before its announced length; the message was taken."""
    box.fail(Fault(kind=Kind.TRUNCATED))
    headers = {"Authorization": "Bearer xoxb-1"}
    message = {"channel": "#a", "text": "x"}
    url = f"{box.slack_url}{POST}"
    async with http.post(url, json=message, headers=headers) as answer:
        assert answer.status == 200
        with pytest.raises(aiohttp.ClientPayloadError):
            await answer.read()
    assert len(box.inbox.messages()) == 1


async def test_a_proxys_page_and_an_odd_type(
    box: Sandbox, http: aiohttp.ClientSession
) -> None:
    """HTML with 502 is not carried out; a wrong type is, and says the right thing."""
    box.fail(Fault(kind=Kind.HTML), Fault(kind=Kind.CONTENT_TYPE))
    async with http.post(box.webhook_url, json={}) as answer:
        assert (answer.status, answer.content_type) == (502, "text/html")
        assert "<h1>502 Bad Gateway</h1>" in await answer.text()
    assert box.inbox.webhooks() == []
    async with http.post(box.webhook_url, json={}) as answer:
        assert (answer.status, answer.content_type) == (200, "application/octet-stream")
        assert await answer.json(content_type=None) == {"ok": True}
    assert len(box.inbox.webhooks()) == 1


async def test_faults_keep_to_their_endpoint_and_their_turn(
    box: Sandbox, http: aiohttp.ClientSession
) -> None:
    """Other endpoints do not use a fault up, and after= lets some pass."""
    box.fail(Fault(kind=Kind.STATUS, endpoint="webhook", after=1, times=2))
    async with http.post(box.incoming_url, json={"text": "x"}) as answer:
        assert answer.status == 200
    statuses = []
    for _ in range(4):
        async with http.post(box.webhook_url, json={}) as answer:
            statuses.append(answer.status)
    assert statuses == [200, 500, 500, 200]


async def test_a_scripted_rate_limit_starts_a_wait(
    box: Sandbox, slack: AsyncWebClient, clock: Any
) -> None:
    """Who comes back before a scripted Retry-After has passed is noted."""
    box.fail(Fault(kind=Kind.RATE_LIMIT, endpoint=POST, retry_after=10))
    with pytest.raises(SlackApiError):
        await post(slack)
    clock.now_s += 9
    await post(slack)
    clock.now_s += 1
    await post(slack)
    early = [request.too_early for request in box.inbox.requests(POST)]
    assert early == [False, True, False]


class TestOverHttp:
    async def test_faults_are_put_in_seen_and_taken_out(
        self, box: Sandbox, http: aiohttp.ClientSession
    ) -> None:
        """One fault or a list, as JSON."""
        url = f"{box.url}/sandbox/faults"
        await http.post(url, json={"kind": "slow", "endpoint": POST, "delay_s": 2})
        async with http.post(url, json=[{"kind": "html", "times": 3}]) as answer:
            assert [fault["kind"] for fault in await answer.json()] == ["slow", "html"]
        async with http.delete(url) as answer:
            assert await answer.json() == []
        assert box.faults.remaining() == []

    @pytest.mark.parametrize(
        ("body", "told"),
        [
            ("{", "truncated"),
            ('{"kind": "poem"}', "poem"),
            ('{"kind": "slow", "endpoint": "nowhere"}', "nowhere"),
            ('{"kind": "slow", "times": 0}', "times"),
            ('[{"kind": "slow", "tiems": 1}]', "tiems"),
        ],
    )
    async def test_what_is_no_fault_is_refused(
        self, box: Sandbox, http: aiohttp.ClientSession, body: str, told: str
    ) -> None:
        """The answer is 400 and says what is wrong; nothing is put in."""
        async with http.post(f"{box.url}/sandbox/faults", data=body) as answer:
            assert answer.status == 400
            assert told in (await answer.json())["error"]
        assert box.faults.remaining() == []
