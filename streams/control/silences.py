"""The silences that notify keeps, read out of its state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from aiokafka.admin import AIOKafkaAdminClient

from alerts.rows import decode_row
from alerts.silences import Silence
from streams.state.topic import read_rows

_PARTITION: Final = 0
_ROWS: Final = b"s/"


async def read_silences(options: Mapping[str, Any], topic: str) -> list[Silence]:
    """All silences that are kept, by their ends; none where no worker ever ran.

    Args:
        options: Keyword arguments of aiokafka's clients.
        topic: The state of notify.

    Raises:
        alerts.rows.UnknownRowError: They were written by another version.
        aiokafka.errors.KafkaError: They cannot be read.
    """
    admin = AIOKafkaAdminClient(**options, client_id="loopwatch-silences")
    await admin.start()
    try:
        topics = await admin.list_topics()
    finally:
        await admin.close()
    if topic not in topics:
        return []
    rows = (await read_rows(options, topic, [_PARTITION]))[_PARTITION]
    found = [
        row
        for key, value in rows.items()
        if key.startswith(_ROWS) and isinstance(row := decode_row(key, value), Silence)
    ]
    return sorted(found, key=lambda silence: (silence.until_us, silence.id))
