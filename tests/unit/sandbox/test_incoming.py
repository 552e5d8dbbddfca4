"""Slack's incoming webhooks, as slack-sdk's webhook client sees them."""

import json
from typing import Any

import aiohttp
import pytest
from slack_sdk.webhook.async_client import AsyncWebhookClient

from loopwatch.sandbox import Hooks, Sandbox, Workspace


async def test_a_message_arrives(box: Sandbox) -> None:
    """The answer is ok in plain text, and tells no ts."""
    answer = await AsyncWebhookClient(box.incoming_url).send(
        text="fallback", attachments=[{"color": "good", "text": "well"}]
    )
    (message,) = box.inbox.messages("#incoming-webhook")
    assert (answer.status_code, answer.body) == (200, "ok")
    assert (message.via, message.words) == (
        "incoming",
        "fallback\nwell",
    )


async def test_a_webhook_has_its_channel(box: Sandbox) -> None:
    """The channel belongs to the URL; the payload cannot choose another."""
    box.hooks = Hooks(channels={"secretpart": "#ops"})
    await AsyncWebhookClient(f"{box.url}/services/T1/B1/secretpart").send_dict(
        {"text": "x", "channel": "#elsewhere"}
    )
    assert [message.channel for message in box.inbox.messages()] == ["#ops"]


@pytest.mark.parametrize(
    ("payload", "error"),
    [
        ({}, "no_text"),
        ({"text": " "}, "no_text"),
        ({"text": "x", "blocks": [{"type": "poem"}]}, "invalid_blocks"),
        ([], "invalid_payload"),
    ],
)
async def test_bad_payloads(
    box: Sandbox, http: aiohttp.ClientSession, payload: Any, error: str
) -> None:
    """What cannot be posted is 400, in plain text."""
    async with http.post(box.incoming_url, json=payload) as answer:
        assert answer.status == 400
        assert answer.content_type == "text/plain"
        assert await answer.text() == error
    assert box.inbox.messages() == []


async def test_the_payload_may_come_in_a_form(
    box: Sandbox, http: aiohttp.ClientSession
) -> None:
    """A form's field payload holds the JSON."""
    await http.post(box.incoming_url, data={"payload": json.dumps({"text": "by form"})})
    assert [message.text for message in box.inbox.messages()] == ["by form"]


@pytest.mark.parametrize(
    ("trouble", "status"),
    [
        ("action_prohibited", 403),
        ("invalid_token", 403),
        ("channel_not_found", 404),
        ("no_service", 404),
        ("channel_is_archived", 410),
        ("rollup_error", 500),
    ],
)
async def test_troubled_webhooks(box: Sandbox, trouble: str, status: int) -> None:
    """A webhook's trouble is told by status and word, set by name or by URL."""
    box.hooks = Hooks(troubles={"abc": trouble})
    for hook in ("abc", f"{trouble}-1"):
        client = AsyncWebhookClient(f"{box.url}/services/T1/B1/{hook}")
        answer = await client.send(text="x")
        assert (answer.status_code, answer.body) == (status, trouble)


async def test_an_archived_channel(box: Sandbox) -> None:
    """An archived channel is 410 here."""
    box.workspace = Workspace(archived_channels=frozenset({"#incoming-webhook"}))
    answer = await AsyncWebhookClient(box.incoming_url).send(text="x")
    assert (answer.status_code, answer.body) == (410, "channel_is_archived")


async def test_too_many_are_refused_in_json(box: Sandbox) -> None:
    """A 429 of a webhook is JSON, with the seconds in body and header."""
    client = AsyncWebhookClient(box.incoming_url, retry_handlers=[])
    for _ in range(25):
        await client.send(text="x")
    answer = await client.send(text="x")
    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "1"
    assert json.loads(answer.body) == {
        "retry_after": 1,
        "ok": False,
        "error": "rate_limited",
    }
