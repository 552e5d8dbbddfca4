"""What another worker wrote between our rows, and what is done about it."""

from __future__ import annotations

from types import SimpleNamespace

import msgspec

from detectors.batch import tick
from detectors.identity import series_key
from detectors.rules import Level, Severity, Threshold, rule
from streams.state.late import Late, Record, Stretch
from streams.state.newest import Headers, headers_of
from streams.state.owned import Owned
from streams.state.topic import PLACES, SEAL
from tests.unit.detectors.scenes import Scene

OURS: list[Record] = [(b"a", b"ours"), (b"b", None), (SEAL, b"our seal")]
DEAR = Threshold((Level(Severity.WARNING, 1.0),))


def row(holds: int) -> bytes:
    """A row, up to what matters here."""
    return msgspec.msgpack.encode([6, holds, 0])


def record(
    offset: int, key: bytes, value: bytes | None, headers: Headers | None = None
) -> SimpleNamespace:
    """As it is read."""
    return SimpleNamespace(offset=offset, key=key, value=value, headers=headers or [])


def late(*others: SimpleNamespace) -> tuple[Late, list[SimpleNamespace]]:
    """What is known once a stretch from offset 10 on was read, and what was strange."""
    end = 10 + len(OURS) + len(others)
    found = Late()
    stretch = Stretch(10, end, OURS)
    found.unread.append(stretch)
    ours = [record(end - 1, key, value) for key, value in OURS]
    return found, found.look(stretch, [*others, *ours])


def test_what_others_wrote_is_written_again() -> None:
    """Rows and tombstones, once."""
    found, others = late(
        record(10, b"c", row(3)), record(11, b"d", None, headers_of(4))
    )
    assert [each.key for each in others] == [b"c", b"d"]
    assert found.due(7)
    assert found.take(7, []) == [b"c", b"d"]
    assert not found
    assert not found.due(7)


def test_our_own_rows_are_known_again() -> None:
    """Those that were written twice, too: an answer of Kafka may have been lost."""
    found, others = late(record(10, *OURS[0]), record(11, *OURS[2]))
    assert (others, bool(found)) == ([], False)


def test_what_lies_before_or_behind_is_not_looked_at() -> None:
    """It was, or will be."""
    found, others = late(record(9, b"c", row(3)), record(99, b"d", row(3)))
    assert (others, bool(found)) == ([], False)


def test_a_row_that_holds_more_than_we_do_is_not_late_yet() -> None:
    """It is right, until we have come as far ourselves."""
    found, _ = late(record(10, b"c", row(8)))
    assert not found.due(7)
    assert found.take(7, []) == []
    assert found
    assert found.take(8, []) == [b"c"]


def test_what_is_not_understood_is_overwritten_at_once() -> None:
    """Whatever it is, it is not ours; tombstones of earlier versions among them."""
    found, _ = late(record(10, b"c", b"garbage"), record(11, b"d", None))
    assert found.take(-1, []) == [b"c", b"d"]


def test_what_is_written_anyway_is_not_written_twice() -> None:
    """Nor are the partition's own rows: each checkpoint writes them."""
    found, _ = late(*(record(10, key, row(3)) for key in (b"c", b"d", SEAL, PLACES)))
    assert found.due(7)
    assert found.take(7, [(b"c", b"changed")]) == [b"d"]


def worker() -> tuple[Scene, Owned, int]:
    """One with a series, all of it safe, and the end of its topic."""
    scene = Scene(rule("r", "cost_usd", DEAR, by=("agent",)))
    scene.session(1, cost_usd=0.1)
    mine = Owned(scene.partition)
    mine.next = scene.offset
    assert mine.take_step()
    assert mine.step is not None
    mine.made_safe(mine.step, 2)
    return scene, mine, 2


def test_rows_between_ours_are_noticed_by_where_these_end() -> None:
    """And only then is anything read."""
    scene, mine, end = worker()
    for others in (0, 1):
        scene.partition.apply(tick({0: 2_000_000 + others}, 1), mine.next)
        mine.next += 1
        assert mine.take_step()
        step = mine.step
        assert step is not None
        mine.made_safe(step, end + len(step.records) + others)
        assert len(mine.late.unread) == others
        end += len(step.records)


def test_a_checkpoint_follows_though_nothing_has_changed() -> None:
    """Of what is there its row, of what is not a tombstone, then a seal."""
    _, mine, _ = worker()
    key = series_key({"agent": "a"})
    assert not mine.take_step()
    mine.late = Late({key: -1, b"gone": -1})
    assert mine.take_step()
    assert mine.step is not None
    assert [(each, row is None) for each, row in mine.step.rows] == [
        (key, False),
        (b"gone", True),
    ]
    assert mine.step.gone == mine.safe - 1
    assert not mine.take_step()
