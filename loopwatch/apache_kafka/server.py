"""One Apache Kafka node: start, stop, kill, pause, start again on its data."""

import asyncio
import os
import shutil
import ssl
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from loopwatch.apache_kafka.certificates import write_certificates
from loopwatch.apache_kafka.jars import fetch_jars, find_java
from loopwatch.apache_kafka.properties import (
    CLUSTER_ID,
    PASSWORD,
    USERNAME,
    Listeners,
    render,
)
from loopwatch.child import Child, tail
from loopwatch.ports import cluster_id, free_port, is_free

_HOST = "127.0.0.1"
_LOGGING = Path(__file__).with_name("log4j2.xml")


class KafkaStartError(Exception):
    """Apache Kafka did not start; holds the end of its log."""


class ApacheKafka:
    """A broker of one node on 127.0.0.1; also a context manager that runs it.

    Its methods block (a start takes 2 s, one after ``kill`` 5 to 10) and may be
    called from any thread; in a coroutine use ``asyncio.to_thread(kafka.start)``.
    Ports stay the same over restarts, and so do the data.

    Args:
        data_dir: where topics and logs are kept; by default a temporary directory
            that goes with ``close``.
        port: of the plaintext listener; by default a free one.
        tls_and_sasl: also listen for SASL_SSL; see ``secure_connection``.
        properties: server properties that come before ours.
        quick_start: let the JVM compile less: half a second sooner, not for
            benchmarks.
    """

    username = USERNAME
    password = PASSWORD

    def __init__(
        self,
        data_dir: Path | None = None,
        *,
        port: int | None = None,
        tls_and_sasl: bool = False,
        properties: Mapping[str, str] | None = None,
        quick_start: bool = True,
    ) -> None:
        self._temporary = data_dir is None
        self.data_dir = (
            Path(tempfile.mkdtemp(prefix="loopwatch-kafka-"))
            if data_dir is None
            else data_dir.resolve()
        )
        self._listeners = Listeners(
            plaintext=port or free_port(),
            controller=free_port(),
            secure=free_port() if tls_and_sasl else None,
        )
        self._properties = dict(properties or {})
        self._quick_start = quick_start
        self._child: Child | None = None

    def __repr__(self) -> str:
        return f"ApacheKafka({self.bootstrap_servers}, {self.data_dir})"

    @property
    def bootstrap_servers(self) -> str:
        """``host:port`` of the plaintext listener."""
        return f"{_HOST}:{self._listeners.plaintext}"

    @property
    def connection(self) -> dict[str, Any]:
        """Keyword arguments with which aiokafka's clients reach it in plaintext."""
        return {"bootstrap_servers": self.bootstrap_servers}

    @property
    def secure_bootstrap_servers(self) -> str:
        """``host:port`` of the SASL_SSL listener.

        Raises:
            ValueError: it was made without ``tls_and_sasl``.
        """
        if self._listeners.secure is None:
            raise ValueError("no SASL_SSL listener: pass tls_and_sasl=True")
        return f"{_HOST}:{self._listeners.secure}"

    @property
    def ca_file(self) -> Path:
        """The certificate, in PEM, that clients of the SASL_SSL listener trust."""
        return self.data_dir / "tls" / "ca.pem"

    def secure_connection(
        self, *, password: str | None = None, mechanism: str = "SCRAM-SHA-512"
    ) -> dict[str, Any]:
        """Keyword arguments with which aiokafka's clients reach SASL_SSL.

        Args:
            password: another one than the right one.
            mechanism: ``SCRAM-SHA-512`` or ``PLAIN``.
        """
        return {
            "bootstrap_servers": self.secure_bootstrap_servers,
            "security_protocol": "SASL_SSL",
            "ssl_context": ssl.create_default_context(cafile=str(self.ca_file)),
            "sasl_mechanism": mechanism,
            "sasl_plain_username": self.username,
            "sasl_plain_password": self.password if password is None else password,
        }

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

    def start(self, *, timeout_s: float = 120.0) -> None:
        """Start the broker and return when it serves; at once when it runs.

        Raises:
            KafkaUnavailableError: Java, Maven or the jars are missing.
            KafkaStartError: it ended, or does not serve after ``timeout_s``.
        """
        if self.running:
            return
        port = self._listeners.plaintext
        if not is_free(_HOST, port):
            raise KafkaStartError(
                f"port {port} on {_HOST} is taken: another broker may still be "
                "running there"
            )
        java, libs = find_java(), fetch_jars()
        self.data_dir.mkdir(parents=True, exist_ok=True)
        if self._listeners.secure is not None:
            write_certificates(self.data_dir / "tls")
        settings = self.data_dir / "server.properties"
        settings.write_text(render(self.data_dir, self._listeners, self._properties))
        self._format(java, libs, settings)
        self._child = Child(
            [str(java), *self._jvm_options(libs), "kafka.Kafka", str(settings)],
            cwd=self.data_dir,
            env=_environment(),
            output=self.data_dir / "output.log",
        )
        self._await_ready(self._child, timeout_s)

    def stop(self, *, grace_s: float = 30.0) -> None:
        """Stop the broker cleanly, by force after ``grace_s``; its data stay."""
        if self._child is not None:
            self._child.stop(grace_s=grace_s)

    def kill(self) -> None:
        """Kill the broker at once (SIGKILL); its data stay."""
        if self._child is not None:
            self._child.kill()

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

    def close(self) -> None:
        """Stop the broker and remove its data if their directory is temporary."""
        if self._temporary:
            self.kill()
            shutil.rmtree(self.data_dir, ignore_errors=True)
        else:
            self.stop()

    def log_tail(self, lines: int = 15) -> str:
        """Return the end of what the broker printed and of its log."""
        parts = (
            tail(self.data_dir / name, lines) for name in ("output.log", "server.log")
        )
        return "\n".join(part for part in parts if part)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return await asyncio.to_thread(self.__enter__)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await asyncio.to_thread(self.close)

    def _started(self) -> Child:
        if self._child is None:
            raise RuntimeError(f"{self!r} was not started")
        return self._child

    def _jvm_options(self, libs: Path) -> list[str]:
        return [
            "-Xmx512m",
            "-XX:+UseSerialGC",
            *(["-XX:TieredStopAtLevel=1"] if self._quick_start else []),
            f"-Dlog4j2.configurationFile={_LOGGING}",
            f"-Dloopwatch.kafka.log={self.data_dir / 'server.log'}",
            "-cp",
            f"{libs}/*",
        ]

    def _format(self, java: Path, libs: Path, settings: Path) -> None:
        """Make the directory one that Kafka accepts; once in its life."""
        if (self.data_dir / "topics" / "meta.properties").is_file():
            return
        command = [str(java), *self._jvm_options(libs), "kafka.tools.StorageTool"]
        command += ["format", "-t", CLUSTER_ID, "-c", str(settings)]
        if self._listeners.secure is not None:
            user = f"name={self.username},password={self.password}"
            command += ["--add-scram", f"SCRAM-SHA-512=[{user}]"]
        ended = subprocess.run(  # noqa: S603  our own command, no shell
            command,
            check=False,
            cwd=self.data_dir,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        if ended.returncode != 0:
            raise KafkaStartError(
                f"Apache Kafka cannot use {self.data_dir}: {ended.stdout.strip()}"
            )

    def _await_ready(self, child: Child, timeout_s: float) -> None:
        deadline = time.monotonic() + timeout_s
        while cluster_id(_HOST, self._listeners.plaintext) != CLUSTER_ID:
            if not child.running:
                raise KafkaStartError(
                    f"Apache Kafka ended with code {child.exit_code} while starting; "
                    f"the end of its log in {self.data_dir}:\n{self.log_tail()}"
                )
            if time.monotonic() > deadline:
                child.kill()
                raise KafkaStartError(
                    f"Apache Kafka did not serve within {timeout_s:g} s; the end of "
                    f"its log in {self.data_dir}:\n{self.log_tail()}"
                )
            time.sleep(0.05)
        if not child.running:
            raise KafkaStartError(
                f"another broker answers on port {self._listeners.plaintext}, ours "
                f"has ended; the end of its log:\n{self.log_tail()}"
            )


def _environment() -> dict[str, str]:
    """Pass on what a JVM needs, and none of the variables that Kafka listens to."""
    kept = ("PATH", "HOME", "LANG", "TMPDIR", "JAVA_HOME")
    return {name: os.environ[name] for name in kept if name in os.environ}
