"""What agents need of their app: its consumer, its producer, and whether to go on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, KafkaTimeoutError

from streams.chunks import ChunkConsumer
from streams.guards import FAULT, End, end_process
from streams.lease import Lease
from streams.reading import Chunk, Verdict

log = logging.getLogger(__name__)

Process = Callable[[Chunk], Awaitable[None]]


class Link:
    """A Faust app that reads chunks, as its agents see it.

    Args:
        lease: Of the app's consumer group.
        end: Ends the process.
    """

    def __init__(self, lease: Lease, end: End = end_process) -> None:
        self.lease = lease
        self.end = end
        self.app: Any = None

    @property
    def consumer(self) -> ChunkConsumer:
        """The app's consumer."""
        consumer: ChunkConsumer = self.app.consumer
        return consumer

    @property
    def producer(self) -> AIOKafkaProducer:
        """Aiokafka's producer: its futures are Kafka's acknowledgements.

        Faust's own buffer can let offsets be committed ahead of what it holds.
        """
        return self.app.producer._producer  # noqa: SLF001  Faust hands it to nobody

    @property
    def running(self) -> bool:
        """Whether the app may write: it has been started, and its producer too."""
        return self.app is not None and self.app.producer._producer is not None  # noqa: SLF001

    @property
    def generation(self) -> int:
        """The group's generation in which we have our partitions."""
        generation: int = self.app.consumer_generation_id
        return generation

    async def hold(self, chunk: Chunk) -> bool:
        """Wait until a chunk is surely ours; False once it is not."""
        return await self.lease.hold(lambda: self.consumer.is_current(chunk))

    async def deliver(self, chunk: Chunk, write: Callable[[], Awaitable[None]]) -> bool:
        """Write what came of a chunk; whether it is acknowledged and still ours.

        While Kafka is away it is written again and again, as long as the chunk is
        ours: readers know repeats by their numbers.
        """
        while await self.hold(chunk):
            try:
                await write()
            except KafkaError as error:
                if not may_pass(error):
                    raise
                log.warning("Kafka did not take what was written, again: %r", error)
            else:
                return self.consumer.is_current(chunk)
        return False

    async def run(self, stream: Any, process: Process) -> None:  # noqa: ANN401
        """The body of an agent.

        Faust acks an event also when its agent raised, and so would commit what was
        never done: nothing may raise here. A fault ends the process, and the next
        one begins where this one's effects are known.
        """
        async for event in stream.events():
            chunk: Chunk = event.message
            try:
                match self.consumer.verdict(chunk):
                    case Verdict.OK:
                        await process(chunk)
                    case Verdict.GAP:
                        self.end(
                            FAULT,
                            f"records of {chunk.topic} {chunk.partition} are missing "
                            f"before offset {chunk.start}",
                        )
            except asyncio.CancelledError:
                raise
            except BaseException as error:
                log.error(
                    "fault in %s %d, offsets up to %d",
                    chunk.topic,
                    chunk.partition,
                    chunk.offset,
                    exc_info=error,
                )
                self.end(FAULT, f"{type(error).__name__}: {error}")


def may_pass(error: KafkaError) -> bool:
    """Whether a write that failed may succeed when it is tried again."""
    return isinstance(error, KafkaTimeoutError) or bool(error.retriable)
