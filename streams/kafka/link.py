"""What agents need of their app: its consumer, its producer, and whether to go on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, KafkaTimeoutError
from faust.types.tuples import TP

from streams.kafka.chunks import ChunkConsumer
from streams.kafka.guards import AGAIN, FAILED, FAULT, End, end_process
from streams.kafka.lease import Lease
from streams.kafka.reading import Chunk, Verdict

log = logging.getLogger(__name__)

Process = Callable[[Chunk], Awaitable[object]]
Load = Callable[[set[TP], bool], Awaitable[object]]


class StateError(Exception):
    """State that does not fit its topics, or this version; says what to do."""


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
        self._loaded: int | None = None

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
    def ready(self) -> bool:
        """Whether our partitions, if there are any, are here with their state."""
        return (
            self.app is not None
            and not self.app.rebalancing
            and self._loaded == self.generation
        )

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

    async def deliver(
        self, chunk: Chunk, write: Callable[[], Awaitable[object]]
    ) -> bool:
        """Write what came of a chunk; whether it is acknowledged and still ours."""
        return await self.write(write, lambda: self.consumer.is_current(chunk))

    async def write(
        self, write: Callable[[], Awaitable[object]], still_ours: Callable[[], bool]
    ) -> bool:
        """Write as often as it takes; whether it is acknowledged and still ours.

        While Kafka is away it is written again and again, as long as that is ours to
        write: readers know repeats by their numbers.
        """
        while await self.lease.hold(still_ours):
            try:
                await write()
            except KafkaError as error:
                if not may_pass(error):
                    raise
                log.warning("Kafka did not take what was written, again: %r", error)
            else:
                return still_ours()
        return False

    async def take_over(self, load: Load) -> None:
        """Have the state of newly assigned partitions loaded before any is read.

        To be awaited in ``on_rebalance_complete``. Faust is about to let records flow
        again and only then to seek (#596): the two calls hold them back.

        Args:
            load: Given the assignment, and whether what was ours in the generation
                before is still as we left it.
        """
        self.consumer.stop_flow()
        self.app.flow_control.suspend()
        generation = self.generation
        kept = self._loaded is not None and generation == self._loaded + 1
        self._loaded = None
        try:
            await load(self.consumer.assignment(), kept)
        except StateError as error:
            self.end(FAILED, str(error))
        except (KafkaError, TimeoutError) as error:
            # Half a state is none.
            self.end(AGAIN, f"state could not be read: {error!r}")
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            log.error("fault while state was read", exc_info=error)
            self.end(FAULT, f"{type(error).__name__}: {error}")
        if generation == self.generation:
            self._loaded = generation

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
