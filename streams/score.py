"""The app ``score``: ingest and detect, in one consumer group."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from math import inf
from typing import Any, Final

from faust.types.tuples import TP

from detectors.partition import Partition
from detectors.rules import RuleBook
from detectors.state.tallies import OpenAlert
from streams.control.announce import Announcer
from streams.control.forward import Forwarder
from streams.detect import Detect
from streams.ingest import Ingest
from streams.kafka.apps import make_app
from streams.kafka.guards import Watchdog
from streams.kafka.lease import Lease
from streams.kafka.link import Link
from streams.kafka.reading import Reading, Source
from streams.kafka.topic_specs import TopicNames
from streams.metrics import Meters
from streams.reload import Configuration, RefusedError
from streams.settings import Settings
from streams.state.owned import Owned
from streams.state.parents import ParentForwarder, ShareWriter
from streams.state.restore import restore

log = logging.getLogger(__name__)

_BLOCKS: Final = 8
"""Blocks in a chunk: each holds the sessions of a whole chunk of ingest's."""

_LOOKED_S: Final = 1.0
"""For so long the open alerts are those that were found last: it takes a look at every
series, while nothing is evaluated."""

_ALERTS_SHOWN: Final = 100


class Score:
    """Ingest and detect as a Faust app.

    Args:
        settings: Of this process.
        book: The rules.
        topics: Names.
        partitions: Of each topic, by name.
        meters: Told what happens.
        watchdog: Told of assignments.
    """

    def __init__(
        self,
        settings: Settings,
        book: RuleBook,
        topics: TopicNames,
        partitions: Mapping[str, int],
        *,
        meters: Meters,
        watchdog: Watchdog,
    ) -> None:
        self.group = settings.group("score")
        self._topics = topics
        self._sources = partitions[topics.sessions]
        self._targets = partitions[topics.observations]
        self._options = settings.kafka_options()
        self._meters = meters
        self._watchdog = watchdog
        self.link = link = Link(Lease(settings.session_s))
        self.ingest = Ingest(
            book,
            topics,
            sources=self._sources,
            partitions=self._targets,
            link=link,
            meters=meters,
        )
        self.forwarder = Forwarder(
            link,
            topics,
            self._options,
            group=settings.group("control"),
            sources=self._sources,
            partitions=self._targets,
        )
        self.parents = ParentForwarder(
            link,
            topics,
            self._options,
            sources=self._sources,
            partitions=self._targets,
        )
        self.announcer = Announcer(
            link,
            topics.control,
            self._options,
            book.digest,
            settings.announce_interval_s,
        )
        self.detect = Detect(
            book,
            topics,
            link=link,
            meters=meters,
            options=self._options,
            retire=self.announcer.roll.agreed,
        )
        self.shares = ShareWriter(link, topics.parents, self._partitions)
        reading = Reading(
            sources={
                topics.sessions: Source(chunk_records=settings.chunk_records),
                topics.observations: Source(
                    chunk_records=_BLOCKS, checkpointed=True, start=self.detect.start
                ),
            },
            lease=link.lease,
            fetch_wait_ms=settings.fetch_wait_ms,
            checkpoint=self.detect.checkpoint,
        )
        self.app = link.app = make_app(settings, self.group, reading)
        self._looked: tuple[float, list[Owned], list[OpenAlert]] = (-inf, [], [])
        self._add_agents(settings.checkpoint_interval_s)
        watchdog.expect(self.group)

    def _add_agents(self, checkpoint_s: float) -> None:
        app, topics = self.app, self._topics

        def topic(name: str) -> Any:  # noqa: ANN401  Faust has no types
            return app.topic(name, key_type=bytes, value_type=bytes)

        async def ingest(stream: Any) -> None:  # noqa: ANN401
            await self.link.run(stream, self.ingest.take)

        async def detect(stream: Any) -> None:  # noqa: ANN401
            await self.link.run(stream, self.detect.take)

        async def tick() -> None:
            await self.ingest.run_ticks()

        async def checkpoint() -> None:
            await self.detect.run_checkpoints(checkpoint_s)

        async def announce() -> None:
            await self.announcer.run()

        async def forward() -> None:
            await self.forwarder.run()

        async def share() -> None:
            await self.shares.run()

        async def forward_parents() -> None:
            await self.parents.run()

        async def on_shutdown(_app: object, **_: object) -> None:
            await self.announcer.leave()

        async def on_rebalance(_app: object, **_: object) -> None:
            await self.link.take_over(self._load)
            self._watchdog.assigned(self.group)

        app.agent(topic(topics.sessions), name="ingest")(ingest)
        app.agent(topic(topics.observations), name="detect")(detect)
        app.task(tick)
        app.task(checkpoint)
        app.task(announce)
        app.task(forward)
        app.task(share)
        app.task(forward_parents)
        app.on_before_shutdown.connect(on_shutdown)
        app.on_rebalance_complete.connect(on_rebalance)

    def _partitions(self) -> dict[int, Partition]:
        return {number: owned.partition for number, owned in self.detect.owned.items()}

    async def _load(self, assigned: set[TP], kept: bool) -> None:
        """Keep the state of partitions that stay, read that of the others."""
        self.ingest.on_assigned(assigned)
        owned = self.detect.owned
        mine = {
            tp.partition for tp in assigned if tp.topic == self._topics.observations
        }
        for number in list(owned):
            if number not in mine or not kept:
                del owned[number]
        book = self.detect.book
        restored = await restore(
            mine - owned.keys(),
            book,
            self._topics,
            self._sources,
            self._options,
            partitions=self._targets,
        )
        if self.detect.book is not book:
            # The file changed while it was read.
            for each in restored.values():
                each.partition = each.partition.under(self.detect.book)
        owned.update(restored)

    async def reload(self, found: Configuration) -> None:
        """Go on under the rules of another file.

        Raises:
            RefusedError: They cannot follow those in force; nothing has changed.
        """
        book, known = found.book, self.detect.book
        if replace(book, digest="") != replace(known, digest=""):
            try:
                await self.detect.reload(book)
            except (LookupError, TypeError, ValueError) as error:
                log.error("the rules cannot be taken up", exc_info=error)
                raise RefusedError(
                    [f"the state of what is watched cannot go on under these: {error}"]
                ) from error
            self.ingest.reload(book)
        await self.announcer.reload(book.digest)

    # -- what is told about it --------------------------------------------------------

    @property
    def ready(self) -> bool:
        """Whether partitions and their state are here."""
        return self.link.ready

    def status(self) -> dict[str, Any]:
        """For ``loopwatch status``."""
        open_alerts = self._open_alerts()
        return {
            "lag": lags(self.link),
            "series": self._series(),
            "series_limit": self._limit(),
            "turned_away": self._turned_away(),
            "clocks": {
                str(number): owned.partition.clock_us
                for number, owned in sorted(self.detect.owned.items())
            },
            "open_alerts": len(open_alerts),
            "flapping": sum(alert.flapping is not None for alert in open_alerts),
            "alerts": open_alerts[:_ALERTS_SHOWN],
        }

    def _open_alerts(self) -> list[OpenAlert]:
        owned = list(self.detect.owned.values())
        at_s, of, alerts = self._looked
        if of != owned or time.monotonic() - at_s > _LOOKED_S:
            alerts = [alert for each in owned for alert in each.partition.open_alerts()]
            self._looked = time.monotonic(), owned, alerts
        return alerts

    def _series(self) -> int:
        return sum(len(owned.partition) for owned in self.detect.owned.values())

    def _limit(self) -> int | None:
        """How many series there may be in its partitions; None: any number."""
        most = [owned.partition.most for owned in self.detect.owned.values()]
        known = [each for each in most if each is not None]
        return sum(known) if known else None

    def _turned_away(self) -> int:
        owned = self.detect.owned.values()
        return sum(each.partition.counts.turned_away for each in owned)

    def measure(self) -> None:
        """Bring gauges up to date."""
        meters = self._meters
        for gauge in (
            meters.series,
            meters.most_series,
            meters.clock_age_s,
            meters.checkpoint_age_s,
        ):
            gauge.clear()
        meters.open_alerts.clear()
        open_alerts = self._open_alerts()
        severities = Counter(alert.severity for alert in open_alerts)
        flapping = sum(alert.flapping is not None for alert in open_alerts)
        meters.flapping_alerts.set(flapping)
        for number, owned in self.detect.owned.items():
            partition, name = owned.partition, str(number)
            meters.series.labels(name).set(len(partition))
            if partition.most is not None:
                meters.most_series.labels(name).set(partition.most)
            meters.checkpoint_age_s.labels(name).set(time.monotonic() - owned.safe_s)
            if partition.clock_us is not None:
                age_s = time.time() - partition.clock_us / 1e6
                meters.clock_age_s.labels(name).set(age_s)
        for severity in ("info", "warning", "critical"):
            meters.open_alerts.labels(severity).set(severities[severity])
        for topic, by_partition in lags(self.link).items():
            for partition_name, lag in by_partition.items():
                meters.lag.labels(self.group, topic, partition_name).set(lag)


def lags(link: Link) -> dict[str, dict[str, int]]:
    """Records not yet done, by topic and partition."""
    found: dict[str, dict[str, int]] = {}
    if not link.running:
        return found
    for tp, done in sorted(link.consumer.done().items()):
        ends = link.consumer.ends(tp)
        if ends is not None and link.consumer.wants(tp):
            lag = max(0, ends[1] - done)
            found.setdefault(tp.topic, {})[str(tp.partition)] = lag
    return found
