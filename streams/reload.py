"""Another configuration while the worker runs: all of it, or nothing.

Read again on SIGHUP, and when the file has changed. A file that cannot be used leaves
the last good one in force, and that is said: in the log, in ``loopwatch status`` and in
a metric.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any, Final, NamedTuple

from alerts.routes import Routing
from detectors.rules import RuleBook
from streams.metrics import Meters

log = logging.getLogger(__name__)

LOOK_S: Final = 1.0
"""How often the file is looked at. It is read once it has stood still for one look:
an editor may write it in pieces."""

Signature = tuple[int, int, int] | None


class Configuration(NamedTuple):
    """What a file says.

    Attributes:
        sessions: The topic that sessions come from.
        sessions_at: Where in the file that stands, or the file alone.
        warnings: What somebody should look at.
    """

    book: RuleBook
    routing: Routing
    sessions: str
    sessions_at: str = ""
    warnings: tuple[str, ...] = ()


class RefusedError(Exception):
    """A configuration that cannot be taken up; ``faults`` has a sentence for each."""

    def __init__(self, faults: Iterable[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(self.faults))


class ConfigurationFile:
    """A configuration file, and whether it has changed.

    Args:
        path: Of the file.
        read: Reads it; raises ``RefusedError``.
    """

    def __init__(self, path: Path, read: Callable[[], Configuration]) -> None:
        self.path = path
        self._read = read
        self._known = self._seen = self._signature()

    def read(self) -> Configuration:
        """What it says now.

        Raises:
            RefusedError: It cannot be used.
        """
        self._known = self._seen = self._signature()
        return self._read()

    def has_changed(self) -> bool:
        """Whether it is another one than was read last, and stands still."""
        before, self._seen = self._seen, self._signature()
        return self._seen == before != self._known

    def _signature(self) -> Signature:
        try:
            found = self.path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino


class Reloader:
    """Takes up what a file says, again and again.

    Args:
        file: The file.
        current: What it said at the start.
        apply: Puts another configuration into force; raises ``RefusedError`` if it
            cannot be, and then has changed nothing.
        meters: Told what became of it.
        now_s: The wall clock.
    """

    def __init__(
        self,
        file: ConfigurationFile,
        current: Configuration,
        apply: Callable[[Configuration], Awaitable[None]],
        meters: Meters,
        now_s: Callable[[], float] = time.time,
    ) -> None:
        self._file = file
        self._current = current
        self._apply = apply
        self._meters = meters
        self._now_s = now_s
        self._asked = asyncio.Event()
        self._since_s = now_s()
        self._refused: tuple[float, tuple[str, ...]] | None = None
        self._note()

    def ask(self) -> None:
        """Read the file soon, changed or not."""
        self._asked.set()

    async def run(self, every_s: float = LOOK_S) -> None:
        """Look at the file until cancelled."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(every_s):
                    await self._asked.wait()
            asked = self._asked.is_set()
            self._asked.clear()
            if asked or self._file.has_changed():
                await self.reload(asked=asked)

    async def reload(self, *, asked: bool = False) -> None:
        """Read the file, and take up what it says; or say why not.

        Args:
            asked: By a person: also if it says what is in force already, for what a
                receiver refused is then tried again.
        """
        path = self._file.path
        try:
            found = self._file.read()
            if found.sessions != self._current.sessions:
                known, wanted = self._current.sessions, found.sessions
                fault = f"a worker that runs goes on reading {known}: start it again"
                raise RefusedError(
                    [f"{found.sessions_at or path}: {fault} to read {wanted}"]
                )
            for warning in found.warnings:
                log.warning(warning)
            if asked or found[:3] != self._current[:3]:
                await self._apply(found)
                said = f"is in force ({found.book.digest[:12]})"
            else:
                said = "says what is in force already"
            log.info(f"{path} {said}")  # noqa: G004
        except RefusedError as error:
            # As whole texts: repeats of one form would be held back and counted.
            for fault in error.faults:
                log.error(fault)
            log.error(f"{path} is refused: what was in force stays in force")  # noqa: G004
            self._refused = self._now_s(), error.faults
        else:
            self._current, self._refused = found, None
            self._since_s = self._now_s()
        self._note()

    def status(self) -> dict[str, Any]:
        """For ``loopwatch status``: times in seconds since 1970."""
        refused = None
        if self._refused is not None:
            at_s, faults = self._refused
            refused = {"at_s": round(at_s), "faults": list(faults)}
        return {
            "file": str(self._file.path),
            "digest": self._current.book.digest,
            "since_s": round(self._since_s),
            "refused": refused,
        }

    def _note(self) -> None:
        self._meters.config_good.set(self._refused is None)
        self._meters.config_read_s.set(self._since_s)
