"""The Numenta Anomaly Benchmark, on the channel that ``stretches`` rules use.

The benchmark's scorer loads this file and asks ``Detector`` for one score a row.
"""

from __future__ import annotations

from datetime import UTC, datetime

from detectors.stretches import Stretches


class Detector:
    """The product's own channel, with the benchmark's times."""

    def __init__(self) -> None:
        self._channel = Stretches()

    def update(self, value: float, timestamp: datetime) -> float:
        """The score of one row, in [0, 1]."""
        seconds = timestamp.replace(tzinfo=UTC).timestamp()
        return self._channel.update(value, round(seconds * 1e6))
