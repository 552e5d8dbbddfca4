"""The first connection to Kafka: wait for a broker, be clear about a refusal.

aiokafka logs why a broker could not be used and raises only that it could not. So
before its clients start, one connection is made here by hand, whose failure still
has its cause.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeVar

from aiokafka.conn import create_conn
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    IllegalSaslStateError,
    KafkaConnectionError,
    KafkaError,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
    UnsupportedSaslMechanismError,
)
from aiokafka.protocol.metadata import MetadataRequest

from streams.settings import PREFIX, Settings

T = TypeVar("T")
Say = Callable[[str], None]

_ATTEMPT_S: Final = 5.0
_FIRST_PAUSE_S: Final = 0.25
_LONGEST_PAUSE_S: Final = 5.0

_FAULTS: Final = (KafkaError, OSError, TimeoutError)
_FORBIDDEN: Final = (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    TopicAuthorizationFailedError,
)


class ConnectionFailed(Exception):  # noqa: N818  named for what happened
    """Kafka cannot be used; the message says why and what to do."""


class Unreachable(ConnectionFailed):
    """No broker answered within the time given."""


class _LoginWantedError(KafkaError):  # type: ignore[misc]
    """A broker that answers only those who have logged in."""


class Refused(ConnectionFailed):
    """A broker answered and does not let us in; trying again will not help."""


def say_on_stderr(sentence: str) -> None:
    """Tell the person who started us."""
    print(sentence, file=sys.stderr, flush=True)  # noqa: T201


async def connect(
    start: Callable[[], Awaitable[T]],
    settings: Settings,
    wait_s: float,
    say: Say = say_on_stderr,
) -> T:
    """Wait until a broker lets us in, then return what ``start`` returns.

    Args:
        start: What is to be done with Kafka; called again where it could not reach it.
        settings: Where Kafka is, and how to be let in.
        wait_s: How long to go on trying while no broker is there.
        say: Told, once, for whom we wait, and that it is there now.

    Raises:
        Unreachable: Nobody answered in time.
        Refused: A login, a certificate or a right is refused.
        streams.settings.SettingsError: A file with a secret cannot be read.
    """
    deadline = time.monotonic() + wait_s
    pause_s = _FIRST_PAUSE_S
    waiting = False
    with quiet_clients():
        while True:
            try:
                await probe(settings)
                result = await start()
            except _FORBIDDEN as error:
                raise Refused(_forbidden(error, settings)) from None
            except (KafkaError, OSError, TimeoutError, Unreachable) as error:
                reason = _reason(error)
            else:
                if waiting:
                    say(f"Kafka at {_servers(settings)} is there.")
                return result
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                raise Unreachable(_unreachable(settings, reason, wait_s)) from None
            if not waiting:
                waiting = True
                say(
                    f"Waiting for Kafka at {_servers(settings)}, at most {wait_s:g} s "
                    f"({reason})."
                )
            await asyncio.sleep(min(pause_s, left_s))
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)


async def probe(settings: Settings) -> None:
    """Log in to one of the brokers, ask it something, and leave again.

    Raises:
        Unreachable: None of them answers.
        Refused: One answers and does not let us in.
    """
    options = settings.kafka_options()
    reasons = []
    for server in options.pop("bootstrap_servers"):
        host, _, port = server.rpartition(":")
        try:
            await _greet(host.strip("[]"), int(port), options)
        except _FAULTS as error:
            refusal = _refusal(error, server, settings)
            if refusal is None and _hung_up(error):
                refusal = await _misfit(host.strip("[]"), int(port), server, settings)
            if refusal is not None:
                raise Refused(refusal) from None
            reasons.append(f"{server}: {_reason(error)}")
        else:
            return
    raise Unreachable("; ".join(reasons))


async def _greet(host: str, port: int, options: Mapping[str, Any]) -> None:
    """Connect, log in, and ask for the brokers of the cluster."""
    connection = await create_conn(
        host,
        port,
        client_id="loopwatch",
        request_timeout_ms=int(_ATTEMPT_S * 1000),
        **options,
    )
    try:
        await connection.send(MetadataRequest([]))
    except KafkaConnectionError:
        # It said what it speaks, then hung up at the first thing that needs a name.
        raise _LoginWantedError from None
    finally:
        connection.close()


class quiet_clients:  # noqa: N801  a context manager, read as a verb
    """Keeps aiokafka's loggers silent: what they say is said better here."""

    def __enter__(self) -> None:
        self._logger = logging.getLogger("aiokafka")
        self._level = self._logger.level
        self._logger.setLevel(logging.CRITICAL + 1)

    def __exit__(self, *_: object) -> None:
        self._logger.setLevel(self._level)


def _refusal(error: Exception, server: str, settings: Settings) -> str | None:
    """What is refused, and which setting to look at; None if it may pass by itself."""
    cause = error.__cause__ if isinstance(error.__cause__, ssl.SSLError) else error
    match cause:
        case _LoginWantedError():
            return (
                f"Kafka at {server} hangs up on a client without a login: "
                f"{_protocol(settings)} does not fit; set it to "
                f"SASL_{settings.kafka_security_protocol}"
            )
        case SaslAuthenticationFailed():
            where = (
                "KAFKA_SASL_PASSWORD_FILE"
                if settings.kafka_sasl_password is None
                else "KAFKA_SASL_PASSWORD"
            )
            return (
                f"Kafka at {server} refuses the login of user "
                f"{settings.kafka_sasl_username!r}: check "
                f"{PREFIX}KAFKA_SASL_USERNAME and {PREFIX}{where}"
            )
        case UnsupportedSaslMechanismError():
            return (
                f"Kafka at {server} does not take "
                f"{PREFIX}KAFKA_SASL_MECHANISM={settings.kafka_sasl_mechanism}: {cause}"
            )
        case IllegalSaslStateError():
            return (
                f"Kafka at {server} takes no login on that port: "
                f"{_protocol(settings)} does not fit"
            )
        case ssl.SSLCertVerificationError():
            return (
                f"the certificate of Kafka at {server} is not trusted "
                f"({cause.verify_message}): check {PREFIX}KAFKA_SSL_CAFILE, and the "
                f"host's name in {PREFIX}KAFKA_BOOTSTRAP_SERVERS"
            )
        case ssl.SSLError(reason=str(reason)) if "ALERT" in reason:
            return (
                f"Kafka at {server} refuses our certificate ({reason.lower()}): check "
                f"{PREFIX}KAFKA_SSL_CERTFILE and {PREFIX}KAFKA_SSL_KEYFILE"
            )
        case ssl.SSLError(reason=str(reason)):
            return (
                f"Kafka at {server} does not speak TLS on that port "
                f"({reason.lower()}): {_protocol(settings)} does not fit"
            )
    return None


def _hung_up(error: Exception) -> bool:
    """Whether the broker took the connection and ended it without an answer."""
    return isinstance(error, KafkaConnectionError | TimeoutError | ssl.SSLEOFError) or (
        isinstance(error, ConnectionError)
        and not isinstance(error, ConnectionRefusedError)
    )


async def _misfit(host: str, port: int, server: str, settings: Settings) -> str | None:
    """What a port that hangs up on us would rather have us speak."""
    if settings.kafka_security_protocol.endswith("SSL"):
        with contextlib.suppress(*_FAULTS):
            plain = await create_conn(
                host, port, request_timeout_ms=int(_ATTEMPT_S * 1000)
            )
            plain.close()
            return (
                f"Kafka at {server} does not speak TLS on that port: "
                f"{_protocol(settings)} does not fit"
            )
        return None
    anyone = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    anyone.check_hostname = False
    anyone.verify_mode = ssl.CERT_NONE
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(_ATTEMPT_S):
            _, writer = await asyncio.open_connection(host, port, ssl=anyone)
        writer.close()
        return (
            f"Kafka at {server} speaks TLS on that port: {_protocol(settings)} does "
            "not fit; set it to SSL or SASL_SSL"
        )
    return None


def _forbidden(error: KafkaError, settings: Settings) -> str:
    who = settings.kafka_sasl_username or "this client"
    return (
        f"Kafka at {_servers(settings)} does not let {who} do what is needed "
        f"({type(error).__name__}: {error}): give it the rights that "
        f"deploy/topics.yaml names, or check {PREFIX}KAFKA_SASL_USERNAME"
    )


def _unreachable(settings: Settings, reason: str, wait_s: float) -> str:
    return (
        f"Kafka at {_servers(settings)} cannot be reached within {wait_s:g} s "
        f"({reason}): start it, or name another one in "
        f"{PREFIX}KAFKA_BOOTSTRAP_SERVERS. If it runs there, see whether "
        f"{_protocol(settings)} fits its listener"
    )


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__


def _servers(settings: Settings) -> str:
    return ", ".join(settings.bootstrap_servers)


def _protocol(settings: Settings) -> str:
    return f"{PREFIX}KAFKA_SECURITY_PROTOCOL={settings.kafka_security_protocol}"
