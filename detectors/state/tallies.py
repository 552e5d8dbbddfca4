"""What a partition counted, and which of its alerts are open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass

from detectors.identity import alert_id
from detectors.kinds.watch import Watch
from detectors.numbers import finite
from detectors.severities import severity_of
from detectors.transitions import Flapping, State


@dataclass(slots=True)
class Counts:
    """Counted since the partition began; a seal keeps them.

    Attributes:
        sessions: Folded, ingest's repeats apart.
        observations: Of sessions in series, duplicates apart.
        duplicates: Observations of sessions that their series had been told of.
        repeats: Sessions that ingest had said before.
        late: Sessions that ended before the clock.
        too_old: Sessions too old to be judged one by one.
        turned_away: Observations of new series for which there was no place; after a
            crash perhaps a few less.
    """

    sessions: int = 0
    observations: int = 0
    duplicates: int = 0
    repeats: int = 0
    late: int = 0
    too_old: int = 0
    turned_away: int = 0

    def add(self, more: Sequence[int]) -> None:
        """Count what a fold counted; in the order of the attributes."""
        for name, count in zip(self.__slots__, more, strict=True):
            setattr(self, name, getattr(self, name) + count)

    def dump(self) -> list[int]:
        """As plain numbers."""
        return list(astuple(self))


@dataclass(frozen=True, slots=True)
class OpenAlert:
    """An alert that fires or recovers.

    Attributes:
        since_us: When its breach began.
        value: Judged last, in the metric's unit.
        peak: The worst value since it began.
        flapping: What is said of it while it flaps, else None.
    """

    alert_id: str
    rule: str
    labels: dict[str, str]
    state: State
    severity: str
    generation: int
    since_us: int
    value: float | None
    peak: float | None
    sessions: int
    flapping: Flapping | None


def open_alert(watch: Watch) -> OpenAlert:
    """What is known of an open alert."""
    life, plan, breach = watch.life, watch.plan, watch.breach
    return OpenAlert(
        alert_id=alert_id(plan.rule.name, watch.by),
        rule=plan.rule.name,
        labels={**watch.by, **plan.labels},
        state=life.state,
        severity=severity_of(life.level),
        generation=life.generation,
        since_us=life.since_us if breach is None else breach.began_us,
        value=None if watch.value is None else finite(plan.sign * watch.value),
        peak=None if breach is None else finite(plan.sign * breach.peak),
        sessions=0 if breach is None else breach.sessions,
        flapping=watch.flapping,
    )
