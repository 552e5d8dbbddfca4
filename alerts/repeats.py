"""When a group says again what it said: exactly so long after it last spoke."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from alerts.groups import pause_us
from alerts.rows import Alert, Group
from alerts.silences import Ack, is_broken
from alerts.suppression import Suppression
from detectors.transitions import Transition


def acknowledged(alert: Alert, now_us: int) -> bool:
    """Whether somebody looks after an alert as it stands."""
    ack = alert.ack
    return ack is not None and now_us < ack.until_us and not is_broken(ack, alert.line)


def acks_of(
    lines: Iterable[Transition], alerts: Mapping[str, Alert], now_us: int
) -> dict[str, Ack]:
    """Who looks after the alerts of these lines, or did until they were over."""
    found = {}
    for line in lines:
        alert = alerts.get(line.alert_id)
        if alert is None or alert.ack is None:
            continue
        over = not line.to_state.is_open and alert.ack.generation == line.generation
        if over or acknowledged(alert, now_us):
            found[line.alert_id] = alert.ack
    return found


def remind(group: Group, alerts: Mapping[str, Alert], now_us: int) -> None:
    """Plan the next repeat; none where nothing fires that people know of."""
    if group.flushed_us is None or not any(_known(group, alerts)):
        group.remind_us = None
        return
    group.remind_us = max(now_us, group.flushed_us + pause_us(group))


def skip_repeat(
    group: Group, alerts: Mapping[str, Alert], suppression: Suppression, at_us: int
) -> None:
    """Plan the repeat after one that had nothing to say.

    What is acknowledged is repeated once that is over. What falls into a suppression
    is not made up: the next one comes at its time.
    """
    due = group.remind_us
    if due is None or not any(_known(group, alerts)):
        group.remind_us = None
        return
    ends = [
        alert.ack.until_us
        for alert in _known(group, alerts)
        if alert.ack is not None
        and acknowledged(alert, at_us)
        and suppression.cause(alert.line, at_us) is None
    ]
    pause = max(pause_us(group), 1)
    next_us = due + pause * ((at_us - due) // pause + 1)
    group.remind_us = min([*ends, next_us]) if ends else next_us


def _known(group: Group, alerts: Mapping[str, Alert]) -> Iterator[Alert]:
    """The alerts that fire, as people were told."""
    for alert_id, member in group.members.items():
        alert = alerts[alert_id]
        line = alert.line
        if (
            line.to_state.is_open
            and member.told == line.generation
            and line.rule_kind != "budget"
        ):
            yield alert
