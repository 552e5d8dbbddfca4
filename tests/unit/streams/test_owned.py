"""What a checkpoint writes of a partition, and when nothing."""

from __future__ import annotations

from detectors.batch import tick
from detectors.partition import Partition
from detectors.rules import Level, RuleBook, Severity, Threshold, rule
from detectors.state.seals import Seal
from streams.metrics import Meters
from streams.state.owned import Owned
from tests.unit.detectors.scenes import Scene

DEAR = Threshold((Level(Severity.WARNING, 1.0),))


def owned(position: int = 7) -> Owned:
    """A partition that stands at an offset."""
    return Owned(Partition(RuleBook(())), position)


def test_without_a_block_there_is_nothing_to_write() -> None:
    """A checkpoint right after another one writes nothing."""
    mine = owned()
    assert not mine.take_step()
    assert mine.step is None


def test_a_step_is_safe_once_it_is_written() -> None:
    """Until then what is safe stands where it was, and the step is kept."""
    mine = owned()
    mine.partition.apply(tick({0: 1_000_000}, 1), 7)
    mine.next = 8
    assert mine.take_step()
    step = mine.step
    assert step is not None
    assert (step.position, mine.safe) == (8, 7)
    assert Seal.load(step.seal).offset == 7
    assert not mine.take_step()
    assert mine.step is step
    mine.made_safe(step, 1)
    assert not mine.take_step()
    assert mine.safe == 8


def test_a_change_without_a_block_is_written_too() -> None:
    """Alerts that were resolved because of the file must not come back."""
    mine = owned()
    mine.changed = True
    assert mine.take_step()


def test_under_other_rules_what_is_not_written_yet_comes_first() -> None:
    """In its order, under a seal that names the rules of both; then nothing is left."""
    mine = owned()
    mine.partition = before = Partition(RuleBook((rule("r", "cost_usd", DEAR),)))
    before.apply(tick({0: 1_000_000}, 1), 7)
    mine.next = 8
    assert mine.take_step()
    first = mine.step
    assert first is not None
    before.apply(tick({0: 2_000_000}, 1), 8)
    mine.next, mine.retired = 9, True
    mine.take_up(before.under(RuleBook((rule("s", "cost_usd", DEAR),))))
    step = mine.step
    assert step is not None
    assert step.rows[: len(first.rows)] == first.rows
    assert (step.position, mine.safe) == (9, 7)
    named = [name for _, members in Seal.load(step.seal).books for name, _ in members]
    assert sorted(named) == ["r", "s"]
    assert not mine.retired
    assert not mine.take_step()


def test_who_found_no_place_is_written_before_rows() -> None:
    """Until it is sealed, with what comes later; without a limit there is none."""
    scene = Scene(rule("r", "cost_usd", DEAR, by=("agent",)), max_series=1)
    mine, firsts = Owned(scene.partition), []
    for number in range(4):
        if number < 2:
            labels = {"agent": f"a{number}"}
            scene.session(number, labels=labels, cost_usd=0.1)
        else:
            scene.tick(number)
        mine.next = scene.offset
        assert mine.take_step()
        assert mine.step is not None
        firsts.append(mine.step.first)
        mine.made_safe(mine.step, number)
    assert [first is None for first in firsts] == [True, False, False, True]


def test_who_found_no_place_is_measured() -> None:
    """Apart from observations, which were folded into series."""
    mine, meters = owned(), Meters()
    mine.partition.counts.observations += 3
    mine.partition.counts.turned_away += 2
    mine.count(meters)
    value = meters.registry.get_sample_value
    assert value("loopwatch_observations_total") == 1
    assert value("loopwatch_turned_away_sessions_total") == 2


def test_what_was_counted_before_is_not_counted_again() -> None:
    """Meters get the difference."""
    mine, meters = owned(), Meters()
    mine.partition.counts.observations += 3
    mine.count(meters)
    mine.count(meters)
    mine.partition.counts.observations += 1
    mine.count(meters)
    assert meters.registry.get_sample_value("loopwatch_observations_total") == 4
