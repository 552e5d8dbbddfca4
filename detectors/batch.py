"""A batch of observations: what one source partition said, in its order.

The unit in which sessions reach the detectors. Where one batch ends and the next
begins must not matter: each session carries the clock of its source as it stood
when the session was read, so time moves from session to session, not from batch
to batch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from detectors.actions import Accept
from detectors.matchers import Matchers
from detectors.peers.parents import Part
from detectors.peers.questions import Question

ATTRIBUTES: Final = (
    "agent_version",
    "model",
    "tenant",
    "task_type",
    "environment",
    "agent",
)
"""Labels that explain a session, in the order it carries them; ``attribution`` may name
all but the agent, which tells like from like where a series mixes agents."""

MODEL: Final = ATTRIBUTES.index("model")
"""Position of the model among them."""


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """Sessions of one source partition and the series they belong to.

    Per session, in source order (n of them): ``offsets``, ``clocks_us``,
    ``ended_at_us``, ``values``, ``hashes``, ``session_ids``, ``traces``,
    ``attributes``. Per observation (m of them, in the order of their sessions):
    ``observed``, ``series``, ``wheres``. A batch without sessions is a tick.

    Attributes:
        source: The source partition; -1 for a tick of several.
        sources: How many source partitions there are. The batch's clock is the
            smallest of all their times, and stands still until each is known.
        offsets: Source offsets, ascending; what is not above the highest one
            already applied from this source is a repeat of ingest's and skipped.
        clocks_us: Largest ``ended_at`` passed on from the source up to and with
            the session.
        values: n rows in the order of ``metrics.COLUMNS``; NaN is missing.
        hashes: 64 bits of each ``session_id``.
        traces: ``trace_url``, else ``trace_id``, else empty.
        attributes: n rows of labels in the order of ``ATTRIBUTES``.
        keys: The series named here, as ``identity.series_key`` spells them.
        where_table: The ``where`` clauses that ingest knew, as canonical text.
        observed: For each observation the position of its session.
        series: For each observation the position of its series in ``keys``.
        wheres: For each observation a bit mask over ``where_table``: which of
            them the session satisfies.
        clocks_after_us: Times of source partitions once the batch is folded.
        judged_from_us: Sessions that ended before it are too old to be judged one
            by one; None judges all. Ingest writes it, so that the wall clock it
            hangs on is part of the log.
        accepts: Levels that people accept, in the order of their offsets; they take
            effect once the rest of the batch is folded.
        parents: What is known of parents now; series born after the batch begin
            with it.
        questions: What partitions want the others to count, once the rest is folded.
    """

    source: int
    sources: int
    offsets: Sequence[int]
    clocks_us: Sequence[int]
    ended_at_us: Sequence[int]
    values: Sequence[Sequence[float]]
    hashes: Sequence[int]
    session_ids: Sequence[str]
    traces: Sequence[str]
    attributes: Sequence[Sequence[str]]
    keys: Sequence[bytes]
    where_table: Sequence[str]
    observed: Sequence[int]
    series: Sequence[int]
    wheres: Sequence[int]
    clocks_after_us: Mapping[int, int]
    judged_from_us: int | None = None
    accepts: Sequence[Accept] = ()
    parents: Sequence[Part] = ()
    questions: Sequence[Question] = ()


def tick(
    clocks_us: Mapping[int, int],
    sources: int,
    accepts: Sequence[Accept] = (),
    parents: Sequence[Part] = (),
    questions: Sequence[Question] = (),
) -> Batch:
    """A batch without sessions: the time, and what all partitions are to hear of."""
    return Batch(
        source=-1,
        sources=sources,
        offsets=(),
        clocks_us=(),
        ended_at_us=(),
        values=(),
        hashes=(),
        session_ids=(),
        traces=(),
        attributes=(),
        keys=(),
        where_table=(),
        observed=(),
        series=(),
        wheres=(),
        clocks_after_us=clocks_us,
        accepts=accepts,
        parents=parents,
        questions=questions,
    )


def where_bits(table: Sequence[str], wheres: Sequence[Matchers]) -> list[int]:
    """For each clause its bit in the masks of a batch; 0 if ingest did not know it."""
    position = {text: 1 << bit for bit, text in enumerate(table)}
    return [position.get(str(where), 0) for where in wheres]
