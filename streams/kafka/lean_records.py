"""Records as they are read: whole batches, and no second object for each record.

aiokafka makes a frozen data class of eleven fields of every record, one call after the
other, which takes ten times as long as reading it. Nothing here asks for more than
offset, key, value, timestamp and headers, and these the record has that was read.
"""

# ruff: noqa: SLF001  aiokafka has no setting for it
from __future__ import annotations

from collections import OrderedDict
from functools import partial
from typing import Any

from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import READ_UNCOMMITTED, FetchResult
from aiokafka.errors import CorruptRecordException


def make_lean(consumer: Any) -> None:  # noqa: ANN401
    """Let a consumer of aiokafka that was started hand on records as they are read."""
    fetcher = consumer._fetcher
    fetcher._records = LeanResults(fetcher._records)


class LeanResults(OrderedDict[TopicPartition, Any]):
    """What a fetcher has fetched, by partition; made to hand records on unchanged.

    Only for a consumer without deserializers.
    """

    def __setitem__(self, tp: TopicPartition, result: Any) -> None:  # noqa: ANN401
        if type(result) is FetchResult:
            records = result._partition_records
            if records._isolation_level == READ_UNCOMMITTED:
                result.getall = partial(_take_all, result, records)
        super().__setitem__(tp, result)


def _take_all(
    result: FetchResult,
    records: Any,  # noqa: ANN401
    max_records: int | None = None,
) -> list[Any]:
    """What ``FetchResult.getall`` does, a batch at a time."""
    if max_records is not None:
        return list(FetchResult.getall(result, max_records))
    if not result.check_assignment(result._topic_partition) or not result.has_more():
        return []
    found: list[Any] = []
    batches = records._records
    while batches.has_next():
        batch = batches.next_batch()
        if records._check_crcs and not batch.validate_crc():
            raise CorruptRecordException(f"Invalid CRC - {records._tp}")
        # Batches of markers are no records, whatever is committed.
        if not batch.is_control_batch:
            part = list(batch)
            # What is fetched begins with the batch that holds the position.
            if part and part[0].offset < records.next_fetch_offset:
                part = [one for one in part if one.offset >= records.next_fetch_offset]
            found += part
        records.next_fetch_offset = batch.next_offset
    result._update_position()
    result._partition_records = None
    return found
