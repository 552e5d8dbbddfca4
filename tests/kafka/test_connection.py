"""Before a worker starts: waiting for a broker, and refusals that name the setting."""

import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from loopwatch.apache_kafka import ApacheKafka
from loopwatch.ports import free_port
from streams.kafka.connection import Refused, Unreachable, connect
from streams.settings import Settings


async def nothing() -> str:
    """Need nothing of Kafka but that it is there."""
    return "there"


def silent(_sentence: str) -> None:
    """Tell nobody."""


def secured(kafka: ApacheKafka, **changes: Any) -> Settings:
    """Settings that are let in by a SASL_SSL listener, with some of them changed."""
    values: dict[str, Any] = {
        "kafka_bootstrap_servers": kafka.secure_bootstrap_servers,
        "kafka_security_protocol": "SASL_SSL",
        "kafka_sasl_mechanism": "SCRAM-SHA-512",
        "kafka_sasl_username": kafka.username,
        "kafka_sasl_password": kafka.password,
        "kafka_ssl_cafile": kafka.ca_file,
    }
    return Settings(**(values | changes))


async def test_a_broker_that_comes_later_is_waited_for(
    apache_kafka: Callable[..., ApacheKafka],
) -> None:
    """A Kafka that starts after us is named once while we wait, then used."""
    kafka = apache_kafka()
    await asyncio.to_thread(kafka.stop)
    settings = Settings(kafka_bootstrap_servers=kafka.bootstrap_servers)
    said: list[str] = []
    starting = asyncio.Event()

    def say(sentence: str) -> None:
        said.append(sentence)
        starting.set()

    waiting = asyncio.create_task(connect(nothing, settings, 60, say))
    await starting.wait()
    await asyncio.to_thread(kafka.start)
    assert await waiting == "there"
    assert len(said) == 2
    assert all(kafka.bootstrap_servers in sentence for sentence in said)


async def test_a_broker_that_never_comes_is_named() -> None:
    """After the wait the message names the host and the setting."""
    server = f"127.0.0.1:{free_port()}"
    settings = Settings(kafka_bootstrap_servers=server)
    with pytest.raises(Unreachable, match="LOOPWATCH_KAFKA_BOOTSTRAP_SERVERS") as fault:
        await connect(nothing, settings, 0.5, silent)
    assert server in str(fault.value)


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-512", "PLAIN"])
async def test_the_right_login_is_let_in(
    secure_kafka: ApacheKafka, mechanism: str, tmp_path: Path
) -> None:
    """With user, password from a file and authority, Kafka is there."""
    password = tmp_path / "password"
    password.write_text(f"{secure_kafka.password}\n")
    settings = secured(
        secure_kafka,
        kafka_sasl_mechanism=mechanism,
        kafka_sasl_password=None,
        kafka_sasl_password_file=password,
    )
    assert await connect(nothing, settings, 0, silent) == "there"


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-512", "PLAIN"])
async def test_a_wrong_password_is_refused_at_once(
    secure_kafka: ApacheKafka, mechanism: str
) -> None:
    """The message names user and setting, and never the password."""
    settings = secured(
        secure_kafka, kafka_sasl_mechanism=mechanism, kafka_sasl_password="guessed"
    )
    with pytest.raises(Refused, match="LOOPWATCH_KAFKA_SASL_PASSWORD") as fault:
        await connect(nothing, settings, 60, silent)
    assert secure_kafka.username in str(fault.value)
    assert "guessed" not in str(fault.value)


async def test_an_unknown_mechanism_is_refused(secure_kafka: ApacheKafka) -> None:
    """The message names the setting and what the broker takes."""
    settings = secured(secure_kafka, kafka_sasl_mechanism="SCRAM-SHA-256")
    with pytest.raises(Refused, match="LOOPWATCH_KAFKA_SASL_MECHANISM"):
        await connect(nothing, settings, 60, silent)


async def test_an_untrusted_certificate_is_refused(secure_kafka: ApacheKafka) -> None:
    """Without the broker's authority the message names the setting for it."""
    settings = secured(secure_kafka, kafka_ssl_cafile=None)
    with pytest.raises(Refused, match="LOOPWATCH_KAFKA_SSL_CAFILE"):
        await connect(nothing, settings, 60, silent)


async def test_tls_on_a_plaintext_port_is_refused(kafka: ApacheKafka) -> None:
    """TLS spoken to a port without it: the message names the protocol's setting."""
    settings = Settings(
        kafka_bootstrap_servers=kafka.bootstrap_servers, kafka_security_protocol="SSL"
    )
    with pytest.raises(Refused, match="LOOPWATCH_KAFKA_SECURITY_PROTOCOL=SSL"):
        await connect(nothing, settings, 60, silent)


async def test_plaintext_on_a_tls_port_is_refused(secure_kafka: ApacheKafka) -> None:
    """Plaintext spoken to a TLS port: the message says that it speaks TLS."""
    settings = Settings(kafka_bootstrap_servers=secure_kafka.secure_bootstrap_servers)
    with pytest.raises(Refused, match="speaks TLS"):
        await connect(nothing, settings, 60, silent)


async def test_a_login_where_none_is_taken_is_refused(kafka: ApacheKafka) -> None:
    """A user name for a listener without logins: the message names the protocol."""
    settings = Settings(
        kafka_bootstrap_servers=kafka.bootstrap_servers,
        kafka_security_protocol="SASL_PLAINTEXT",
        kafka_sasl_username="somebody",
        kafka_sasl_password=SecretStr("something"),
    )
    with pytest.raises(Refused, match=re.escape("SECURITY_PROTOCOL=SASL_PLAINTEXT")):
        await connect(nothing, settings, 60, silent)


async def test_a_listener_that_wants_a_login_says_so(
    secure_kafka: ApacheKafka,
) -> None:
    """TLS without a login, spoken to a port that wants one, is refused at once."""
    settings = secured(secure_kafka, kafka_security_protocol="SSL")
    with pytest.raises(Refused, match="without a login"):
        await connect(nothing, settings, 60, silent)
