"""The blast radius: how far what broke reaches, and what it has in common."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from alerts.blast import blast
from alerts.headcount import Headcounts
from alerts.ledger import Ledger
from alerts.messages.pagerduty import pagerduty_event
from alerts.messages.radius import radius
from alerts.messages.slack import slack_message
from alerts.messages.webhook import webhook_body
from alerts.messages.wording import headline
from alerts.reach import Blast
from detectors.transitions import Census, Clock, FirstCensus, State, Transition

_NOON_US = 43_200_000_000


def _lines(scene: Any, count: int, model: str = "new", **more: Any) -> list[Transition]:
    """So many tenants on a model break at noon."""
    return [
        scene.line(
            43_200 + number // 10,
            "firing",
            **{
                "alert_id": f"{model}-{number}",
                "labels": {"model": model, "tenant": f"{model}-{number}"},
                "began": "1970-01-01T12:00:00Z",
            }
            | more,
        )
        for number in range(count)
    ]


def _census(
    label: str, name: str, series: int, all_series: int, partition: int = 0
) -> Census:
    return Census(
        time="1970-01-01T12:01:00Z",
        partition=partition,
        rule="session-cost",
        label=label,
        name=name,
        series=series,
        firing=1,
        all_series=all_series,
        all_firing=1,
    )


def _heads(lines: list[Transition], *censuses: Census) -> Headcounts:
    known = Headcounts(Ledger())
    for line in lines:
        known.note(line)
    for census in censuses:
        known.hear(census)
    return known


def _partial(lines: list[Transition], *censuses: Census, partitions: int) -> str:
    """As notify says it that knows of so many partitions."""
    known = _heads(lines, *censuses)
    for number in range(partitions):
        known.tick(Clock(partition=number, time="1970-01-01T12:01:00Z"))
    found = blast(lines, known)
    return "" if found is None else radius(found, _NOON_US)


def _said(lines: list[Transition], *censuses: Census) -> str:
    found = blast(lines, _heads(lines, *censuses))
    return "" if found is None else radius(found, _NOON_US)


class TestCommonCause:
    def test_a_label_that_only_the_broken_share(self, scene: Any) -> None:
        """Of a hundred series forty are on the model; thirty-eight of them broke."""
        lines = _lines(scene, 38)
        censuses = [_census("model", "new", 40, 100), _census("tenant", "x", 1, 100)]
        assert _said(lines, *censuses) == (
            "38 of 40 tenants, all with model=new, since 12:00 UTC"
        )

    def test_a_label_that_the_healthy_share_too_is_none(self, scene: Any) -> None:
        """All hundred are on it: it tells nothing apart."""
        lines = _lines(scene, 38)
        censuses = [_census("model", "new", 100, 100), _census("tenant", "x", 1, 100)]
        assert _said(lines, *censuses) == (
            "38 of 100 series, no common cause found, since 12:00 UTC"
        )

    def test_a_few_others_do_not_hide_it(self, scene: Any) -> None:
        """Nine in ten are enough, and it says so."""
        lines = [*_lines(scene, 36), *_lines(scene, 2, "old")]
        censuses = [_census("model", "new", 40, 100), _census("model", "old", 60, 100)]
        assert _said(lines, *censuses, _census("tenant", "x", 1, 100)) == (
            "36 of 40 tenants, 36 of these 38 with model=new, since 12:00 UTC"
        )

    def test_too_few_prove_nothing(self, scene: Any) -> None:
        """Three of four share it, and so may it be by chance."""
        lines = _lines(scene, 3)
        censuses = [_census("model", "new", 3, 4), _census("tenant", "x", 1, 4)]
        assert "no common cause found" in _said(lines, *censuses)

    def test_partitions_are_summed_up(self, scene: Any) -> None:
        """Each counts its own series."""
        lines = _lines(scene, 38)
        censuses = [
            _census("model", "new", 20, 50, 0),
            _census("model", "new", 21, 50, 1),
            _census("tenant", "x", 1, 50, 0),
        ]
        assert _said(lines, *censuses).startswith(
            "38 of 41 tenants, all with model=new"
        )

    def test_until_all_have_counted_it_is_at_least_so_many(self, scene: Any) -> None:
        """Of three partitions one has not told yet; then it is exact."""
        lines = _lines(scene, 38)
        censuses = [
            _census("model", "new", 20, 50, 0),
            _census("model", "new", 21, 50, 1),
            _census("tenant", "x", 1, 50, 0),
        ]
        assert _partial(lines, *censuses, partitions=3) == (
            "38 of at least 41 tenants, all with model=new, since 12:00 UTC"
        )
        last = _census("model", "new", 0, 7, 2)
        assert _partial(lines, *censuses, last, partitions=3) == (
            "38 of 41 tenants, all with model=new, since 12:00 UTC"
        )

    def test_what_not_all_have_counted_is_neither_cause_nor_none(
        self, scene: Any
    ) -> None:
        """A partition says how many series it has, but not how many are on the model."""
        lines = _lines(scene, 38)
        censuses = [
            _census("model", "new", 40, 50, 0),
            _census("tenant", "x", 1, 50, 0),
            _census("model", "old", 9, 50, 1),
        ]
        assert _partial(lines, *censuses, partitions=2) == (
            "38 of 100 series, since 12:00 UTC"
        )
        assert _partial(lines, *censuses[:2], partitions=1) == (
            "38 of 40 tenants, all with model=new, since 12:00 UTC"
        )

    def test_labels_that_go_together_are_both_named(self, scene: Any) -> None:
        """Nothing tells which of them it is."""
        lines = [
            scene.line(
                43_200,
                "firing",
                alert_id=f"{n}",
                labels={"model": "new", "provider": "p", "tenant": f"t{n}"},
            )
            for n in range(12)
        ]
        censuses = [
            _census("model", "new", 12, 90),
            _census("provider", "p", 12, 90),
            _census("tenant", "x", 1, 90),
        ]
        assert "12 of 12 tenants, all with model=new and provider=p" in _said(
            lines, *censuses
        )

    def test_what_the_series_do_not_carry_explains_them_too(self, scene: Any) -> None:
        """A version, by the attribution of each."""
        lines = _lines(scene, 12, attribution={"agent_version": "2.1.1"})
        censuses = [_census("model", "new", 100, 100), _census("tenant", "x", 1, 100)]
        assert _said(lines, *censuses) == (
            "12 of 100 series, explained by agent_version=2.1.1, since 12:00 UTC"
        )

    def test_before_a_census_nothing_is_claimed(self, scene: Any) -> None:
        """Whether the healthy ones share it is not known yet."""
        assert _said(_lines(scene, 12)) == "12 series, since 12:00 UTC"

    def test_few_need_no_summary(self, scene: Any) -> None:
        """Two alerts are told as two alerts."""
        assert _said(_lines(scene, 2), _census("model", "new", 40, 100)) == ""

    def test_several_rules_are_said(self, scene: Any) -> None:
        """Numbers are those of the rule with most of the alerts."""
        lines = [*_lines(scene, 12), *_lines(scene, 3, "new", rule="latency")]
        assert _said(lines, _census("model", "new", 12, 90)) == (
            "12 of 12 series, all with model=new, under 2 rules, since 12:00 UTC"
        )

    @given(
        others=st.integers(0, 200),
        sharing=st.integers(0, 200),
        broken=st.integers(3, 60),
    )
    def test_a_cause_sets_the_broken_apart(
        self, scene: Any, others: int, sharing: int, broken: int
    ) -> None:
        """It is named only where a smaller part of the healthy shares it (property)."""
        lines = _lines(scene, broken)
        everyone = broken + others + sharing
        found = blast(
            lines, _heads(lines, _census("model", "new", broken + sharing, everyone))
        )
        assert found is not None
        assert found.firing == broken
        if found.shared:
            assert sharing < others + sharing
            assert found.series == broken + sharing
        if sharing == 0 and others >= 20:
            assert found.shared == {"model": "new"}


class TestHeadcounts:
    def test_a_newer_census_replaces_the_older(self, scene: Any) -> None:
        """Of the same rule in the same partition; an older one that comes again is none."""
        lines = _lines(scene, 5)
        known = _heads(lines, _census("model", "new", 40, 100))
        later = FirstCensus(
            time="1970-01-01T12:05:00Z",
            partition=0,
            rule="session-cost",
            label="model",
            name="new",
            series=44,
            firing=1,
            all_series=104,
            all_firing=1,
        )
        known.hear(later)
        known.hear(_census("model", "new", 40, 100))
        known.hear(structs.replace(later, name="old", series=60))
        assert known.series("session-cost") == 104
        assert known.carrying("session-cost", "model", "old") == 60
        assert known.carrying("session-cost", "model", "new") == 44

    def test_nothing_is_kept_of_what_is_over(self, scene: Any) -> None:
        """With the last alert of the rule its counts go."""
        (line,) = _lines(scene, 1)
        ledger = Ledger()
        known = Headcounts(ledger)
        known.note(line)
        known.hear(_census("model", "new", 40, 100))
        assert [key[:2] for key, _ in ledger.take_dirty()] == [b"n/"]
        known.note(structs.replace(line, to_state=State.RESOLVED))
        assert [row for _, row in ledger.take_dirty()] == [None]


class TestMessages:
    @pytest.fixture
    def desk(self, scene: Any) -> Any:
        """Twelve tenants of a model break; a census comes, the process dies."""
        desk = scene.Desk(scene.routing(group_by=("rule",)))
        desk.take(*_lines(scene, 12))
        for census in (_census("model", "new", 12, 90), _census("tenant", "x", 1, 90)):
            desk.take(census, at_s=43_205)
        return desk.restart().until(43_300)

    def test_the_headline_says_how_far_it_reaches(self, desk: Any) -> None:
        """On lock screens, in lists."""
        assert headline(desk.deliveries[0]) == (
            "Warning: session-cost: 12 of 12 tenants, all with model=new,"
            " since 12:00 UTC"
        )

    def test_a_few_that_share_nothing_are_named(self, scene: Any) -> None:
        """The name of one says more than that no cause was found for three."""
        desk = scene.Desk(scene.routing(group_by=("rule",)))
        desk.take(*_lines(scene, 3))
        for census in (_census("model", "new", 60, 90), _census("tenant", "x", 1, 90)):
            desk.take(census, at_s=43_205)
        desk.until(43_300)
        said = headline(desk.deliveries[0])
        assert "tenant=" in said
        assert said.endswith("and 2 more")

    def test_the_page_shows_one(self) -> None:
        """In its words."""
        page = Path(__file__).parents[3] / "docs/route.md"
        found = Blast(
            rule="session-cost",
            rules=1,
            firing=38,
            series=40,
            counted="tenant",
            shared={"model": "x-large"},
            broken=38,
            sharing=38,
            attributed={},
            healthy=62,
            since="1970-01-01T14:02:00Z",
        )
        said = f"🟠 Warning: session-cost: {radius(found, _NOON_US)}\n"
        assert said in page.read_text(encoding="utf-8")

    def test_each_provider_is_told(self, desk: Any) -> None:
        """In its own way."""
        (delivery,) = desk.deliveries
        said = "12 of 12 tenants, all with model=new, since 12:00 UTC"
        slack = json.dumps(slack_message(delivery).attachments)
        assert f"*{said}*" in slack
        event = pagerduty_event(delivery)
        assert event["payload"]["custom_details"]["blast_radius"] == said
        assert said in event["payload"]["summary"]
        body = json.loads(webhook_body(delivery))["blast_radius"]
        assert body == {
            "rule": "session-cost",
            "rules": 1,
            "firing": 12,
            "series": 12,
            "counted": "tenant",
            "shared": {"model": "new"},
            "broken": 12,
            "sharing": 12,
            "attributed": {},
            "healthy": 78,
            "since": "1970-01-01T12:00:00Z",
            "at_least": False,
            "sought": True,
        }

    def test_at_the_end_it_says_how_far_it_reached(self, scene: Any, desk: Any) -> None:
        """Of what is over, too, somebody wants to know how bad it was."""
        over = [
            scene.line(
                50_000, "resolved", alert_id=f"new-{n}", labels={"tenant": f"{n}"}
            )
            for n in range(12)
        ]
        desk.take(*over).until(51_000)
        slack = json.dumps(slack_message(desk.deliveries[-1]).attachments)
        assert "It was 12 of 12 tenants, all with model=new" in slack

    def test_it_changes_nobody_and_no_time(self, scene: Any) -> None:
        """Within a group it is text: the same lines with and without a census."""
        told = []
        for censuses in ([], [_census("model", "new", 12, 90)]):
            desk = scene.Desk(scene.routing(group_by=("rule",)))
            desk.take(*_lines(scene, 12))
            for census in censuses:
                desk.take(census, at_s=43_205)
            told.append(desk.until(60_000).lines)
        assert told[0] == told[1]
