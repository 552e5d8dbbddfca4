"""PagerDuty's Events API v2, as pdpyras sees it."""

import asyncio
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest

from loopwatch.sandbox import Account, Sandbox, Status

KEY = "0123456789abcdef0123456789abcdef"
PAYLOAD = {"summary": "it burns", "source": "agent", "severity": "critical"}


def event(action: str = "trigger", **changed: Any) -> dict[str, Any]:
    """A valid event, with changes."""
    return {
        "routing_key": KEY,
        "event_action": action,
        "dedup_key": "d",
        "payload": PAYLOAD,
        **changed,
    }


async def enqueue(
    box: Sandbox, http: aiohttp.ClientSession, body: Any
) -> tuple[int, dict[str, Any]]:
    """Send an event, and return status and answer."""
    data = {"data": body} if isinstance(body, bytes) else {"json": body}
    async with http.post(f"{box.pagerduty_url}/v2/enqueue", **data) as answer:
        return answer.status, await answer.json()


class TestLife:
    async def test_from_trigger_to_resolve(
        self, box: Sandbox, pagerduty: Callable[..., Any]
    ) -> None:
        """With pdpyras: trigger, acknowledge and resolve one incident."""
        session = pagerduty()

        def live() -> str:
            key: str = session.trigger(
                "it burns", "agent", severity="error", custom_details={"rule": "cost"}
            )
            session.acknowledge(key)
            session.resolve(key)
            return key

        key = await asyncio.to_thread(live)
        (incident,) = box.inbox.incidents(dedup_key=key)
        assert incident.status is Status.RESOLVED
        assert incident.actions == ["trigger", "acknowledge", "resolve"]
        assert incident.summary == "it burns"
        assert incident.severity == "error"
        assert incident.custom_details == {"rule": "cost"}

    async def test_the_answer_says_queued(
        self, box: Sandbox, http: aiohttp.ClientSession
    ) -> None:
        """202 with the dedup_key, one made up where none was given."""
        assert await enqueue(box, http, event()) == (
            202,
            {"status": "success", "message": "Event processed", "dedup_key": "d"},
        )
        _, answer = await enqueue(box, http, event(dedup_key=None))
        assert len(answer["dedup_key"]) == 32

    async def test_a_second_trigger_joins_the_open_incident(
        self, box: Sandbox, http: aiohttp.ClientSession
    ) -> None:
        """The log grows, the title stays, and an acknowledgement holds."""
        await enqueue(box, http, event())
        await enqueue(box, http, event("acknowledge"))
        worse = {**PAYLOAD, "summary": "it burns more"}
        await enqueue(box, http, event(payload=worse))
        (incident,) = box.inbox.incidents()
        assert incident.status is Status.ACKNOWLEDGED
        assert incident.summary == "it burns"
        assert incident.latest["summary"] == "it burns more"
        assert incident.actions == ["trigger", "acknowledge", "trigger"]

    async def test_after_a_resolve_a_trigger_opens_another(
        self, box: Sandbox, http: aiohttp.ClientSession
    ) -> None:
        """The same dedup_key is a new incident once the first is resolved."""
        for action in ("trigger", "resolve", "trigger"):
            await enqueue(box, http, event(action))
        assert [i.status for i in box.inbox.incidents(dedup_key="d")] == [
            Status.RESOLVED,
            Status.TRIGGERED,
        ]

    @pytest.mark.parametrize("action", ["acknowledge", "resolve"])
    async def test_what_is_not_open_is_accepted_and_dropped(
        self, box: Sandbox, http: aiohttp.ClientSession, action: str
    ) -> None:
        """Another key, another routing key, or a resolved incident: 202, nothing."""
        await enqueue(box, http, event())
        for other in (
            event(action, dedup_key="other"),
            event(action, routing_key=KEY[::-1]),
        ):
            status, _ = await enqueue(box, http, other)
            assert status == 202
        (incident,) = box.inbox.incidents()
        assert incident.status is Status.TRIGGERED
        notes = [request.note for request in box.inbox.requests("pagerduty")]
        assert [note.partition(":")[0] for note in notes] == ["", "dropped", "dropped"]


class TestRefusals:
    @pytest.mark.parametrize(
        ("changed", "error"),
        [
            ({"routing_key": None}, "'routing_key' is missing or blank"),
            ({"routing_key": "short"},
             "Length of 'routing_key' is incorrect (should be 32 characters)"),
            ({"routing_key": "f" * 32}, "Invalid routing key"),
            ({"event_action": None}, "'event_action' is missing or blank"),
            ({"event_action": "sing"},
             ("'event_action' is invalid (must be one of the following: 'trigger', "
             "'acknowledge' or 'resolve')")),
            ({"event_action": "resolve", "dedup_key": None},
             "'dedup_key' is missing or blank"),
            ({"dedup_key": "x" * 256},
             "'dedup_key' is too long (maiximum is 255 characters)"),
            ({"payload": None}, "'payload' is missing or blank"),
            ({"payload": {**PAYLOAD, "summary": ""}},
             "'payload.summary' is missing or blank"),
            ({"payload": {**PAYLOAD, "source": None}},
             "'payload.source' is missing or blank"),
            ({"payload": {**PAYLOAD, "severity": None}},
             "'payload.severity' is missing or blank"),
            ({"payload": {**PAYLOAD, "severity": "fatal"}},
             ("'payload.severity' is invalid (must be one of the following: "
             "'critical', 'warning', 'error' or 'info')")),
            ({"payload": {**PAYLOAD, "summary": "x" * 1025}},
             "'summary' is too long (maiximum is 1024 characters)"),
            ({"links": [{"text": "no href"}]}, "'links[0].href' is missing or blank"),
        ],
    )  # fmt: skip
    async def test_invalid_events(
        self,
        box: Sandbox,
        http: aiohttp.ClientSession,
        changed: dict[str, Any],
        error: str,
    ) -> None:
        """Each limit is 400 with PagerDuty's text, and no incident."""
        box.account = Account(unknown_keys=frozenset({"f" * 32}))
        assert await enqueue(box, http, event(**changed)) == (
            400,
            {
                "status": "invalid event",
                "message": "Event object is invalid",
                "errors": [error],
            },
        )
        assert box.inbox.incidents() == []
        assert [request.refusal for request in box.inbox.refused()] == [error]

    @pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff\xfe", b"[" * 9000])
    async def test_what_is_not_an_event(
        self, box: Sandbox, http: aiohttp.ClientSession, body: bytes
    ) -> None:
        """Bodies that are no JSON object have an answer of their own."""
        assert await enqueue(box, http, body) == (
            400,
            {
                "status": "Unrecognized object",
                "message": "Event object format is unrecognized",
                "errors": ["JSON parse error"],
            },
        )

    async def test_events_have_a_size(
        self, box: Sandbox, http: aiohttp.ClientSession
    ) -> None:
        """At the limits all is taken, above 512 KB it is 400."""
        details = {"custom_details": {"text": "x" * 500_000}}
        large = {**PAYLOAD, "summary": "x" * 1024, **details}
        status, _ = await enqueue(box, http, event(payload=large, dedup_key="x" * 255))
        assert status == 202
        larger = {**PAYLOAD, "custom_details": {"text": "x" * 512_000}}
        status, answer = await enqueue(box, http, event(payload=larger))
        assert (status, answer["status"]) == (400, "invalid event")

    async def test_120_a_minute_and_key(
        self, box: Sandbox, http: aiohttp.ClientSession, clock: Any
    ) -> None:
        """The 121st event of a minute is 429 without Retry-After, other keys go on."""
        for number in range(120):
            await enqueue(box, http, event(dedup_key=f"d{number}"))
        url = f"{box.pagerduty_url}/v2/enqueue"
        async with http.post(url, json=event()) as answer:
            assert answer.status == 429
            assert "Retry-After" not in answer.headers
            assert (await answer.json())["status"] == "throttle exceeded"
        status, _ = await enqueue(box, http, event(routing_key=KEY[::-1]))
        assert status == 202
        clock.now_s += 60
        status, _ = await enqueue(box, http, event())
        assert status == 202
