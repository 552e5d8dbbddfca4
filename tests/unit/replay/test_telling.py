"""Grouping, repeats, inhibition and mutes on the whole road, from sessions on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.unit.replay.test_actions import at
from tests.unit.replay.test_replay import Run, session

RULES = """\
version: 1
defaults: {by: [agent], min_samples: 2}
rules:
  - {name: dear, metric: cost_usd, threshold: {warning: 0.5, critical: 2.0}, keep_firing_for: 10m}
  - {name: errors, metric: tool_error_rate, window: 2 sessions, threshold: 0.5}
receivers:
  - {name: team, webhook: {url: "https://example.com/hook"}}
"""


def _run(folder: Path, rest: str, lines: list[str], *options: str) -> list[Any]:
    """When, why and how many: of each notification."""
    (folder / "rules.yaml").write_text(RULES + rest)
    found = Run(folder, lines, *options)
    assert found.code == 0, found.stderr
    times = [line["time"] for line in found.lines]
    assert times == sorted(times)
    return [
        (line["time"], line["reason"], len(line["alert_ids"]))
        for line in found.lines
        if line["kind"] == "notification"
    ]


def _healthy(until_s: int) -> list[str]:
    return [session(60.0 * n, agent="other") for n in range(1, until_s // 60 + 1)]


def test_what_breaks_together_is_told_together(tmp_path: Path) -> None:
    """S42, S49: one line for four agents, and one for their ends."""
    broken = [
        session(2.0 * n, session_id=f"b{n}", agent=f"a{n}", cost_usd=1.0)
        for n in range(4)
    ]
    told = _run(tmp_path, "route: {receiver: team}\n", [*broken, *_healthy(1200)])
    assert told == [(at(10), "firing", 4), (at(600), "resolved", 1), *told[2:]]
    assert sum(count for _, reason, count in told if reason == "resolved") == 4


def test_repeats_end_with_the_file(tmp_path: Path) -> None:
    """S4, S46: exactly so long after the last message, and none after the last event."""
    lines = [session(0.0, agent="a", cost_usd=1.0), *_healthy(500)]
    rest = "route: {receiver: team, repeat_interval: 2m}\n"
    assert _run(tmp_path, rest, lines) == [
        (at(10), "firing", 1),
        (at(130), "repeat", 1),
        (at(250), "repeat", 1),
        (at(370), "repeat", 1),
    ]
    moved = _run(tmp_path, rest, lines, "--until", at(520))
    assert moved[-1] == (at(490), "repeat", 1)


def test_a_target_is_told_when_its_source_is_over(tmp_path: Path) -> None:
    """S52, S53."""
    broken = [
        session(0.0, agent="a", cost_usd=1.0, tool_errors=2),
        session(1.0, agent="a", tool_errors=2),
    ]
    rest = (
        "route: {receiver: team, group_wait: 5s}\n"
        "inhibit: [{source: {rule: dear}, target: {rule: errors}, equal: [agent]}]\n"
    )
    assert _run(tmp_path, rest, [*broken, *_healthy(1200)]) == [
        (at(5), "firing", 1),
        (at(600), "resolved", 1),
        (at(605), "unsuppressed", 1),
    ]


def test_a_mute_ends_on_local_time(tmp_path: Path) -> None:
    """S55, S56: what is a warning waits, what is critical does not."""
    # Noon of these tests is 08:00 UTC on a Friday in January: 09:00 in Berlin.
    rest = (
        "route: {receiver: team, group_by: ['...']}\n"
        "mute:\n"
        "  - match: {severity: warning}\n"
        '    times: [{weekdays: [friday], start: "06:00", end: "09:05"}]\n'
        "    timezone: Europe/Berlin\n"
    )
    lines = [
        session(0.0, agent="a", cost_usd=1.0),
        session(1.0, agent="b", cost_usd=3.0),
        *_healthy(420),
    ]
    assert _run(tmp_path, rest, lines) == [
        (at(11), "firing", 1),
        (at(310), "unsuppressed", 1),
    ]


def test_a_mute_does_not_end_after_the_file(tmp_path: Path) -> None:
    """S4."""
    rest = (
        'route: {receiver: team}\nmute: [{times: [{start: "06:00", end: "08:05"}]}]\n'
    )
    lines = [session(0.0, agent="a", cost_usd=1.0), *_healthy(120)]
    assert _run(tmp_path, rest, lines) == []
    assert _run(tmp_path, rest, lines, "--until", at(400)) == [
        (at(310), "unsuppressed", 1)
    ]
