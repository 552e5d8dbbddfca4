"""Loopwatch's topics: what each must be like, and making it so.

A wrong topic is refused before a worker joins a group: a state topic that forgets, or
whose partitions do not match those of the observations, would lose baselines and open
alerts silently, long after the start.
"""

import asyncio
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, for_code

from streams.kafka.topic_checks import partition_problems, policy_problems, topic_notes
from streams.kafka.topic_specs import (
    CLEANUP_POLICY,
    LARGEST_MESSAGE,
    TopicNames,
    TopicSpec,
    loopwatch_topics,
)

__all__ = [
    "LARGEST_MESSAGE",
    "TopicCreationError",
    "TopicError",
    "TopicForbiddenError",
    "TopicMismatch",
    "TopicNames",
    "TopicReport",
    "TopicSpec",
    "ensure_topics",
    "loopwatch_topics",
]

# Error codes of the Kafka protocol.
_TOPIC_FORBIDDEN = 29
_CLUSTER_FORBIDDEN = 31
_ALREADY_EXISTS = 36
_BAD_REPLICATION = 38
# Unknown topic, no leader yet, timed out, replica not available, not the controller.
_TRANSIENT = {3, 5, 7, 9, 41}


class TopicError(Exception):
    """A topic is not as it must be, and what to do about it."""


class TopicMismatch(TopicError):  # noqa: N818  named for what it finds
    """Existing topics are wrong; ``problems`` has a sentence for each fault."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


class TopicForbiddenError(TopicError):
    """The cluster does not let this user create or see a topic."""


class TopicCreationError(TopicError):
    """The cluster refused to create a topic, for another reason than rights."""


@dataclass(frozen=True, slots=True)
class TopicReport:
    """What was found and done.

    Attributes:
        created: names of the topics that this call created.
        partitions: the actual number of partitions of every topic.
        notes: sentences for the log, on what could be better or was not checked.
    """

    created: tuple[str, ...]
    partitions: Mapping[str, int]
    notes: tuple[str, ...]


async def ensure_topics(
    connection: Mapping[str, Any],
    specs: Iterable[TopicSpec],
    *,
    replication_factor: int = 1,
    timeout_s: float = 30.0,
) -> TopicReport:
    """Create the topics that are missing, and check all.

    Several workers may do it at the same time.

    Args:
        connection: keyword arguments of aiokafka's clients: ``bootstrap_servers``,
            ``security_protocol``, ``ssl_context``, ``sasl_*``.
        specs: what the topics must be like.
        replication_factor: of topics that are created.
        timeout_s: how long to wait until new topics can be written to.

    Raises:
        TopicMismatch: existing topics are wrong.
        TopicForbiddenError: the cluster does not let us create or see a topic.
        TopicCreationError: the cluster refused to create one for another reason.
        aiokafka.errors.KafkaError: the cluster cannot be reached.
    """
    specs = tuple(specs)
    admin = AIOKafkaAdminClient(**connection)
    try:
        await admin.start()
        deadline = time.monotonic() + timeout_s
        # All topics, none by name: a broker may create what is asked for by name.
        known = {topic["topic"] for topic in await admin.describe_topics()}
        missing = [spec for spec in specs if spec.name not in known]
        # References first, for what follows them takes their actual partitions.
        leading = [spec for spec in missing if spec.same_partitions_as is None]
        following = [spec for spec in missing if spec.same_partitions_as is not None]
        created = await _create(admin, leading, {}, replication_factor, deadline)
        present = {spec.name for spec in specs} - {spec.name for spec in following}
        counts = await _partition_counts(admin, present, deadline)
        if following:
            created |= await _create(
                admin, following, counts, replication_factor, deadline
            )
            counts = await _partition_counts(
                admin, {spec.name for spec in specs}, deadline
            )
        configs, notes = await _configs(admin, specs)
    finally:
        await admin.close()
    problems = [
        *partition_problems(specs, counts),
        *policy_problems(specs, configs),
    ]
    if problems:
        raise TopicMismatch(problems)
    return TopicReport(
        created=tuple(spec.name for spec in specs if spec.name in created),
        partitions=MappingProxyType(counts),
        notes=(*notes, *topic_notes(specs, counts, configs)),
    )


async def _create(
    admin: AIOKafkaAdminClient,
    specs: list[TopicSpec],
    counts: Mapping[str, int],
    replication_factor: int,
    deadline: float,
) -> set[str]:
    """Create topics; what somebody else created meanwhile is left to the checks."""
    created: set[str] = set()
    waiting = {spec.name: spec for spec in specs}
    while waiting:
        answer = await admin.create_topics(
            [
                NewTopic(
                    spec.name,
                    _wanted(spec, counts),
                    replication_factor,
                    topic_configs=dict(spec.config),
                )
                for spec in waiting.values()
            ]
        )
        for name, code, message in answer.topic_errors:
            if code in _TRANSIENT and time.monotonic() < deadline:
                continue
            spec = waiting.pop(name)
            if code == 0:
                created.add(name)
            elif code != _ALREADY_EXISTS:
                raise _refusal(
                    spec, _wanted(spec, counts), code, message, replication_factor
                )
        if waiting:
            await asyncio.sleep(0.1)
    return created


def _wanted(spec: TopicSpec, counts: Mapping[str, int]) -> int:
    if spec.same_partitions_as is None:
        return spec.partitions
    return counts.get(spec.same_partitions_as, spec.partitions)


def _refusal(
    spec: TopicSpec, partitions: int, code: int, message: str, replication_factor: int
) -> TopicError:
    """Say why a topic could not be created, and what to do."""
    said = message or for_code(code).__name__
    if code in (_TOPIC_FORBIDDEN, _CLUSTER_FORBIDDEN):
        policy = ", cleanup.policy=compact" if spec.compacted else ""
        return TopicForbiddenError(
            f"topic {spec.name} is missing or hidden, and this Kafka user may not create "
            "it: allow the user Describe and Create on that topic, or Describe alone "
            f"and have it created beforehand ({partitions} partitions{policy}). Kafka said: {said}"
        )
    if code == _BAD_REPLICATION:
        return TopicCreationError(
            f"topic {spec.name} cannot have {replication_factor} replicas: set a "
            "replication factor that is not above the number of brokers. Kafka said: "
            f"{said}"
        )
    return TopicCreationError(
        f"topic {spec.name} could not be created ({partitions} partitions, "
        f"{replication_factor} replicas): create it beforehand, or change what Kafka "
        f"objects to: {said}"
    )


async def _partition_counts(
    admin: AIOKafkaAdminClient, names: set[str], deadline: float
) -> dict[str, int]:
    """Return the partitions of existing topics, once each has its leaders."""
    while True:
        topics = await admin.describe_topics(sorted(names))
        codes = {topic["topic"]: topic["error_code"] for topic in topics}
        for name, code in codes.items():
            if code == _TOPIC_FORBIDDEN:
                raise TopicForbiddenError(
                    f"topic {name} exists, but this Kafka user may not use it: allow "
                    "it Describe, Read and Write on that topic"
                )
        late = [
            topic["topic"]
            for topic in topics
            if topic["error_code"]
            or not topic["partitions"]
            or any(part["leader"] < 0 for part in topic["partitions"])
        ]
        if not late:
            return {topic["topic"]: len(topic["partitions"]) for topic in topics}
        if time.monotonic() > deadline:
            raise TopicCreationError(
                f"topics without a leader: {', '.join(late)}. See whether all brokers "
                "of the cluster run, and start again"
            )
        await asyncio.sleep(0.1)


async def _configs(
    admin: AIOKafkaAdminClient, specs: Iterable[TopicSpec]
) -> tuple[dict[str, dict[str, str]], list[str]]:
    """Return the settings that are checked, as far as the broker tells them."""
    # All settings, not the two by name: naming them ends the embedded broker's
    # connection.
    asked = [ConfigResource(ConfigResourceType.TOPIC, spec.name) for spec in specs]
    try:
        answers = await admin.describe_configs(asked)
    except KafkaError as error:
        note = (
            "the broker does not tell the configuration of topics "
            f"({type(error).__name__}): their {CLEANUP_POLICY} was not checked"
        )
        return {}, [note]
    configs: dict[str, dict[str, str]] = {}
    notes = []
    for code, message, _, name, entries in (
        resource for answer in answers for resource in answer.resources
    ):
        if code:
            notes.append(
                f"the configuration of topic {name} may not be read "
                f"({message or for_code(code).__name__}; allow DescribeConfigs): its "
                f"{CLEANUP_POLICY} was not checked"
            )
        else:
            configs[name] = {entry[0]: entry[1] for entry in entries}
    return configs, notes
