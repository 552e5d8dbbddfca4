"""What a worker counts, for Prometheus."""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECONDS: Final = (0.001, 0.005, 0.02, 0.1, 0.5, 2.0, 10.0)


class Meters:
    """The metrics of one worker, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()

        def counter(name: str, what: str, *labels: str) -> Counter:
            return Counter(f"loopwatch_{name}", what, labels, registry=registry)

        def gauge(name: str, what: str, *labels: str) -> Gauge:
            return Gauge(f"loopwatch_{name}", what, labels, registry=registry)

        self.sessions = counter("sessions", "Sessions read and passed on.")
        self.dead_letters = counter(
            "dead_letters", "Records that could not be read.", "topic", "reason"
        )
        self.unknown_fields = counter(
            "unknown_fields", "Fields of sessions that are not known, left out."
        )
        self.unpriced = counter(
            "unpriced_sessions", "Sessions with tokens, without cost or known price."
        )
        self.observations = counter("observations", "Observations folded into series.")
        self.duplicates = counter(
            "duplicates", "Observations of sessions that their series had counted."
        )
        self.repeats = counter(
            "repeats", "Sessions that ingest passed on again after a crash."
        )
        self.late = counter("late_sessions", "Sessions that ended before the clock.")
        self.too_old = counter(
            "too_old_sessions", "Sessions too old to be judged one by one."
        )
        self.turned_away = counter(
            "turned_away_sessions", "Sessions of new series beyond max_series."
        )
        self.transitions = counter(
            "transitions", "Changes of state or level of alerts.", "to"
        )
        self.deliveries = counter(
            "deliveries", "Attempts to tell a receiver.", "receiver", "result"
        )
        self.chunk_s = Histogram(
            "loopwatch_chunk_seconds",
            "From taking a chunk of records to its acknowledgement.",
            ("stage",),
            buckets=_SECONDS,
            registry=registry,
        )
        self.lag = gauge(
            "lag_records", "Records not yet done.", "group", "topic", "partition"
        )
        self.series = gauge("series", "Series of the partitions owned.", "partition")
        self.most_series = gauge(
            "series_limit", "Series that may be there, by max_series.", "partition"
        )
        self.open_alerts = gauge("open_alerts", "Alerts that fire.", "severity")
        self.flapping_alerts = gauge("flapping_alerts", "Those of them that flap.")
        self.clock_age_s = gauge(
            "clock_age_seconds", "How far event time is behind.", "partition"
        )
        self.checkpoint_age_s = gauge(
            "checkpoint_age_seconds", "Since state was last safe.", "partition"
        )
        self.queued = gauge("queued_messages", "Messages not delivered yet.")
        self.owed = gauge(
            "owed_messages", "What a receiver should have been told.", "receiver"
        )
        self.unsettled = gauge(
            "unsettled_alerts",
            "Alerts whose end is owed to a receiver that the file has no more.",
            "receiver",
        )
        self.config_good = gauge(
            "config_last_reload_successful",
            "1 while the file's last reading is in force, 0 while it was refused.",
        )
        self.config_read_s = gauge(
            "config_last_reload_success_timestamp_seconds",
            "When the file was last read and could be used.",
        )
        self.ready = gauge("ready", "1 once partitions and their state are here.")
