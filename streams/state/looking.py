"""Looking at what other workers wrote between our rows."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Final

from aiokafka.errors import KafkaError

from streams.kafka.link import Link
from streams.state.late import Late
from streams.state.owned import Owned
from streams.state.topic import read_log

log = logging.getLogger(__name__)

BETWEEN: Final = (
    "%s %d: another worker wrote %d rows between ours, at offsets %d to %d: it had been "
    "frozen, and did not know that it has lost the partition. What they are of is written "
    "again as it is now. There is nothing to do, unless this comes again and again: then "
    "another Loopwatch writes to this topic"
)


async def look_for_late_rows(
    owned: Mapping[int, Owned], link: Link, topic: str, options: Mapping[str, Any]
) -> None:
    """Where others have written, see what the next checkpoint has to put right.

    Args:
        owned: By number of the partition.
        link: Of the app.
        topic: The state topic.
        options: Keyword arguments of aiokafka's clients.
    """
    epoch = link.consumer.epoch
    for number, each in list(owned.items()):
        # Had we been frozen ourselves, they would be our successor's.
        if not each.late.unread or not await link.lease.hold(
            lambda: link.consumer.epoch == epoch
        ):
            continue
        try:
            await _look(each.late, topic, number, options)
        except (KafkaError, TimeoutError) as error:
            log.warning(
                "%s %d: what another worker wrote cannot be read, again: %r",
                topic,
                number,
                error,
            )


async def _look(
    late: Late, topic: str, number: int, options: Mapping[str, Any]
) -> None:
    for stretch in list(late.unread):
        found: list[Any] = []

        def take(_: int, records: list[Any], found: list[Any] = found) -> None:
            found += records

        begin, until = {number: stretch.begin}, {number: stretch.end}
        await read_log(options, topic, begin, take, until)
        others = late.look(stretch, found)
        if others:
            first, last = others[0].offset, others[-1].offset
            log.warning(BETWEEN, topic, number, len(others), first, last)
