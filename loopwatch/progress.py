"""A progress bar on stderr, if that is a terminal, and nothing elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
)

_REFRESH_S: Final = 0.1


@contextmanager
def progress(
    what: str, whole: int | None, sessions: Callable[[], int]
) -> Iterator[Callable[[int], None]]:
    """Show how far something has come while the block runs.

    Args:
        what: Is being done, in one word.
        whole: Bytes in all; None if nobody knows.
        sessions: How many are done.

    Yields:
        To be told of so many further bytes.
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _: None
        return
    bar = Progress(
        TextColumn("{task.fields[done]} sessions"),
        BarColumn(),
        DownloadColumn(),
        TimeElapsedColumn(),
        console=console,
    )
    seen, shown_s = 0, 0.0
    with bar:
        task = bar.add_task(what, total=whole, done=0)

        def advance(size: int) -> None:
            nonlocal seen, shown_s
            seen += size
            now_s = time.monotonic()
            if now_s - shown_s > _REFRESH_S:
                shown_s = now_s
                bar.update(task, completed=seen, done=sessions())

        yield advance
        bar.update(task, completed=seen, done=sessions())
