"""The floor: aiokafka's ``getmany`` and a msgspec decode, in a process of its own.

python -m tests.bench.raw_consumer BOOTSTRAP TOPIC COUNT
"""

from __future__ import annotations

import asyncio
import sys
import time

import msgspec
from aiokafka import AIOKafkaConsumer

from tests.bench.figures import Figure, report


class Session(msgspec.Struct):
    """The fields that the default rules look at."""

    session_id: str
    agent: str
    ended_at: float
    task_type: str = ""
    tenant: str = ""
    status: str = ""
    loop_count: int = 0
    latency_ms: float = 0.0
    llm_calls: int = 0
    tool_calls: int = 0
    tool_errors: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0


async def consume(bootstrap: str, topic: str, count: int) -> Figure:
    """Read and decode so many sessions from the beginning."""
    decode = msgspec.json.Decoder(Session).decode
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=bootstrap,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    await consumer.start()
    try:
        seen = 0
        began = None
        while seen < count:
            chunks = await consumer.getmany(timeout_ms=1000)
            if began is None and chunks:
                began = (time.perf_counter(), time.process_time())
            for records in chunks.values():
                for record in records:
                    decode(record.value)
                seen += len(records)
    finally:
        await consumer.stop()
    assert began is not None
    return Figure(
        sessions=seen,
        wall_s=time.perf_counter() - began[0],
        cpu_s=time.process_time() - began[1],
    )


if __name__ == "__main__":
    report(asyncio.run(consume(sys.argv[1], sys.argv[2], int(sys.argv[3]))))
