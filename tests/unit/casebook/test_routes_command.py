"""``loopwatch routes test``: who would be told, and cases out of a file."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from loopwatch.cli import build

RULES = """\
version: 1
rules:
  - {name: session-cost, metric: cost_usd, threshold: {warning: 0.5, critical: 2.0}}
  - {name: tool-errors, metric: tool_error_rate, window: 50 sessions, threshold: 0.15}
  - {name: slow, metric: latency_ms, window: 50 sessions, threshold: 30000, labels: {team: x}}
receivers:
  - {name: agents, webhook: {url: "https://example.com/a"}}
  - {name: on-call, webhook: {url: "https://example.com/b"}}
  - {name: lead, webhook: {url: "https://example.com/c"}}
route:
  receiver: agents
  group_by: [rule, agent]
  repeat_interval: 30m
  routes:
    - match: {severity: critical}
      receiver: on-call
      continue: true
      escalate: {after: 15m, receiver: lead}
    - {receiver: agents}
inhibit:
  - {source: {rule: tool-errors}, target: {rule: slow}, equal: [agent]}
mute:
  - {match: {severity: warning}, times: [{weekdays: [saturday, sunday]}], timezone: Europe/Berlin}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a configuration."""
    monkeypatch.chdir(tmp_path)
    Path("loopwatch.yaml").write_text(RULES)
    return tmp_path


def call(*arguments: str) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(build(["routes"]), ["routes", "test", *arguments])


def cases(text: str) -> Result:
    """Run the cases of a file."""
    Path("cases.yaml").write_text(text)
    return call("--file", "cases.yaml")


class TestOneAlert:
    def test_it_prints_receivers_and_why(self) -> None:
        """In the tree's order, with what leads there, the group and the times."""
        found = call("rule=session-cost", "agent=a", "severity=critical")
        assert found.exit_code == 0
        assert found.stdout.splitlines() == [
            "alert      agent=a rule=session-cost metric=cost_usd severity=critical kind=threshold",
            "receiver   on-call",
            '  because  route > routes[0] {severity="critical"}',
            '  group    {agent="a",rule="session-cost"}',
            "  times    group_wait 10s, group_interval 5m, repeat_interval 30m",
            "  escalate to lead after 15m",
            "receiver   agents",
            "  because  route > routes[1] {}",
            '  group    {agent="a",rule="session-cost"}',
            "  times    group_wait 10s, group_interval 5m, repeat_interval 30m",
        ]

    def test_it_says_what_a_route_holds_together(self) -> None:
        """With a ``fan_in``, beside the times."""
        fan_in = "  repeat_interval: 30m\n  fan_in: {series: 3, within: 2m}\n"
        Path("loopwatch.yaml").write_text(
            RULES.replace("  repeat_interval: 30m\n", fan_in)
        )
        found = call("rule=slow", "agent=a", "--at", "2026-05-04T12:00:00Z")
        said = "  fan-in   3 series that break within 2m are held in one group"
        assert said in found.stdout.splitlines()

    def test_the_rule_brings_its_labels_and_severity(self) -> None:
        """What the file says of it need not be typed."""
        found = call("rule=slow", "agent=a", "--at", "2026-05-02T12:00:00Z")
        first = found.stdout.splitlines()[0]
        assert "team=x" in first
        assert "severity=warning" in first

    def test_it_says_what_suppresses(self) -> None:
        """Mute times at that time, and what would inhibit it."""
        found = call("rule=slow", "agent=a", "--at", "2026-05-02T12:00:00Z")
        assert "muted      by mute[0] at 2026-05-02T12:00:00Z" in found.stdout
        assert (
            'inhibited  by inhibit[0] while {rule="tool-errors"} fires; equal: agent'
            in found.stdout
        )

    def test_other_receivers_than_expected_fail(self) -> None:
        """Exit code 1, for CI."""
        typed = ("rule=session-cost", "severity=critical", "--receivers")
        assert call(*typed, "on-call,agents").exit_code == 0
        found = call(*typed, "agents")
        assert found.exit_code == 1
        assert "expected agents; reached on-call, agents" in found.stderr

    @pytest.mark.parametrize(
        ("typed", "said"),
        [
            ([], "give the labels of an alert"),
            (["rule=slow", "--file", "x"], "give the labels of an alert"),
            (["agent=a"], "say which rule: rule=session-cost|slow|tool-errors"),
            (["rule=fast"], "there is no rule 'fast'"),
            (["rule=slow", "metric=cost_usd"], "the metric of the rule 'slow' is"),
            (["rule=slow", "x"], "'x' is no label"),
            (["rule=slow", "a=1", "a=2"], "'a' stands twice"),
            (["rule=slow", "--at", "noon"], "is no time"),
        ],
    )
    def test_wrong_usage(self, typed: list[str], said: str) -> None:
        """Exit code 2, and what would be right."""
        found = call(*typed)
        assert found.exit_code == 2
        assert said in found.stderr


class TestCases:
    def test_routing_grouping_and_time(self) -> None:
        """Two alerts of a group are told together, and their ends when they come."""
        found = cases(
            """
            cases:
              - name: together
                receivers: [agents]
                alerts:
                  - {name: one, labels: {rule: session-cost, agent: a}}
                  - name: two
                    labels: {rule: session-cost, agent: a, task_type: refund}
                    fires: 5s
                    resolves: 20m
                told:
                  - {after: 10s, receiver: agents, reason: firing, alerts: [two, one]}
                  - {after: 20m, reason: resolved, alerts: [two]}
                  - {after: 50m, reason: repeat, alerts: [one]}
                until: 1h
            """
        )
        assert found.stdout == "ok      together\n1 cases, 0 failed\n"
        assert found.exit_code == 0

    def test_levels_escalation_and_acknowledgement(self) -> None:
        """Who is told what, as the level rises and nobody looks, or somebody does."""
        found = cases(
            """
            cases:
              - name: nobody looks
                alerts:
                  - name: dear
                    labels: {rule: session-cost}
                    levels: {critical: 10m}
                until: 29m
                told:
                  - {after: 10s, receiver: agents, reason: firing}
                  - {after: 10m, receiver: agents, reason: escalated}
                  - {after: 10m10s, receiver: on-call, reason: firing}
                  - {after: 25m10s, receiver: lead, reason: firing}
              - name: somebody does
                alerts:
                  - {name: dear, labels: {rule: session-cost}, severity: critical}
                acks: [{match: {rule: session-cost}, at: 1m, for: 2h}]
                told:
                  - {after: 10s, receiver: on-call}
                  - {after: 10s, receiver: agents}
            """
        )
        assert found.exit_code == 0, found.stdout

    def test_what_breaks_together(self) -> None:
        """Three of three agents are one incident on a route with ``fan_in``."""
        fan_in = "  repeat_interval: 30m\n  fan_in: {series: 3, within: 2m}\n"
        Path("loopwatch.yaml").write_text(
            RULES.replace("  repeat_interval: 30m\n", fan_in)
        )
        found = cases(
            """
            cases:
              - name: a bad model
                alerts:
                  - {name: a, labels: {rule: session-cost, agent: a}, resolves: 20m}
                  - {name: b, labels: {rule: session-cost, agent: b}, fires: 1s, resolves: 20m}
                  - {name: c, labels: {rule: session-cost, agent: c}, fires: 2s, resolves: 20m}
                until: 30m
                told:
                  - {after: 12s, receiver: agents, reason: firing, alerts: [a, b, c]}
                  - {after: 20m, receiver: agents, reason: resolved, alerts: [a, b, c]}
            """
        )
        assert found.exit_code == 0, found.stdout

    def test_inhibition_mutes_and_silences(self) -> None:
        """What is suppressed is told when that is over."""
        found = cases(
            """
            cases:
              - name: inhibited
                alerts:
                  - {name: errors, labels: {rule: tool-errors, agent: a}, resolves: 10m}
                  - {name: slow, labels: {rule: slow, agent: a}}
                until: 20m
                told:
                  - {reason: firing, alerts: [errors]}
                  - {after: 10m, reason: resolved, alerts: [errors]}
                  - {after: 10m10s, reason: unsuppressed, alerts: [slow]}
              - name: the weekend in Berlin ends at midnight there
                at: 2026-03-29T21:00:00Z
                alerts: [{name: slow, labels: {rule: slow}}]
                until: 90m
                told: [{after: 1h10s, reason: unsuppressed}]
              - name: silenced
                alerts: [{name: slow, labels: {rule: slow}, resolves: 30m}]
                silences: [{match: ['rule=~"s.*"'], for: 1h}]
                told: []
            """
        )
        assert found.exit_code == 0, found.stdout

    def test_what_fails_says_what_came_instead(self) -> None:
        """Exit code 1; every case is run."""
        found = cases(
            """
            cases:
              - name: wrong
                receivers: [lead]
                alerts: [{name: slow, labels: {rule: slow}, resolves: 10m}]
                told: [{after: 11s}]
              - name: right
                alerts: [{name: slow, labels: {rule: slow}}]
                receivers: [agents]
            """
        )
        assert found.exit_code == 1
        assert found.stdout.splitlines() == [
            "FAILED  wrong",
            "        receivers: expected ['lead'], got ['agents']",
            "        told, 1: expected {after: 11s}, got {after: 10s, receiver: agents, reason: firing, alerts: [slow]}",
            "        told, 2: nothing more expected, got {after: 10m, receiver: agents, reason: resolved, alerts: [slow]}",
            "        told: {after: 10s, receiver: agents, reason: firing, alerts: [slow]}",
            "        told: {after: 10m, receiver: agents, reason: resolved, alerts: [slow]}",
            "ok      right",
            "2 cases, 1 failed",
        ]

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("cases: [", "cases.yaml: 1: "),
            ("cases: [{name: x}]", "missing required field `alerts`"),
            ("cases: [{name: x, alerts: [], tald: []}]", "unknown field `tald`"),
            ("cases: [{name: x, alerts: []}]", "case 'x': say what is to come of it"),
            (
                "cases: [{name: x, told: [], alerts: [{name: a, labels: {rule: no}}]}]",
                "there is no rule 'no'",
            ),
            (
                "cases: [{name: x, told: [{after: soon}], alerts: []}]",
                "'soon' is no duration",
            ),
            (
                "cases: [{name: x, told: [{alerts: [b]}], alerts: []}]",
                "'told' names an alert 'b' that is not there",
            ),
            ("cases: [{name: x, at: '2026', told: [], alerts: []}]", "case 'x'"),
        ],
    )
    def test_a_file_that_is_wrong(self, text: str, said: str) -> None:
        """Exit code 2, with the place as far as it is known."""
        found = cases(text)
        assert found.exit_code == 2
        assert said in found.stderr

    def test_a_missing_file(self) -> None:
        """Exit code 2."""
        found = call("--file", "none.yaml")
        assert found.exit_code == 2
        assert "none.yaml: cannot be read" in found.stderr
