"""Moving partitions under other rules, while other tasks get their turn."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from detectors.partition import Partition
from detectors.rules import RuleBook
from streams.state.owned import Owned
from streams.state.restore import uncollected


async def all_moved(
    owned: Mapping[int, Owned], book: RuleBook
) -> dict[Owned, Partition]:
    """Partitions as they go on under other rules; none of them goes on yet.

    Nothing may be folded meanwhile. When it returns, none is missing that is owned.

    Args:
        owned: By number; partitions may come and go meanwhile.
        book: The other rules.

    Raises:
        ValueError: The state of a series cannot be taken over.
    """
    ready: dict[Owned, Partition] = {}
    while left := [each for each in owned.values() if each not in ready]:
        for each in left:
            ready[each] = await _moved(each.partition, book)
    return ready


async def _moved(partition: Partition, book: RuleBook) -> Partition:
    goes, other = partition.moving(book), partition
    while True:
        # The collector would go through what was taken over so far again and again.
        with uncollected():
            found = next(goes, None)
        if found is None:
            return other
        other = found
        await asyncio.sleep(0)
