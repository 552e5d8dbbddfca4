"""What a configuration means: defaults, inheritance, secrets, the digest."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from alerts.receivers import PagerDutyService, Secret, SlackChannel, WebhookEndpoint
from alerts.routes import Escalate, FanIn, MuteTime, Route
from detectors.matchers import equal
from detectors.metrics import Aggregate, Direction
from detectors.rules import (
    SECOND_US,
    Absence,
    Baseline,
    Budget,
    Drift,
    Hold,
    Level,
    Rule,
    Severity,
    Silence,
    Threshold,
    Window,
    rule,
)
from loopwatch.config import Config, load
from loopwatch.config.load import read
from loopwatch.config.source import Source

MINUTE_US = 60 * SECOND_US
DAY_US = 86_400 * SECOND_US
CONTRACT = Path(__file__).parent / "contract.yaml"


def config_of(text: str, environ: Mapping[str, str] | None = None) -> Config:
    """The configuration that a text means; the text must be right."""
    loaded = read(Source(text), Path("folder/loopwatch.yaml"), environ or {})
    assert loaded.faults == ()
    assert loaded.config is not None
    return loaded.config


def rule_of(text: str) -> Rule:
    """The one rule of a text."""
    (only,) = config_of(f"version: 1\nrules:\n  - {text}\n").book.rules
    return only


def contract() -> Config:
    """The contract's example, with every further key it names."""
    loaded = load(CONTRACT, {})
    assert loaded.faults == ()
    assert loaded.config is not None
    return loaded.config


def contract_rule(name: str) -> Rule:
    """One rule of the contract's example."""
    return next(each for each in contract().book.rules if each.name == name)


def routes(top: Route) -> list[Route]:
    """All nodes of a tree in the file's order."""
    return [top, *(node for child in top.routes for node in routes(child))]


class TestContract:
    def test_every_key_of_the_contract_is_accepted(self) -> None:
        """The contract's example has neither faults nor needless warnings."""
        loaded = load(CONTRACT, {})
        assert [fault.message for fault in loaded.faults + loaded.warnings] == []

    def test_unset_secrets_are_told_apart_from_faults(self) -> None:
        """Whoever only looks goes on without secrets; a worker must not."""
        unset = [fault.message for fault in load(CONTRACT, {}).unset]
        assert unset == [
            "the environment variable SLACK_BOT_TOKEN is not set",
            "the environment variable PAGERDUTY_ROUTING_KEY is not set",
            "the environment variable SLACK_WEBHOOK_URL is not set",
            "the environment variable BEARER is not set",
        ]


class TestBudget:
    def test_a_budget_is_a_sum_and_starts_as_a_warning(self) -> None:
        """Its levels have severities of their own, and nothing is held."""
        rule = contract_rule("tenant-budget")
        assert rule.kind == Budget(
            500.0, "month", (0.5, 0.8, 0.95, 1.0), "Europe/Berlin"
        )
        assert (rule.aggregate, rule.severity) == (Aggregate.SUM, Severity.WARNING)
        assert (rule.hold, rule.keep_firing_for_us) == (Hold(), 0)


class TestRules:
    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            (
                "session-cost",
                rule(
                    "session-cost",
                    "cost_usd",
                    Threshold(
                        (Level(Severity.WARNING, 0.5), Level(Severity.CRITICAL, 2.0))
                    ),
                ),
            ),
            (
                "latency-sla",
                rule(
                    "latency-sla",
                    "latency_ms",
                    Threshold((Level(Severity.WARNING, 30_000.0),)),
                    window=Window(samples=200),
                    aggregate=Aggregate.P95,
                ),
            ),
            (
                "quality-drop",
                rule(
                    "quality-drop",
                    "quality_score",
                    Baseline(drop=10.0),
                    window=Window(samples=50),
                ),
            ),
            (
                "gone-quiet",
                rule("gone-quiet", "sessions", Absence(30 * MINUTE_US), by=("agent",)),
            ),
        ],
    )
    def test_a_rule_is_filled_in_with_the_defaults(
        self, name: str, expected: Rule
    ) -> None:
        """What a rule does not say is what the contract says of it."""
        assert contract_rule(name) == expected

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("{}", Silence(10 * MINUTE_US)),
            ("{at_least: 1h}", Silence(60 * MINUTE_US)),
            ("{at_most: 6h}", Silence(10 * MINUTE_US, 360 * MINUTE_US)),
            ("{at_most: 5m}", Silence(5 * MINUTE_US, 5 * MINUTE_US)),
        ],
    )
    def test_an_absence_without_a_time_is_one_that_learns(
        self, text: str, expected: Silence
    ) -> None:
        """Ten minutes are the least, unless the most is less."""
        (found,) = config_of(
            f"{{version: 1, rules: [{{name: a, absence: {text}}}]}}"
        ).book.rules
        assert found.kind == expected

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("{}", Drift()),
            ("{sensitivity: high}", Drift("high")),
            ("{false_alarms: 2 per day}", Drift(false_alarms_a_day=2.0)),
            ("{false_alarms: 14 per week}", Drift(false_alarms_a_day=2.0)),
            ("{false_alarms: 60 per month}", Drift(false_alarms_a_day=2.0)),
            ("{false_alarms: 3 per hour}", Drift(false_alarms_a_day=72.0)),
        ],
    )
    def test_false_alarms_are_counted_by_the_day(
        self, text: str, expected: Drift
    ) -> None:
        """In whatever time they were written."""
        (found,) = config_of(
            f"{{version: 1, rules: [{{name: a, metric: cost_usd, drift: {text}}}]}}"
        ).book.rules
        assert found.kind == expected

    def test_every_key_reaches_the_rule(self) -> None:
        """A rule that says everything is read whole."""
        found = contract_rule("everything")
        assert found.by == ("agent", "tenant")
        assert found.where.all_of == (
            equal("environment", "production"),
            equal("model", "gpt-4o", "gpt-4.1"),
            equal("tenant", ""),
        )
        assert found.window == Window(span_us=120 * MINUTE_US)
        assert found.hold == Hold(samples=3)
        assert found.keep_firing_for_us == 10 * MINUTE_US
        assert (found.severity, found.direction) == (Severity.INFO, Direction.DOWN)
        assert isinstance(found.kind, Baseline)
        assert (found.kind.ratio, found.kind.recover) == (1.5, 1.2)
        assert found.kind.over_us == 30 * DAY_US
        assert found.labels == {"team": "search"}
        assert found.summary == "Judged worse."
        assert found.runbook_url == "https://runbooks.example.com/quality"
        assert found.rebaseline_after == Hold(span_us=DAY_US)

    def test_only_a_threshold_on_each_session_outlasts_its_breach_by_default(
        self,
    ) -> None:
        """S15: 15 minutes on each session, 0 on windows; both can be overridden."""
        held = {
            each.name: each.keep_firing_for_us // MINUTE_US
            for each in config_of(
                """
                version: 1
                rules:
                  - {name: each, metric: cost_usd, threshold: 1}
                  - {name: short, metric: cost_usd, threshold: 1, keep_firing_for: 1m}
                  - {name: none, metric: cost_usd, threshold: 1, keep_firing_for: 0}
                  - {name: window, metric: cost_usd, window: 1h, threshold: 1}
                """
            ).book.rules
        }
        assert held == {"each": 15, "short": 1, "none": 0, "window": 0}

    def test_a_single_limit_has_the_level_that_severity_names(self) -> None:
        """S24: `threshold: 0.5` is a warning unless `severity` says otherwise."""
        plain = rule_of("{name: a, metric: cost_usd, threshold: 1}")
        named = rule_of(
            "{name: a, metric: cost_usd, threshold: 1, severity: critical, recover: 0}"
        )
        assert plain.kind == Threshold((Level(Severity.WARNING, 1.0),))
        assert named.kind == Threshold((Level(Severity.CRITICAL, 1.0, 0.0),))

    def test_one_exit_is_that_of_the_mildest_level(self) -> None:
        """A number in `recover` says when the alert ends; the level falls before."""
        found = rule_of(
            "{name: a, metric: cost_usd, threshold: {warning: 1, critical: 2},"
            " recover: 0.5}"
        )
        assert found.kind == Threshold(
            (Level(Severity.WARNING, 1.0, 0.5), Level(Severity.CRITICAL, 2.0))
        )

    def test_what_over_says_is_the_only_limit_of_a_baseline(self) -> None:
        """7 days and 1,000 sessions hold together only where `over` is left out."""
        text = "{{name: a, metric: cost_usd, window: 9 sessions, baseline: {}}}"
        silent, time, count = (
            rule_of(text.format("{ratio: 2" + over + "}")).kind
            for over in ("", ", over: 30d", ", over: 5000 sessions")
        )
        assert isinstance(silent, Baseline)
        assert isinstance(time, Baseline)
        assert isinstance(count, Baseline)
        assert (silent.over_us, silent.over_samples) == (7 * DAY_US, 1_000)
        assert time.over_us == 30 * DAY_US
        assert time.over_samples > 100_000
        assert count.over_samples == 5_000
        assert count.over_us > 3_000 * DAY_US

    def test_rules_take_over_the_defaults_of_the_file(self) -> None:
        """Each default holds where a rule is silent and its kind has such a key."""
        first, second, third = config_of(
            """
            version: 1
            defaults: {by: [tenant], min_samples: 9, for: 2m, keep_firing_for: 3m,
                       severity: info}
            rules:
              - {name: a, metric: cost_usd, window: 1h, threshold: 1}
              - {name: b, metric: cost_usd, window: 1h, threshold: {critical: 1},
                 by: [], min_samples: 5, for: 0s, keep_firing_for: 0s}
              - {name: c, absence: 1h}
            """
        ).book.rules
        assert (first.by, first.min_samples) == (("tenant",), 9)
        assert first.hold == Hold(span_us=2 * MINUTE_US)
        assert first.keep_firing_for_us == 3 * MINUTE_US
        assert first.severity is Severity.INFO
        assert (second.by, second.min_samples, second.hold) == ((), 5, Hold())
        assert second.keep_firing_for_us == 0
        assert second.severity is Severity.CRITICAL
        assert (third.hold, third.keep_firing_for_us) == (Hold(), 0)

    def test_anchors_and_merges_are_followed(self) -> None:
        """What an anchor names can be used again, and a merge be overridden."""
        first, second = config_of(
            """
            version: 1
            rules:
              - &a {name: a, metric: cost_usd, threshold: &t {warning: 1}}
              - {<<: *a, name: b, threshold: {<<: *t, critical: 2}}
            """
        ).book.rules
        assert second.metric == first.metric
        assert second.kind == Threshold(
            (Level(Severity.WARNING, 1.0), Level(Severity.CRITICAL, 2.0))
        )

    def test_words_of_older_yaml_are_words(self) -> None:
        """YAML 1.2: `no` is a text and `22:00` no number of minutes."""
        found = rule_of(
            "{name: no, metric: cost_usd, threshold: 1, labels: {on: 1:30}}"
        )
        assert (found.name, found.labels) == ("no", {"on": "1:30"})


class TestRouting:
    def test_children_inherit_what_they_do_not_say(self) -> None:
        """S37: receiver, group_by and timers come from above, `match` does not."""
        tree = routes(contract().routing.route)
        acme = next(node for node in tree if "tenant" in node.match.labels)
        assert acme.receiver == "all-at-once"
        assert acme.group_by == ("rule", "agent")
        assert (acme.group_wait_us, acme.repeat_interval_us) == (0, 60 * MINUTE_US)
        assert acme.escalate == Escalate(15 * MINUTE_US, "on-call")
        assert acme.fan_in == FanIn(10, 5 * MINUTE_US)
        assert acme.match.all_of == (equal("tenant", "acme"),)

    def test_positions_follow_the_file_depth_first(self) -> None:
        """The root is 0, and its tree is counted from top to bottom."""
        tree = routes(contract().routing.route)
        assert [node.position for node in tree] == list(range(6))
        assert [node.go_on for node in tree] == [False, True, *[False] * 4]

    def test_mute_times_are_numbers(self) -> None:
        """S55: names and ranges of the calendar, also over the end of the week."""
        weekend, *further = (
            time for mute in contract().routing.mute for time in mute.times
        )
        assert weekend == MuteTime(weekdays=(5, 6))
        assert further == [
            MuteTime(
                weekdays=(0, 4, 5, 6),
                start_minute=22 * 60,
                end_minute=6 * 60,
                months=(1, 3, 11, 12),
            ),
            MuteTime(
                start_minute=18 * 60,
                end_minute=24 * 60,
                days_of_month=(-1, 1, 2, 3),
                years=(2026, 2028, 2029),
            ),
        ]

    def test_without_receivers_nobody_is_told(self) -> None:
        """Rules alone are enough to try them on a file."""
        routing = config_of("{version: 1, rules: [{name: a, absence: 1h}]}").routing
        assert routing.by_name[routing.route.receiver].channels == ()


class TestSecrets:
    TEXT = """
    version: 1
    rules: [{name: a, absence: 1h}]
    receivers:
      - name: all
        slack: {channel: "${CHANNEL}", token: "${TOKEN}"}
        pagerduty: {routing_key_file: keys/pagerduty}
        webhook: {url: "https://ann:pw@example.com/${PATH_PART}?key=1#x", bearer: "a-${TOKEN}"}
    route: {receiver: all}
    """

    def channels(
        self, environ: Mapping[str, str]
    ) -> tuple[SlackChannel, PagerDutyService, WebhookEndpoint]:
        """The three channels of the text."""
        (receiver,) = config_of(self.TEXT, environ).routing.receivers
        slack, pagerduty, webhook = receiver.channels
        assert isinstance(slack, SlackChannel)
        assert isinstance(pagerduty, PagerDutyService)
        assert isinstance(webhook, WebhookEndpoint)
        return slack, pagerduty, webhook

    def test_secrets_come_from_where_the_file_says(self) -> None:
        """From the environment, inside a longer text, and from a file beside it."""
        slack, pagerduty, webhook = self.channels(
            {"TOKEN": "canary\n", "PATH_PART": "hook", "CHANNEL": "#a"}
        )
        assert slack.channel == "#a"
        assert slack.token == Secret(value="canary")
        assert pagerduty.routing_key == Secret(file=Path("folder/keys/pagerduty"))
        assert webhook.url.read() == "https://ann:pw@example.com/hook?key=1#x"
        assert webhook.bearer == Secret(value="a-canary")

    def test_an_unset_variable_is_known_by_name(self) -> None:
        """Reading such a secret fails with the name of what is not set."""
        slack, _, webhook = self.channels({"PATH_PART": ""})
        assert slack.channel == "${CHANNEL}"
        assert slack.token == Secret(variable="TOKEN")
        assert webhook.bearer == Secret(variable="TOKEN")

    def test_a_target_shows_neither_credentials_nor_variables(self) -> None:
        """What lines and pages show of a URL is the same whatever is set."""
        for environ in ({}, {"PATH_PART": "canary", "TOKEN": "canary"}):
            webhook = self.channels(environ)[2]
            assert webhook.target == "https://example.com/${PATH_PART}"

    def test_no_representation_holds_a_secret(self) -> None:
        """A configuration can be logged whole."""
        environ = {"TOKEN": "canary", "PATH_PART": "canary"}
        assert "canary" not in repr(config_of(self.TEXT, environ))


class TestDigest:
    TEXT = """
    version: 1
    rules: [{name: a, metric: cost_usd, by: [agent, tenant], threshold: 1}]
    receivers: [{name: h, webhook: {url: "${URL}"}}]
    route: {receiver: h}
    """

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("version: 1", "# a comment\n    version: 1"),
            ("threshold: 1", "threshold: 1.0"),
            ("threshold: 1", "threshold: {warning: 1}"),
            ("threshold: 1", "severity: warning, threshold: 1"),
            ("by: [agent, tenant]", "by: ['tenant', agent]"),
            ("route:", "quality_scale: [1, 10]\n    route:"),
        ],
    )
    def test_the_same_meaning_has_the_same_digest(self, old: str, new: str) -> None:
        """Comments, layout, order of keys and written-out defaults change nothing."""
        assert old in self.TEXT
        edited = config_of(self.TEXT.replace(old, new))
        assert edited.book.digest == config_of(self.TEXT).book.digest

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("threshold: 1", "threshold: 2"),
            ("by: [agent, tenant]", "by: [agent]"),
            ("cost_usd", "tool_calls"),
            ("route:", "retention: 8d\n    route:"),
            ("threshold: 1", "threshold: 1, where: {tenant: acme}"),
            ("{receiver: h}", "{receiver: h, group_wait: 1s}"),
        ],
    )
    def test_another_meaning_has_another_digest(self, old: str, new: str) -> None:
        """Workers of different files must not take each other for alike."""
        assert old in self.TEXT
        edited = config_of(self.TEXT.replace(old, new))
        assert edited.book.digest != config_of(self.TEXT).book.digest

    def test_secrets_are_no_part_of_it(self) -> None:
        """A rotated secret changes no meaning, and nobody can guess at one."""
        digests = {
            config_of(self.TEXT, environ).book.digest
            for environ in (
                {},
                {"URL": "https://a.example"},
                {"URL": "https://b.example"},
            )
        }
        assert len(digests) == 1
