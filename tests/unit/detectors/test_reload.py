"""A partition goes on under other rules as if it had been restarted with them."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import chain
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.matchers import Matchers, equal
from detectors.partition import Partition
from detectors.rules import (
    SECOND_US,
    Absence,
    Anomaly,
    Drift,
    Kind,
    Rule,
    RuleBook,
    Window,
)
from detectors.rules import rule as make_rule
from detectors.state.seals import Seal
from detectors.state.stage import Said
from detectors.transitions import encode_line
from tests.unit.detectors.scenes import (
    Log,
    Scene,
    changes,
    threshold,
    transitions,
)
from tests.unit.detectors.test_log_alone import (
    MEMORY,
    Worker,
    _blocks,
    _book,
    _rule,
    _states,
    _story,
)

BY = ("agent",)


def _mean(limit: float, **more: object) -> Rule:
    values = {"by": BY, "window": Window(samples=3), "min_samples": 3, **more}
    return make_rule("mean", "cost_usd", threshold(limit), **values)


def _dear(limit: float) -> Rule:
    return make_rule("dear", "cost_usd", threshold(limit), by=BY)


def _learning(chance: random.Random, name: str) -> Rule:
    """A rule that learns with every session, or any other one."""
    if chance.random() < 0.5:
        return _rule(chance, name)
    kinds: list[Kind] = [Drift(), Drift("high"), Anomaly(), Drift("low", 2.0)]
    metric = chance.choice(["cost_usd", "loop_count", "tool_error_rate"])
    return make_rule(
        name, metric, chance.choice(kinds), by=chance.choice([BY, ("agent", "tenant")])
    )


def _learning_book(chance: random.Random) -> RuleBook:
    return RuleBook(
        tuple(_learning(chance, f"r{n}") for n in range(chance.randint(1, 6))),
        retention_us=chance.choice([30, 604_800]) * SECOND_US,
    )


class TestUnderTheSameRules:
    @settings(max_examples=12)
    @given(st.integers(0, 10**9))
    def test_nothing_is_different(self, seed: int) -> None:
        """Lines and counts are those of a partition left alone (property).

        The rows too; of drift they are tidier, for places out of use are not kept.
        """
        chance = random.Random(seed)  # noqa: S311
        book = _learning_book(chance)
        sources = chance.randint(1, 3)
        steps = _story(chance, sources, 200)
        ends = [chance.random() < 0.5 for _ in steps]
        outcomes = []
        for share in (0.0, 0.3):
            partition = Partition(book, memory=MEMORY)
            lines: list[Said] = []
            blocks = _blocks(steps, Log(book.rules, sources), ends, None)
            for offset, batch in enumerate(blocks):
                lines += partition.apply(batch, offset)
                if chance.random() < share:
                    partition = partition.under(book)
            rows = dict(chain(*partition._checkpoints.all_rows()))
            outcomes.append((lines, partition.counts, rows))
        assert outcomes[0][:2] == outcomes[1][:2]
        if not any(isinstance(rule.kind, Drift) for rule in book.rules):
            assert outcomes[0][2] == outcomes[1][2]


class TestUnderOtherRules:
    @settings(max_examples=12)
    @given(st.integers(0, 10**9))
    def test_it_goes_on_as_after_a_restart(self, seed: int) -> None:
        """Whatever book follows whatever book, a restart says the same (property)."""
        chance = random.Random(seed)  # noqa: S311
        before, after = _book(chance), _book(chance)
        sources = chance.randint(1, 3)
        steps = _story(chance, sources, 160)
        ends = [chance.random() < 0.5 for _ in steps]
        # As ingest would that knows both files.
        log = Log((*before.rules, *after.rules), sources)
        blocks = _blocks(steps, log, ends, None)
        reloaded, restarted = Worker(before, blocks), Worker(before, blocks)
        half = len(blocks) // 2
        for worker in (reloaded, restarted):
            while worker.at < half:
                worker.work()
            worker.published.clear()
        reloaded.partition = reloaded.partition.under(after)
        restarted.checkpoint(chance, whole=True)
        restarted.book = after
        restarted.restart()
        for worker in (reloaded, restarted):
            # Rows are read in any order.
            ended = sorted(transitions(worker.partition.retire()), key=encode_line)
            worker.published += [(half, line) for line in ended]
            while worker.at < len(blocks):
                worker.work()
        assert reloaded.published == restarted.published
        rows = [
            dict(chain(*worker.partition._checkpoints.all_rows()))
            for worker in (reloaded, restarted)
        ]
        assert rows[0] == rows[1]

    @settings(max_examples=40)
    @given(st.integers(0, 10**9))
    def test_any_rule_may_become_any_other_of_its_name(self, seed: int) -> None:
        """Nothing of a state is in the way of what a rule is now (property)."""
        chance = random.Random(seed)  # noqa: S311
        books = [_learning_book(chance) for _ in range(3)]
        rules = [rule for book in books for rule in book.rules]
        log = Log(rules, 1)
        steps = _story(chance, 1, 150)
        blocks = _blocks(steps, log, [chance.random() < 0.3 for _ in steps], None)
        partition = Partition(books[0], memory=MEMORY)
        for offset, batch in enumerate(blocks):
            partition.apply(batch, offset)
            if offset % 20 == 19:
                partition = partition.under(chance.choice(books))
        _states(partition)


def _heard(scene: Scene) -> tuple[list[Any], list[Any]]:
    """What is known of peers, and of the fleets of rules with a budget."""
    seal = Seal.load(scene.partition.seal(scene.offset - 1))
    return sorted(seal.parents), sorted(seal.fleets)


def _moved(scene: Scene, *rules: Rule) -> Scene:
    """The scene goes on with other rules, without a restart."""
    scene.book = replace(scene.book, rules=rules)
    scene.partition = scene.partition.under(scene.book)
    log = Log(rules, scene.log.sources)
    log.next, log.clocks = scene.log.next, scene.log.clocks
    scene.log = log
    return scene


class TestWhatIsKept:
    def test_rules_that_did_not_change_keep_their_windows_and_alerts(self) -> None:
        """S27: another rule's edit is nothing to them."""
        scene = Scene(_mean(1.0), _dear(9.0))
        scene.series("cost_usd", [2.0] * 4)
        _moved(scene, _mean(1.0), _dear(1.0))
        said = scene.session(4, cost_usd=2.0)
        assert [line.rule for line in transitions(said)] == ["dear"]
        (kept,) = [a for a in scene.partition.open_alerts() if a.rule == "mean"]
        assert (kept.generation, kept.sessions) == (1, 3)

    def test_a_repeat_of_a_session_is_one_after_it_too(self) -> None:
        """What was seen is remembered beside the rules."""
        scene = Scene(_dear(9.0))
        scene.session(0, cost_usd=2.0, session_id="twice")
        _moved(scene, _dear(1.0))
        assert scene.session(1, cost_usd=2.0, session_id="twice") == []
        assert scene.partition.counts.duplicates == 1

    def test_a_rule_that_is_gone_holds_its_alert_until_it_is_retired(self) -> None:
        """S27: another worker may still have it; then it is resolved, once."""
        scene = Scene(_mean(1.0))
        scene.series("cost_usd", [2.0] * 3)
        _moved(scene, _dear(99.0))
        assert "firing" not in str(changes(scene.session(3, cost_usd=0.1)))
        (line,) = transitions(scene.partition.retire())
        assert (line.rule, line.to_state, line.reason) == ("mean", "resolved", "config")
        assert scene.partition.retire() == []

    def test_a_rule_that_comes_back_in_time_has_lost_nothing(self) -> None:
        """A file that was put right at once: the alert never ended."""
        scene = Scene(_mean(1.0))
        scene.series("cost_usd", [2.0] * 3)
        _moved(scene, _dear(99.0))
        _moved(scene, _mean(1.0))
        assert transitions(scene.session(3, cost_usd=2.0)) == []
        (alert,) = scene.partition.open_alerts()
        assert (alert.generation, alert.sessions) == (1, 2)

    def test_what_it_had_heard_of_its_peers_is_kept_for_it(self) -> None:
        """What it borrows, and how often it may be wrong, until it is retired."""
        drift = make_rule("d", "cost_usd", Drift("medium", 2.0), by=("agent", "tenant"))
        scene = Scene(drift)
        numbers = random.Random(5)  # noqa: S311
        for number in range(1200):
            scene.session(
                number * 20,
                labels={"agent": f"a{number % 6}", "tenant": "t"},
                cost_usd=numbers.lognormvariate(0, 0.2),
            )
            if number % 100 == 99:
                scene.hear_parents()
        limits, heard = scene.partition.limits, _heard(scene)
        assert heard[0]
        assert limits != Scene(drift).partition.limits
        _moved(scene, _dear(99.0))
        assert scene.partition.limits == {}
        _moved(scene, drift)
        assert (scene.partition.limits, _heard(scene)) == (limits, heard)
        _moved(scene, _dear(99.0))
        scene.partition.retire()
        _moved(scene, drift)
        assert _heard(scene)[0] == []

    def test_a_series_on_which_no_rule_has_begun_is_taken_along(self) -> None:
        """Other workers' rules watch it; ours may, one day."""
        ours = make_rule(
            "x",
            "cost_usd",
            threshold(1.0),
            by=BY,
            where=Matchers((equal("tenant", "x"),)),
        )
        scene = Scene(ours)
        scene.log = Log((ours, _dear(9.0)))
        scene.session(0, labels={"agent": "a", "tenant": "y"}, cost_usd=2.0)
        assert len(scene.partition) == 1
        _moved(scene, make_rule("other", "cost_usd", threshold(1.0), by=()))
        _moved(scene, _dear(1.0))
        assert len(transitions(scene.session(1, cost_usd=2.0))) == 1

    def test_series_that_are_gone_stay_gone(self) -> None:
        """Their marks are kept: a number of a line is never used again."""
        scene = Scene(make_rule("quiet", "sessions", Absence(SECOND_US), by=BY))
        scene.book = replace(scene.book, retention_us=5 * SECOND_US)
        _moved(scene, *scene.book.rules)
        scene.session(0)
        scene.tick(9.0)
        assert len(scene.partition) == 0
        _moved(scene, _dear(1.0))
        marks = [row for _, row in scene.partition.take_dirty()]
        assert len(marks) <= 1

    def test_a_refused_book_leaves_the_old_one_at_work(self) -> None:
        """Making the other one ready changes nothing of what runs."""
        scene, alone = Scene(_mean(1.0)), Scene(_mean(1.0))
        for one in (scene, alone):
            one.series("cost_usd", [2.0] * 3)
        scene.partition.under(RuleBook((_dear(1.0),)))
        for one in (scene, alone):
            one.series("cost_usd", [0.1] * 4, from_s=3)
        assert scene.said == alone.said
        assert scene.partition.take_dirty() == alone.partition.take_dirty()
