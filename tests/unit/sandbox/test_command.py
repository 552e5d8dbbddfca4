"""``loopwatch sandbox`` says where it is, and ends when told."""

import asyncio
import socket
import sys

import aiohttp
import typer
from ruamel.yaml import YAML
from typer.testing import CliRunner

from loopwatch.commands.sandbox import sandbox
from loopwatch.sandbox import Sandbox, serve

COMMAND = (sys.executable, "-c", "from loopwatch.cli import main; main()", "sandbox")


async def test_it_prints_what_to_put_into_receivers_and_stops_on_sigterm(
    http: aiohttp.ClientSession,
) -> None:
    """The address comes first, then settings; SIGTERM ends it with 0."""
    process = await asyncio.create_subprocess_exec(
        *COMMAND, "--port", "0", stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr is not None
    first = (await process.stderr.readline()).decode()
    url = first.split()[2]
    printed = [(await process.stderr.readline()).decode() for _ in range(5)]
    settings = YAML(typ="safe").load("".join(printed[1:]))
    agents, on_call, anything = settings["receivers"]
    assert agents["slack"]["api_url"] == f"{url}/api/"
    assert on_call["pagerduty"] == {"routing_key": "0" * 32, "url": url}
    assert anything["webhook"]["url"] == f"{url}/hook/alerts"
    async with http.get(f"{url}/healthz") as answer:
        assert answer.status == 200
    process.terminate()
    assert await process.wait() == 0


def test_a_port_that_is_taken_is_named() -> None:
    """Exit 1, and what to do."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        app = typer.Typer()
        app.command()(sandbox)
        result = CliRunner().invoke(app, ["--port", str(port)])
    assert result.exit_code == 1
    assert f"cannot listen on 127.0.0.1:{port}" in result.stderr
    assert "--port" in result.stderr


async def test_serve_runs_until_told(http: aiohttp.ClientSession) -> None:
    """Serve tells when it listens, and ends on its event."""
    started: asyncio.Queue[Sandbox] = asyncio.Queue()
    until = asyncio.Event()
    serving = asyncio.create_task(
        serve(port=0, on_start=started.put_nowait, until=until)
    )
    box = await started.get()
    async with http.get(f"{box.url}/healthz") as answer:
        assert answer.status == 200
    until.set()
    await serving
