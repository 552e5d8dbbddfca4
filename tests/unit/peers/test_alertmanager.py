"""What Alertmanager's users complain of, by its number, does not happen here."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from tests.unit.peers.nights import (
    ack,
    course,
    night,
    replayed,
    silence,
    told,
)

BROKEN = course("a", {0: 0.1, 10: 2.0, 30: 0.1})
"""Dear at minute 10, over at minute 30."""

LASTING = course("a", {0: 0.1, 10: 2.0})
"""Dear from minute 10 on."""

SOON = round(10 / 60, 4)
"""``group_wait``, in minutes."""


def test_resolve_is_sent_though_silenced__alertmanager_226(tmp_path: Path) -> None:
    """Who was told that it fires is told that it is over, at its time."""
    quiet = [silence(20, 100, agent="a")]
    assert night(tmp_path, "", BROKEN, actions=quiet) == [
        (10 + SOON, "team", "firing", 1),
        (30, "team", "resolved", 1),
    ]


@pytest.mark.parametrize("begin", [11, 29.99])
def test_no_incident_stays_open_for_ever__alertmanager_3664(
    tmp_path: Path, begin: float
) -> None:
    """On PagerDuty too, however late the silence came."""
    quiet = [silence(begin, 100, agent="a")]
    assert night(tmp_path, "route: {receiver: on-call}\n", BROKEN, actions=quiet) == [
        (10 + SOON, "on-call", "firing", 1),
        (30, "on-call", "resolved", 1),
    ]


def test_resolve_is_sent_though_inhibited__alertmanager_1803(tmp_path: Path) -> None:
    """The source fires when the target ends: its end is told all the same."""
    rest = "inhibit: [{source: {rule: loops}, target: {rule: dear}, equal: [agent]}]\n"
    source = course("a", {20: 50}, "loop_count")
    found = night(tmp_path, rest, BROKEN, source)
    assert found == [
        (10 + SOON, "team", "firing", 1),
        (20 + SOON, "team", "firing", 1),
        (30, "team", "resolved", 1),
    ]


def test_resolve_is_sent_though_muted__alertmanager_4634(tmp_path: Path) -> None:
    """The night begins while it fires."""
    rest = 'mute: [{times: [{start: "08:20", end: "18:00"}]}]\n'
    assert night(tmp_path, rest, BROKEN)[1:] == [(30, "team", "resolved", 1)]


def test_still_firing_when_the_mute_ends__alertmanager_3367(tmp_path: Path) -> None:
    """It is told then, not at the next change of the group."""
    rest = 'mute: [{times: [{start: "08:00", end: "09:00"}]}]\n'
    assert night(tmp_path, rest, LASTING) == [(60 + SOON, "team", "unsuppressed", 1)]


def test_still_firing_when_the_silence_ends__alertmanager_2896(tmp_path: Path) -> None:
    """The same for what people silenced."""
    quiet = [silence(0, 45, agent="a")]
    assert night(tmp_path, "", LASTING, actions=quiet) == [
        (45 + SOON, "team", "unsuppressed", 1)
    ]


def test_still_firing_when_the_inhibition_ends__alertmanager_2496(
    tmp_path: Path,
) -> None:
    """The source is over: the target is told, though nothing of its own changed."""
    rest = "inhibit: [{source: {rule: loops}, target: {rule: dear}, equal: [agent]}]\n"
    source = course("a", {5: 50, 40: 3}, "loop_count")
    assert night(tmp_path, rest, LASTING, source)[1:] == [
        (40, "team", "resolved", 1),
        (40 + SOON, "team", "unsuppressed", 1),
    ]


def test_what_somebody_looks_after_ends_with_the_alert__alertmanager_1057(
    tmp_path: Path,
) -> None:
    """An acknowledgement is over when the alert is: the next one is repeated again."""
    rest = "route: {receiver: team, repeat_interval: 20m}\n"
    sessions = course("a", {0: 0.1, 10: 2.0, 50: 0.1, 60: 2.0})
    found = night(
        tmp_path, rest, sessions, actions=[ack(15, "10h", agent="a")], until=95
    )
    assert found == [
        (10 + SOON, "team", "firing", 1),
        (50, "team", "resolved", 1),
        (60 + SOON, "team", "firing", 1),
        (80 + SOON, "team", "repeat", 1),
    ]


def test_one_limit_to_enter_another_to_leave__prometheus_6504(tmp_path: Path) -> None:
    """A value that swings around the limit is one alert, until it is well below."""
    rules = """\
version: 1
defaults: {by: [agent], min_samples: 1}
rules: [{name: dear, metric: cost_usd, window: 1 sessions, threshold: 1.0, recover: 0.5}]
"""
    swings = {float(n): 0.9 if n % 2 else 1.1 for n in range(10, 40)}
    found = night(tmp_path, "", course("a", {0: 0.1, **swings, 50: 0.5}), rules=rules)
    assert found == [(10 + SOON, "team", "firing", 1), (50, "team", "resolved", 1)]


def test_repeats_back_off__alertmanager_2595(tmp_path: Path) -> None:
    """Each pause is twice the last."""
    rest = "route: {receiver: team, repeat_interval: 10m, repeat_backoff: 2}\n"
    found = night(tmp_path, rest, LASTING)
    assert found == [
        (10 + SOON, "team", "firing", 1),
        (20 + SOON, "team", "repeat", 1),
        (40 + SOON, "team", "repeat", 1),
        (80 + SOON, "team", "repeat", 1),
    ]


def test_nobody_acknowledged__alertmanager_686(tmp_path: Path) -> None:
    """Somebody else is told after a while, and of the end too."""
    rest = "route: {receiver: team, escalate: {after: 15m, receiver: on-call}}\n"
    assert night(tmp_path, rest, BROKEN) == [
        (10 + SOON, "team", "firing", 1),
        (25 + SOON, "on-call", "firing", 1),
        (30, "team", "resolved", 1),
        (30 + SOON, "on-call", "resolved", 1),
    ]


@pytest.mark.parametrize("repeat", [7, 5, 13])
def test_repeats_are_not_rounded_up__alertmanager_2320(
    tmp_path: Path, repeat: int
) -> None:
    """Exactly ``repeat_interval`` after the last message, whatever ``group_interval``."""
    rest = (
        f"route: {{receiver: team, group_interval: 5m, repeat_interval: {repeat}m}}\n"
    )
    found = night(tmp_path, rest, LASTING, until=60)
    times = [minute for minute, *_ in found]
    pauses = [round(later - earlier, 3) for earlier, later in pairwise(times)]
    assert pauses == [repeat] * int((60 - 10 - SOON) // repeat)


def test_what_undoes_itself_within_the_interval_is_no_message__alertmanager_2601(
    tmp_path: Path,
) -> None:
    """Another alert of the group that fires and ends before the next flush."""
    rest = "route: {receiver: team, group_by: [rule], group_interval: 10m}\n"
    other = course("b", {0: 0.1, 12: 3.0, 15: 0.1})
    assert night(tmp_path, rest, LASTING, other) == [(10 + SOON, "team", "firing", 1)]


def test_a_new_alert_waits_for_the_interval_and_no_longer__alertmanager_642(
    tmp_path: Path,
) -> None:
    """``group_interval`` after the group's last message; not another ``group_wait``."""
    rest = "route: {receiver: team, group_by: [rule], group_interval: 10m}\n"
    other = course("b", {0: 0.1, 12: 3.0})
    late = course("c", {0: 0.1, 50: 3.0})
    assert night(tmp_path, rest, LASTING, other, late) == [
        (10 + SOON, "team", "firing", 1),
        (20 + SOON, "team", "firing", 1),
        (50, "team", "firing", 1),
    ]


def test_an_unchanged_group_is_not_told_every_interval__alertmanager_322(
    tmp_path: Path,
) -> None:
    """A flush without news sends nothing: three hours, one message."""
    assert night(tmp_path, "", LASTING, until=180) == [(10 + SOON, "team", "firing", 1)]


def test_repeats_hang_on_no_other_group__alertmanager_2166(tmp_path: Path) -> None:
    """Each group counts from its own last message."""
    rest = "route: {receiver: team, group_by: [agent], repeat_interval: 30m}\n"
    other = course("b", {0: 0.1, 20: 3.0})
    found = night(tmp_path, rest, LASTING, other, until=55)
    assert found == [
        (10 + SOON, "team", "firing", 1),
        (20 + SOON, "team", "firing", 1),
        (40 + SOON, "team", "repeat", 1),
        (50 + SOON, "team", "repeat", 1),
    ]


def test_a_flap_inside_the_interval_is_seen__alertmanager_2398(tmp_path: Path) -> None:
    """The new generation is told, and its end."""
    flaps = course("a", {0: 0.1, 10: 2.0, 11: 0.1, 12: 2.0, 40: 0.1})
    run = replayed(tmp_path, "", flaps)
    assert told(run) == [
        (10 + SOON, "team", "firing", 1),
        (15 + SOON, "team", "firing", 1),
        (40, "team", "resolved", 1),
    ]
    generations = [
        line["generation"] for line in run.lines if line["kind"] == "notification"
    ]
    assert generations == [1, 2, 2]


@pytest.mark.parametrize("count", range(1, 8))
def test_fast_flaps_lose_no_resolve__alertmanager_2675(
    tmp_path: Path, count: int
) -> None:
    """However often within the interval: the last that people hear is that it is over."""
    values = {10 + n / 2: 0.1 if n % 2 else 2.0 for n in range(2 * count)}
    found = night(tmp_path, "", course("a", {0: 0.1, **values}))
    assert found[0][2] == "firing"
    assert found[-1][2] == "resolved"


def test_a_thousand_alerts_fit_in_a_group__alertmanager_group_limit(
    tmp_path: Path,
) -> None:
    """None is dropped, and each is told to be over."""
    agents = [course(f"a{n}", {0: 0.1, 10: 2.0, 30: 0.1}) for n in range(1000)]
    assert night(tmp_path, "", *agents) == [
        (10 + SOON, "team", "firing", 1000),
        (30, "team", "resolved", 1000),
    ]
