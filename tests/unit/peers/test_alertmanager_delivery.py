"""What Alertmanager's users complain of when a channel, a node or a file fails."""

from __future__ import annotations

from typing import Any

import pytest

from alerts.delivery import Action, Ambiguous, Delivery, Outcome, Retry, Sent
from alerts.messages.slack import slack_message
from alerts.messages.wording import headline
from alerts.notifications import Reason
from alerts.routes import ALL_LABELS, Route
from detectors.matchers import Matchers, equal
from loopwatch.sandbox.slack_limits import block_faults
from tests.unit.alerts.conftest import Desk, a_routing, line


def refusing(times: int, outcome: Outcome) -> Any:
    """A channel that takes nothing so many times, and everything then."""
    left = times

    def answer(_delivery: Delivery) -> Outcome:
        nonlocal left
        left -= 1
        return outcome if left >= 0 else Sent("C1/1.1")

    return answer


def done(desk: Desk) -> list[str]:
    """What each attempt did."""
    return [str(each.action) for each in desk.deliveries]


def test_too_many_requests_is_tried_again__alertmanager_2111() -> None:
    """After the pause that Slack asks for, and not before."""
    desk = Desk(a_routing(), answer=refusing(1, Retry("429", after_s=45)))
    desk.take(line(100, "firing")).until(154)
    assert done(desk) == ["open"]
    assert done(desk.until(170)) == ["open", "open"]


def test_it_is_tried_again_for_hours__alertmanager_2205() -> None:
    """Not only until ``group_interval`` is over: a warning for two of them."""
    desk = Desk(a_routing(), answer=refusing(20, Retry("503")))
    desk.take(line(100, "firing")).until(100 + 7000)
    assert len(desk.deliveries) > 20
    assert desk.given_up == []
    assert desk.notifier.owed() == ()


def test_retries_do_not_hammer__alertmanager_2128() -> None:
    """The pause grows: an hour of an outage is some twenty requests."""
    desk = Desk(a_routing(), answer=lambda _delivery: Retry("503"))
    desk.take(line(100, "firing")).until(100 + 3600)
    assert len(desk.deliveries) < 40


def test_a_pause_holds_for_the_whole_channel__alertmanager_3189() -> None:
    """Another alert does not knock while the first was told to wait."""
    desk = Desk(a_routing(), answer=refusing(1, Retry("429", after_s=60)))
    desk.take(line(100, "firing"))
    desk.take(line(110, "firing", alert_id="a2", labels={"agent": "b"})).until(165)
    assert len(desk.deliveries) == 1
    assert len(desk.until(200).deliveries) == 3


def test_what_is_over_by_the_next_try_is_told_all_the_same__signoz_12891() -> None:
    """The beginning, then the end; neither is lost."""
    desk = Desk(a_routing(), answer=refusing(2, Retry("429", after_s=400)))
    desk.take(line(100, "firing"), line(300, "resolved")).until(3000)
    assert done(desk)[-2:] == ["open", "close"]
    assert desk.notifier.owed() == ()


def test_a_resolve_after_a_restart_is_sent__alertmanager_2570() -> None:
    """The next process knows from its rows who was told."""
    desk = Desk(a_routing()).take(line(100, "firing")).until(200)
    desk.restart().take(line(900, "resolved")).until(1000)
    assert desk.told() == [(110, "firing", 1), (900, "resolved", 1)]
    assert done(desk) == ["open", "close"]


def test_a_crash_repeats_nothing__alertmanager_nflog() -> None:
    """Rows are written before anything is sent: no message comes twice."""
    desk = Desk(a_routing())
    for at_s in range(100, 1000, 100):
        desk.take(line(100, "firing"), at_s=at_s).until(at_s + 50).restart()
    assert done(desk.until(2000)) == ["open"]


@pytest.mark.parametrize("issue", [1005, 1550, 2222, 2033, 4152])
def test_two_workers_page_once__alertmanager_1005(issue: int) -> None:
    """The second takes over at any moment, and reads the same lines again."""
    lines = [
        line(100, "firing"),
        line(400, "firing", severity="critical"),
        line(900, "resolved", severity="critical"),
    ]
    handover_s = {1005: 105, 1550: 111, 2222: 399, 2033: 401, 4152: 899}[issue]
    desk = Desk(a_routing())
    for each in lines:
        if each.seq > handover_s * 1000:
            break
        desk.take(each)
    desk.until(handover_s).restart()
    for each in lines:
        desk.take(each, at_s=max(handover_s, each.seq / 1000))
    assert desk.until(3000).told() == [
        (110, "firing", 1),
        (400, "escalated", 1),
        (900, "resolved", 1),
    ]


def test_what_may_have_arrived_is_the_same_message__alertmanager_2033() -> None:
    """A worker that dies while it sends: the same id, and marked as a possible repeat."""
    desk = Desk(a_routing(), answer=lambda _delivery: None)
    desk.take(line(100, "firing")).until(110)
    desk.restart().until(200)
    first, second = desk.deliveries
    assert first.id == second.id
    assert (first.possible_repeat, second.possible_repeat) == (False, True)


def test_a_slow_channel_holds_up_nothing__alertmanager_context_deadline() -> None:
    """An answer after more than ``group_interval`` counts; the end follows it."""
    desk = Desk(a_routing(interval_s=300), answer=lambda _delivery: None)
    desk.take(line(100, "firing")).until(110)
    desk.take(line(700, "resolved")).until(1000)
    assert done(desk) == ["open"]
    desk.settle(desk.under_way[0], Sent("C1/1.1"))
    assert done(desk) == ["open", "close"]


def test_an_edited_matcher_pages_nobody_twice__alertmanager_group_key() -> None:
    """The route is another one, the incident is the same, and so is its key."""
    critical = Matchers((equal("severity", "critical"),))
    narrow = Matchers((equal("severity", "critical"), equal("rule", "session-cost")))
    before, after = (
        a_routing(Route(1, "on-call", match)) for match in (critical, narrow)
    )
    desk = Desk(before, answer=lambda _delivery: Sent())
    desk.take(line(100, "firing", severity="critical")).until(200)
    desk.restart(after).take(line(900, "resolved", severity="critical")).until(1000)
    assert desk.told("on-call") == [(110, "firing", 1), (900, "resolved", 1)]
    assert len({each.dedup_key for each in desk.deliveries}) == 1


@pytest.mark.parametrize("issue", [2165, 3221, 2382])
def test_one_slack_message_for_a_life__alertmanager_2165(issue: int) -> None:
    """It is edited; the channel's own name for it is kept, over a restart too."""
    desk = Desk(a_routing(), answer=lambda each: Sent(each.ref or "C1/1.1"))
    desk.take(line(100, "firing")).until(200)
    if issue == 3221:
        desk.restart()
    desk.take(line(400, "firing", severity="critical")).until(500)
    if issue == 2382:
        desk.restart()
    desk.take(line(900, "resolved", severity="critical")).until(1000)
    assert done(desk) == ["open", "update", "close"]
    assert [each.ref for each in desk.deliveries] == [None, "C1/1.1", "C1/1.1"]


def test_a_message_shows_what_changed__alertmanager_2686() -> None:
    """Of thirty alerts one escalates: it is named, the others are counted."""
    desk = Desk(a_routing(group_by=("rule",)))
    for n in range(30):
        desk.take(line(100, "firing", alert_id=f"a{n}", labels={"agent": f"a{n}"}))
    worse: dict[str, Any] = {
        "alert_id": "a7",
        "labels": {"agent": "a7"},
        "severity": "critical",
    }
    desk.take(line(500, "firing", **worse)).until(600)
    news = desk.deliveries[-1]
    assert news.news == {"a7": Reason.ESCALATED}
    assert headline(news) == (
        "Escalated to critical from warning: session-cost (agent=a7); 29 more fire"
    )


@pytest.mark.parametrize("count", [20, 21, 100, 1000])
def test_slack_takes_a_message_on_many_alerts__alertmanager_2769(count: int) -> None:
    """Ten are shown, the rest is counted; no limit of Slack's is passed."""
    desk = Desk(a_routing(group_by=()))
    for n in range(count):
        labels = {"agent": f"agent-with-a-rather-long-name-{n}", "tenant": "t" * 200}
        desk.take(line(100, "firing", alert_id=f"a{n}", labels=labels))
    (delivery,) = desk.until(200).deliveries
    assert delivery.firing == count
    (attachment,) = slack_message(delivery).attachments
    assert block_faults(attachment["blocks"]) == []
    assert f"{count - 10}" in str(attachment["blocks"])


def test_an_alert_is_told_at_once_without_group_wait__alertmanager_first_race() -> None:
    """``group_wait: 0s``: the first alert of a group is delivered, and only once."""
    desk = Desk(a_routing(wait_s=0, group_by=ALL_LABELS))
    desk.take(line(100, "firing")).until(100)
    assert desk.told() == [(100, "firing", 1)]
    assert desk.until(5000).deliveries[0].action is Action.OPEN
    assert len(desk.deliveries) == 1


def test_an_answer_that_breaks_off_is_no_loss__alertmanager_ambiguous() -> None:
    """Nobody knows whether it arrived: it is sent again and says so."""
    desk = Desk(a_routing(), answer=refusing(1, Ambiguous("connection reset")))
    desk.take(line(100, "firing")).until(500)
    assert [each.possible_repeat for each in desk.deliveries] == [False, True]


def test_a_clock_that_is_behind_hides_nothing__alertmanager_clock_skew() -> None:
    """The next worker's clock is a minute behind: the end is told, and told last."""
    desk = Desk(a_routing()).take(line(100, "firing")).until(200).restart()
    desk.now_us = 140 * 1_000_000
    desk.take(line(190, "resolved"), at_s=141).until(1000)
    assert [reason for _, reason, _ in desk.told()] == ["firing", "resolved"]
    assert desk.notifier.owed() == ()
