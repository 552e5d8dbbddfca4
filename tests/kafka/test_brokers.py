"""Both brokers do what clients, and tests that break them, expect."""

import asyncio
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaConnectionError, KafkaTimeoutError

from loopwatch.apache_kafka import ApacheKafka, KafkaStartError
from loopwatch.broker import EmbeddedBroker
from loopwatch.ports import cluster_id, free_port


async def create(connection: dict[str, Any], topic: str) -> None:
    """Make a topic with one partition."""
    admin = AIOKafkaAdminClient(**connection)
    await admin.start()
    try:
        answer = await admin.create_topics([NewTopic(topic, 1, 1)])
        assert [code for _, code, _ in answer.topic_errors] == [0]
    finally:
        await admin.close()


async def send(connection: dict[str, Any], topic: str, *values: bytes) -> None:
    """Send values, each acknowledged."""
    producer = AIOKafkaProducer(**connection, acks="all")
    await producer.start()
    try:
        for value in values:
            await producer.send_and_wait(topic, value, partition=0)
    finally:
        await producer.stop()


async def read(connection: dict[str, Any], topic: str, count: int) -> list[bytes]:
    """Read so many values from the beginning."""
    consumer = AIOKafkaConsumer(topic, **connection, auto_offset_reset="earliest")
    await consumer.start()
    try:
        async with asyncio.timeout(20):
            return [(await consumer.getone()).value for _ in range(count)]
    finally:
        await consumer.stop()


async def test_apache_kafka_serves(kafka: ApacheKafka, topic_prefix: str) -> None:
    """What is sent to Apache Kafka is read from it."""
    topic = f"{topic_prefix}round-trip"
    await create(kafka.connection, topic)
    await send(kafka.connection, topic, b"one", b"two")
    assert await read(kafka.connection, topic, 2) == [b"one", b"two"]


async def test_embedded_broker_serves(embedded_broker: EmbeddedBroker) -> None:
    """What is sent to the embedded broker is read from it."""
    await create(embedded_broker.connection, "round-trip")
    await send(embedded_broker.connection, "round-trip", b"one", b"two")
    got = await read(embedded_broker.connection, "round-trip", 2)
    assert got == [b"one", b"two"]


async def test_apache_kafka_keeps_its_data(
    apache_kafka: Callable[..., ApacheKafka],
) -> None:
    """Acknowledged records are there after kill -9 and after a clean stop."""
    kafka = apache_kafka()
    await create(kafka.connection, "kept")
    await send(kafka.connection, "kept", b"before the kill")
    await asyncio.to_thread(kafka.kill)
    assert not kafka.running
    await asyncio.to_thread(kafka.start)
    await send(kafka.connection, "kept", b"before the stop")
    await asyncio.to_thread(kafka.stop)
    assert not kafka.running
    await asyncio.to_thread(kafka.start)
    kept = await read(kafka.connection, "kept", 2)
    assert kept == [b"before the kill", b"before the stop"]


async def test_a_paused_broker_answers_after_it_goes_on(
    apache_kafka: Callable[..., ApacheKafka],
) -> None:
    """A frozen Apache Kafka answers nobody, and goes on where it was."""
    kafka = apache_kafka()
    await create(kafka.connection, "frozen")
    port = int(kafka.bootstrap_servers.partition(":")[2])
    kafka.pause()
    assert cluster_id("127.0.0.1", port, timeout_s=0.3) is None
    assert kafka.running
    kafka.resume()
    await send(kafka.connection, "frozen", b"thawed")
    assert await read(kafka.connection, "frozen", 1) == [b"thawed"]


def test_a_paused_broker_can_be_stopped(
    apache_kafka: Callable[..., ApacheKafka],
) -> None:
    """A frozen Apache Kafka stops when told to."""
    kafka = apache_kafka()
    kafka.pause()
    kafka.stop()
    assert not kafka.running


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-512", "PLAIN"])
async def test_sasl_ssl_takes_the_right_password_only(
    secure_kafka: ApacheKafka, topic_prefix: str, mechanism: str
) -> None:
    """Over TLS the user's password is accepted and another one refused."""
    topic = f"{topic_prefix}secure"
    right = secure_kafka.secure_connection(mechanism=mechanism)
    await create(right, topic)
    await send(right, topic, b"over TLS")
    assert await read(right, topic, 1) == [b"over TLS"]
    wrong = secure_kafka.secure_connection(mechanism=mechanism, password="guessed")
    with pytest.raises(KafkaConnectionError):
        await send(wrong, topic, b"not accepted")


async def test_sasl_ssl_does_not_serve_plaintext(secure_kafka: ApacheKafka) -> None:
    """A client without TLS gets nothing from the SASL_SSL listener."""
    connection = {"bootstrap_servers": secure_kafka.secure_bootstrap_servers}
    producer = AIOKafkaProducer(**connection, request_timeout_ms=2_000)
    with pytest.raises((KafkaConnectionError, KafkaTimeoutError)):
        await producer.start()
    await producer.stop()


def test_a_taken_port_is_named(kafka: ApacheKafka, tmp_path: Path) -> None:
    """A second Apache Kafka on the same port says which port is taken."""
    port = int(kafka.bootstrap_servers.partition(":")[2])
    second = ApacheKafka(tmp_path, port=port)
    with pytest.raises(KafkaStartError, match=f"port {port} on 127.0.0.1 is taken"):
        second.start()


def test_what_kafka_says_reaches_the_error(kafka: ApacheKafka, tmp_path: Path) -> None:
    """A setting that Apache Kafka refuses is in the message, by name."""
    assert kafka.running
    broken = ApacheKafka(tmp_path, properties={"log.retention.ms": "for ever"})
    with pytest.raises(KafkaStartError, match=r"log\.retention\.ms"):
        broken.start()
    assert not broken.running


def test_apache_kafka_in_the_foreground(kafka: ApacheKafka, tmp_path: Path) -> None:
    """`make kafka` serves until it is told to stop, then exits with 0."""
    assert kafka.running
    port = free_port()
    command = [sys.executable, "-m", "loopwatch.apache_kafka"]
    process = subprocess.Popen(
        [*command, f"--port={port}", f"--data={tmp_path / 'data'}"],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    try:
        for line in process.stderr:
            if f"serves on 127.0.0.1:{port}" in line:
                break
        assert cluster_id("127.0.0.1", port) is not None
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        process.kill()
    assert cluster_id("127.0.0.1", port) is None


@pytest.mark.skipif(sys.platform != "linux", reason="a promise on Linux only")
def test_apache_kafka_dies_with_its_parent(kafka: ApacheKafka, tmp_path: Path) -> None:
    """Kill -9 of the process that started Apache Kafka leaves no broker behind."""
    assert kafka.running
    script = (
        "import sys; from pathlib import Path\n"
        "from loopwatch.apache_kafka import ApacheKafka\n"
        "kafka = ApacheKafka(Path(sys.argv[1])); kafka.start()\n"
        "print(kafka.pid, flush=True); sys.stdin.read()\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert parent.stdout is not None
    pidfd = os.pidfd_open(int(parent.stdout.readline()))
    parent.kill()
    parent.wait()
    assert signalled_within(pidfd, 10)


def signalled_within(pidfd: int, seconds: float) -> bool:
    """Tell whether a process ended in time; its descriptor turns readable then."""
    try:
        return bool(select.select([pidfd], [], [], seconds)[0])
    finally:
        os.close(pidfd)
