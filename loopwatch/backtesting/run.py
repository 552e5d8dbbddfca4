"""Two configurations over the same sessions, read once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from detectors.state.acceptance import Outcome
from loopwatch.backtesting.record import Record
from loopwatch.backtesting.verdict import Verdict, compare
from loopwatch.config import Config
from loopwatch.meanwhile import NOT_REACHED, found_vain
from streams.control.actions import Numbered
from streams.crowd import crowded
from streams.replay import Replay

_RUNS: Final = ("--before", "--after")


class Backtest:
    """A replay under the rules as they are, and one as they would be, in step.

    Args:
        before: The configuration as it is.
        after: The configuration as it would be.
        reject: Told the line number and the reason of each line that is no session.
        actions: What people do meanwhile, in order of time: the same in both.
    """

    def __init__(
        self,
        before: Config,
        after: Config,
        reject: Callable[[int, str], None],
        actions: Sequence[Numbered] = (),
    ) -> None:
        self._reject = reject
        self._rejected: set[tuple[int, str]] = set()
        self._vain: defaultdict[tuple[int, str], list[str]] = defaultdict(list)
        self._runs = [
            (self._replay(config, actions, run), Record())
            for config, run in zip((before, after), _RUNS, strict=True)
        ]
        names = [rule.name for config in (before, after) for rule in config.book.rules]
        self._rules = list(dict.fromkeys(names))

    @property
    def sessions(self) -> int:
        """How many have been read."""
        return max(replay.sessions for replay, _ in self._runs)

    @property
    def crowds(self) -> list[str]:
        """Of which configuration there was no place for all series, and why."""
        found = zip(("before", "after"), self._runs, strict=True)
        return [
            f"{which}: {crowded(*replay.crowd)}"
            for which, (replay, _) in found
            if replay.crowd is not None
        ]

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

    def vain(self) -> Iterator[tuple[int, str]]:
        """The line of each action that met nothing, and why, once it is over.

        Of one that met something in one of the runs it is said in which it met nothing.
        """
        found = {line: list(runs) for line, runs in self._vain.items()}
        for run, (replay, _) in zip(_RUNS, self._runs, strict=True):
            for number, _ in replay.waiting:
                found.setdefault((number, NOT_REACHED), []).append(run)
        for (number, reason), runs in sorted(found.items()):
            where = "" if len(runs) == len(_RUNS) else f"with {runs[0]}: "
            yield number, f"{where}{reason}"

    def _replay(self, config: Config, actions: Sequence[Numbered], run: str) -> Replay:
        def vain(number: int, reason: str) -> None:
            if reason:
                self._vain[number, reason].append(run)

        def heed(number: int, outcome: Outcome) -> None:
            vain(number, found_vain(outcome))

        return Replay(
            config.book, config.routing, self._refuse, actions, heed=heed, vain=vain
        )

    def _refuse(self, number: int, reason: str) -> None:
        """Say it once, though both have read the line."""
        if (number, reason) not in self._rejected:
            self._rejected.add((number, reason))
            self._reject(number, reason)
