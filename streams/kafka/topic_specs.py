"""What each of Loopwatch's topics must be like."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

CLEANUP_POLICY = "cleanup.policy"
MAX_MESSAGE_BYTES = "max.message.bytes"

LARGEST_MESSAGE = 4 * 1024 * 1024
"""Bytes that every topic of ours takes: a block of sessions, a partition's own row."""

_HOUR_MS = 60 * 60 * 1000
_DAY_MS = 24 * _HOUR_MS


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """What a topic must be like.

    Attributes:
        name: the topic.
        partitions: how many it is created with.
        config: the topic configuration that it is created with. An existing topic
            is held to ``cleanup.policy`` alone, if that is set here.
        exact: refuse an existing topic with another number of partitions.
        same_partitions_as: name of a topic whose actual number of partitions counts
            instead of ``partitions``; implies ``exact``.
    """

    name: str
    partitions: int
    config: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    exact: bool = False
    same_partitions_as: str | None = None

    @property
    def compacted(self) -> bool:
        """Whether it keeps the last record of every key for ever."""
        return self.config.get(CLEANUP_POLICY) == "compact"


@dataclass(frozen=True, slots=True)
class TopicNames:
    """The names of Loopwatch's topics."""

    sessions: str = "agent.sessions"
    observations: str = "loopwatch.observations"
    transitions: str = "loopwatch.transitions"
    deadletter: str = "loopwatch.deadletter"
    control: str = "loopwatch.control"
    parents: str = "loopwatch.parents"
    detect_state: str = "loopwatch.detect-state"
    notify_state: str = "loopwatch.notify-state"

    @classmethod
    def under(
        cls, prefix: str = "loopwatch.", *, sessions: str = "agent.sessions"
    ) -> "TopicNames":
        """Return the names with another beginning than ``loopwatch.``.

        Args:
            prefix: the beginning of all names but that of the sessions' topic.
            sessions: the topic that agents write to, as it is.
        """
        return cls(
            sessions=sessions,
            observations=f"{prefix}observations",
            transitions=f"{prefix}transitions",
            deadletter=f"{prefix}deadletter",
            control=f"{prefix}control",
            parents=f"{prefix}parents",
            detect_state=f"{prefix}detect-state",
            notify_state=f"{prefix}notify-state",
        )


def loopwatch_topics(
    names: TopicNames | None = None,
    *,
    session_partitions: int = 8,
    partitions: int = 8,
    replication_factor: int = 1,
) -> tuple[TopicSpec, ...]:
    """Return what Loopwatch's topics must be like.

    Args:
        names: their names.
        session_partitions: of the sessions' topic, if it has to be created.
        partitions: of the observations, if they have to be created.
        replication_factor: with 3 and more a write must reach two replicas.
    """
    names = names or TopicNames()
    shared = {MAX_MESSAGE_BYTES: str(LARGEST_MESSAGE)}
    if replication_factor >= 3:
        shared["min.insync.replicas"] = "2"
    state = shared | {
        CLEANUP_POLICY: "compact",
        # The segment in use is never compacted, and a restoring worker reads it all.
        "segment.bytes": str(32 * 1024 * 1024),
        "segment.ms": str(10 * 60 * 1000),
        "min.cleanable.dirty.ratio": "0.1",
        # A worker that was frozen may write an old row behind its successor's new
        # one: the new one has to stay until it is written again.
        "min.compaction.lag.ms": str(4 * _HOUR_MS),
        "delete.retention.ms": str(_DAY_MS),
    }

    def log(days: int) -> dict[str, str]:
        return shared | {CLEANUP_POLICY: "delete", "retention.ms": str(days * _DAY_MS)}

    return (
        TopicSpec(names.sessions, session_partitions, shared),
        TopicSpec(names.observations, partitions, log(3)),
        # Partition 0 is what notify reads, partition 1 takes all other lines.
        TopicSpec(names.transitions, 2, log(7), exact=True),
        TopicSpec(names.deadletter, 1, log(14)),
        TopicSpec(names.control, 1, log(7), exact=True),
        TopicSpec(names.parents, 1, state, exact=True),
        TopicSpec(
            names.detect_state,
            partitions,
            state,
            exact=True,
            same_partitions_as=names.observations,
        ),
        TopicSpec(names.notify_state, 1, state, exact=True),
    )
