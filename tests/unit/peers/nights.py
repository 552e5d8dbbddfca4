"""A night on call, on the virtual clock: sessions in, and who was told what.

Two rules on single sessions, so that an alert fires with the session that is bad and is
over with the next that is not. Times are minutes after 08:00 UTC on a Friday.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from detectors.transitions import microseconds, rfc3339
from loopwatch.casebook.comparing import differences
from loopwatch.casebook.play import play
from loopwatch.casebook.reading import read_cases
from loopwatch.config import load
from tests.unit.replay.test_replay import Run

BEGIN_S = 1_800_000_000

RULES = """\
version: 1
defaults: {by: [agent], min_samples: 1}
rules:
  - name: dear
    metric: cost_usd
    window: 1 sessions
    threshold: {warning: 1.0, critical: 5.0}
  - {name: loops, metric: loop_count, window: 1 sessions, threshold: 10}
"""
RECEIVERS = """\
receivers:
  - {name: team, slack: {channel: "#alerts", token: "${SLACK_BOT_TOKEN}"}}
  - {name: on-call, pagerduty: {routing_key: "${PAGERDUTY_ROUTING_KEY}"}}
"""

Told = tuple[float, str, str, int]
"""Minute, receiver, reason, number of alerts."""


def at(minute: float) -> str:
    """A minute as RFC 3339."""
    return rfc3339(int((BEGIN_S + 60 * minute) * 1_000_000))


def course(agent: str, values: Mapping[float, float], metric: str = "cost_usd") -> Any:
    """One session of an agent at each of these minutes, with this value."""
    return [
        {
            "session_id": f"{agent}-{metric}-{minute}",
            "agent": agent,
            "ended_at": BEGIN_S + 60 * minute,
            metric: value,
        }
        for minute, value in values.items()
    ]


def silence(begin: float, end: float, **match: str) -> dict[str, Any]:
    """Somebody silences what matches."""
    found = {"at": at(begin), "action": "silence", "id": "s1", "until": at(end)}
    return {**found, "match": match, "by": "ann", "comment": "we know"}


def ack(begin: float, span: str, **match: str) -> dict[str, Any]:
    """Somebody looks after what matches."""
    found = {"at": at(begin), "action": "ack", "match": match, "for": span}
    return {**found, "by": "ann", "comment": "on it"}


def replayed(
    folder: Path,
    rest: str,
    *sessions: Sequence[dict[str, Any]],
    until: float = 120,
    actions: Sequence[dict[str, Any]] = (),
    rules: str = RULES,
) -> Run:
    """A replay of some courses, with the rest of a configuration below the rules."""
    text = f"{rules}{rest}"
    if "receivers:" not in rest:
        text += RECEIVERS
    if "route:" not in rest:
        text += "route: {receiver: team}\n"
    (folder / "rules.yaml").write_text(text)
    (folder / "actions.jsonl").write_text("\n".join(map(json.dumps, actions)))
    lines = sorted(
        (one for each in sessions for one in each), key=lambda one: one["ended_at"]
    )
    found = Run(
        folder,
        [json.dumps(one) for one in lines],
        *("--actions", str(folder / "actions.jsonl"), "--until", at(until)),
    )
    assert found.code == 0, found.stderr
    return found


def told(found: Run) -> list[Told]:
    """What people were told, in order."""
    return [
        (
            round((microseconds(line["time"]) / 1e6 - BEGIN_S) / 60, 4),
            line["receiver"],
            line["reason"],
            len(line["alert_ids"]),
        )
        for line in found.lines
        if line["kind"] == "notification"
    ]


def night(folder: Path, rest: str, *sessions: Any, **more: Any) -> list[Told]:
    """What people were told, in order."""
    return told(replayed(folder, rest, *sessions, **more))


def wrong(folder: Path, rest: str, cases: str) -> list[tuple[str, ...]]:
    """Of each case of a file what is not as it says."""
    (folder / "rules.yaml").write_text(f"{RULES}{rest}{RECEIVERS}")
    (folder / "cases.yaml").write_text(cases)
    environ = {"SLACK_BOT_TOKEN": "xoxb-1", "PAGERDUTY_ROUTING_KEY": "0" * 32}
    loaded = load(folder / "rules.yaml", environ)
    assert loaded.config is not None, loaded.faults
    read = read_cases(folder / "cases.yaml", loaded.config)
    assert read.faults == ()
    routing = loaded.config.routing
    return [
        tuple(differences(case, play(case, routing), "cases.yaml"))
        for case in read.cases
    ]
