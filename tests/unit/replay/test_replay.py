"""``loopwatch replay``: the worker's decisions over a file, on a virtual clock."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from loopwatch.cli import build

RULES = """\
version: 1
defaults: {by: [agent], min_samples: 3}
rules:
  - {name: session-cost, metric: cost_usd, threshold: {warning: 0.5, critical: 2.0}}
  - {name: errors, metric: tool_error_rate, window: 3 sessions, threshold: 0.5}
  - {name: gone-quiet, metric: sessions, absence: 10m}
receivers:
  - {name: team, slack: {channel: "#alerts", token: "${UNSET_TOKEN}"}}
  - {name: on-call, pagerduty: {routing_key: "${UNSET_KEY}"}}
route:
  receiver: team
  group_wait: 10s
  group_interval: 5m
  routes:
    - {match: {severity: critical}, receiver: on-call, continue: true}
    - {receiver: team}
"""


def session(at_s: float, **fields: Any) -> str:
    """A session that ends so many seconds after noon."""
    event = {
        "session_id": f"s-{at_s}",
        "agent": "a",
        "ended_at": 1_800_000_000 + at_s,
        "cost_usd": 0.1,
        "tool_calls": 2,
        "tool_errors": 0,
    }
    return json.dumps(event | fields)


def command(arguments: Sequence[str]) -> tuple[int, bytes, str]:
    """Exit code, stdout and stderr of a command line, run in this process."""
    stdout, stderr = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.StringIO()
    with redirect_stdout(stdout), redirect_stderr(stderr):
        try:
            build(arguments)(arguments, prog_name="loopwatch")
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 0
    stdout.flush()
    written = stdout.buffer
    assert isinstance(written, io.BytesIO)
    return code, written.getvalue(), stderr.getvalue()


def process(arguments: Sequence[str], environ: dict[str, str]) -> bytes:
    """Stdout of a command line in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "loopwatch", *arguments],
        capture_output=True,
        env=os.environ | environ,
        check=True,
        timeout=240,
    ).stdout


def files(folder: Path, lines: Sequence[str]) -> list[str]:
    """The arguments that replay lines under the rules of the folder."""
    rules, file = folder / "rules.yaml", folder / "sessions.jsonl"
    if not rules.exists():
        rules.write_text(RULES)
    file.write_text("\n".join(lines) + "\n")
    return ["replay", str(file), "-c", str(rules), "--output", "json"]


class Run:
    """What one run of the command gave."""

    def __init__(self, folder: Path, lines: Sequence[str], *options: str) -> None:
        arguments = files(folder, lines)
        self.code, self.stdout, self.stderr = command([*arguments, *options])
        self.lines = [json.loads(line) for line in self.stdout.splitlines()]

    def changes(self, rule: str) -> list[tuple[str, str]]:
        """State changes of a rule: seconds after noon would be noise, states are not."""
        return [
            (line["from"], line["to"])
            for line in self.lines
            if line["kind"] == "transition" and line["rule"] == rule
        ]

    def told(self) -> list[tuple[str, str]]:
        """Receiver and reason of each notification."""
        return [
            (line["receiver"], line["reason"])
            for line in self.lines
            if line["kind"] == "notification"
        ]


HEALTHY_THEN_DEAR = [
    *(session(10.0 * n) for n in range(5)),
    session(60, cost_usd=0.9),
    session(90, cost_usd=3.0),
    *(session(100.0 + 30 * n) for n in range(40)),
]


@pytest.fixture(scope="module")
def dear(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A warning, then a critical session, then twenty minutes of healthy ones."""
    return Run(tmp_path_factory.mktemp("dear"), HEALTHY_THEN_DEAR)


def test_an_alert_fires_escalates_and_resolves(dear: Run) -> None:
    """One alert a series: its level rises, and it ends when nothing has breached."""
    assert dear.changes("session-cost") == [
        ("insufficient", "ok"),
        ("ok", "firing"),
        ("firing", "firing"),
        ("firing", "resolved"),
        ("resolved", "ok"),
    ]


def test_each_receiver_hears_what_concerns_it(dear: Run) -> None:
    """The team hears all of it; on-call hears of the critical level and its end."""
    assert sorted(dear.told()) == [
        ("on-call", "firing"),
        ("on-call", "resolved"),
        ("team", "escalated"),
        ("team", "firing"),
        ("team", "resolved"),
    ]


def test_lines_come_in_order_of_time(dear: Run) -> None:
    """No line is older than the one before it."""
    times = [line["time"] for line in dear.lines]
    assert times == sorted(times)


def test_replay_needs_no_secrets_but_says_that_they_are_missing(dear: Run) -> None:
    """An unset variable is a warning with its place."""
    assert dear.code == 0
    assert "UNSET_TOKEN" in dear.stderr
    assert "rules.yaml:8:" in dear.stderr


@pytest.mark.parametrize(
    "environ",
    [
        {"PYTHONHASHSEED": "1", "TZ": "Asia/Kathmandu", "LC_ALL": "C"},
        {"PYTHONHASHSEED": "77", "TZ": "America/Caracas", "LC_ALL": "tr_TR.UTF-8"},
    ],
)
def test_the_same_input_gives_the_same_bytes(
    tmp_path: Path, dear: Run, environ: dict[str, str]
) -> None:
    """Hash seed, time zone, locale and folder change nothing."""
    assert process(files(tmp_path, HEALTHY_THEN_DEAR), environ) == dear.stdout


def test_a_breach_in_the_last_line_is_seen_to_be_told(tmp_path: Path) -> None:
    """The flush that it scheduled still runs, at its due time; nothing else does."""
    run = Run(tmp_path, [session(0), session(60, cost_usd=0.9)])
    assert run.told() == [("team", "firing")]
    assert run.lines[-1]["time"] == "2027-01-15T08:01:10Z"
    assert ("firing", "resolved") not in run.changes("session-cost")


def test_the_end_of_a_file_is_no_absence(tmp_path: Path) -> None:
    """The clock stops at the last event."""
    assert ("ok", "firing") not in Run(tmp_path, [session(0)]).changes("gone-quiet")


def test_until_moves_the_clock_on(tmp_path: Path) -> None:
    """With it the silence after the last event counts, at its due time."""
    run = Run(tmp_path, [session(0)], "--until", "2027-01-15T09:00:00Z")
    fired = [line for line in run.lines if line.get("to") == "firing"]
    assert [(line["rule"], line["time"]) for line in fired] == [
        ("gone-quiet", "2027-01-15T08:10:00Z")
    ]
    assert ("team", "firing") in run.told()


@pytest.mark.parametrize(
    ("typed", "said"),
    [("tomorrow", "is no time; write 2026"), ("2027-01-15T09:00:00", "has no offset")],
)
def test_a_time_that_is_none_is_said_so(tmp_path: Path, typed: str, said: str) -> None:
    """Exit code 2, and what to write."""
    run = Run(tmp_path, [session(0)], "--until", typed)
    assert (run.code, run.stdout) == (2, b"")
    assert said in run.stderr


def test_malformed_lines_are_named_and_leave_no_trace(tmp_path: Path) -> None:
    """Each is reported with its number and reason; the rest counts."""
    good = [session(0), session(60, cost_usd=0.9)]
    bad = ["{", "[]", session(30, cost_usd=-1), "", session(31, tool_errors=3)]
    run = Run(tmp_path, [good[0], *bad, good[1]])
    assert run.code == 0
    for number in (2, 3, 4, 6):
        assert f"line {number}: " in run.stderr
    assert run.stdout == Run(tmp_path, good).stdout


def test_an_empty_file_gives_nothing(tmp_path: Path) -> None:
    """No output, and no failure."""
    run = Run(tmp_path, [""])
    assert (run.code, run.stdout) == (0, b"")


def test_a_missing_file_fails(tmp_path: Path) -> None:
    """Exit code 1, and the file is named."""
    files(tmp_path, [])
    rules = str(tmp_path / "rules.yaml")
    code, _, stderr = command(["replay", "missing.jsonl", "-c", rules])
    assert code == 1
    assert "missing.jsonl" in stderr


def test_an_invalid_configuration_prints_what_check_prints(tmp_path: Path) -> None:
    """Exit code 2, nothing on stdout."""
    (tmp_path / "rules.yaml").write_text(RULES.replace("threshold: 0.5", "treshold: 1"))
    run = Run(tmp_path, [session(0)])
    assert (run.code, run.stdout) == (2, b"")
    assert "did you mean 'threshold'?" in run.stderr


BUDGET = """\
version: 1
rules:
  - name: daily
    metric: cost_usd
    by: [tenant]
    budget: {amount: 10, period: day, timezone: Europe/Berlin}
receivers: [{name: team, webhook: {url: "https://example.com/hook"}}]
route: {receiver: team, group_wait: 10s, group_interval: 1h}
"""
"""Noon of the file is nine in Berlin; its day ends 15 hours later."""


class TestBudget:
    def test_levels_escalate_at_once_and_midnight_ends_them(
        self, tmp_path: Path
    ) -> None:
        """A jump over two levels is told once; so is the end, by the next session."""
        (tmp_path / "rules.yaml").write_text(BUDGET)
        hour = 3600
        spent = [*(session(hour * n, cost_usd=1.5) for n in range(4)),
                 session(4.5 * hour, cost_usd=3.6), session(5 * hour, cost_usd=0.5),
                 session(20 * hour, cost_usd=1)]  # fmt: skip
        run = Run(tmp_path, spent)
        assert run.changes("daily") == [
            ("insufficient", "ok"),
            ("ok", "firing"),
            ("firing", "firing"),
            ("firing", "firing"),
            ("firing", "resolved"),
            ("resolved", "ok"),
        ]
        told = [
            (line["time"], line["reason"])
            for line in run.lines
            if line["kind"] == "notification"
        ]
        assert told == [
            ("2027-01-15T11:00:10Z", "firing"),
            ("2027-01-15T12:30:00Z", "escalated"),
            ("2027-01-15T13:00:00Z", "escalated"),
            ("2027-01-15T23:00:00Z", "resolved"),
        ]
        lines = [line for line in run.lines if line.get("to") == "firing"]
        assert [line["threshold"] for line in lines] == [5.0, 9.5, 10.0]
        assert lines[0]["evidence"]["exhausted_at"].startswith("2027-01-15T13:")
        assert "will be exhausted on 15 January 13:" in lines[0]["reason"]
        assert "exhausted since 15 January 13:00 UTC" in lines[2]["reason"]

    def test_the_end_of_a_file_ends_no_period(self, tmp_path: Path) -> None:
        """The clock stops at the last event; --until moves it past midnight."""
        (tmp_path / "rules.yaml").write_text(BUDGET)
        spent = [session(0, cost_usd=6)]
        assert ("firing", "resolved") not in Run(tmp_path, spent).changes("daily")
        until = Run(tmp_path, spent, "--until", "2027-01-16T00:00:00Z")
        assert until.lines[-1]["time"] == "2027-01-15T23:00:00Z"
        assert until.told() == [("team", "firing"), ("team", "resolved")]


def test_text_is_for_people(tmp_path: Path) -> None:
    """The default output says the same in words."""
    run = Run(tmp_path, [session(0)])
    _, stdout, _ = command(files(tmp_path, [session(0)])[:4])
    assert len(stdout.splitlines()) == len(run.lines)
    assert b"session-cost {agent=a}" in stdout


COST_RULES = """\
version: 1
defaults: {by: [agent], min_samples: 20}
rules:
  - {name: dear, metric: cost_usd, window: 20 sessions, baseline: {ratio: 2.0}}
receivers:
  - {name: team, slack: {channel: "#alerts", token: "${UNSET_TOKEN}"}}
route: {receiver: team}
"""


def _ran(at_s: float, model: str, prompt_tokens: int, price: float) -> str:
    """A session of four calls, at a price per million tokens."""
    tokens = 4 * prompt_tokens
    return session(
        at_s,
        model=model,
        loop_count=4,
        llm_calls=4,
        input_tokens=tokens,
        output_tokens=0,
        cost_usd=tokens * price / 1e6,
    )


@pytest.mark.parametrize(
    ("now", "causes", "said"),
    [
        (
            ("small", 10_000, 1.0),
            {"input_tokens_per_call": 1.0},
            "100 % input tokens per call",
        ),
        (("large", 1_000, 10.0), {"model": 1.0}, "100 % model (small → large)"),
        (
            ("large", 2_000, 4.0),
            {"model": 0.667, "input_tokens_per_call": 0.333},
            "67 % model (small → large), 33 % input tokens per call",
        ),
    ],
)
def test_a_rise_in_cost_says_why(
    tmp_path: Path, now: tuple[str, int, float], causes: dict[str, float], said: str
) -> None:
    """A prompt that grew, a dearer model, or both: for programs and for people."""
    (tmp_path / "rules.yaml").write_text(COST_RULES)
    healthy = [_ran(10.0 * n, "small", 1_000, 1.0) for n in range(100)]
    dear = [_ran(1000 + 10.0 * n, *now) for n in range(20)]
    run = Run(tmp_path, [*healthy, *dear])
    (fired,) = [line for line in run.lines if line.get("to") == "firing"]
    assert fired["causes"] == causes
    assert fired["expected"] == pytest.approx(0.004)
    _, stdout, _ = command(files(tmp_path, [*healthy, *dear])[:4])
    (text,) = [line for line in stdout.decode().splitlines() if "  firing" in line]
    assert text.endswith(f"  why: {said}")


PAGE = Path(__file__).parents[3] / "docs" / "configure.md"


def test_series_beyond_the_limit_are_named(tmp_path: Path) -> None:
    """As the page shows it; those that are there are watched."""
    rule = "{name: dear, metric: cost_usd, by: [agent, run], threshold: 0.5}"
    rules = f"version: 1\nmax_series: 2\nrules:\n  - {rule}\n"
    (tmp_path / "rules.yaml").write_text(rules)
    runs = [
        session(n, agent="support", cost_usd=1.0, attributes={"run": f"{n}"})
        for n in range(1, 5)
    ]
    run = Run(tmp_path, runs)
    fired = [line["labels"]["run"] for line in run.lines if line.get("to") == "firing"]
    assert fired == ["1", "2"]
    (said,) = [line for line in run.stderr.splitlines() if "found no place" in line]
    assert f"```text\n{said}\n```" in PAGE.read_text(encoding="utf-8")
