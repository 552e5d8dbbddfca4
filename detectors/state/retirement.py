"""Lines for alerts whose rule the book no longer has: nobody else would end them."""

from __future__ import annotations

from typing import Any

from detectors.identity import alert_id
from detectors.life import lifecycle
from detectors.life.breach import Breach
from detectors.numbers import finite
from detectors.severities import severity_of
from detectors.state.rows import Entry
from detectors.state.stage import Stage
from detectors.transitions import State, Transition, rfc3339


def retire(
    parts: list[Any], by: dict[str, str], at_us: int, stage: Stage, reason: str
) -> list[Any]:
    """End the alert of an entry without a rule.

    Args:
        parts: The entry, as its row holds it.
        by: The labels of its series.
        at_us: The series' time.
        stage: Takes the line.
        reason: Why it ends.

    Returns:
        The entry with nothing open.
    """
    entry = Entry(*parts)
    before = entry.lived()
    after = lifecycle.end(before, at_us)
    if not lifecycle.differs(before, after) or entry.breach is None:
        return parts
    breach = Breach.load(entry.breach)
    after = after._replace(seq=max(before.seq + 1, at_us // 1000))
    resolved = after.state is State.RESOLVED
    sign = breach.sign
    stage.lines.append(
        Transition(
            time=rfc3339(at_us),
            alert_id=alert_id(entry.name, by),
            rule=entry.name,
            metric=breach.metric,
            labels={**by, **breach.labels},
            generation=after.generation,
            seq=after.seq,
            from_state=before.state,
            to_state=after.state,
            severity=severity_of(after.level) if after.level >= 0 else None,
            value=None if entry.value is None else finite(sign * entry.value),
            expected=breach.expected,
            threshold=None,
            session_id=None,
            reason=reason,
            rule_kind=breach.kind,
            aggregate=breach.aggregate,
            began=rfc3339(breach.began_us) if resolved else None,
            sessions=breach.sessions if resolved else 0,
            peak=breach.stated_peak(sign) if resolved else None,
            trace=breach.trace if resolved else None,
            partition=stage.partition,
        )
    )
    ended = entry.with_life(after)
    if not resolved:
        ended = ended._replace(value=None, breach=None)
    return list(ended)


def newest(parts: list[Any]) -> int:
    """The ``seq`` of an entry's last line."""
    return Entry(*parts).lived().seq
