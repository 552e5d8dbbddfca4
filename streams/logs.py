"""What a worker logs: a line an event, with the libraries kept quiet."""

from __future__ import annotations

import logging
import sys
import time
import traceback
from collections.abc import Callable
from typing import Final

_REPEAT_S: Final = 30.0
_LIBRARIES: Final = ("aiokafka", "faust", "mode", "asyncio", "aiohttp", "slack_sdk")

LIBRARY: Final = logging.getLogger("faust.loopwatch")
"""For subclasses of Faust's services, which would log as if they were ours."""


def set_up_logging(level: str) -> None:
    """Log to stderr from this level on; libraries from warnings on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Line(full=level == "debug"))
    handler.addFilter(RateLimit(_REPEAT_S))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in _LIBRARIES:
        library = logging.getLogger(name)
        library.handlers.clear()
        library.propagate = True
        library.setLevel(max(logging.WARNING, root.level))
    logging.captureWarnings(capture=True)


class _Line(logging.Formatter):
    """Time, level, place and message in one line.

    A traceback follows where the fault is ours; of a library's, its last line.
    """

    converter = time.gmtime  # type: ignore[assignment]

    def __init__(self, *, full: bool) -> None:
        super().__init__(
            "%(asctime)s.%(msecs)03dZ %(levelname)-8s %(name)s: %(message)s",
            "%Y-%m-%dT%H:%M:%S",
        )
        self._full = full

    def format(self, record: logging.LogRecord) -> str:
        ours = record.name.partition(".")[0] not in _LIBRARIES
        if self._full or ours or record.exc_info is None:
            return super().format(record)
        error = record.exc_info[1]
        record = logging.makeLogRecord(record.__dict__)
        said = "".join(traceback.format_exception_only(error)).strip()
        record.msg = f"{record.getMessage().splitlines()[0]} ({said})"
        record.args, record.exc_info, record.exc_text = (), None, None
        return super().format(record)


class RateLimit(logging.Filter):
    """Lets a message of one kind pass at most once in a while, and counts the rest.

    aiokafka repeats itself ten times a second while a broker is away.
    """

    def __init__(
        self, every_s: float, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__()
        self._every_s = every_s
        self._now_s = now_s
        self._passed: dict[tuple[str, str], float] = {}
        self._held: dict[tuple[str, str], int] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is written."""
        kind = (record.name, str(record.msg))
        last_s = self._passed.get(kind)
        now_s = self._now_s()
        if last_s is not None and now_s - last_s < self._every_s:
            self._held[kind] = self._held.get(kind, 0) + 1
            return False
        self._passed[kind] = now_s
        held = self._held.pop(kind, 0)
        if held:
            record.msg = f"{record.getMessage()} (and {held} times more before)"
            record.args = ()
        return True
