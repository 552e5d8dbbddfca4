"""A process that never outlives the one that started it."""

import asyncio
import atexit
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path

# Runs in the child before the command takes its place. PR_SET_PDEATHSIG survives
# execve; the parent may have died before it was set, hence the look at its id.
_BOUND_TO_PARENT = """
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGKILL)
if os.getppid() != int(sys.argv[1]):
    os._exit(1)
try:
    os.execv(sys.argv[2], sys.argv[2:])
except OSError as error:
    sys.exit(f"cannot run {sys.argv[2]}: {error.strerror}")
"""


class Child:
    """A running command in a session of its own, killed when this process dies.

    A session of its own, so that Ctrl-C in a terminal reaches this process alone,
    which then stops its children in its own order. Its death with this process is
    guaranteed on Linux; elsewhere it holds unless this process is killed with -9.

    Args:
        command: the program's absolute path and its arguments.
        cwd: the directory it runs in.
        env: its whole environment.
        output: the file that stdout and stderr are appended to.
        on_exit: called with the exit code when the process ends, from a thread of
            this object, also after ``stop`` and ``kill``.

    Raises:
        OSError: the program could not be started.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        cwd: Path,
        env: Mapping[str, str],
        output: Path,
        on_exit: Callable[[int], None] | None = None,
    ) -> None:
        self._output = output
        self._exit: Future[int] = Future()
        # Running, as far as the future knows: nobody who waits can cancel it.
        self._exit.set_running_or_notify_cancel()
        started: Future[subprocess.Popen[bytes]] = Future()
        # The kernel counts the thread that forked as the parent whose death ends the
        # child, so that thread has to live as long as the child does.
        threading.Thread(
            target=self._run,
            args=(list(command), cwd, dict(env), on_exit, started),
            name=f"child {Path(command[0]).name}",
            daemon=True,
        ).start()
        self._process = started.result()
        self.pid = self._process.pid

    def _run(
        self,
        command: list[str],
        cwd: Path,
        env: dict[str, str],
        on_exit: Callable[[int], None] | None,
        started: Future[subprocess.Popen[bytes]],
    ) -> None:
        if sys.platform == "linux":
            launcher = [sys.executable, "-I", "-S", "-c", _BOUND_TO_PARENT]
            command = [*launcher, str(os.getpid()), *command]
        try:
            with self._output.open("ab") as output:
                process = subprocess.Popen(  # noqa: S603  our own command, no shell
                    command,
                    cwd=cwd,
                    env=env,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
        except OSError as error:
            started.set_exception(error)
            return
        atexit.register(process.kill)
        started.set_result(process)
        code = process.wait()
        atexit.unregister(process.kill)
        self._exit.set_result(code)
        if on_exit is not None:
            on_exit(code)

    @property
    def exit_code(self) -> int | None:
        """The exit code (negative: ended by that signal), ``None`` while running."""
        return self._exit.result() if self._exit.done() else None

    @property
    def running(self) -> bool:
        """Whether the process has not ended (a paused one has not)."""
        return not self._exit.done()

    def wait(self, timeout_s: float | None = None) -> int:
        """Block until the process has ended and return its exit code.

        Raises:
            TimeoutError: it still runs after ``timeout_s``.
        """
        return self._exit.result(timeout_s)

    async def exited(self) -> int:
        """Wait for the end of the process and return its exit code."""
        return await asyncio.wrap_future(self._exit)

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal; without effect when the process has ended."""
        self._process.send_signal(number)

    def pause(self) -> None:
        """Freeze the process (SIGSTOP), and return when all of it stands still."""
        self.send_signal(signal.SIGSTOP)
        # The signal reaches its threads one by one.
        if hasattr(os, "waitid"):
            with suppress(ChildProcessError):
                os.waitid(os.P_PID, self.pid, os.WSTOPPED)

    def resume(self) -> None:
        """Let a frozen process go on (SIGCONT)."""
        self.send_signal(signal.SIGCONT)

    def stop(self, *, grace_s: float) -> int:
        """Ask the process to end (SIGTERM), kill it after ``grace_s``."""
        self.send_signal(signal.SIGTERM)
        # A paused process takes no notice before it runs again.
        self.resume()
        try:
            return self.wait(grace_s)
        except TimeoutError:
            return self.kill()

    def kill(self) -> int:
        """Kill the process (SIGKILL) and wait until it is gone."""
        self.send_signal(signal.SIGKILL)
        return self.wait()

    def output_tail(self, lines: int = 15) -> str:
        """Return the last lines of what the process printed."""
        return tail(self._output, lines)


def tail(file: Path, lines: int) -> str:
    """Return the last lines of a text file, empty when there is none."""
    try:
        with file.open("rb") as stream:
            stream.seek(max(0, file.stat().st_size - 65_536))
            text = stream.read().decode(errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-lines:])
