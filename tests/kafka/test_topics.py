"""Topics are created where they are missing, and wrong ones refused, on brokers."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaConnectionError

from loopwatch.apache_kafka import ApacheKafka
from loopwatch.ports import free_port
from streams.kafka.topics import (
    LARGEST_MESSAGE,
    TopicCreationError,
    TopicForbiddenError,
    TopicMismatch,
    TopicNames,
    TopicReport,
    ensure_topics,
    loopwatch_topics,
)


@pytest.fixture(params=["kafka", "embedded_broker"])
def connection(request: pytest.FixtureRequest) -> dict[str, Any]:
    """How to reach a broker: Apache Kafka, and the embedded one in its turn."""
    found: dict[str, Any] = request.getfixturevalue(request.param).connection
    return found


@pytest.fixture
def names(topic_prefix: str) -> TopicNames:
    """Names of topics that no other test uses."""
    return TopicNames.under(topic_prefix, sessions=f"{topic_prefix}sessions")


@asynccontextmanager
async def administration(
    connection: Mapping[str, Any],
) -> AsyncIterator[AIOKafkaAdminClient]:
    """Open an admin client."""
    admin = AIOKafkaAdminClient(**connection)
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()


async def create(
    connection: Mapping[str, Any],
    topic: str,
    partitions: int,
    config: Mapping[str, str] | None = None,
) -> None:
    """Create a topic as somebody else would."""
    async with administration(connection) as admin:
        answer = await admin.create_topics(
            [NewTopic(topic, partitions, 1, topic_configs=dict(config or {}))]
        )
        assert [code for _, code, _ in answer.topic_errors] == [0]


async def ensure(connection: Mapping[str, Any], names: TopicNames) -> TopicReport:
    """Ensure all topics with default settings."""
    return await ensure_topics(connection, loopwatch_topics(names))


async def test_missing_topics_are_created(
    connection: dict[str, Any], names: TopicNames
) -> None:
    """On an empty cluster all topics are made with their partitions, once."""
    specs = loopwatch_topics(names, partitions=3, session_partitions=5)
    report = await ensure_topics(connection, specs)
    assert report.created == tuple(spec.name for spec in specs)
    assert report.partitions == {spec.name: spec.partitions for spec in specs}
    assert not report.notes
    async with administration(connection) as admin:
        listed = {
            topic["topic"]: len(topic["partitions"])
            for topic in await admin.describe_topics()
        }
        assert report.partitions.items() <= listed.items()
    again = await ensure_topics(connection, specs)
    assert again.created == ()
    assert again.partitions == report.partitions


async def test_configurations_arrive(
    connection: dict[str, Any], names: TopicNames
) -> None:
    """Every setting of a specification is in the created topic."""
    specs = loopwatch_topics(names)
    await ensure_topics(connection, specs)
    async with administration(connection) as admin:
        asked = [ConfigResource(ConfigResourceType.TOPIC, spec.name) for spec in specs]
        found = {
            resource[3]: {entry[0]: entry[1] for entry in resource[4]}
            for answer in await admin.describe_configs(asked)
            for resource in answer.resources
        }
    for spec in specs:
        assert spec.config.items() <= found[spec.name].items()


async def test_large_blocks_fit(connection: dict[str, Any], names: TopicNames) -> None:
    """A new topic of observations takes a record of nearly 4 MiB at once."""
    await ensure(connection, names)
    producer = AIOKafkaProducer(**connection, max_request_size=LARGEST_MESSAGE)
    await producer.start()
    try:
        block = bytes(LARGEST_MESSAGE - 1024)
        await producer.send_and_wait(names.observations, block, partition=7)
    finally:
        await producer.stop()


async def test_workers_may_start_together(
    connection: dict[str, Any], names: TopicNames
) -> None:
    """Of workers that start at once each succeeds, and no topic is made twice."""
    async with asyncio.TaskGroup() as group:
        workers = [group.create_task(ensure(connection, names)) for _ in range(4)]
    created = [name for worker in workers for name in worker.result().created]
    assert sorted(created) == sorted(spec.name for spec in loopwatch_topics(names))
    assert len({tuple(worker.result().partitions.items()) for worker in workers}) == 1


async def test_existing_sessions_are_taken_as_they_are(
    connection: dict[str, Any], names: TopicNames
) -> None:
    """The users' own topic may have any number of partitions."""
    await create(connection, names.sessions, 3)
    report = await ensure(connection, names)
    assert report.partitions[names.sessions] == 3
    assert names.sessions not in report.created
    assert any(names.sessions in note for note in report.notes)


async def test_state_follows_existing_observations(
    connection: dict[str, Any], names: TopicNames
) -> None:
    """State gets as many partitions as the observations really have."""
    await create(connection, names.observations, 5)
    report = await ensure(connection, names)
    assert report.partitions[names.detect_state] == 5


async def test_every_wrong_topic_is_named(
    connection: dict[str, Any], names: TopicNames
) -> None:
    """All faults come in one refusal: topic, found, expected."""
    await create(connection, names.transitions, 1)
    await create(connection, names.detect_state, 4, {"cleanup.policy": "compact"})
    await create(connection, names.notify_state, 1, {"cleanup.policy": "delete"})
    with pytest.raises(TopicMismatch) as refusal:
        await ensure(connection, names)
    transitions, state, policy = refusal.value.problems
    assert f"{names.detect_state} has 4 partitions, expected 8" in state
    assert f"{names.transitions} has 1 partition, expected exactly 2" in transitions
    assert f"{names.notify_state} has cleanup.policy=delete" in policy


async def test_a_default_policy_is_seen_on_kafka(
    kafka: ApacheKafka, names: TopicNames
) -> None:
    """A state topic made without a policy is refused: Kafka's default forgets."""
    await create(kafka.connection, names.parents, 1)
    with pytest.raises(TopicMismatch, match=r"parents has cleanup\.policy=delete"):
        await ensure(kafka.connection, names)


async def test_a_small_limit_is_noted_on_kafka(
    kafka: ApacheKafka, names: TopicNames
) -> None:
    """Observations with Kafka's default limit of 1 MB are used, with a note."""
    await create(kafka.connection, names.observations, 8)
    (note,) = (await ensure(kafka.connection, names)).notes
    assert names.observations in note
    assert "max.message.bytes=1048588" in note


async def test_too_many_replicas_are_refused(
    kafka: ApacheKafka, names: TopicNames
) -> None:
    """More replicas than brokers: the message names the setting."""
    with pytest.raises(TopicCreationError, match="cannot have 3 replicas"):
        await ensure_topics(
            kafka.connection, loopwatch_topics(names), replication_factor=3
        )


async def test_an_impossible_name_is_refused(kafka: ApacheKafka) -> None:
    """A name that Kafka does not take is in the message."""
    names = TopicNames.under("no spaces, please.")
    with pytest.raises(TopicCreationError, match="no spaces, please"):
        await ensure(kafka.connection, names)


async def test_no_broker_is_an_error_of_the_connection(names: TopicNames) -> None:
    """Where nothing listens, the caller gets aiokafka's own error and may wait."""
    nowhere = {"bootstrap_servers": f"127.0.0.1:{free_port()}"}
    with pytest.raises(KafkaConnectionError):
        await ensure(nowhere, names)


async def test_missing_rights_are_named(
    apache_kafka: Callable[..., ApacheKafka], names: TopicNames
) -> None:
    """A user who may not create, or not see, a topic is told which right it needs."""
    kafka = apache_kafka(
        tls_and_sasl=True,
        properties={
            "authorizer.class.name": (
                "org.apache.kafka.metadata.authorizer.StandardAuthorizer"
            ),
            "super.users": "User:ANONYMOUS",
        },
    )
    user = kafka.secure_connection()
    with pytest.raises(TopicForbiddenError, match="may not create it"):
        await ensure(user, names)
    await ensure(kafka.connection, names)
    with pytest.raises(TopicForbiddenError, match=r"hidden.* Describe"):
        await ensure(user, names)
