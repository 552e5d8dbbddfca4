"""Workers tell each other which file they run, so that none resolves too soon.

A rule that one worker's file lacks may stand in another's, while files are rolled out.
Its alerts are resolved once every live worker has announced the same file.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, Final
from uuid import uuid4

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from streams.kafka.link import Link

log = logging.getLogger(__name__)

_PARTITION: Final = 0
_MISSES: Final = 3
"""A worker that has missed so many announcements is not live."""


class Announcement(msgspec.Struct, frozen=True, tag_field="kind", tag="worker"):
    """A worker is live, or leaves.

    Attributes:
        worker: A name of its own.
        digest: Of its file's meaning.
    """

    worker: str
    digest: str
    leaves: bool = False


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Announcement).decode


class Roll:
    """Who is live, as far as one has heard.

    Args:
        digest: Of our own file.
        every_s: How often each worker announces itself.
        now_s: A clock that never goes back.
    """

    def __init__(
        self,
        digest: str,
        every_s: float,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._digest = digest
        self._live_s = _MISSES * every_s
        self._now_s = now_s
        self._since_s: float | None = None
        self._heard: dict[str, tuple[float, str]] = {}

    def follow(self, digest: str) -> None:
        """Our own file is another one from now on."""
        self._digest = digest

    def listen(self) -> None:
        """From now on we hear everybody."""
        self._since_s = self._now_s()
        self._heard.clear()

    def deaf(self) -> None:
        """We may miss somebody."""
        self._since_s = None

    def hear(self, said: Announcement) -> None:
        """Somebody announced themselves."""
        if said.leaves:
            self._heard.pop(said.worker, None)
        else:
            self._heard[said.worker] = (self._now_s(), said.digest)

    def agreed(self) -> bool:
        """Whether every live worker runs our file."""
        now_s = self._now_s()
        if self._since_s is None or now_s - self._since_s < self._live_s:
            return False
        return all(
            digest == self._digest
            for heard_s, digest in self._heard.values()
            if now_s - heard_s < self._live_s
        )


class Announcer:
    """Announces this worker, and listens to the others.

    Args:
        link: The app whose producer writes.
        topic: The control topic.
        options: Keyword arguments of aiokafka's clients.
        digest: Of our own file.
        every_s: How often to announce ourselves.
    """

    def __init__(
        self,
        link: Link,
        topic: str,
        options: Mapping[str, Any],
        digest: str,
        every_s: float,
    ) -> None:
        self.roll = Roll(digest, every_s)
        self._link = link
        self._topic = topic
        self._options = options
        self._every_s = every_s
        self._digest = digest
        self._worker = uuid4().hex

    async def run(self) -> None:
        """Announce and listen, until cancelled."""
        await asyncio.gather(self._announce(), self._listen())

    async def reload(self, digest: str) -> None:
        """Our own file is another one: nobody need wait to hear of it."""
        self._digest = digest
        self.roll.follow(digest)
        await self._say()

    async def leave(self) -> None:
        """Nobody needs to wait for us."""
        await self._say(leaves=True)

    async def _announce(self) -> None:
        while True:
            await self._say()
            await asyncio.sleep(self._every_s)

    async def _say(self, *, leaves: bool = False) -> None:
        if not self._link.running:
            return
        said = Announcement(self._worker, self._digest, leaves)
        try:
            await self._link.producer.send_and_wait(
                self._topic, _encode(said), partition=_PARTITION
            )
        except KafkaError as error:
            log.warning("this worker was not announced: %r", error)

    async def _listen(self) -> None:
        while True:
            try:
                await self._hear_all()
            except KafkaError as error:
                log.warning("other workers cannot be heard: %r", error)
            self.roll.deaf()
            await asyncio.sleep(self._every_s)

    async def _hear_all(self) -> None:
        consumer = AIOKafkaConsumer(
            **self._options, client_id="loopwatch-control", enable_auto_commit=False
        )
        await consumer.start()
        try:
            tp = TopicPartition(self._topic, _PARTITION)
            consumer.assign([tp])
            ends = await consumer.end_offsets([tp])
            consumer.seek(tp, ends[tp])
            self.roll.listen()
            while True:
                record = await consumer.getone()
                try:
                    self.roll.hear(_decode(record.value or b""))
                except msgspec.MsgspecError:
                    continue  # An action, or of a later version: not for us.
        finally:
            await consumer.stop()
