"""A Faust app as Loopwatch needs it."""

from __future__ import annotations

from typing import Any, Final

import faust
from aiokafka import conn
from faust.tables import TableManager

from streams.kafka.chunks import Transport
from streams.kafka.reading import Reading
from streams.kafka.topic_specs import LARGEST_MESSAGE
from streams.logs import LIBRARY
from streams.settings import Settings

_BATCH_BYTES: Final = 256 * 1024
"""One batch a partition is in flight: with 16 KiB, rows take three times as long."""

_FETCH_BYTES: Final = 4 * 1024 * 1024
"""Of a partition at once: a worker that lags folds large blocks, which cost less."""

# While a large answer comes in aiokafka would stop reading after each 128 KiB, to go on at
# once; there is no setting for it.
conn.READER_LIMIT = _FETCH_BYTES


class _NoTables(TableManager):  # type: ignore[misc]
    """Starts without the second that Faust gives tables to register themselves."""

    logger = LIBRARY

    async def on_start(self) -> None:
        await self._update_channels()
        await self.recovery.start()


class _App(faust.App):  # type: ignore[misc]
    """Keeps Faust from making a folder for tables, of which there are none."""

    logger = LIBRARY

    def _create_directories(self) -> None:
        pass


def make_app(settings: Settings, group: str, reading: Reading) -> Any:  # noqa: ANN401
    """A Faust app that reads chunks; its agents are still to be added.

    Raises:
        streams.settings.SettingsError: A file with a secret cannot be read.
    """
    app = _App(
        group,
        broker=[f"kafka://{server}" for server in settings.bootstrap_servers],
        broker_credentials=settings.faust_credentials(),
        broker_session_timeout=settings.session_s,
        broker_heartbeat_interval=settings.heartbeat_s,
        broker_rebalance_timeout=settings.rebalance_s,
        broker_commit_interval=settings.checkpoint_interval_s,
        # Not 20 minutes, after which nobody remembers what the write was about.
        producer_request_timeout=settings.request_timeout_s,
        producer_max_batch_size=_BATCH_BYTES,
        producer_max_request_size=LARGEST_MESSAGE,
        consumer_max_fetch_size=_FETCH_BYTES,
        consumer_metadata_max_age_ms=10_000,
        # Counts chunks.
        stream_buffer_maxsize=8,
        # Of values too: value_type=bytes alone would still decode JSON.
        key_serializer="raw",
        value_serializer="raw",
        TableManager=_NoTables,
        table_standby_replicas=0,
        topic_disable_leader=True,
        topic_allow_declare=False,
        autodiscover=False,
        web_enabled=False,
    )
    app.transport = Transport(app, reading)
    return app
