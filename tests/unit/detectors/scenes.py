"""Sessions in a few words, and the lines they give rise to."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import nan
from typing import Any

from detectors.actions import Accept, Match
from detectors.batch import ATTRIBUTES, Batch, tick
from detectors.identity import series_key, session_hash
from detectors.metrics import COLUMNS
from detectors.partition import Partition
from detectors.peers.questions import Question
from detectors.rules import SECOND_US, Level, Rule, RuleBook, Severity, Threshold
from detectors.state.stage import Said
from detectors.transitions import Census, Transition, Update, microseconds

START_S = 1_700_000_000
"""A whole hour, so that windows begin on their grid."""
START_S -= START_S % 86_400

Line = tuple[float, str, str]


@dataclass(frozen=True)
class Session:
    """One session.

    Attributes:
        at_s: When it ended, in seconds after ``START_S``.
        clock_s: What its source's clock says; None: the largest time so far.
    """

    at_s: float
    values: Mapping[str, float]
    session_id: str
    labels: Mapping[str, str] = field(default_factory=dict)
    source: int = 0
    clock_s: float | None = None
    trace: str = ""


def us(at_s: float) -> int:
    """Seconds after the start as microseconds since 1970."""
    return round((START_S + at_s) * SECOND_US)


def at(line: Said) -> float:
    """When a line was, in seconds after the start."""
    return microseconds(line.time) / SECOND_US - START_S


def threshold(
    warning: float,
    critical: float | None = None,
    recover: float | None = None,
    critical_recover: float | None = None,
) -> Threshold:
    """Limits of one or two levels."""
    levels = [Level(Severity.WARNING, warning, recover)]
    if critical is not None:
        levels.append(Level(Severity.CRITICAL, critical, critical_recover))
    return Threshold(tuple(levels))


class Log:
    """Turns sessions into blocks, as ingest would for a set of rules."""

    def __init__(self, rules: Sequence[Rule], sources: int = 1) -> None:
        self.rules = rules
        self.sources = sources
        self.next = [0] * sources
        self.actions = 0
        self.clocks = [-(10**18)] * sources
        self.wheres = list(dict.fromkeys(str(rule.where) for rule in rules)) or [""]

    def batch(
        self,
        sessions: Sequence[Session],
        after: Mapping[int, float] | None = None,
        judged_from_s: float | None = None,
    ) -> Batch:
        """A block of sessions of one source."""
        source = sessions[0].source if sessions else -1
        keys: dict[bytes, int] = {}
        observed, series, wheres, clocks = [], [], [], []
        for position, session in enumerate(sessions):
            said = session.at_s if session.clock_s is None else session.clock_s
            self.clocks[source] = max(self.clocks[source], us(said))
            clocks.append(self.clocks[source])
            for by, mask in self._observations(session).items():
                key = series_key({name: session.labels.get(name, "") for name in by})
                observed.append(position)
                series.append(keys.setdefault(key, len(keys)))
                wheres.append(mask)
        first = self.next[source]
        self.next[source] += len(sessions)
        return Batch(
            source=source,
            sources=self.sources,
            offsets=range(first, first + len(sessions)),
            clocks_us=clocks,
            ended_at_us=[us(session.at_s) for session in sessions],
            values=[
                [session.values.get(name, nan) for name in COLUMNS]
                for session in sessions
            ],
            hashes=[session_hash(session.session_id) for session in sessions],
            session_ids=[session.session_id for session in sessions],
            traces=[session.trace for session in sessions],
            attributes=[
                tuple(session.labels.get(name, "") for name in ATTRIBUTES)
                for session in sessions
            ],
            keys=list(keys),
            where_table=self.wheres if sessions else (),
            observed=observed,
            series=series,
            wheres=wheres,
            clocks_after_us={n: us(s) for n, s in (after or {}).items()},
            judged_from_us=None if judged_from_s is None else us(judged_from_s),
        )

    def _observations(self, session: Session) -> dict[tuple[str, ...], int]:
        masks: dict[tuple[str, ...], int] = {}
        for rule in self.rules:
            if rule.where.matches(session.labels):
                bit = 1 << self.wheres.index(str(rule.where))
                masks[rule.by] = masks.get(rule.by, 0) | bit
        return masks

    def tick(self, clocks_s: Mapping[int, float]) -> Batch:
        """A block that carries the time alone."""
        return tick({n: us(s) for n, s in clocks_s.items()}, self.sources)

    def accept(self, match: Match, by: str = "") -> Batch:
        """A block in which somebody accepts the levels of the alerts that match."""
        self.actions += 1
        return tick({}, self.sources, [Accept(self.actions - 1, match, by)])


class Scene:
    """A partition that is told of sessions one after the other."""

    def __init__(self, *rules: Rule, sources: int = 1, **options: Any) -> None:
        memory, number = options.pop("memory", 100_000), options.pop("number", 0)
        self.book = RuleBook(rules, **options)
        self.partition = Partition(self.book, number=number, memory=memory)
        self.log = Log(rules, sources)
        self.offset = 0
        self.said: list[Said] = []
        self.rows: dict[bytes, bytes] = {}
        self._ids = 0

    def session(
        self,
        at_s: float,
        *,
        session_id: str | None = None,
        source: int = 0,
        labels: Mapping[str, str] | None = None,
        clock_s: float | None = None,
        trace: str = "",
        judged_from_s: float | None = None,
        **values: float,
    ) -> list[Said]:
        """One session in a block of its own; the lines it gave rise to."""
        self._ids += 1
        session = Session(
            at_s,
            values,
            session_id or f"s{self._ids}",
            labels or {"agent": "a"},
            source,
            clock_s,
            trace,
        )
        return self._take(
            self.log.batch([session], judged_from_s=judged_from_s),
        )

    def series(
        self,
        metric: str,
        samples: Iterable[float],
        from_s: float = 0,
        step_s: float = 1,
    ) -> list[Said]:
        """Sessions with one value each, at even distances."""
        lines: list[Said] = []
        for position, value in enumerate(samples):
            values: dict[str, Any] = {metric: value}
            lines += self.session(from_s + position * step_s, **values)
        return lines

    def tick(self, clock_s: float, source: int = 0) -> list[Said]:
        """Nothing but the time."""
        return self._take(self.log.tick({source: clock_s}))

    def accept(self, match: Match | None = None, by: str = "") -> list[Said]:
        """Somebody accepts the levels of all alerts, or of those that match."""
        return self._take(self.log.accept({} if match is None else match, by))

    def hear_parents(self) -> list[Said]:
        """What the series add to their parents is summed up, and comes back."""
        parts = self.partition.take_parts()
        return self._take(tick({}, self.log.sources, parents=parts))

    def hear(self, *questions: Question) -> list[Said]:
        """Partitions want the others to count."""
        return self._take(tick({}, self.log.sources, questions=questions))

    def restart(self, *rules: Rule) -> Scene:
        """The same scene after a restart, perhaps with other rules."""
        after = Scene(
            *(rules or self.book.rules),
            sources=self.log.sources,
            number=self.partition.number,
        )
        after.partition.restore_seal(self.partition.seal(self.offset - 1))
        for key, row in self.partition.take_dirty():
            assert row is not None
            self.rows[key] = row
        for key, row in self.rows.items():
            after.partition.restore_row(key, row)
        after.rows = self.rows
        after.partition.finish_restore()
        after.offset, after._ids = self.offset, self._ids
        after.log.next, after.log.clocks = self.log.next, self.log.clocks
        after.log.actions = self.log.actions
        return after

    def _take(self, batch: Batch) -> list[Said]:
        lines = self.partition.apply(batch, self.offset)
        self.offset += 1
        self.said += lines
        return lines


def changes(lines: Iterable[Said]) -> list[Line]:
    """Transitions as (seconds, from, to)."""
    return [
        (at(line), line.from_state.value, line.to_state.value)
        for line in lines
        if isinstance(line, Transition)
    ]


def alerts(lines: Iterable[Said]) -> list[Line]:
    """The same without what happens between insufficient and ok."""
    quiet = {"insufficient", "ok"}
    return [line for line in changes(lines) if not {line[1], line[2]} <= quiet]


def transitions(lines: Iterable[Said]) -> list[Transition]:
    """Those lines that tell of a change of state."""
    return [line for line in lines if isinstance(line, Transition)]


def updates(lines: Iterable[Said]) -> list[Update]:
    """Those lines that tell of news of an open alert."""
    return [line for line in lines if isinstance(line, Update)]


def of_alerts(lines: Iterable[Said]) -> list[Said]:
    """All lines but those of a census."""
    return [line for line in lines if not isinstance(line, Census)]


def chance(seed: int) -> random.Random:
    """Random numbers that are the same in every run."""
    return random.Random(seed)  # noqa: S311
