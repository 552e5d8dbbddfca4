"""What a series, and a partition, is in the state topic: versioned plain numbers.

MessagePack of lists, numbers and bytes; floats keep every bit. A row of a version
that this code does not know is refused, never guessed at.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from detectors.kernels import layout
from detectors.kinds.absence import AbsenceWatch
from detectors.kinds.watch import Watch
from detectors.life.breach import Breach
from detectors.life.lifecycle import FAR, NO_LEVEL, Life, calm
from detectors.state.paper import bytes_of, words_of
from detectors.state.series import Series
from detectors.transitions import State

VERSION: Final = 6

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode


class RowError(ValueError):
    """A row that this version of Loopwatch cannot read."""


def damaged(key: bytes, why: object) -> ValueError:
    """The fault of a series' row that makes no sense."""
    named = key.decode(errors="replace")
    return ValueError(f"the row of series {named} is damaged: {why}")


class Entry(NamedTuple):
    """The state of one rule on a series, as it stands in a row.

    Attributes:
        shape: Of the rule then.
        life: The alert's, its state as a number.
        value: Judged last; None unless something is wrong.
        window: The samples.
        shift: As ``Watch.dump_shift`` has it.
    """

    name: str
    shape: bytes
    life: list[Any]
    value: float | None
    breach: list[Any] | None
    window: list[Any]
    shift: list[Any] | None = None

    def lived(self) -> Life:
        """The alert's life."""
        return Life.load(self.life)

    def with_life(self, life: Life) -> Entry:
        """The same with another life."""
        return self._replace(life=life.dump())


class Gone(NamedTuple):
    """The mark of a forgotten series, until no block can name it again.

    Attributes:
        last_offset: Of the block in which it was forgotten.
        seq: The largest of its lines.
    """

    last_offset: int
    seq: int


def dump_series(series: Series) -> bytes:
    """A series as a row."""
    entries: list[Any] = [_entry(watch) for watch in series.live]
    entries += series.strangers
    return _encode(
        [
            VERSION,
            series.last_offset,
            series.last_us,
            series.floor_us,
            series.order,
            series.seq_floor,
            entries,
        ]
    )


def encode_words(
    head: Sequence[int],
    digest: bytes,
    words: bytes | memoryview,
    told: Sequence[bytes],
) -> bytes:
    """A series as a row that is nothing but words.

    Args:
        head: What follows the version in ``Row``, up to ``seq_floor``.
        digest: Of its group.
        words: As ``Paper.packed`` has them.
        told: The sessions that they name.
    """
    return _encode([VERSION, *head, digest, words, told])


def dump_gone(gone: Gone) -> bytes:
    """The mark of a forgotten series as a row."""
    return _encode([VERSION, *gone])


class Row(NamedTuple):
    """A series' row, read.

    Attributes:
        entries: The states of its rules; for a row of words their group's digest.
        words: As ``Paper.packed`` has them.
        told: The sessions these name, as ``Recent.row`` has them.
    """

    last_offset: int
    last_us: int
    floor_us: int
    order: int
    seq_floor: int
    entries: list[Any] | bytes
    words: bytes = b""
    told: Sequence[bytes] = ()


def load_row(key: bytes, row: bytes) -> Row | Gone:
    """Read a row.

    Raises:
        RowError: It is of another version, or none at all.
    """
    state = read(row, f"series {key.decode(errors='replace')}")
    return Gone(*state[1:]) if len(state) == 3 else Row(*state[1:])


def take_entries(series: Series, entries: Sequence[Sequence[Any]]) -> None:
    """Take the states of rules that a row holds."""
    plans = {plan.rule.name: plan for plan in series.group.plans}
    for parts in entries:
        entry = Entry(*parts)
        plan = plans.get(entry.name)
        if plan is None:
            series.strangers.append(list(entry))
        else:
            _restore(series.open_watch(plan), entry, series)


def entries_of(row: Row, members: Sequence[tuple[str, bytes]]) -> Iterator[list[Any]]:
    """The states of the rules in a row of words.

    Args:
        row: It.
        members: Name and shape of each rule that its group had.
    """
    words = words_of(row.words)
    place = 0
    while place < len(words):
        position, length = words[place : place + 2].tolist()
        piece = words[place + 2 : place + 2 + length]
        quiet, seq, generation = piece[:3].tolist()
        state = State.OK if quiet == layout.ALL_WELL else State.INSUFFICIENT
        name, shape = members[position]
        life = Life(state, generation=generation, seq=seq).dump()
        window = [bytes_of(piece), row.told, []]
        yield [name, shape, life, None, None, window]
        place += 2 + length


def read(row: bytes, what: str) -> list[Any]:
    """The parts of a row of this version.

    Raises:
        RowError: It is of another version, or none at all.
    """
    try:
        state = _decode(row)
    except msgspec.DecodeError as error:
        raise RowError(f"the row of {what} is damaged: {error}") from None
    if not isinstance(state, list) or not state or not isinstance(state[0], int):
        raise RowError(f"the row of {what} is none of Loopwatch's")
    if state[0] != VERSION:
        raise RowError(
            f"the row of {what} has version {state[0]}, this Loopwatch reads version "
            f"{VERSION}; run the version that wrote it, or a later one"
        )
    return state


def _entry(watch: Watch) -> Entry:
    life = watch.life
    settled = life.state is State.OK or life.state is State.INSUFFICIENT
    breach = watch.breach
    return Entry(
        watch.plan.rule.name,
        watch.plan.shape,
        life.dump(),
        None if settled else watch.value,
        None if settled or breach is None else breach.dump(),
        watch.dump(),
        watch.dump_shift(),
    )


def _restore(watch: Watch, entry: Entry, series: Series) -> None:
    life = entry.lived()
    sticky = watch.plan.policy.sticky
    if life.state is State.FIRING and life.lower == NO_LEVEL:
        # The rule may have been another kind of rule when the row was written.
        if sticky and life.due_us == FAR:
            due_us = max(series.last_us, life.since_us) + watch.plan.policy.keep_us
            life = life._replace(due_us=due_us)
        elif not sticky:
            life = life._replace(due_us=FAR)
    watch.life = calm(life, watch.plan.policy)
    watch.value = entry.value
    watch.breach = None if entry.breach is None else Breach.load(entry.breach)
    watch.plan_rebaseline(series.last_us)
    if entry.shape == watch.plan.shape:
        watch.load(entry.window)
        if entry.shift is not None:
            watch.load_shift(entry.shift)
    elif isinstance(watch, AbsenceWatch):
        watch.begin_at(series.last_us, series.floor_us, series.order)
    else:
        watch.settle()
