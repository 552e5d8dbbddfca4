"""What a worker says and does when it cannot work."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from detectors.transitions import State, Transition
from loopwatch.apache_kafka import ApacheKafka
from tests.kafka.workers import Site, Worker, eventually, session

RULES = """
lateness: 1s
defaults: {by: [agent]}
rules: [{name: dear, metric: cost_usd, threshold: {warning: 0.5}, keep_firing_for: 1s}]
"""


@pytest.fixture
def site(kafka: ApacheKafka, topic_prefix: str, tmp_path: Path) -> Site:
    """A cluster with one rule."""
    return Site(kafka.bootstrap_servers, topic_prefix, tmp_path, RULES)


async def ended(worker: Worker) -> int:
    """The exit code of a worker that ends by itself."""
    return await asyncio.wait_for(worker.child.exited(), 60)


def says(worker: Worker, text: str) -> bool:
    """Whether a text is in what it wrote."""
    return text in worker.said()


async def test_an_absent_kafka_is_waited_for_then_used(
    apache_kafka: Callable[..., ApacheKafka], topic_prefix: str, tmp_path: Path
) -> None:
    """A worker that starts first names the broker, waits, and then works."""
    kafka = apache_kafka()
    await asyncio.to_thread(kafka.stop)
    site = Site(kafka.bootstrap_servers, topic_prefix, tmp_path, RULES)
    worker = site.start("--only", "detect", "--wait", "60s")
    try:

        async def waits() -> bool:
            return says(worker, f"Waiting for Kafka at {kafka.bootstrap_servers}")

        await eventually(waits)
        await asyncio.to_thread(kafka.start)
        await worker.ready()
        assert await worker.stop() == 0
        assert not says(worker, "Traceback")
    finally:
        worker.child.kill()


async def test_a_kafka_that_never_comes_ends_the_wait(
    topic_prefix: str, tmp_path: Path
) -> None:
    """After --wait the worker exits with 1 and names host and setting."""
    site = Site("127.0.0.1:1", topic_prefix, tmp_path, RULES)
    worker = site.start("--only", "detect", "--wait", "1s")
    assert await ended(worker) == 1
    assert says(worker, "error: Kafka at 127.0.0.1:1 cannot be reached within 1 s")
    assert says(worker, "LOOPWATCH_KAFKA_BOOTSTRAP_SERVERS")
    assert not says(worker, "Traceback")


async def test_a_refused_login_ends_at_once(
    secure_kafka: ApacheKafka, topic_prefix: str, tmp_path: Path
) -> None:
    """A wrong password is exit code 1 and names the setting, not the password."""
    site = Site(secure_kafka.secure_bootstrap_servers, topic_prefix, tmp_path, RULES)
    worker = site.start(
        LOOPWATCH_KAFKA_SECURITY_PROTOCOL="SASL_SSL",
        LOOPWATCH_KAFKA_SASL_MECHANISM="SCRAM-SHA-512",
        LOOPWATCH_KAFKA_SASL_USERNAME=secure_kafka.username,
        LOOPWATCH_KAFKA_SASL_PASSWORD="guessed-wrong",
        LOOPWATCH_KAFKA_SSL_CAFILE=str(secure_kafka.ca_file),
    )
    assert await ended(worker) == 1
    assert says(worker, "LOOPWATCH_KAFKA_SASL_PASSWORD")
    assert not says(worker, "guessed-wrong")
    assert not says(worker, "Traceback")


async def test_a_worker_logs_in_over_tls(
    secure_kafka: ApacheKafka, topic_prefix: str, tmp_path: Path
) -> None:
    """With the right password a worker does its work over SASL_SSL."""
    site = Site(secure_kafka.bootstrap_servers, topic_prefix, tmp_path, RULES)
    password = tmp_path / "password"
    password.write_text(f"{secure_kafka.password}\n")
    async with site.worker(
        LOOPWATCH_KAFKA_BOOTSTRAP_SERVERS=secure_kafka.secure_bootstrap_servers,
        LOOPWATCH_KAFKA_SECURITY_PROTOCOL="SASL_SSL",
        LOOPWATCH_KAFKA_SASL_MECHANISM="SCRAM-SHA-512",
        LOOPWATCH_KAFKA_SASL_USERNAME=secure_kafka.username,
        LOOPWATCH_KAFKA_SASL_PASSWORD_FILE=str(password),
        LOOPWATCH_KAFKA_SSL_CAFILE=str(secure_kafka.ca_file),
    ) as worker:
        await site.publish(session("dear", cost_usd=9.0))
        await site.until(
            lambda lines: any(line.to_state is State.FIRING for line in lines), worker
        )
        assert await worker.stop() == 0
        assert not says(worker, secure_kafka.password)


async def test_wrong_topics_are_refused(site: Site) -> None:
    """Too few partitions for state: exit 1 with both numbers, before any join."""
    admin = AIOKafkaAdminClient(**site.connection)
    await admin.start()
    try:
        await admin.create_topics(
            [
                NewTopic(site.topics.observations, 4, 1),
                NewTopic(
                    site.topics.detect_state,
                    2,
                    1,
                    topic_configs={"cleanup.policy": "compact"},
                ),
            ]
        )
    finally:
        await admin.close()
    worker = site.start()
    assert await ended(worker) == 1
    assert says(worker, f"{site.topics.detect_state} has 2 partitions, expected 4")
    assert not says(worker, "Traceback")


async def test_observations_made_anew_are_refused(site: Site) -> None:
    """State that has seen more than there is: exit 1, and what to do."""
    async with site.worker() as worker:
        await site.publish(*(session(f"s{n}") for n in range(20)))

        async def counted() -> bool:
            return bool((await worker.status())["counts"]["observations"] == 20)

        await eventually(counted)
        assert await worker.stop() == 0
    await recreate(site, site.topics.observations)
    worker = site.start()
    assert await ended(worker) == 1
    assert says(worker, "the topic was made anew")
    assert says(worker, site.topics.detect_state)


async def test_sessions_made_anew_are_refused(site: Site) -> None:
    """Sessions whose offsets begin again would be skipped as repeats: exit 1."""
    async with site.worker() as worker:
        await site.publish(*(session(f"s{n}") for n in range(20)))

        async def counted() -> bool:
            return bool((await worker.status())["counts"]["observations"] == 20)

        await eventually(counted)
        assert await worker.stop() == 0
    await recreate(site, site.topics.sessions)
    worker = site.start()
    assert await ended(worker) == 1
    assert says(worker, f"{site.topics.sessions} 0 ends before offset 0")


async def recreate(site: Site, topic: str) -> None:
    """Delete a topic and make it anew, empty."""
    admin = AIOKafkaAdminClient(**site.connection)
    await admin.start()
    try:
        await admin.delete_topics([topic])

        async def made() -> bool:
            answer = await admin.create_topics([NewTopic(topic, 4, 1)])
            return bool(answer.topic_errors[0][1] == 0)

        await eventually(made)
    finally:
        await admin.close()


async def test_a_worker_outlives_its_broker(
    apache_kafka: Callable[..., ApacheKafka], topic_prefix: str, tmp_path: Path
) -> None:
    """A broker that is killed and comes back costs nothing but time."""
    kafka = apache_kafka()
    site = Site(kafka.bootstrap_servers, topic_prefix, tmp_path, RULES)
    async with site.worker() as worker:
        await site.publish(session("before", cost_usd=9.0))
        await site.until(lambda lines: count(lines, State.FIRING) == 1, worker)
        await asyncio.to_thread(kafka.kill)
        await asyncio.to_thread(kafka.start)
        await site.publish(session("after", "b", cost_usd=9.0))
        found = await site.until(
            lambda lines: count(lines, State.RESOLVED) == 2, worker
        )
        assert count(found, State.FIRING) == 2
        assert await worker.stop() == 0


def count(lines: list[Transition], state: State) -> int:
    """How many alerts came into a state."""
    return len({line.alert_id for line in lines if line.to_state is state})


async def test_a_shutdown_without_broker_is_cut_short(
    apache_kafka: Callable[..., ApacheKafka], topic_prefix: str, tmp_path: Path
) -> None:
    """SIGTERM while the broker is away ends, with the code that asks for a restart."""
    kafka = apache_kafka()
    site = Site(
        kafka.bootstrap_servers,
        topic_prefix,
        tmp_path,
        RULES,
        LOOPWATCH_SHUTDOWN_TIMEOUT_S="3",
    )
    async with site.worker() as worker:
        await site.publish(session("one"))
        await asyncio.to_thread(kafka.kill)
        assert await worker.stop() in {0, 75}


async def test_a_join_that_is_refused_ends(site: Site) -> None:
    """A session timeout that the broker refuses: exit 75 after the time for it."""
    worker = site.start(
        LOOPWATCH_SESSION_TIMEOUT_S="3",
        LOOPWATCH_HEARTBEAT_INTERVAL_S="1",
        LOOPWATCH_ASSIGNMENT_TIMEOUT_S="3",
    )
    assert await ended(worker) == 75
    assert says(worker, "gave us no partitions within 3 s")


async def test_a_web_port_that_is_taken_is_named(site: Site) -> None:
    """A port asked for and taken is exit 1 with the setting's name."""
    async with site.worker() as worker:
        second = site.start(LOOPWATCH_WEB_PORT=str(worker.port))
        assert await ended(second) == 1
        assert says(second, "LOOPWATCH_WEB_PORT")
