"""What a worker runs: Faust apps that say how they are."""

from __future__ import annotations

from typing import Any, Protocol

from streams.reload import Configuration


class Part(Protocol):
    """A Faust app and what stands behind it.

    Attributes:
        group: Its consumer group.
        app: The Faust app.
    """

    group: str
    app: Any

    @property
    def ready(self) -> bool:
        """Whether partitions and their state are here."""

    async def reload(self, found: Configuration) -> None:
        """Put another configuration into force.

        Raises:
            RefusedError: It cannot be; nothing has changed.
        """

    def status(self) -> dict[str, Any]:
        """For ``loopwatch status``."""

    def measure(self) -> None:
        """Bring gauges up to date."""
