"""What Keep's users complain of, by its number, does not happen here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.clients.network import open_session
from alerts.delivery import Failed, Sent
from alerts.receivers import SlackChannel
from alerts.routes import Route
from detectors.identity import alert_id
from loopwatch.config.load import read
from loopwatch.config.source import Source
from tests.unit.alerts.conftest import Desk, a_routing, line
from tests.unit.peers.nights import RULES, ack, course, night, silence
from tests.unit.peers.test_alertmanager import BROKEN, LASTING, SOON


def test_a_channel_that_hangs_stops_no_other__keep_6531() -> None:
    """Slack never answers: 77 alerts reach PagerDuty all the same."""
    routing = a_routing(Route(1, "agents", go_on=True), Route(2, "on-call"))
    desk = Desk(
        routing,
        answer=lambda each: None if isinstance(each.channel, SlackChannel) else Sent(),
    )
    for n in range(77):
        desk.take(line(100, "firing", alert_id=f"a{n}", labels={"agent": f"a{n}"}))
    desk.until(1000)
    paged = [each for each in desk.deliveries if each.receiver == "on-call"]
    assert len(paged) == 77


@pytest.mark.parametrize(
    "rule",
    [
        "fingerprint: [agent]",
        "dedup: {by: agent}",
        "group_by: [agent]",
    ],
)
def test_what_has_no_effect_is_no_valid_file__keep_6793(rule: str) -> None:
    """A key that nobody knows is a fault with its place, never accepted in silence."""
    text = f"version: 1\nrules: [{{name: dear, metric: cost_usd, threshold: 1.0, {rule}}}]\n"
    loaded = read(Source(text), Path("loopwatch.yaml"), {})
    assert [fault.line for fault in loaded.faults] == [2]


_labels = st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3)


@given(
    one=st.tuples(st.text(max_size=5), _labels),
    other=st.tuples(st.text(max_size=5), _labels),
)
def test_different_series_are_different_alerts__keep_4766(one: Any, other: Any) -> None:
    """An alert is its rule and its labels: all of them, and nothing else."""
    assert (alert_id(*one) == alert_id(*other)) == (one == other)


@pytest.mark.parametrize("issue", [2316, 958, 3966])
def test_a_repeat_of_a_session_counts_once__keep_2316(
    tmp_path: Path, issue: int
) -> None:
    """By its id, whatever it contains and whenever it comes again."""
    again = dict(BROKEN[1])
    if issue == 958:
        again["cost_usd"] = 9.0
    if issue == 3966:
        again["ended_at"] += 60 * 25
    assert night(tmp_path, "", BROKEN, [again]) == night(tmp_path, "", BROKEN)


def test_another_session_of_the_same_text_counts__keep_2316(tmp_path: Path) -> None:
    """Two runs that differ in nothing but their id are two."""
    twin = BROKEN[1] | {"session_id": "twin", "ended_at": BROKEN[2]["ended_at"] + 60}
    told = night(tmp_path, "", BROKEN, [twin])
    assert told == [*night(tmp_path, "", BROKEN), (31 + SOON, "team", "firing", 1)]


@pytest.mark.parametrize("issue", [5257, 5321])
def test_a_maintenance_window_ends__keep_5257(tmp_path: Path, issue: int) -> None:
    """What it held back is told when it is over, whether it is a mute or a silence."""
    mute = 'mute: [{times: [{start: "08:00", end: "09:00"}]}]\n'
    found = (
        night(tmp_path, mute, LASTING)
        if issue == 5257
        else night(tmp_path, "", LASTING, actions=[silence(0, 60, agent="a")])
    )
    assert found == [(60 + SOON, "team", "unsuppressed", 1)]


def test_an_incident_resolves_by_itself__keep_2087() -> None:
    """With the last of its alerts, under the key it was opened with."""
    desk = Desk(
        a_routing(Route(1, "on-call"), group_by=("rule",)), answer=lambda _: Sent()
    )
    for name in "ab":
        desk.take(line(100, "firing", alert_id=name, labels={"agent": name}))
    desk.take(line(500, "resolved", alert_id="a", labels={"agent": "a"})).until(700)
    assert "close" not in [str(each.action) for each in desk.deliveries]
    desk.take(line(1000, "resolved", alert_id="b", labels={"agent": "b"})).until(1100)
    assert str(desk.deliveries[-1].action) == "close"
    assert len({each.dedup_key for each in desk.deliveries}) == 1


def test_a_note_tells_nobody_again__keep_5111(tmp_path: Path) -> None:
    """To acknowledge with a comment, or to silence, is no news to anybody."""
    people = [ack(12, "1h", agent="a"), silence(15, 20, agent="a")]
    assert night(tmp_path, "", BROKEN, actions=people) == night(tmp_path, "", BROKEN)


@pytest.mark.parametrize("issue", [4958, 4128])
def test_what_was_not_created_is_no_success__keep_4958(issue: int) -> None:
    """A refusal is given up aloud, and what stays owed is counted by name."""
    last = {4958: "firing", 4128: "resolved"}[issue]
    desk = Desk(
        a_routing(),
        answer=lambda each: Failed("not_in_channel") if each.reason == last else Sent(),
    )
    desk.take(line(100, "firing"), line(900, "resolved")).until(1000)
    assert [(each.receiver, each.fault) for each in desk.given_up] == [
        ("agents", "not_in_channel")
    ]
    assert len(desk.notifier.owed()) == (1 if issue == 4128 else 0)


def test_one_alert_does_not_throttle_another__keep_one_until_resolved(
    tmp_path: Path,
) -> None:
    """While one fires, the next of the same rule is told, and repeated too."""
    rest = "route: {receiver: team, group_by: [agent], repeat_interval: 30m}\n"
    found = night(tmp_path, rest, LASTING, course("b", {0: 0.1, 20: 2.0}), until=51)
    assert [reason for _, _, reason, _ in found] == [
        *("firing", "firing", "repeat", "repeat"),
    ]


async def test_every_request_has_a_time_limit__keep_requests_post() -> None:
    """From connecting to the end of the answer."""
    async with open_session(15.0) as session:
        assert session.timeout.total == 15.0
        assert session.timeout.sock_connect is not None


def test_keep_firing_for_keeps_firing__keep_todo(tmp_path: Path) -> None:
    """The condition is over at minute 30, the alert ten minutes later."""
    rules = RULES.replace("threshold: {w", "keep_firing_for: 10m\n    threshold: {w")
    found = night(tmp_path, "", BROKEN, rules=rules)
    assert found[-1] == (40, "team", "resolved", 1)
    flap = course("a", {0: 0.1, 10: 2.0, 12: 0.1, 14: 2.0, 16: 0.1})
    assert [reason for _, _, reason, _ in night(tmp_path, "", flap, rules=rules)] == [
        *("firing", "resolved"),
    ]
