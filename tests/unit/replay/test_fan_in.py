"""Fan-in and census on the whole road: a bad model breaks many tenants at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.unit.replay.test_actions import at
from tests.unit.replay.test_replay import Run, command, files, session

RULES = """\
version: 1
defaults: {by: [model, tenant]}
rules:
  - {name: dear, metric: cost_usd, threshold: 0.5, keep_firing_for: 5m}
receivers:
  - {name: on-call, webhook: {url: "https://example.com/hook"}}
route:
  receiver: on-call
  group_by: ['...']
"""
FAN_IN = "  fan_in: {series: 10, within: 5m}\n"


def _fleet(broken: int) -> list[str]:
    """Twenty tenants on a model that goes bad for some of them, twenty on another."""
    lines = []
    for number in range(40):
        model = "new" if number < 20 else "old"
        labels = {"model": model, "tenant": f"t{number:02}"}
        lines.append(session(number // 10, session_id=f"w{number}", **labels))
    for number in range(broken):
        labels = {"model": "new", "tenant": f"t{number:02}"}
        at_s, name = 65 + number // 10, f"b{number}"
        lines.append(session(at_s, session_id=name, cost_usd=1.0, **labels))
    for number in range(30):
        labels = {"model": "old", "tenant": "t39"}
        lines.append(session(70.0 + 30 * number, session_id=f"h{number}", **labels))
    return lines


def _run(folder: Path, rest: str, broken: int) -> list[Any]:
    (folder / "rules.yaml").write_text(RULES + rest)
    found = Run(folder, _fleet(broken))
    assert found.code == 0, found.stderr
    times = [line["time"] for line in found.lines]
    assert times == sorted(times)
    return found.lines


def _told(lines: list[Any]) -> list[tuple[str, str, int]]:
    return [
        (line["time"], line["reason"], len(line["alert_ids"]))
        for line in lines
        if line["kind"] == "notification"
    ]


def test_a_bad_model_is_one_page(tmp_path: Path) -> None:
    """Eighteen tenants: one page, and every one of them is told to be over."""
    told = _told(_run(tmp_path, FAN_IN, 18))
    assert told[0] == (at(75), "firing", 18)
    assert {reason for _, reason, _ in told[1:]} == {"resolved"}
    assert sum(count for _, _, count in told[1:]) == 18


def test_without_fan_in_it_is_eighteen(tmp_path: Path) -> None:
    """Each tenant is a group of its own."""
    told = _told(_run(tmp_path, "", 18))
    assert [count for _, reason, count in told if reason == "firing"] == [1] * 18


def test_nine_of_ten_are_told_one_by_one(tmp_path: Path) -> None:
    """Fewer than ``series``: nothing is held."""
    told = _told(_run(tmp_path, FAN_IN, 9))
    assert [count for _, reason, count in told if reason == "firing"] == [1] * 9


def test_people_are_spared_the_census(tmp_path: Path) -> None:
    """In text there are the alerts alone: a line a minute would hide them."""
    (tmp_path / "rules.yaml").write_text(RULES + FAN_IN)
    _, told, _ = command([*files(tmp_path, _fleet(18)), "--output", "text"])
    assert b"firing" in told
    assert b"census" not in told


def test_the_census_tells_how_far_it_reaches(tmp_path: Path) -> None:
    """Once a minute while it lasts: of twenty on the model, eighteen."""
    lines = _run(tmp_path, FAN_IN, 18)
    censuses = [
        (line["time"], line["series"], line["firing"], line["all_series"])
        for line in lines
        if line["kind"] == "census" and line["name"] == "new"
    ]
    assert censuses == [(at(60 * n), 20, 18, 40) for n in range(2, 7)]
