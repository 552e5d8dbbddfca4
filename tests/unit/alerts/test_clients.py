"""Real libraries over real HTTP: each attempt is one request, and means one thing."""

import asyncio
import logging
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from alerts.clients import open_client
from alerts.clients.pace import Paces
from alerts.delivery import Action, Ambiguous, Client, Failed, Retry, Sent
from alerts.notifications import Reason
from alerts.receivers import (
    Channel,
    PagerDutyService,
    Secret,
    SlackChannel,
    WebhookEndpoint,
)
from loopwatch.sandbox import Account, Fault, Hooks, Kind, Sandbox, Workspace

TOKEN = "xoxb-0123456789-secret"
KEY = "0123456789abcdef0123456789abcdef"
BEARER = "a-bearer-nobody-may-see"

Open = Callable[..., Client]


@pytest.fixture
async def box() -> AsyncIterator[Sandbox]:
    """A sandbox without rate limits."""
    async with Sandbox(port=0, limits=None) as sandbox:
        yield sandbox


@pytest.fixture
async def opened() -> AsyncIterator[Open]:
    """Opens clients with paces of their own, and closes them."""
    clients: list[Client] = []

    def open_it(channel: Channel, **options: Any) -> Client:
        client = open_client(channel, options.pop("paces", Paces()), **options)
        clients.append(client)
        return client

    yield open_it
    for client in clients:
        await client.close()


def _slack(box: Sandbox, token: Secret | None = None) -> SlackChannel:
    return SlackChannel(
        "#agent-alerts", token=token or Secret(TOKEN), api_url=box.slack_url
    )


def _hook(box: Sandbox) -> SlackChannel:
    return SlackChannel("#agent-alerts", webhook_url=Secret(box.incoming_url))


def _pager(box: Sandbox, key: str = KEY) -> PagerDutyService:
    return PagerDutyService(Secret(key), url=box.pagerduty_url)


def _webhook(box: Sandbox) -> WebhookEndpoint:
    url = box.webhook_url
    return WebhookEndpoint(Secret(url), shown_url=url, bearer=Secret(BEARER))


_PLACES: dict[str, tuple[Callable[[Sandbox], Channel], str]] = {
    "slack": (_slack, "chat.postMessage"),
    "slack webhook": (_hook, "incoming"),
    "pagerduty": (_pager, "pagerduty"),
    "webhook": (_webhook, "webhook"),
}
_every_place = pytest.mark.parametrize("place", list(_PLACES))


async def _try(
    box: Sandbox, opened: Open, scene: Any, place: str, *faults: Fault, **options: Any
) -> tuple[Any, int]:
    """What comes of one attempt against a fault, and how many requests it made."""
    make, endpoint = _PLACES[place]
    channel = make(box)
    box.fail(*faults)
    outcome = await opened(channel, **options).send(scene.delivery(channel=channel))
    return outcome, len(box.inbox.requests(endpoint))


class TestEveryProvider:
    @_every_place
    async def test_a_delivery_arrives(
        self, box: Sandbox, opened: Open, scene: Any, place: str
    ) -> None:
        """One request, taken."""
        outcome, requests = await _try(box, opened, scene, place)
        assert isinstance(outcome, Sent)
        assert requests == 1
        assert box.inbox.refused() == []

    @_every_place
    @pytest.mark.parametrize(
        "case",
        [
            (Kind.RESET_BEFORE, Ambiguous),
            (Kind.RESET_AFTER, Ambiguous),
            (Kind.HTML, Ambiguous),
            (Kind.RATE_LIMIT, Retry),
        ],
    )
    async def test_what_breaks_is_one_request(
        self,
        box: Sandbox,
        opened: Open,
        scene: Any,
        place: str,
        case: tuple[Kind, type],
    ) -> None:
        """No library retries behind our back, and none sleeps."""
        kind, meaning = case
        outcome, requests = await _try(box, opened, scene, place, Fault(kind=kind))
        assert isinstance(outcome, meaning)
        assert requests == 1

    @_every_place
    @pytest.mark.parametrize(
        "case",
        [
            (400, Failed),
            (401, Failed),
            (403, Failed),
            (404, Failed),
            (408, Ambiguous),
            (413, Failed),
            (500, Ambiguous),
            (502, Ambiguous),
            (503, Retry),
            (504, Ambiguous),
        ],
    )
    async def test_each_status_means_one_thing(
        self,
        box: Sandbox,
        opened: Open,
        scene: Any,
        place: str,
        case: tuple[int, type],
    ) -> None:
        """Refused for good, not taken, or nobody knows: after one request."""
        status, meaning = case
        fault = Fault(kind=Kind.STATUS, status=status, body="?")
        outcome, requests = await _try(box, opened, scene, place, fault)
        assert isinstance(outcome, meaning)
        assert requests == 1

    @_every_place
    async def test_no_answer_in_time_leaves_it_open(
        self, box: Sandbox, opened: Open, scene: Any, place: str
    ) -> None:
        """The request was made; whether it was taken nobody knows."""
        fault = Fault(kind=Kind.SLOW, delay_s=30)
        outcome, requests = await _try(box, opened, scene, place, fault, timeout_s=0.05)
        assert outcome == Ambiguous("no answer in time")
        assert requests == 1

    @_every_place
    @pytest.mark.parametrize("after", ["7", "1.5"])
    async def test_retry_after_is_obeyed(
        self, box: Sandbox, opened: Open, scene: Any, place: str, after: str
    ) -> None:
        """Until then the client makes no request at all, for no message."""
        make, endpoint = _PLACES[place]
        channel = make(box)
        client = opened(channel)
        box.fail(Fault(kind=Kind.RATE_LIMIT, retry_after=after))
        first = await client.send(scene.delivery(channel=channel))
        assert isinstance(first, Retry)
        assert first.after_s == float(after)
        second = await client.send(scene.delivery(channel=channel, id="another"))
        assert isinstance(second, Retry)
        assert second.after_s is not None
        assert 0 < second.after_s <= float(after)
        assert len(box.inbox.requests(endpoint)) == 1

    @_every_place
    @pytest.mark.parametrize("hour", ["08:00:30 GMT", "09:00:30 +0100", "08:00:30"])
    async def test_retry_after_may_be_a_date(
        self, box: Sandbox, opened: Open, scene: Any, place: str, hour: str
    ) -> None:
        """Held against the wall clock."""
        make, _ = _PLACES[place]
        channel = make(box)
        client = opened(channel, paces=Paces(wall_s=lambda: 1_800_000_000.0))
        after = f"Fri, 15 Jan 2027 {hour}"
        box.fail(Fault(kind=Kind.RATE_LIMIT, retry_after=after))
        found = await client.send(scene.delivery(channel=channel))
        assert isinstance(found, Retry)
        assert found.after_s == 30.0

    @_every_place
    async def test_a_server_that_is_not_there_is_tried_again(
        self, box: Sandbox, opened: Open, scene: Any, place: str
    ) -> None:
        """It surely did not arrive."""
        make, _ = _PLACES[place]
        channel = make(box)
        await box.stop()
        outcome = await opened(channel).send(scene.delivery(channel=channel))
        assert isinstance(outcome, Retry)
        assert "connect" in outcome.reason

    @_every_place
    async def test_no_secret_shows_anywhere(
        self,
        box: Sandbox,
        opened: Open,
        scene: Any,
        place: str,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """Neither in outcomes nor in logs, be they of the libraries at their finest."""
        caplog.set_level(logging.DEBUG)
        make, _ = _PLACES[place]
        channel = make(box)
        hook = box.incoming_url.rpartition("/")[2]
        secret = {"slack": TOKEN, "slack webhook": hook, "pagerduty": KEY}.get(
            place, BEARER
        )
        echo = {"ok": False, "error": secret, "errors": [secret], "message": secret}
        faults = [
            Fault(kind=Kind.RESET_AFTER),
            Fault(kind=Kind.STATUS, status=401, body=echo),
            Fault(kind=Kind.STATUS, status=400, body=echo),
            Fault(kind=Kind.STATUS, status=200, body=echo),
        ]
        said = repr(channel)
        for fault in faults:
            box.fail(fault)
            said += repr(await opened(channel).send(scene.delivery(channel=channel)))
        assert secret not in said + caplog.text

    @_every_place
    async def test_a_fault_of_our_own_costs_one_message(
        self, box: Sandbox, opened: Open, scene: Any, place: str
    ) -> None:
        """An alert that cannot be written down must not end the worker."""
        make, _ = _PLACES[place]
        channel = make(box)
        broken = scene.delivery(channel=channel, alerts=(None,), at_us=None)
        outcome = await opened(channel).send(broken)
        assert isinstance(outcome, Failed)
        assert "fault of Loopwatch" in outcome.reason

    @_every_place
    async def test_good_settings_pass_the_check(
        self, box: Sandbox, opened: Open, place: str
    ) -> None:
        """And nobody is alerted."""
        make, endpoint = _PLACES[place]
        assert await opened(make(box)).check("agents") is None
        assert box.inbox.requests(endpoint) == []


class TestSlackBot:
    async def test_one_message_lives_through_a_generation(
        self, box: Sandbox, opened: Open, scene: Any
    ) -> None:
        """Posted, edited as it escalates with a reply that surfaces, edited green."""
        channel = _slack(box)
        client = opened(channel)
        sent = await client.send(scene.delivery(channel=channel))
        assert isinstance(sent, Sent)
        critical = (scene.line(200, "firing", severity="critical"),)
        await client.send(
            scene.delivery(
                channel=channel,
                action=Action.UPDATE,
                reason=Reason.ESCALATED,
                severity_before="warning",
                alerts=critical,
                ref=sent.ref,
            )
        )
        await client.send(
            scene.delivery(
                channel=channel,
                action=Action.CLOSE,
                reason=Reason.RESOLVED,
                ref=sent.ref,
            )
        )
        root, reply = box.inbox.messages("#agent-alerts")
        colours = [version.attachments[0]["color"] for version in root.versions]
        assert colours == ["#f2a900", "#d72631", "#2eb67d"]
        assert (reply.thread_ts, reply.broadcast) == (root.ts, True)
        assert "Escalated to critical from warning" in reply.text
        assert box.inbox.refused() == []

    @pytest.mark.parametrize("action", [Action.UPDATE, Action.CLOSE])
    async def test_a_message_that_is_gone_is_posted_anew(
        self, box: Sandbox, opened: Open, scene: Any, action: Action
    ) -> None:
        """And the new one is edited from then on."""
        channel = _slack(box)
        client = opened(channel)
        lost = await client.send(scene.delivery(channel=channel))
        assert isinstance(lost, Sent)
        assert lost.ref is not None
        box.clear()
        outcome = await client.send(
            scene.delivery(
                channel=channel, action=action, reason=Reason.CHANGED, ref=lost.ref
            )
        )
        (message,) = box.inbox.messages("#agent-alerts")
        assert outcome == Sent(f"{message.channel_id}/{message.ts}")

    async def test_a_quiet_close_posts_nothing(
        self, box: Sandbox, opened: Open, scene: Any
    ) -> None:
        """It only sets a message right, and there is none."""
        channel = _slack(box)
        delivery = scene.delivery(channel=channel, action=Action.CLOSE, quiet=True)
        assert await opened(channel).send(delivery) == Sent()
        assert box.inbox.requests() == []

    @pytest.mark.parametrize(
        ("error", "meaning"),
        [
            ("invalid_auth", Failed),
            ("token_revoked", Failed),
            ("missing_scope", Failed),
            ("channel_not_found", Failed),
            ("not_in_channel", Failed),
            ("is_archived", Failed),
            ("invalid_blocks", Failed),
            ("msg_too_long", Failed),
            ("a_word_of_next_year", Failed),
            ("ratelimited", Retry),
            ("rate_limited", Retry),
            ("service_unavailable", Retry),
            ("request_timeout", Retry),
            ("message_limit_exceeded", Retry),
            ("team_added_to_org", Retry),
            ("fatal_error", Ambiguous),
            ("internal_error", Ambiguous),
        ],
    )
    async def test_each_word_of_slack_means_one_thing(
        self, box: Sandbox, opened: Open, scene: Any, error: str, meaning: type
    ) -> None:
        """For good, for now, or half done."""
        fault = Fault(kind=Kind.STATUS, status=200, body={"ok": False, "error": error})
        outcome, requests = await _try(box, opened, scene, "slack", fault)
        assert isinstance(outcome, meaning)
        assert requests == 1

    @pytest.mark.parametrize("body", ["", "ok", "{", [1], {}, None])
    async def test_an_answer_that_is_none_leaves_it_open(
        self, box: Sandbox, opened: Open, scene: Any, body: Any
    ) -> None:
        """The SDK stumbles in many ways; each means that nobody knows."""
        fault = Fault(kind=Kind.STATUS, status=200, body=body, processed=True)
        outcome, _ = await _try(box, opened, scene, "slack", fault)
        assert isinstance(outcome, Ambiguous)

    @pytest.mark.parametrize("kind", [Kind.TRUNCATED, Kind.CONTENT_TYPE])
    async def test_a_broken_answer_leaves_it_open(
        self, box: Sandbox, opened: Open, scene: Any, kind: Kind
    ) -> None:
        """Slack has taken the message, and could not say so."""
        outcome, _ = await _try(box, opened, scene, "slack", Fault(kind=kind))
        assert isinstance(outcome, Ambiguous)
        assert len(box.inbox.messages()) == 1

    async def test_a_refused_token_names_receiver_and_setting(
        self, box: Sandbox, opened: Open, scene: Any
    ) -> None:
        """Whoever reads it knows what to change where."""
        secret = Secret("xoxb-invalid-1", variable="SLACK_BOT_TOKEN")
        channel = _slack(box, secret)
        outcome = await opened(channel).send(scene.delivery(channel=channel))
        assert isinstance(outcome, Failed)
        for part in ("invalid_auth", "slack.token", "'agents'", "SLACK_BOT_TOKEN"):
            assert part in outcome.reason
        assert await opened(channel).check("agents") == outcome.reason

    async def test_a_refused_channel_is_named(
        self, box: Sandbox, opened: Open, scene: Any
    ) -> None:
        """Most often the app was not invited."""
        box.workspace = Workspace(channels_without_bot=frozenset({"#agent-alerts"}))
        outcome, _ = await _try(box, opened, scene, "slack")
        assert isinstance(outcome, Failed)
        assert "not_in_channel" in outcome.reason
        assert "member" in outcome.reason

    async def test_a_token_is_read_when_it_is_used(
        self, box: Sandbox, opened: Open, scene: Any, tmp_path: Path
    ) -> None:
        """A file may be rotated; while it is away the message waits."""
        file = tmp_path / "token"
        channel = _slack(box, Secret(file=file))
        client = opened(channel)
        assert isinstance(await client.send(scene.delivery(channel=channel)), Retry)
        file.write_text(f"{TOKEN}\n")
        assert isinstance(await client.send(scene.delivery(channel=channel)), Sent)

    async def test_a_variable_that_is_not_set_is_final(
        self, box: Sandbox, opened: Open, scene: Any
    ) -> None:
        """It will not be set while the process runs."""
        channel = _slack(box, Secret(variable="SLACK_BOT_TOKEN"))
        outcome = await opened(channel).send(scene.delivery(channel=channel))
        assert isinstance(outcome, Failed)
        assert "SLACK_BOT_TOKEN" in outcome.reason

    async def test_a_proxy_for_the_world_does_not_see_this_machine(
        self, box: Sandbox, opened: Open, scene: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The SDK would use it even for localhost."""
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
        for place in _PLACES:
            outcome, _ = await _try(box, opened, scene, place)
            assert isinstance(outcome, Sent)


class TestSlackWebhook:
    async def test_each_piece_of_news_is_a_message(
        self, box: Sandbox, opened: Open, scene: Any
    ) -> None:
        """Nothing can be edited; a quiet close has nothing to do."""
        channel = _hook(box)
        client = opened(channel)
        assert await client.send(scene.delivery(channel=channel)) == Sent()
        over = scene.delivery(channel=channel, action=Action.CLOSE)
        assert await client.send(over) == Sent()
        quiet = scene.delivery(channel=channel, action=Action.CLOSE, quiet=True)
        assert await client.send(quiet) == Sent()
        texts = [message.text for message in box.inbox.messages()]
        assert [text.split(":")[0] for text in texts] == ["🟠 Warning", "🟢 Resolved"]

    @pytest.mark.parametrize(
        ("trouble", "meaning"),
        [
            ("no_service", Failed),
            ("invalid_token", Failed),
            ("action_prohibited", Failed),
            ("channel_not_found", Failed),
            ("channel_is_archived", Failed),
            ("rollup_error", Ambiguous),
        ],
    )
    async def test_each_word_means_one_thing(
        self, box: Sandbox, opened: Open, scene: Any, trouble: str, meaning: type
    ) -> None:
        """And a refusal names the setting."""
        hook = box.incoming_url.rpartition("/")[2]
        box.hooks = Hooks(troubles={hook: trouble})
        outcome, _ = await _try(box, opened, scene, "slack webhook")
        assert isinstance(outcome, meaning)
        if isinstance(outcome, Failed):
            assert trouble in outcome.reason
            assert "slack.webhook_url of the receiver 'agents'" in outcome.reason


class TestPagerDuty:
    async def test_one_incident_lives_through_a_generation(
        self, box: Sandbox, opened: Open, scene: Any
    ) -> None:
        """Triggered, triggered again with new content, resolved: one key."""
        channel = _pager(box)
        client = opened(channel)
        assert await client.send(scene.delivery(channel=channel)) == Sent("loopwatch-1")
        critical = (scene.line(200, "firing", severity="critical"),)
        for changes in (
            {"action": Action.UPDATE, "alerts": critical},
            {"action": Action.CLOSE},
        ):
            await client.send(scene.delivery(channel=channel, **changes))
        (incident,) = box.inbox.incidents()
        assert incident.actions == ["trigger", "trigger", "resolve"]
        assert incident.severity == "critical"

    async def test_sending_it_again_harms_nobody(
        self, box: Sandbox, opened: Open, scene: Any
    ) -> None:
        """The incident is one, whatever became of the answers."""
        channel = _pager(box)
        box.fail(Fault(kind=Kind.RESET_AFTER), Fault(kind=Kind.TRUNCATED))
        client = opened(channel)
        for meaning in (Ambiguous, Ambiguous, Sent):
            outcome = await client.send(scene.delivery(channel=channel))
            assert isinstance(outcome, meaning)
        assert len(box.inbox.incidents()) == 1

    async def test_a_refused_key_names_receiver_and_setting(
        self, box: Sandbox, opened: Open, scene: Any
    ) -> None:
        """An unknown one, and one of the wrong length before anything is sent."""
        box.account = Account(unknown_keys=frozenset({KEY}))
        outcome, _ = await _try(box, opened, scene, "pagerduty")
        assert isinstance(outcome, Failed)
        assert "pagerduty.routing_key of the receiver 'agents'" in outcome.reason
        said = await opened(_pager(box, "short")).check("agents")
        assert said is not None
        assert "5 characters" in said

    async def test_the_loop_runs_on_while_it_waits(
        self, box: Sandbox, opened: Open, scene: Any
    ) -> None:
        """The library blocks, so it has threads: four slow events at a time."""
        channel = _pager(box)
        client = opened(channel)
        box.fail(Fault(kind=Kind.SLOW, delay_s=0.3, times=4))
        sends = [
            asyncio.create_task(
                client.send(scene.delivery(channel=channel, id=str(one)))
            )
            for one in range(4)
        ]
        await box.wait_for(lambda inbox: len(inbox.requests("pagerduty")) == 4)
        assert not any(task.done() for task in sends)
        assert {type(outcome) for outcome in await asyncio.gather(*sends)} == {Sent}

    def test_the_library_warns_nobody_of_its_end(self) -> None:
        """A user can do nothing about it."""
        program = "import warnings; warnings.simplefilter('error', UserWarning); "
        program += "import alerts.clients.pagerduty"
        done = subprocess.run([sys.executable, "-c", program], check=False)
        assert done.returncode == 0


class TestWebhook:
    async def test_it_carries_the_id_and_the_bearer(
        self, box: Sandbox, opened: Open, scene: Any
    ) -> None:
        """By the id a repeat is known."""
        outcome, _ = await _try(box, opened, scene, "webhook")
        assert outcome == Sent()
        (hook,) = box.inbox.webhooks("alerts")
        assert hook.headers["Idempotency-Key"].endswith("cdef")
        assert hook.headers["Authorization"].endswith(BEARER[-4:])
        assert hook.body["reason"] == "firing"

    @pytest.mark.parametrize("status", [301, 302, 307])
    async def test_a_redirect_is_not_followed(
        self, box: Sandbox, opened: Open, scene: Any, status: int
    ) -> None:
        """The message would arrive as a GET without a body, or its bearer elsewhere."""
        fault = Fault(kind=Kind.STATUS, status=status, body="")
        outcome, requests = await _try(box, opened, scene, "webhook", fault)
        assert isinstance(outcome, Failed)
        assert "moved" in outcome.reason
        assert requests == 1

    @pytest.mark.parametrize(
        "url", ["", "example.com/hook", "ftp://example.com", "http://"]
    )
    async def test_what_is_no_url_is_said_before_it_is_tried(
        self, opened: Open, scene: Any, url: str
    ) -> None:
        """By the check, and by the first delivery."""
        channel = WebhookEndpoint(Secret(url), shown_url="?")
        client = opened(channel)
        said = await client.check("anything")
        assert said is not None
        assert "webhook.url of the receiver 'anything'" in said
        outcome = await client.send(scene.delivery(channel=channel))
        assert isinstance(outcome, Failed)

    async def test_a_name_nobody_knows_is_tried_again(
        self, opened: Open, scene: Any
    ) -> None:
        """Name servers come back."""
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{taken.getsockname()[1]}/hook"
            channel = WebhookEndpoint(Secret(url), shown_url=url)
            outcome = await opened(channel).send(scene.delivery(channel=channel))
        assert isinstance(outcome, Retry)
