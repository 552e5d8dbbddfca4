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
        assert found.stdout == "ok      together\n1 case, 0 failed\n"
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
        """Where it is expected, what came, and why; every case is run, exit code 1."""
        found = cases(
            """\
cases:
  - name: wrong
    receivers: [lead]
    alerts: [{name: slow, labels: {rule: slow}, resolves: 10m}]
    told:
      - {after: 11s}
      - {after: 10m, reason: resolved}
  - name: right
    alerts: [{name: slow, labels: {rule: slow}}]
    receivers: [agents]
"""
        )
        assert found.exit_code == 1
        times = (
            'group {agent="",rule="slow"},'
            " group_wait 10s, group_interval 5m, repeat_interval 30m"
        )
        inhibited = 'while {rule="tool-errors"} fires; equal: agent'
        assert found.stdout.splitlines() == [
            "FAILED  wrong  (cases.yaml:2:5)",
            "        receivers: expected [lead], got [agents]  (cases.yaml:3:5)",
            "        told (- expected, and did not come; + came, and is not expected):",
            "        - {after: 11s}  (cases.yaml:6:9)",
            "        + {after: 10s, receiver: agents, reason: firing, alerts: [slow]}",
            "          {after: 10m, receiver: agents, reason: resolved, alerts: [slow]}",
            "        why:",
            "          slow: agents because route > routes[1] {}",
            f"            {times}",
            f"          slow: inhibited by inhibit[0] {inhibited}",
            "ok      right",
            "2 cases, 1 failed",
        ]

    def test_one_that_is_missing_does_not_shift_the_others(self) -> None:
        """What came is set beside what was expected, as much of it as agrees."""
        found = cases(
            """
            cases:
              - name: repeats
                alerts: [{name: slow, labels: {rule: slow}, resolves: 1h5m}]
                told:
                  - {after: 30m10s, reason: repeat}
                  - {after: 1h10s, reason: repeat}
                  - {reason: resolved}
            """
        )
        signs = [line[8] for line in found.stdout.splitlines()[2:6]]
        assert signs == ["+", " ", " ", " "]

    def test_why_names_all_that_suppresses(self) -> None:
        """By each severity, with mute times and what people did."""
        found = cases(
            """
            cases:
              - name: not a word
                at: 2026-05-02T12:00:00Z
                alerts: [{name: dear, labels: {rule: session-cost}, levels: {critical: 5m}}]
                silences: [{match: {rule: session-cost}, at: 1m, for: 1h}]
                acks: [{match: {severity: critical}, at: 6m, for: 2h}]
                told: []
            """
        )
        said = found.stdout
        assert "dear (warning): agents because route > routes[1] {}" in said
        assert 'dear (critical): on-call because route > routes[0] {severity="' in said
        assert "dear (warning): muted by mute[0] at 2026-05-02T12:00:00Z" in said
        assert "dear (critical): muted" not in said
        assert "dear (critical): silenced by silences[0] from 1m to 1h1m" in said
        assert "dear (critical): acknowledged by acks[0] from 6m to 2h6m" in said

    @pytest.mark.parametrize(
        ("case", "said"),
        [
            (
                "receivers: [agents, on-call]",
                "got [on-call, agents], which is the order",
            ),
            ("receivers: [on-call]", "receivers at the first severity: expected"),
            ("told: [{after: 9h}]", "the case was over after 1h2m; 'until' makes it"),
        ],
    )
    def test_what_is_easily_mistaken_is_explained(self, case: str, said: str) -> None:
        """The order of receivers, levels that come later, and a case that is over."""
        severity, levels = "critical", "{}"
        if "first severity" in said:
            severity, levels = "warning", "{critical: 1m}"
        found = cases(
            f"""
            cases:
              - name: mistaken
                {case}
                alerts:
                  - name: dear
                    labels: {{rule: session-cost}}
                    severity: {severity}
                    levels: {levels}
                    resolves: 2m
            """
        )
        assert found.exit_code == 1
        assert said in found.stdout

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("cases: [", "1:9: no YAML: a value is missing here"),
            ("", "1:1: there are no cases: write"),
            ("cases: []", "1:8: found an empty list"),
            ("case: []", "1:1: unknown key 'case', did you mean 'cases'?"),
            ("cases: [{told: [], alerts: []}]", "1:9: 'name' is missing"),
            ("cases: [{name: x}]", "1:9: 'alerts' is missing: write"),
            (
                "cases: [{name: x, alerts: [], tald: []}]",
                "1:31: unknown key 'tald', did",
            ),
            ("cases: [{name: x, alerts: []}]", "1:9: say what is to come of it"),
            (
                "cases: [{name: x, alerts: []}]",
                "1:27: found an empty list: write a list",
            ),
            ("cases: [{name: x, at: '2026', told: []}]", "1:23: '2026' is no time"),
            (
                "cases: [{name: x, at: 2026-01-05T12:00:00, told: []}]",
                "1:23: 2026-01-05T12:00:00 has no offset",
            ),
            (
                "cases: [{name: x, told: [{after: soon}]}]",
                "1:34: 'soon' is no duration",
            ),
            ("cases: [{name: x, told: [{alerts: [b]}]}]", "1:36: unknown alert 'b'"),
            (
                "cases: [{name: x, told: [{receiver: on_call}]}]",
                "1:37: unknown receiver 'on_call', did you mean 'on-call'?",
            ),
            (
                "cases: [{name: x, told: [{reason: fireing}]}]",
                "1:35: unknown reason 'fireing', did you mean 'firing'?",
            ),
            (
                "cases: [{name: x, until: 5m, told: [{after: 10m}]}]",
                "1:45: the case is over by then: its 'until' is 5m",
            ),
            (
                "cases: [{name: x, receivers: agents}]",
                "1:30: found a single value: write a list of receivers",
            ),
            (
                "cases: [{name: x, silences: [{match: {agent: a}}], told: []}]",
                "1:30: 'for' is missing",
            ),
            (
                "cases: [{name: x, acks: [{match: {agent: a}, for: 1h}], told: []}]",
                "1:26: 'at' is missing",
            ),
            (
                "cases: [{name: x, silences: [{match: ['a~b'], for: 1h}], told: []}]",
                "1:39: 'a~b' is no condition",
            ),
        ],
    )
    def test_a_file_that_is_wrong(self, text: str, said: str) -> None:
        """Exit code 2, with the place and what would be right; nothing is run."""
        found = cases(text)
        assert (found.exit_code, found.stdout) == (2, "")
        assert f"cases.yaml:{said}" in found.stderr

    @pytest.mark.parametrize(
        ("alert", "said"),
        [
            ("labels: {rule: slow}", "1:28: 'name' is missing"),
            ("name: a", "1:28: 'labels' is missing: write {rule: NAME}"),
            (
                "name: a, labels: {agent: b}",
                "1:46: 'rule' is missing: it is one of session-cost, slow, tool-errors",
            ),
            (
                "name: a, labels: {rule: slov}",
                "1:53: unknown rule 'slov', did you mean",
            ),
            ("name: a, rule: slow", "1:38: 'rule' belongs in 'labels'"),
            (
                "name: a, labels: {rule: slow, severity: info}",
                "1:59: 'severity' belongs beside 'labels'",
            ),
            (
                "name: a, labels: {rule: slow, kind: drift}",
                "1:59: take 'kind' out: the rule brings it",
            ),
            (
                "name: a, labels: {rule: slow}, severity: bad",
                "1:70: unknown severity 'bad'",
            ),
            (
                "name: a, labels: {rule: slow}, levels: {critcal: 1m}",
                "1:69: unknown key 'critcal', did you mean 'critical'?",
            ),
            (
                "name: a, labels: {rule: slow}, fires: 2m, levels: {critical: 1m}",
                "1:90: it must be later than it fires, 2m",
            ),
            (
                "name: a, labels: {rule: slow}, fires: 2m, resolves: 1m",
                "1:81: it must resolve after all else",
            ),
            (
                "name: a, labels: {rule: slow}}, {name: a, labels: {rule: slow}",
                "1:68: the alert of line 1 has this name already",
            ),
        ],
    )
    def test_an_alert_that_is_wrong(self, alert: str, said: str) -> None:
        """Likewise."""
        found = cases(f"cases: [{{name: x, alerts: [{{{alert}}}], told: []}}]")
        assert (found.exit_code, found.stdout) == (2, "")
        assert f"cases.yaml:{said}" in found.stderr

    def test_every_fault_is_named_at_once(self) -> None:
        """In the file's order, as ``loopwatch check`` does."""
        found = cases("cases:\n- {name: x, at: noon, told: []}\n- {nam: y}\n")
        places = [line.split(": ")[0] for line in found.stderr.splitlines()]
        assert places == [
            *("cases.yaml:2:3", "cases.yaml:2:17"),
            *("cases.yaml:3:3", "cases.yaml:3:3", "cases.yaml:3:4"),
        ]

    def test_labels_that_no_alert_has_are_warned_of(self) -> None:
        """The case is run: it may be meant so."""
        found = cases(
            "cases: [{name: x, receivers: [agents], alerts: [{name: a, labels: {rule: slow,"
            " agnet: b}}], silences: [{match: {agnet: b}, for: 1s}]}]"
        )
        said = "no alert of the rule 'slow' has the label 'agnet'"
        assert f"warning: cases.yaml:1:80: {said}" in found.stderr
        assert (
            "warning: cases.yaml:1:113: no rule has the label 'agnet'" in found.stderr
        )
        assert "did you mean 'agent'?" in found.stderr
        assert found.exit_code == 0, found.stdout

    def test_a_missing_file(self) -> None:
        """Exit code 2."""
        found = call("--file", "none.yaml")
        assert found.exit_code == 2
        assert "none.yaml: no such file: name a file of cases" in found.stderr
