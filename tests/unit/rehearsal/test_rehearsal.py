"""A test alert arrives as a real one would, says that it is none, and ends."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from alerts.clients import open_client
from alerts.clients.pace import Paces
from alerts.delivery import Ambiguous, Failed, Retry, Sent
from alerts.receivers import (
    Channel,
    PagerDutyService,
    Receiver,
    Secret,
    SlackChannel,
    WebhookEndpoint,
)
from loopwatch.rehearsal import Rehearsal, Told, advice, lacking
from loopwatch.sandbox import Account, Fault, Hooks, Kind, Sandbox, Status, Workspace

TOKEN = "xoxb-0123456789-secret"
KEY = "0123456789abcdef0123456789abcdef"


@pytest.fixture
async def box() -> AsyncIterator[Sandbox]:
    """A sandbox without rate limits."""
    async with Sandbox(port=0, limits=None) as sandbox:
        yield sandbox


def slack(box: Sandbox) -> SlackChannel:
    """By bot token."""
    return SlackChannel("#agents", token=Secret(TOKEN), api_url=box.slack_url)


def hook(box: Sandbox) -> SlackChannel:
    """By incoming webhook."""
    return SlackChannel("#agents", webhook_url=Secret(box.incoming_url))


def pager(box: Sandbox) -> PagerDutyService:
    """One service."""
    return PagerDutyService(Secret(KEY), url=box.pagerduty_url)


def webhook(box: Sandbox) -> WebhookEndpoint:
    """One endpoint."""
    return WebhookEndpoint(Secret(box.webhook_url), shown_url=box.webhook_url)


PLACES: dict[str, tuple[Callable[[Sandbox], Channel], str]] = {
    "slack": (slack, "chat.postMessage"),
    "slack webhook": (hook, "incoming"),
    "pagerduty": (pager, "pagerduty"),
    "webhook": (webhook, "webhook"),
}
every_place = pytest.mark.parametrize("place", list(PLACES))


def rehearsal(*channels: Channel, **options: Any) -> Rehearsal:
    """A test by ann, which does not wait before it tries again."""
    known: dict[str, Any] = {
        "by": "ann",
        "severity": "info",
        "key": "k1",
        "pauses_s": (0.0, 0.0),
        "clients": lambda channel: open_client(channel, Paces()),
    }
    return Rehearsal(Receiver("on-call", channels), **known | options)


async def play(test: Rehearsal) -> tuple[list[Told], list[Told]]:
    """What came of its beginning and of its end."""
    try:
        return await test.fire(), await test.resolve()
    finally:
        await test.close()


class TestWhatArrives:
    """The words and the shape of any alert, and that nothing is wrong."""

    async def test_slack_shows_one_message_that_turns_green(self, box: Sandbox) -> None:
        """Marked as a test in its first words, with who tests and how."""
        test = rehearsal(slack(box))
        fired, ended = await play(test)
        (message,) = box.inbox.messages("#agents")
        first, last = message.versions
        assert "Info: TEST, nothing is wrong (receiver=on-call)" in first.text
        said = str(first.attachments)
        assert "a test by ann with `loopwatch receivers test`: nothing is wrong" in said
        assert "Resolved: TEST, nothing is wrong" in last.text
        assert [each.outcome for each in fired + ended] == [
            Sent(f"{message.channel_id}/{message.ts}"),
            Sent(),
        ]
        assert test.may_be_open == ()

    async def test_a_page_opens_and_resolves_under_its_own_key(
        self, box: Sandbox
    ) -> None:
        """Which no alert has."""
        test = rehearsal(pager(box), severity="critical")
        await play(test)
        (incident,) = box.inbox.incidents()
        assert incident.dedup_key == test.dedup_key == "loopwatch-test-k1"
        assert incident.status is Status.RESOLVED
        assert incident.payload["severity"] == "critical"
        assert incident.summary.startswith("Critical: TEST, nothing is wrong")
        assert box.inbox.refused() == []

    async def test_a_webhook_hears_both(self, box: Sandbox) -> None:
        """Under two ids, so that neither passes for a repeat of the other."""
        await play(rehearsal(webhook(box)))
        first, last = (each.body for each in box.inbox.webhooks())
        assert [first["status"], last["status"]] == ["firing", "resolved"]
        assert first["id"] != last["id"]
        assert first["alerts"][0]["rule"] == "TEST, nothing is wrong"

    async def test_every_channel_of_a_receiver_is_told(self, box: Sandbox) -> None:
        """One that refuses keeps nothing from the others."""
        box.account = Account(unknown_keys=frozenset({KEY}))
        fired, ended = await play(rehearsal(slack(box), pager(box), webhook(box)))
        assert [type(each.outcome) for each in fired] == [Sent, Failed, Sent]
        assert [each.channel.kind for each in ended] == ["slack", "webhook"]

    @every_place
    async def test_what_the_provider_said_is_told(
        self, box: Sandbox, place: str
    ) -> None:
        """With the time that it took."""
        make, _ = PLACES[place]
        ((fired,), (ended,)) = await play(rehearsal(make(box)))
        for told in (fired, ended):
            assert isinstance(told.outcome, Sent)
            assert told.outcome.answer
            assert told.took_s > 0
            assert advice(told) is None


class TestItsEnd:
    """Whoever may think that it fires is told that it is over."""

    @every_place
    async def test_what_was_refused_is_owed_none(
        self, box: Sandbox, place: str
    ) -> None:
        """One request, one try."""
        make, endpoint = PLACES[place]
        box.fail(Fault(kind=Kind.STATUS, status=400))
        fired, ended = await play(rehearsal(make(box)))
        assert isinstance(fired[0].outcome, Failed)
        assert ended == []
        assert len(box.inbox.requests(endpoint)) == 1

    @every_place
    async def test_what_may_have_arrived_is_owed_one(
        self, box: Sandbox, place: str
    ) -> None:
        """The answer was lost, and the message may be there."""
        make, _ = PLACES[place]
        box.fail(Fault(kind=Kind.RESET_AFTER))
        fired, ended = await play(test := rehearsal(make(box)))
        assert isinstance(fired[0].outcome, Ambiguous)
        assert [type(each.outcome) for each in ended] == [Sent]
        assert test.may_be_open == ()

    async def test_an_end_that_fails_is_tried_again(self, box: Sandbox) -> None:
        """Until it is taken, a few times."""
        box.fail(Fault(kind=Kind.RESET_BEFORE, after=1, times=2))
        _, (ended,) = await play(test := rehearsal(pager(box)))
        assert (type(ended.outcome), ended.tries) == (Sent, 3)
        (incident,) = box.inbox.incidents()
        assert incident.status is Status.RESOLVED
        assert test.may_be_open == ()

    async def test_an_end_that_never_arrives_is_said(self, box: Sandbox) -> None:
        """So that somebody closes it by hand."""
        service = pager(box)
        box.fail(Fault(kind=Kind.RESET_BEFORE, after=1, times=3))
        _, (ended,) = await play(test := rehearsal(service))
        assert isinstance(ended.outcome, Ambiguous)
        assert test.may_be_open == (service,)

    async def test_one_that_is_interrupted_is_owed_one(self, box: Sandbox) -> None:
        """Nobody knows whether it has arrived."""
        service = pager(box)
        box.fail(Fault(kind=Kind.SLOW, delay_s=30))
        test = rehearsal(service)
        firing = asyncio.create_task(test.fire())
        await box.wait_for(lambda inbox: inbox.incidents())
        firing.cancel()
        await asyncio.gather(firing, return_exceptions=True)
        assert test.may_be_open == (service,)
        await test.resolve()
        (incident,) = box.inbox.incidents()
        assert incident.status is Status.RESOLVED
        await test.close()


class TestWhatIsWrong:
    """The outcome, or the advice with it, says who must do what."""

    @pytest.mark.parametrize(
        ("workspace", "said"),
        [
            (
                Workspace(channels_without_bot=frozenset({"#agents"})),
                ("not_in_channel", "/invite @your-app"),
            ),
            (
                Workspace(unknown_channels=frozenset({"#agents"})),
                ("channel_not_found", "slack.channel", "no member of it"),
            ),
            (
                Workspace(archived_channels=frozenset({"#agents"})),
                ("is_archived", "unarchive it"),
            ),
            (
                Workspace(tokens_without_scope=frozenset({TOKEN})),
                ("missing_scope", "chat:write"),
            ),
            (
                Workspace(revoked_tokens=frozenset({TOKEN})),
                ("token_revoked", "slack.token of the receiver 'on-call'"),
            ),
        ],
    )
    async def test_slack_refuses(
        self, box: Sandbox, workspace: Workspace, said: tuple[str, ...]
    ) -> None:
        """In Slack's word, and what it means."""
        box.workspace = workspace
        ((fired,), _) = await play(rehearsal(slack(box)))
        assert isinstance(fired.outcome, Failed)
        for part in said:
            assert part in fired.outcome.reason
        assert TOKEN not in repr(fired)

    async def test_slack_does_not_know_the_webhook(self, box: Sandbox) -> None:
        """Its URL is the secret: the setting is named, and not what is in it."""
        secret = box.incoming_url.rpartition("/")[2]
        box.hooks = Hooks(troubles={secret: "no_service"})
        ((fired,), _) = await play(rehearsal(hook(box)))
        assert isinstance(fired.outcome, Failed)
        assert "no_service" in fired.outcome.reason
        assert "slack.webhook_url of the receiver 'on-call'" in fired.outcome.reason
        assert secret not in repr(fired)

    async def test_pagerduty_does_not_know_the_key(self, box: Sandbox) -> None:
        """The setting is named, and the key is not."""
        box.account = Account(unknown_keys=frozenset({KEY}))
        ((fired,), _) = await play(rehearsal(pager(box)))
        assert isinstance(fired.outcome, Failed)
        assert "refuses the key (HTTP 400" in fired.outcome.reason
        assert "pagerduty.routing_key of the receiver 'on-call'" in fired.outcome.reason
        assert KEY not in repr(fired)

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
    async def test_a_webhook_refuses(self, box: Sandbox, status: int) -> None:
        """By status, with the setting."""
        box.fail(Fault(kind=Kind.STATUS, status=status))
        ((fired,), _) = await play(rehearsal(webhook(box)))
        assert isinstance(fired.outcome, Failed)
        assert f"HTTP {status}" in fired.outcome.reason
        assert "webhook.url of the receiver 'on-call'" in fired.outcome.reason

    @every_place
    async def test_a_limit_says_when_to_try_again(
        self, box: Sandbox, place: str
    ) -> None:
        """What the provider asked for; nothing more is sent."""
        make, endpoint = PLACES[place]
        box.fail(Fault(kind=Kind.RATE_LIMIT, retry_after="7"))
        ((fired,), ended) = await play(rehearsal(make(box)))
        assert isinstance(fired.outcome, Retry)
        assert "test again in 7 s" in (advice(fired) or "")
        assert ended == []
        assert len(box.inbox.requests(endpoint)) == 1

    @every_place
    async def test_nobody_is_there(self, box: Sandbox, place: str) -> None:
        """The system's own word, and where to look."""
        make, _ = PLACES[place]
        channel = make(box)
        await box.stop()
        ((fired,), ended) = await play(rehearsal(channel))
        assert isinstance(fired.outcome, Retry)
        assert "cannot connect: Connect" in fired.outcome.reason
        assert "DNS, proxy, firewall" in (advice(fired) or "")
        assert ended == []

    @pytest.mark.parametrize("kind", ["slack", "pagerduty", "webhook"])
    async def test_a_name_that_nobody_knows(
        self, kind: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It surely did not arrive, and the words say that it is the name."""

        def unknown(*_: object, **__: object) -> None:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

        monkeypatch.setattr(socket, "getaddrinfo", unknown)
        url = "http://no-such-host.invalid"
        channels: dict[str, Channel] = {
            "slack": SlackChannel("#a", token=Secret(TOKEN), api_url=f"{url}/api/"),
            "pagerduty": PagerDutyService(Secret(KEY), url=url),
            "webhook": WebhookEndpoint(Secret(url), shown_url=url),
        }
        ((fired,), _) = await play(rehearsal(channels[kind]))
        assert fired.outcome == Retry("cannot connect: Name or service not known")

    @every_place
    async def test_a_broken_answer_says_where_to_look(
        self, box: Sandbox, place: str
    ) -> None:
        """A proxy's page in place of the provider's answer."""
        make, _ = PLACES[place]
        box.fail(Fault(kind=Kind.HTML))
        ((fired,), _) = await play(rehearsal(make(box)))
        assert isinstance(fired.outcome, Ambiguous)
        assert "look there" in (advice(fired) or "")

    def test_a_secret_that_is_not_set_is_named(self) -> None:
        """Before anything is sent."""
        channels = (
            SlackChannel("#a", token=Secret(variable="SLACK_BOT_TOKEN")),
            PagerDutyService(Secret(KEY)),
            WebhookEndpoint(Secret("http://h/"), "http://h/", Secret(variable="HOOK")),
        )
        token, bearer = lacking(Receiver("on-call", channels))
        assert token.startswith("slack.token of the receiver 'on-call': the environ")
        assert token.endswith("SLACK_BOT_TOKEN is not set")
        assert bearer.startswith("webhook.bearer of the receiver 'on-call': ")
