"""The embedded broker starts whole, ends cleanly, and says what is wrong."""

import asyncio
import os
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path
from queue import Queue

import pytest

from loopwatch import broker as module
from loopwatch.broker import (
    BrokerStartError,
    BrokerUnavailableError,
    EmbeddedBroker,
    find_binary,
)
from loopwatch.ports import cluster_id, free_port, is_free

try:
    find_binary()
except BrokerUnavailableError as error:
    pytest.skip(str(error), allow_module_level=True)


def serves(port: int) -> bool:
    """Tell whether a broker answers on the port."""
    return cluster_id("127.0.0.1", port) is not None


def test_it_serves_until_it_is_stopped() -> None:
    """As a context manager it serves inside and is gone after."""
    port = free_port()
    with EmbeddedBroker(port) as broker:
        assert broker.bootstrap_servers == f"127.0.0.1:{port}"
        assert broker.running
        assert serves(port)
    assert not broker.running
    assert not serves(port)


async def test_it_serves_in_coroutines() -> None:
    """As an asynchronous context manager it does the same, loop by loop."""
    async with EmbeddedBroker() as broker:
        exited = asyncio.create_task(broker.exited())
        await asyncio.sleep(0)
        assert not exited.done()
        await asyncio.to_thread(broker.kill)
        async with asyncio.timeout(5):
            assert await exited == -signal.SIGKILL


def test_it_outlives_the_thread_that_started_it() -> None:
    """Started in a short-lived thread, it serves on after that thread's end."""

    async def start() -> EmbeddedBroker:
        broker = EmbeddedBroker()
        await asyncio.to_thread(broker.start)
        return broker

    # The loop ends here, and the threads of to_thread with it.
    broker = asyncio.run(start())
    try:
        assert serves(int(broker.bootstrap_servers.partition(":")[2]))
    finally:
        broker.stop()


def test_two_brokers_do_not_meet() -> None:
    """Brokers without a given port find one each."""
    with EmbeddedBroker() as one, EmbeddedBroker() as other:
        assert one.bootstrap_servers != other.bootstrap_servers


def test_a_taken_port_is_refused_by_name() -> None:
    """Where another broker listens, the message names the port."""
    with EmbeddedBroker() as broker:
        port = int(broker.bootstrap_servers.partition(":")[2])
        with pytest.raises(BrokerStartError, match=f"port {port} on 127.0.0.1"):
            EmbeddedBroker(port).start()
        assert broker.running


def test_another_broker_is_not_taken_for_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker that wins the race for the port is not mistaken for ours."""
    with EmbeddedBroker() as broker:
        port = int(broker.bootstrap_servers.partition(":")[2])
        # As if the other had taken the port a moment after the look at it.
        monkeypatch.setattr(module, "is_free", lambda _host, _port: True)
        late = EmbeddedBroker(port)
        with pytest.raises(BrokerStartError, match=r"ended at once.*in use"):
            late.start()
        assert not late.running


def test_a_foreign_address_is_refused_by_name() -> None:
    """An address that is not this machine's is named in the message."""
    # TEST-NET-1: an address that no machine has.
    with pytest.raises(BrokerStartError, match=r"192\.0\.2\.1"):
        EmbeddedBroker(free_port(), host="192.0.2.1").start()


def test_its_end_is_reported() -> None:
    """An end that nobody asked for calls ``on_exit``; a stop does not."""
    ends: Queue[int] = Queue()
    with EmbeddedBroker(on_exit=ends.put) as broker:
        os.kill(broker.pid, signal.SIGKILL)
        assert ends.get(timeout=5) == -signal.SIGKILL
    with EmbeddedBroker(on_exit=ends.put) as broker:
        broker.stop()
        broker.wait(5)
    assert ends.empty()


def test_a_paused_broker_can_be_stopped() -> None:
    """A frozen broker ends when told to."""
    with EmbeddedBroker() as broker:
        broker.pause()
        assert broker.running
    assert not broker.running


def test_settings_of_the_environment_do_not_reach_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Neither variables nor a .env file in the working directory change it."""
    monkeypatch.setenv("STORAGE_ENGINE", "nonsense://")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "nonsense")
    (tmp_path / ".env").write_text("STORAGE_ENGINE=nonsense://\n")
    monkeypatch.chdir(tmp_path)
    with EmbeddedBroker() as broker:
        assert broker.running


def test_nothing_of_it_remains(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """After a stop its temporary files are gone."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with EmbeddedBroker():
        assert list(tmp_path.iterdir())
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(sys.platform != "linux", reason="a promise on Linux only")
def test_it_dies_with_its_parent(tmp_path: Path) -> None:
    """Kill -9 of the process that started it leaves no broker behind."""
    script = (
        "import sys; from loopwatch.broker import EmbeddedBroker\n"
        "broker = EmbeddedBroker(); broker.start()\n"
        "print(broker.pid, flush=True); sys.stdin.read()\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", script],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert parent.stdout is not None
    assert parent.stdin is not None
    with parent.stdin, parent.stdout:
        pidfd = os.pidfd_open(int(parent.stdout.readline()))
        parent.kill()
        parent.wait()
    try:
        assert select.select([pidfd], [], [], 10)[0]
    finally:
        os.close(pidfd)


def test_ports_tell_a_broker_from_other_servers() -> None:
    """A server that is no broker has no cluster's id, and its port is not free."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert not is_free("127.0.0.1", port)
        assert cluster_id("127.0.0.1", port, timeout_s=0.05) is None


def test_free_ports_are_not_given_twice() -> None:
    """Who asks for many ports gets as many."""
    assert len({free_port() for _ in range(50)}) == 50
