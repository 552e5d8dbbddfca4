"""Nights on call, each sentence of what is told when: sessions in, notifications out.

An alert is named by its tenant. It fires as a warning or as critical with the session that
is slow, and is over with the next that is not; loops are another rule's. Seconds after
noon UTC; unless a story says otherwise ``group_wait`` is 10 s, ``group_interval`` 5 m,
``repeat_interval`` 1 h.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from alerts.notifications import Notification
from detectors.transitions import Transition, microseconds, rfc3339
from loopwatch.config import Config
from loopwatch.config.load import read
from loopwatch.config.source import Source
from streams.control.actions import read_actions
from streams.replay import Replay

NOON_S = int(datetime(2026, 3, 2, 12, tzinfo=UTC).timestamp())
TEAM = (
    "route: {receiver: team, group_wait: 10s, group_interval: 5m, repeat_interval: 1h"
)
RULES = """\
version: 1
defaults: {by: [agent], min_samples: 1}
rules:
  - name: slow
    metric: latency_ms
    by: [agent, tenant]
    window: 1 session
    threshold: {warning: 1, critical: 5}
  - {name: loops, metric: loop_count, window: 1 session, threshold: {warning: 1, critical: 5}}
receivers:
  - {name: team, webhook: {url: "https://example.com/team"}}
  - {name: on-call, webhook: {url: "https://example.com/on-call"}}
"""
INHIBIT = "inhibit: [{source: {rule: loops}, target: {rule: slow}, equal: [agent]}]\n"

Session = dict[str, Any]
Action = dict[str, Any]


def moment(at_s: float) -> str:
    """Seconds after noon as RFC 3339."""
    return rfc3339(round((NOON_S + at_s) * 1_000_000))


def slow(at_s: float, value: float = 2, tenant: str = "x", **more: Any) -> Session:
    """A session that a warning is about."""
    told = {"agent": "a", "tenant": tenant, "latency_ms": value} | more
    return {"ended_at": moment(at_s)} | told


def worse(at_s: float, tenant: str = "x") -> Session:
    """One that is critical."""
    return slow(at_s, 6, tenant)


def good(at_s: float, tenant: str = "x") -> Session:
    """One with which it is over."""
    return slow(at_s, 0.1, tenant)


def loops(at_s: float, value: float = 2, agent: str = "a") -> Session:
    """The other rule's; 0 ends it."""
    return {"ended_at": moment(at_s), "agent": agent, "loop_count": int(value)}


def silence(at_s: float, until_s: float, match: Any = None, name: str = "s1") -> Action:
    """Somebody silences, everything unless said otherwise."""
    return {
        "at": moment(at_s),
        "action": "silence",
        "id": name,
        "match": {} if match is None else match,
        "until": moment(until_s),
        "by": "ann",
        "comment": "",
    }


def expire(at_s: float, name: str = "s1") -> Action:
    """The silence is over."""
    return {"at": moment(at_s), "action": "expire", "id": name}


def ack(at_s: float, for_: str, **match: str) -> Action:
    """Ann looks after it."""
    return {
        "at": moment(at_s),
        "action": "ack",
        "match": match,
        "by": "ann",
        "for": for_,
    }


def lines(
    route: str,
    sessions: Sequence[Session],
    actions: Sequence[Action] = (),
    until_s: float | None = None,
) -> list[Any]:
    """All that replay prints."""
    loaded = read(Source(RULES + route), Path("loopwatch.yaml"), {})
    assert not loaded.faults
    config = loaded.config
    assert isinstance(config, Config)
    asked, faults = read_actions([json.dumps(each).encode() for each in actions])
    assert faults == []
    run = Replay(config.book, config.routing, _refuse, asked)
    texts = [
        json.dumps({"session_id": f"s{number}"} | each).encode()
        for number, each in enumerate(
            sorted(sessions, key=lambda each: str(each["ended_at"]))
        )
    ]
    until_us = None if until_s is None else round((NOON_S + until_s) * 1_000_000)
    found = list(run.run(texts, until_us))
    assert not run.waiting
    return found


def _refuse(number: int, reason: str) -> None:
    raise AssertionError(f"line {number}: {reason}")


def told(
    route: str,
    sessions: Sequence[Session],
    actions: Sequence[Action] = (),
    until_s: float | None = 5000,
) -> list[str]:
    """Each notification in a line: seconds, receiver, reason, tenants, generation."""
    names: dict[str, str] = {}
    said = []
    for line in lines(route, sessions, actions, until_s):
        match line:
            case Transition():
                tenant = line.labels.get("tenant") or line.rule
                names[line.alert_id] = tenant
            case Notification():
                at_s = microseconds(line.time) / 1e6 - NOON_S
                who = " ".join(sorted(names[one] for one in line.alert_ids))
                first = f"{at_s:g} {line.receiver} {line.reason} {who}"
                said.append(f"{first} g{line.generation}")
            case _:
                pass
    return said


ONE = f"{TEAM}}}\n"
CRITICAL = (
    f"{TEAM}, routes: [{{match: {{severity: critical}}, receiver: on-call, continue: true}},"
    " {receiver: team}]}\n"
)
ESCALATES = f"{TEAM}, escalate: {{after: 15m, receiver: on-call}}}}\n"


class TestGroupsAndReasons:
    """S41 to S49."""

    def test_a_blip_inside_group_wait_wakes_nobody(self) -> None:
        """S43: not even if it ends as the group is due (S2)."""
        assert told(ONE, [slow(0), good(10)]) == []
        again = [slow(0), good(5), slow(7), good(600)]
        assert told(ONE, again) == ["10 team firing x g2", "600 team resolved x g2"]

    def test_a_level_inside_group_wait_changes_the_first_message(self) -> None:
        """S33: one line, whichever way it went."""
        for first in ([slow(0), worse(5)], [worse(0), slow(5)]):
            assert told(ONE, first, until_s=1000) == ["10 team firing x g1"]

    def test_a_fall_waits_and_one_that_is_undone_is_none(self) -> None:
        """S42, S44, S48."""
        assert told(ONE, [slow(0), worse(100), slow(200)], until_s=1000) == [
            "10 team firing x g1",
            "100 team escalated x g1",
            "400 team changed x g1",
        ]
        undone = [slow(0), worse(100), slow(200), worse(250)]
        assert told(ONE, undone, until_s=1000)[2:] == []

    def test_a_flush_says_each_reason_once_and_in_order(self) -> None:
        """S47: an escalation takes along what waits."""
        night = [
            *(slow(0, tenant=name) for name in ("up", "over", "stays")),
            worse(0, "down"),
            slow(400, tenant="one"),
            slow(450, tenant="new"),
            slow(460, tenant="down"),
            good(470, "over"),
            worse(480, "up"),
        ]
        assert told(ONE, night, until_s=1000) == [
            "10 team firing down over stays up g1",
            "400 team firing one g1",
            "480 team escalated up g1",
            "480 team firing new g1",
            "480 team changed down g1",
            "480 team resolved over g1",
        ]

    def test_a_line_carries_the_highest_generation(self) -> None:
        """S49: of the alerts that it is about."""
        night = [slow(0), good(400), slow(450), slow(455, tenant="y")]
        assert told(ONE, night, until_s=1000)[-1] == "460 team firing x y g2"

    def test_the_last_generation_is_told_its_end_where_the_next_is_not(self) -> None:
        """S41, S45, S51: on-call heard of the critical one alone."""
        night = [worse(0), good(200), slow(210), good(1500)]
        assert told(CRITICAL, night) == [
            "10 on-call firing x g1",
            "10 team firing x g1",
            "310 on-call resolved x g1",
            "310 team firing x g2",
            "1500 team resolved x g2",
        ]

    def test_whom_a_level_leads_to_waits_and_forgets_a_blip(self) -> None:
        """S41, S43: on-call has its own ``group_wait``."""
        night = [slow(0), worse(100), slow(105), good(1500)]
        assert told(CRITICAL, night) == [
            "10 team firing x g1",
            "100 team escalated x g1",
            "400 team changed x g1",
            "1500 team resolved x g1",
        ]

    def test_a_group_by_severity_holds_for_a_generation(self) -> None:
        """S38: it stays where it was told, and the next one goes where it belongs."""
        route = f"{TEAM}, group_by: [severity]}}\n"
        night = [slow(0), worse(100), good(1000), worse(1100)]
        groups = [
            (line.reason, line.group)
            for line in lines(route, night)
            if isinstance(line, Notification)
        ]
        assert groups == [
            ("firing", '{severity="warning"}'),
            ("escalated", '{severity="warning"}'),
            ("resolved", '{severity="warning"}'),
            ("firing", '{severity="critical"}'),
        ]

    def test_a_repeat_is_none_if_it_is_over_by_then(self) -> None:
        """S2, S46: exact, and evidence of the same time counts first."""
        assert told(ONE, [slow(0), good(3610)]) == [
            "10 team firing x g1",
            "3610 team resolved x g1",
        ]


class TestTheEndOfAFile:
    """S4: the clock stops, and what is planned of a group still runs."""

    def test_what_has_happened_is_told(self) -> None:
        """At its due time, once, be it hours later."""
        assert told(ONE, [slow(0), good(100)], until_s=None) == [
            "10 team firing x g1",
            "310 team resolved x g1",
        ]
        flap = [slow(0), good(100), slow(150)]
        assert told(ONE, flap, until_s=None)[1:] == ["310 team firing x g2"]

    def test_nobody_is_told_of_what_time_alone_would_bring(self) -> None:
        """No repeat, no escalation, no end of a mute or silence that had held it."""
        assert told(ESCALATES, [slow(0), slow(905)], until_s=None) == [
            "10 team firing x g1"
        ]
        held = [silence(50, 2000)]
        assert told(ONE, [slow(100), slow(1500)], held, None) == []

    def test_a_silence_that_ended_before_is_over(self) -> None:
        """What was held is planned by then."""
        held = [silence(50, 1000)]
        assert told(ONE, [slow(100), slow(1005)], held, None) == [
            "1010 team unsuppressed x g1"
        ]


class TestSilences:
    """S51, S52, S57, S59, S61."""

    def test_what_still_fires_is_told_at_the_end(self) -> None:
        """``group_wait`` after it, also if it is expired, cut short or made longer."""
        night = [slow(100), good(4000)]
        ends = {
            1000: [silence(50, 1000)],
            400: [silence(50, 1000), expire(400)],
            600: [silence(50, 1000), silence(500, 600)],
            1200: [silence(50, 300), silence(200, 1200)],
            1500: [silence(50, 1000), silence(60, 1500, name="s2")],
        }
        for end_s, actions in ends.items():
            assert told(ONE, night, actions) == [
                f"{end_s + 10} team unsuppressed x g1",
                "4000 team resolved x g1",
            ]

    def test_what_is_over_by_then_never_was(self) -> None:
        """Neither under it nor in the ``group_wait`` behind it."""
        for over_s in (900, 1005, 1010):
            assert told(ONE, [slow(100), good(over_s)], [silence(50, 1000)]) == []

    def test_what_was_told_before_is_told_its_end_alone(self) -> None:
        """S51, S61: at its time; and nothing when the silence ends."""
        for over_s in (500, 2000):
            night = [slow(0), good(over_s)]
            assert told(ONE, night, [silence(50, 1000)]) == [
                "10 team firing x g1",
                f"{over_s} team resolved x g1",
            ]

    def test_the_next_generation_under_it_waits_and_the_last_ones_end_does_not(
        self,
    ) -> None:
        """S51, S52: within ``group_interval`` of it."""
        night = [slow(0), good(100), slow(110), good(1500)]
        assert told(ONE, night, [silence(50, 1000)]) == [
            "10 team firing x g1",
            "310 team resolved x g1",
            "1010 team unsuppressed x g2",
            "1500 team resolved x g2",
        ]

    def test_the_others_of_its_group_are_told(self) -> None:
        """S42, S57: a flush with nothing to say has kept nobody waiting."""
        night = [slow(100), slow(300, tenant="y"), good(4000), good(4000, "y")]
        assert told(ONE, night, [silence(50, 1000, {"tenant": "x"})]) == [
            "310 team firing y g1",
            "1010 team unsuppressed x g1",
            "4000 team resolved x y g1",
        ]

    def test_a_group_that_has_just_spoken_takes_its_interval(self) -> None:
        """S52: and no longer than ``group_interval`` after the silence."""
        night = [slow(100), slow(950, tenant="y")]
        assert told(ONE, night, [silence(50, 1000, {"tenant": "x"})], 3000) == [
            "960 team firing y g1",
            "1260 team unsuppressed x g1",
        ]

    def test_one_on_the_warning_lets_the_critical_through(self) -> None:
        """S35: the severity in force; at once, told before or not."""
        quiet = [silence(50, 1000, {"severity": "warning"})]
        assert told(ONE, [slow(0), worse(500)], quiet, 3000) == [
            "10 team firing x g1",
            "500 team escalated x g1",
        ]
        assert told(ONE, [slow(100), worse(500)], quiet, 3000) == [
            "500 team unsuppressed x g1"
        ]

    def test_repeats_go_on_without_what_is_silenced(self) -> None:
        """S46, S58: and with it once the silence is over, at the group's times."""
        night = [slow(0), slow(0, tenant="y")]
        quiet = [silence(100, 5000, {"tenant": "y"})]
        assert told(ONE, night, quiet, 8000) == [
            "10 team firing x y g1",
            "3610 team repeat x g1",
            "7210 team repeat x y g1",
        ]

    def test_one_that_begins_as_the_group_is_due_is_in_time(self) -> None:
        """S59: actions count before all else of their time."""
        night = [slow(100), good(4000)]
        assert told(ONE, night, [silence(110, 1000)])[0] == (
            "1010 team unsuppressed x g1"
        )


class TestInhibition:
    """S51 to S54."""

    def test_a_source_that_comes_and_goes_is_waited_for(self) -> None:
        """S53: what counts is whether it fires when the target would be told."""
        night = [loops(0), slow(100), loops(1000, 0), loops(1005), loops(1500, 0)]
        assert [
            line for line in told(ONE + INHIBIT, night, (), 3000) if "x" in line
        ] == ["1510 team unsuppressed x g1"]

    def test_a_source_that_fires_as_the_target_is_due_is_in_time(self) -> None:
        """S2: the evidence counts first."""
        assert told(ONE + INHIBIT, [slow(0), loops(10)], (), 1000) == [
            "20 team firing loops g1"
        ]

    def test_one_that_ends_with_its_source_is_never_told(self) -> None:
        """S54: in whichever order they are written."""
        for last in ([loops(1000, 0), good(1000)], [good(1000), loops(1000, 0)]):
            assert told(ONE + INHIBIT, [loops(0), slow(100), *last]) == [
                "10 team firing loops g1",
                "1000 team resolved loops g1",
            ]

    def test_an_escalation_under_it_is_told_at_its_end(self) -> None:
        """And its repeats are left out meanwhile."""
        night = [slow(0), loops(100), worse(500), loops(4200, 0)]
        assert told(ONE + INHIBIT, night, (), 7000) == [
            "10 team firing x g1",
            "110 team firing loops g1",
            "3710 team repeat loops g1",
            "4200 team resolved loops g1",
            "4210 team escalated x g1",
        ]

    def test_a_source_whose_level_falls_inhibits_no_more(self) -> None:
        """S35, S53: matched by the severity in force."""
        rest = (
            "inhibit: [{source: {severity: critical}, target: {severity: warning},"
            " equal: [agent]}]\n"
        )
        night = [loops(0, 6), slow(100), loops(600, 2)]
        assert told(ONE + rest, night, (), 3000) == [
            "10 team firing loops g1",
            "600 team changed loops g1",
            "610 team unsuppressed x g1",
        ]

    @pytest.mark.parametrize("hidden", ["silenced", "muted", "inhibited"])
    def test_a_source_that_nobody_hears_of_inhibits(self, hidden: str) -> None:
        """S53: however it is suppressed itself."""
        chain = (
            "inhibit: [{source: {rule: loops}, target: {tenant: x}, equal: [agent]},"
            " {source: {tenant: x}, target: {tenant: y}}]\n"
        )
        rest = {
            "silenced": chain,
            "muted": chain + "mute: [{match: {tenant: x}, times: [{years: [2026]}]}]\n",
            "inhibited": chain,
        }[hidden]
        actions = [silence(0, 9000, {"tenant": "x"})] if hidden == "silenced" else []
        night = [slow(100), slow(100, tenant="y"), good(1000)]
        if hidden == "inhibited":
            night.append(loops(0))
        found = told(ONE + rest, night, actions, 3000)
        assert [line for line in found if "loops" not in line] == [
            "1010 team unsuppressed y g1"
        ]


class TestMuteTimes:
    """S52, S55 to S58."""

    WARNINGS = 'mute: [{match: {severity: warning}, times: [{start: "12:00", end: "12:30"}]}]\n'

    def test_a_level_leads_out_of_it_and_back_in(self) -> None:
        """S56: critical is told at once, and the fall at the mute's end."""
        night = [slow(100), worse(500), slow(900), good(4000)]
        assert told(ONE + self.WARNINGS, night) == [
            "500 team unsuppressed x g1",
            "1810 team changed x g1",
            "4000 team resolved x g1",
        ]

    def test_one_that_falls_into_it_before_it_was_told_waits(self) -> None:
        """S56: the severity when it would be told counts."""
        assert told(ONE + self.WARNINGS, [worse(0), slow(5)], (), 3000) == [
            "1810 team unsuppressed x g1"
        ]

    def test_two_that_adjoin_are_one(self) -> None:
        """S52: and so is a silence that reaches beyond a mute, and a mute beyond it."""
        both = (
            'mute: [{times: [{start: "12:00", end: "12:30"}]},'
            ' {match: {agent: a}, times: [{start: "12:30", end: "13:00"}]}]\n'
        )
        assert told(ONE + both, [slow(100)], (), 4000) == [
            "3610 team unsuppressed x g1"
        ]
        for until_s, told_s in ((3000, 3010), (1000, 1810)):
            found = told(ONE + self.WARNINGS, [slow(100)], [silence(50, until_s)], 4000)
            assert found == [f"{told_s} team unsuppressed x g1"]

    def test_its_end_is_exclusive(self) -> None:
        """S55: what is due as it ends is free."""
        route = ONE + 'mute: [{times: [{start: "12:00", end: "12:01"}]}]\n'
        assert told(route, [slow(50)], (), 1000) == ["60 team firing x g1"]

    @pytest.mark.parametrize(
        ("day", "until"),
        [
            ("2026-03-28", "2026-03-29T04:00:00Z"),
            ("2026-10-24", "2026-10-25T05:00:00Z"),
            ("2026-06-01", "2026-06-02T04:00:00Z"),
        ],
    )
    def test_a_night_ends_when_clocks_show_it(self, day: str, until: str) -> None:
        """S55: six in the morning in Berlin, in the short night and in the long one."""
        night = 'mute: [{times: [{start: "22:00", end: "06:00"}], timezone: Europe/Berlin}]\n'
        begin_s = microseconds(f"{day}T21:30:00Z") / 1e6 - NOON_S
        end_s = microseconds(until) / 1e6 - NOON_S
        assert told(ONE + night, [slow(begin_s)], (), end_s + 60) == [
            f"{end_s + 10:g} team unsuppressed x g1"
        ]


class TestAcknowledgements:
    """S60, and what hangs on it."""

    def test_its_time_is_its_own(self) -> None:
        """Shorter than a repeat it changes nothing; longer, the overdue one follows it."""
        night = [slow(0)]
        for for_, repeats in (("1m", [3610]), ("3510s", [3610]), ("2h", [7300])):
            assert told(ONE, night, [ack(100, for_)], 7500)[1:2] == [
                f"{repeats[0]} team repeat x g1"
            ]

    def test_the_last_word_counts(self) -> None:
        """Whoever acknowledges later says until when."""
        asked = [ack(100, "3h"), ack(3000, "5m")]
        assert told(ONE, [slow(0)], asked, 4000)[1:] == ["3610 team repeat x g1"]

    def test_one_given_before_the_first_message_hides_it_not(self) -> None:
        """It stops repeats, and nothing else."""
        assert told(ONE, [slow(0)], [ack(5, "2h")], 8000) == [
            "10 team firing x g1",
            "7205 team repeat x g1",
        ]

    def test_it_is_broken_beyond_and_not_at_half_as_much_again(self) -> None:
        """1.5 times the worst value until then; the repeat that is overdue comes."""
        early = [slow(0, 2), slow(50, 3), slow(80, 2)]
        asked = [ack(100, "5h")]
        held = [*early, slow(5000, 4.5)]
        assert told(ONE, held, asked, 9000) == ["10 team firing x g1"]
        broken = [*early, slow(5000, 4.6)]
        assert told(ONE, broken, asked, 8000) == [
            "10 team firing x g1",
            "5000 team repeat x g1",
        ]

    def test_one_of_a_group_leaves_the_others(self) -> None:
        """S46: they are repeated without it."""
        night = [slow(0), slow(0, tenant="y")]
        assert told(ONE, night, [ack(100, "2h", tenant="x")], 11_000)[1:] == [
            "3610 team repeat y g1",
            "7210 team repeat y g1",
            "10810 team repeat x y g1",
        ]

    def test_it_hides_no_change(self) -> None:
        """Neither up nor down, nor the end, nor the next generation."""
        night = [worse(0), slow(400), good(800), slow(1200)]
        assert told(ONE, night, [ack(100, "9h")], 5000) == [
            "10 team firing x g1",
            "400 team changed x g1",
            "800 team resolved x g1",
            "1210 team firing x g2",
            "4810 team repeat x g2",
        ]


class TestEscalation:
    """Fifteen minutes after they were told, on-call is, unless somebody looks after it."""

    def test_an_acknowledgement_in_the_last_second_counts(self) -> None:
        """And once it is up on-call is told at once."""
        assert told(ESCALATES, [slow(0)], [ack(910, "10m")], 3000) == [
            "10 team firing x g1",
            "1510 on-call firing x g1",
        ]

    def test_one_that_is_over_in_the_last_second_is_over(self) -> None:
        """S2."""
        assert told(ESCALATES, [slow(0), good(910)]) == [
            "10 team firing x g1",
            "910 team resolved x g1",
        ]

    def test_getting_worse_ends_the_acknowledgement(self) -> None:
        """S60: late, on-call is told with the team; early, at the time it always was."""
        for at_s, on_call_s in ((1200, 1200), (300, 910)):
            night = [slow(0), worse(at_s)]
            assert told(ESCALATES, night, [ack(100, "2h")], 2000) == [
                "10 team firing x g1",
                f"{at_s} team escalated x g1",
                f"{on_call_s} on-call firing x g1",
            ]

    def test_whom_the_tree_has_told_is_not_told_twice(self) -> None:
        """A critical one has reached on-call before."""
        route = CRITICAL.replace(
            "routes:", "escalate: {after: 15m, receiver: on-call}, routes:"
        )
        night = [slow(0), worse(300)]
        assert told(route, night, (), 3000) == [
            "10 team firing x g1",
            "300 team escalated x g1",
            "310 on-call firing x g1",
        ]

    def test_what_is_silenced_then_waits_for_the_silence(self) -> None:
        """S52: and ``group_wait`` beyond it, in which it may be over."""
        night = [slow(0)]
        assert told(ESCALATES, night, [silence(500, 3000)], 3500) == [
            "10 team firing x g1",
            "3010 on-call unsuppressed x g1",
        ]
        over = [slow(0), good(3005)]
        assert told(ESCALATES, over, [silence(500, 3000)], 3500) == [
            "10 team firing x g1",
            "3005 team resolved x g1",
        ]

    def test_what_turns_critical_late_is_overdue(self) -> None:
        """On a route for what is critical: the time runs from the first telling."""
        route = (
            f"{TEAM}, routes: [{{match: {{severity: critical}}, receiver: team,"
            " escalate: {after: 15m, receiver: on-call}}]}\n"
        )
        assert told(route, [slow(0), worse(2000)], (), 3000) == [
            "10 team firing x g1",
            "2000 team escalated x g1",
            "2000 on-call firing x g1",
        ]
        assert told(route, [worse(0), slow(600)], (), 3000) == [
            "10 team firing x g1",
            "600 team changed x g1",
        ]
