"""``loopwatch receivers`` as a user runs it, against the sandbox."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from signal import SIGINT, SIGTERM

import pytest
from typer.testing import CliRunner, Result

from alerts.clients.slack_errors import _CHANNEL_REFUSED
from loopwatch.cli import build
from loopwatch.commands.receivers import play
from loopwatch.configuration import read_configuration
from loopwatch.ports import free_port
from loopwatch.rehearsal import Rehearsal
from loopwatch.sandbox import Account, Sandbox, Status

COMMAND = (sys.executable, "-m", "loopwatch", "receivers", "test")
PAGE = (Path(__file__).parents[3] / "docs/route.md").read_text(encoding="utf-8")
MS = re.MULTILINE | re.DOTALL
TOKEN = "xoxb-0123456789-secret"
KEY = "0123456789abcdef0123456789abcdef"


@pytest.fixture
async def box() -> AsyncIterator[Sandbox]:
    """A sandbox without rate limits."""
    async with Sandbox(port=0, limits=None) as sandbox:
        yield sandbox


def write(folder: Path, box: Sandbox) -> Path:
    """A file whose receivers are all in the sandbox, but for one that lacks its key."""
    file = folder / "loopwatch.yaml"
    hook = box.webhook_url.replace("http://", "http://ann:secret@")
    slack = f'channel: "#agents", token: {TOKEN}, api_url: "{box.slack_url}"'
    file.write_text(
        "version: 1\n"
        "rules: [{name: dear, metric: cost_usd, threshold: 1}]\n"
        "receivers:\n"
        f"  - {{name: agents, slack: {{{slack}}}}}\n"
        f'  - {{name: hooked, slack: {{channel: "#agents",'
        f' webhook_url: "{box.incoming_url}"}}}}\n'
        f'  - {{name: on-call, pagerduty: {{routing_key: "{KEY}",'
        f' url: "{box.pagerduty_url}"}}}}\n'
        f'  - {{name: anything, webhook: {{url: "{hook}?key=hidden"}}}}\n'
        '  - {name: unset, pagerduty: {routing_key: "${NO_SUCH_KEY}"}}\n'
        "route: {receiver: agents}\n",
        encoding="utf-8",
    )
    return file


def call(*arguments: str) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(build(arguments), arguments)


async def run(file: Path, name: str, hold_s: float | None = 0.0) -> bool:
    """What the command does once it has read its arguments; whether all was taken."""
    known = read_configuration(file, {}, secrets_needed=False).routing.by_name
    return await play(
        Rehearsal(known[name], by="ann", severity="info", key="k1"), hold_s
    )


@pytest.mark.parametrize("typed", [(), ("test",)])
async def test_it_lists_them_without_a_secret(
    box: Sandbox, tmp_path: Path, typed: tuple[str, ...]
) -> None:
    """Name, kind, address."""
    result = call("receivers", *typed, "-c", str(write(tmp_path, box)))
    assert result.exit_code == 0
    host = box.url.removeprefix("http://")
    assert [line.split(maxsplit=1) for line in result.stdout.splitlines()] == [
        ["agents", "slack          #agents"],
        ["hooked", "slack webhook  #agents"],
        ["on-call", f"pagerduty      {host}"],
        ["anything", f"webhook        {box.webhook_url}"],
        ["unset", "pagerduty      events.pagerduty.com"],
    ]
    for secret in (TOKEN, KEY, "ann", "hidden", "sandbox-incoming-webhook"):
        assert secret not in result.output


async def test_each_message_is_shown_with_its_verdict(
    box: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And the incident is resolved."""
    assert await run(write(tmp_path, box), "on-call")
    (incident,) = box.inbox.incidents()
    assert incident.status is Status.RESOLVED
    first, fired, ended = capsys.readouterr().out.splitlines()
    assert first == f"test alert {incident.dedup_key} to on-call"
    host = box.url.removeprefix("http://")
    assert fired.startswith(f"  firing    pagerduty {host}: taken in ")
    assert ended.startswith(f"  resolved  pagerduty {host}: taken in ")


async def test_it_may_be_left_open(
    box: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """If one says so; and then it says how to close it."""
    assert await run(write(tmp_path, box), "on-call", None)
    (incident,) = box.inbox.incidents()
    assert incident.status is not Status.RESOLVED
    last = capsys.readouterr().out.splitlines()[-1]
    assert f"{incident.dedup_key} was told no end: resolve it by hand" in last


async def test_what_is_refused_is_shown_without_a_secret(
    box: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With what to change."""
    box.account = Account(unknown_keys=frozenset({KEY}))
    assert not await run(write(tmp_path, box), "on-call")
    out, err = capsys.readouterr()
    assert ": REFUSED in " in out
    assert "pagerduty.routing_key of the receiver 'on-call'" in out
    assert KEY not in out + err


async def test_advice_stands_below_what_did_not_arrive(
    box: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where the outcome does not say what to do."""
    file = write(tmp_path, box)
    await box.stop()
    assert not await run(file, "agents")
    _, fired, hint = capsys.readouterr().out.splitlines()
    assert ": NOT TAKEN in " in fired
    assert "DNS, proxy, firewall" in hint


async def test_whoever_stops_it_leaves_nothing_open(
    box: Sandbox, tmp_path: Path
) -> None:
    """By Ctrl-C as by SIGTERM: the end is told first."""
    file = write(tmp_path, box)
    await asyncio.gather(*(_stopped(file, each) for each in (SIGINT, SIGTERM)))
    first, second = box.inbox.incidents()
    assert first.dedup_key != second.dedup_key
    assert first.status is second.status is Status.RESOLVED


async def _stopped(file: Path, number: int) -> None:
    process = await asyncio.create_subprocess_exec(
        *COMMAND,
        "on-call",
        "-c",
        str(file),
        "--hold",
        "1h",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    while b"firing" not in (line := await process.stdout.readline()):
        assert line
    process.send_signal(number)
    _, err = await process.communicate()
    assert process.returncode == 0
    assert b"interrupted" in err


def test_one_that_is_not_there_ends_with_one(tmp_path: Path) -> None:
    """Exit 1: it was asked rightly, and it failed."""
    file = tmp_path / "loopwatch.yaml"
    file.write_text(
        "version: 1\nrules: [{name: dear, metric: cost_usd, threshold: 1}]\n"
        f'receivers: [{{name: x, webhook: {{url: "http://127.0.0.1:{free_port()}"}}}}]\n'
        "route: {receiver: x}\n",
        encoding="utf-8",
    )
    result = call("receivers", "test", "x", "-c", str(file))
    assert result.exit_code == 1
    assert "cannot connect: Connect" in result.stdout


async def test_a_name_that_there_is_not_is_wrong_usage(
    box: Sandbox, tmp_path: Path
) -> None:
    """With those that there are."""
    result = call("receivers", "test", "nobody", "-c", str(write(tmp_path, box)))
    assert result.exit_code == 2
    assert "no receiver 'nobody'" in result.stderr
    assert "agents, anything, hooked, on-call, unset" in result.stderr


async def test_a_secret_that_is_not_set_is_an_invalid_configuration(
    box: Sandbox, tmp_path: Path
) -> None:
    """Only of the receiver that is tested."""
    result = call("receivers", "test", "unset", "-c", str(write(tmp_path, box)))
    assert result.exit_code == 2
    assert "NO_SUCH_KEY is not set" in result.stderr
    assert box.inbox.requests() == []


def test_a_file_that_is_wrong_is_one(tmp_path: Path) -> None:
    """As ``loopwatch check`` says it."""
    file = tmp_path / "loopwatch.yaml"
    file.write_text("version: 1\nrules: 3\n")
    result = call("receivers", "test", "agents", "-c", str(file))
    assert result.exit_code == 2
    assert f"{file}:2:8" in result.stderr


async def test_the_page_shows_what_it_prints(
    box: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """But for the place, the key and the times."""
    shown = re.search(r"^\$ loopwatch receivers test on-call\n(.*?)```", PAGE, MS)
    assert shown is not None
    assert await run(write(tmp_path, box), "on-call")
    host = box.url.removeprefix("http://")
    printed = capsys.readouterr().out.replace(host, "events.pagerduty.com")
    assert _plain(printed) == _plain(shown[1])


def _plain(text: str) -> str:
    text = re.sub(r"loopwatch-test-\w+", "KEY", text)
    return re.sub(r"taken in [\d.]+ ms", "taken in TIME", text)


@pytest.mark.parametrize("error", ["not_in_channel", "channel_not_found"])
def test_the_page_knows_slacks_words(error: str) -> None:
    """Those that the client has advice for."""
    assert error in _CHANNEL_REFUSED
    assert f"`{error}`" in PAGE
