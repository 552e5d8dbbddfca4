"""Two configurations over the same sessions, read once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from loopwatch.backtesting.record import Record
from loopwatch.backtesting.verdict import Verdict, compare
from loopwatch.config import Config
from streams.replay import Replay


class Backtest:
    """A replay under the rules as they are, and one as they would be, in step.

    Args:
        before: The configuration as it is.
        after: The configuration as it would be.
        reject: Told the line number and the reason of each line that is no session.
    """

    def __init__(
        self, before: Config, after: Config, reject: Callable[[int, str], None]
    ) -> None:
        self._reject = reject
        self._rejected: set[tuple[int, str]] = set()
        self._runs = [
            (Replay(config.book, config.routing, self._refuse), Record())
            for config in (before, after)
        ]
        names = [rule.name for config in (before, after) for rule in config.book.rules]
        self._rules = list(dict.fromkeys(names))

    @property
    def sessions(self) -> int:
        """How many have been read."""
        return max(replay.sessions for replay, _ in self._runs)

    def take(self, lines: Sequence[bytes]) -> None:
        """Take the next lines: JSON events, one a line."""
        self._rejected.clear()
        for replay, record in self._runs:
            record.take(replay.take(lines))

    def end(self, until_us: int | None = None) -> Verdict:
        """Stop both clocks after the last session and compare.

        Args:
            until_us: Move them on to this time before.
        """
        for replay, record in self._runs:
            record.take(replay.finish(until_us))
            record.end()
        (_, before), (_, after) = self._runs
        return compare(before, after, self._rules, self.sessions)

    def _refuse(self, number: int, reason: str) -> None:
        """Say it once, though both have read the line."""
        if (number, reason) not in self._rejected:
            self._rejected.add((number, reason))
            self._reject(number, reason)
