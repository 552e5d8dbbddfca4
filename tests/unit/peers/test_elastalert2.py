"""What ElastAlert2's users complain of, by its number, does not happen here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from alerts.delivery import Failed, Outcome, Retry, Sent
from alerts.messages.pagerduty import pagerduty_event
from alerts.receivers import SlackChannel
from loopwatch.sandbox.pagerduty import event_faults
from tests.unit.alerts.conftest import PAGER, SLACK, Desk, a_delivery, a_routing, line
from tests.unit.peers.nights import course, night
from tests.unit.peers.test_alertmanager import BROKEN, LASTING, SOON


@pytest.mark.parametrize("issue", ["356", "1016", "yelp_288"])
def test_the_end_is_told__elastalert2_356(tmp_path: Path, issue: str) -> None:
    """Whoever was told that it fires is told that it is over, on Slack and PagerDuty."""
    receiver = "on-call" if issue == "1016" else "team"
    found = night(tmp_path, f"route: {{receiver: {receiver}}}\n", BROKEN)
    assert found == [(10 + SOON, receiver, "firing", 1), (30, receiver, "resolved", 1)]


def test_a_full_queue_is_not_sent_again_and_again__yelp_1345() -> None:
    """Hundreds of changes while Slack says 429: one message waits, the newest."""
    desk = Desk(a_routing(), answer=lambda _delivery: Retry("429", after_s=3600))
    for n in range(300):
        severity = "critical" if n % 2 else "warning"
        desk.take(line(100 + n, "firing", severity=severity))
    desk.until(3000)
    assert len(desk.deliveries) == 1
    assert desk.notifier.queued == 1


def test_an_alert_behind_a_429_is_not_lost__elastalert2_1119() -> None:
    """When Slack takes messages again, it is told."""
    answers: Iterator[Outcome] = iter([Retry("429", after_s=600), Sent("C1/1.1")])
    desk = Desk(a_routing(), answer=lambda _delivery: next(answers))
    desk.take(line(100, "firing")).until(800)
    assert [str(each.action) for each in desk.deliveries] == ["open", "open"]
    assert desk.notifier.queued == 0


@pytest.mark.parametrize("count", [2, 50, 500])
def test_grouping_loses_no_alert__elastalert2_1249(tmp_path: Path, count: int) -> None:
    """Each that fires is told once in a group, and each end too."""
    agents = [
        course(f"a{n}", {0: 0.1, 10 + n / 100: 2.0, 40: 0.1}) for n in range(count)
    ]
    found = night(tmp_path, "", *agents)
    told = {
        reason: sum(number for _, _, why, number in found if why == reason)
        for reason in ("firing", "resolved")
    }
    assert told == {"firing": count, "resolved": count}


@pytest.mark.parametrize("issue", [1498, 1487])
def test_one_series_does_not_silence_its_rule__elastalert2_1498(
    tmp_path: Path, issue: int
) -> None:
    """Another agent under the same rule is told as soon as its group may be."""
    rest = f"route: {{receiver: team, group_by: [{'agent' if issue == 1498 else 'rule'}]}}\n"
    other = course("b", {0: 0.1, 12: 2.0})
    found = night(tmp_path, rest, LASTING, other)
    second = 12 + SOON if issue == 1498 else 15 + SOON
    assert found == [
        (10 + SOON, "team", "firing", 1),
        (round(second, 4), "team", "firing", 1),
    ]


def test_a_wait_of_nothing_still_groups__elastalert2_1206(tmp_path: Path) -> None:
    """``group_wait: 0s``: what fires at one time is one message."""
    rest = "route: {receiver: team, group_wait: 0s}\n"
    agents = [course(name, {0: 0.1, 10: 2.0}) for name in "abc"]
    assert night(tmp_path, rest, *agents) == [(10, "team", "firing", 3)]


def test_a_send_that_failed_counts_as_not_told__elastalert2_realert() -> None:
    """No quiet time begins before something arrived: the next change tells it anew."""
    answers: Iterator[Outcome] = iter([Failed("channel_not_found"), Sent("C1/1.1")])
    desk = Desk(a_routing(), answer=lambda _delivery: next(answers))
    desk.take(line(100, "firing"), line(500, "firing", severity="critical")).until(900)
    assert [reason for _, reason, _ in desk.told()] == ["firing", "firing"]
    assert [str(each.action) for each in desk.deliveries] == ["open", "open"]


def test_one_channel_that_took_it_does_not_excuse_another__elastalert2_alert_sent() -> (
    None
):
    """Slack fails, PagerDuty does not: Slack is tried again, PagerDuty is not."""
    left = 3

    def answer(delivery: Any) -> Any:
        nonlocal left
        if isinstance(delivery.channel, SlackChannel) and left:
            left -= 1
            return Retry("down")
        return Sent("C1/1.1")

    desk = Desk(a_routing(agents=(SLACK, PAGER)), answer=answer)
    desk.take(line(100, "firing")).until(5000)
    kinds = [each.channel.kind for each in desk.deliveries]
    assert (kinds.count("slack"), kinds.count("pagerduty")) == (4, 1)


@pytest.mark.parametrize("length", [1_025, 2_049, 100_000])
def test_a_title_fits_pagerduty__elastalert2_subject(length: int) -> None:
    """Cut below its 1,024 characters, whatever the labels hold."""
    long = line(100, "firing", labels={"agent": "x" * length})
    event = pagerduty_event(a_delivery(channel=PAGER, alerts=(long,)))
    assert event_faults({**event, "routing_key": "k" * 32}) == []
    assert len(event["payload"]["summary"]) <= 1_024
