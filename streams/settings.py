"""Settings of this machine: brokers, ports, log level, from ``LOOPWATCH_*`` variables.

What is watched and who is told stands in the configuration file; where Kafka is, and
how to be let in, stands here.
"""

from __future__ import annotations

import difflib
import ssl
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

import faust
from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from streams.kafka.topic_specs import TopicNames

PREFIX: Final = "LOOPWATCH_"
_OTHERS: Final = frozenset({"KAFKA_LIBS"})
"""Variables with our prefix that something else reads."""


Protocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
Mechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]
Port = Annotated[int, Field(ge=1, le=65_535)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class SettingsError(Exception):
    """Settings that cannot be used; ``problems`` has a sentence for each."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


class Settings(BaseSettings):
    """Every ``LOOPWATCH_*`` variable; use ``read_settings``, which says what is wrong.

    Attributes:
        kafka_bootstrap_servers: ``host:port``, several with commas between.
        kafka_sasl_password_file: A file with the password, instead of the variable.
        topic_partitions: Of topics that we create.
        topic_replication_factor: Of topics that we create; 3 in production.
        topic_prefix: Beginning of the names of Loopwatch's own topics.
        group_prefix: Beginning of the names of its consumer groups.
        embedded: The broker is ``loopwatch broker``: join sooner, and end with it.
        session_timeout_s: A worker that is silent so long loses its partitions.
        rebalance_timeout_s: How long a group waits for its members to join again.
        checkpoint_interval_s: How often rows of state are written.
        announce_interval_s: How often workers tell each other which file they run.
        request_timeout_s: A write that is not acknowledged so long ends the worker.
        assignment_timeout_s: Without partitions so long after its start it ends.
        stall_timeout_s: A main loop that stands still so long ends the worker.
        shutdown_timeout_s: A shutdown that takes so long is cut short.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    kafka_bootstrap_servers: str = "127.0.0.1:9092"
    kafka_security_protocol: Protocol = "PLAINTEXT"
    kafka_sasl_mechanism: Mechanism = "PLAIN"
    kafka_sasl_username: str | None = None
    kafka_sasl_password: SecretStr | None = None
    kafka_sasl_password_file: Path | None = None
    kafka_ssl_cafile: Path | None = None
    kafka_ssl_certfile: Path | None = None
    kafka_ssl_keyfile: Path | None = None
    kafka_ssl_key_password: SecretStr | None = None
    topic_partitions: Annotated[int, Field(ge=1, le=1024)] = 8
    topic_replication_factor: Annotated[int, Field(ge=1, le=32)] = 1
    topic_prefix: Annotated[str, Field(pattern=r"^[a-zA-Z0-9._-]{0,200}$")] = (
        "loopwatch."
    )
    group_prefix: Annotated[str, Field(pattern=r"^[a-zA-Z0-9._-]{0,200}$")] = (
        "loopwatch-"
    )
    web_host: str = "127.0.0.1"
    web_port: Port = 6066
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    embedded: bool = False
    session_timeout_s: Seconds = 10.0
    heartbeat_interval_s: Seconds = 2.0
    rebalance_timeout_s: Seconds = 30.0
    checkpoint_interval_s: Seconds = 1.0
    announce_interval_s: Seconds = 5.0
    request_timeout_s: Seconds = 60.0
    fetch_wait_ms: Annotated[int, Field(ge=100, le=5_000)] = 200
    chunk_records: Annotated[int, Field(ge=1, le=20_000)] = 10_000
    assignment_timeout_s: Seconds = 60.0
    stall_timeout_s: Seconds = 30.0
    shutdown_timeout_s: Seconds = 20.0

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.kafka_security_protocol.startswith("SASL"):
            if not self.kafka_sasl_username:
                raise ValueError(
                    f"{PREFIX}KAFKA_SASL_USERNAME is missing: "
                    f"{PREFIX}KAFKA_SECURITY_PROTOCOL={self.kafka_security_protocol} "
                    "needs a user name and a password"
                )
            if self.kafka_sasl_password is None and not self.kafka_sasl_password_file:
                raise ValueError(
                    f"{PREFIX}KAFKA_SASL_PASSWORD is missing: set it, or "
                    f"{PREFIX}KAFKA_SASL_PASSWORD_FILE to a file that holds it"
                )
        for server in self.bootstrap_servers:
            host, colon, port = server.rpartition(":")
            if not (host and colon and port.isdigit() and 0 < int(port) < 65_536):
                raise ValueError(
                    f"{PREFIX}KAFKA_BOOTSTRAP_SERVERS: {server!r} is no host:port; "
                    "write 127.0.0.1:9092, several with commas between"
                )
        if self.heartbeat_interval_s * 3 > self.session_timeout_s and not self.embedded:
            raise ValueError(
                f"{PREFIX}HEARTBEAT_INTERVAL_S={self.heartbeat_interval_s:g} is more "
                f"than a third of {PREFIX}SESSION_TIMEOUT_S={self.session_timeout_s:g}"
                ": one late heartbeat would cost the partitions"
            )
        return self

    @property
    def bootstrap_servers(self) -> list[str]:
        """Each ``host:port``."""
        servers = (each.strip() for each in self.kafka_bootstrap_servers.split(","))
        return [server for server in servers if server]

    @property
    def session_s(self) -> float:
        """The session timeout that holds for this kind of broker."""
        return 4.0 if self.embedded else self.session_timeout_s

    @property
    def heartbeat_s(self) -> float:
        """The heartbeat interval that holds for this kind of broker."""
        return 1.0 if self.embedded else self.heartbeat_interval_s

    @property
    def rebalance_s(self) -> float:
        """The rebalance timeout that holds for this kind of broker."""
        return 4.0 if self.embedded else self.rebalance_timeout_s

    def topics(self, sessions: str = "agent.sessions") -> TopicNames:
        """The names of all topics, of which ``sessions`` is the user's."""
        return TopicNames.under(self.topic_prefix, sessions=sessions)

    def group(self, name: str) -> str:
        """The consumer group of that name: score or deliver."""
        return f"{self.group_prefix}{name}"

    def password(self) -> str:
        """The SASL password, without the line end of a file.

        Raises:
            SettingsError: The file cannot be read.
        """
        if self.kafka_sasl_password is not None:
            return self.kafka_sasl_password.get_secret_value()
        file = self.kafka_sasl_password_file
        if file is None:
            return ""
        try:
            return file.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError([_unreadable("kafka_sasl_password_file", error)]) from (
                None
            )

    def ssl_context(self) -> ssl.SSLContext | None:
        """What TLS needs; None without TLS.

        Raises:
            SettingsError: A certificate or key cannot be read.
        """
        if not self.kafka_security_protocol.endswith("SSL"):
            return None
        try:
            context = ssl.create_default_context(
                cafile=None if self.kafka_ssl_cafile is None else self.kafka_ssl_cafile
            )
        except OSError as error:
            raise SettingsError([_unreadable("kafka_ssl_cafile", error)]) from None
        if self.kafka_ssl_certfile is not None:
            secret = self.kafka_ssl_key_password
            try:
                context.load_cert_chain(
                    self.kafka_ssl_certfile,
                    self.kafka_ssl_keyfile,
                    # Without a password OpenSSL would ask the terminal for one.
                    "" if secret is None else secret.get_secret_value(),
                )
            except OSError as error:
                problem = (
                    f"{_variable('kafka_ssl_certfile')}, "
                    f"{_variable('kafka_ssl_keyfile')}: no certificate with its key "
                    f"in PEM can be read there ({_short(error)})"
                )
                raise SettingsError([problem]) from None
        return context

    def kafka_options(self) -> dict[str, Any]:
        """Keyword arguments with which aiokafka's clients reach the cluster.

        Raises:
            SettingsError: A file with a secret or certificate cannot be read.
        """
        options: dict[str, Any] = {
            "bootstrap_servers": self.bootstrap_servers,
            "security_protocol": self.kafka_security_protocol,
        }
        if (context := self.ssl_context()) is not None:
            options["ssl_context"] = context
        if self.kafka_security_protocol.startswith("SASL"):
            options["sasl_mechanism"] = self.kafka_sasl_mechanism
            options["sasl_plain_username"] = self.kafka_sasl_username
            options["sasl_plain_password"] = self.password()
        return options

    def faust_credentials(self) -> object:
        """The same for a Faust app's ``broker_credentials``; None in plaintext.

        Raises:
            SettingsError: A file with a secret or certificate cannot be read.
        """
        context = self.ssl_context()
        if self.kafka_security_protocol.startswith("SASL"):
            return faust.SASLCredentials(
                username=self.kafka_sasl_username,
                password=self.password(),
                mechanism=self.kafka_sasl_mechanism,
                ssl_context=context,
            )
        # Its constructor cannot make a context of its own (it raises TypeError).
        return None if context is None else faust.SSLCredentials(context=context)


def read_settings(**changes: object) -> Settings:
    """The settings of this process's environment.

    Args:
        changes: Values that win over the environment.

    Raises:
        SettingsError: Some cannot be used; names each variable.
    """
    try:
        settings = Settings(**changes)  # type: ignore[arg-type]
    except ValidationError as error:
        raise SettingsError(_problem(fault) for fault in error.errors()) from None
    settings.password()
    settings.ssl_context()
    return settings


def unknown_settings(environ: Mapping[str, str]) -> list[str]:
    """A sentence for each variable with our prefix that nobody reads."""
    known = {name.upper() for name in Settings.model_fields}
    sentences = []
    for variable in sorted(environ):
        name = variable.removeprefix(PREFIX)
        if name in (variable, *known, *_OTHERS):
            continue
        near = difflib.get_close_matches(name, known, 1)
        hint = f"; did you mean {PREFIX}{near[0]}?" if near else ""
        sentences.append(f"{variable} is no setting{hint}")
    return sentences


def _problem(fault: Mapping[str, Any]) -> str:
    if not fault["loc"]:
        return str(fault["msg"]).removeprefix("Value error, ")
    return f"{_variable(str(fault['loc'][0]))}: {fault['msg']}"


def _variable(field: str) -> str:
    return f"{PREFIX}{field.upper()}"


def _unreadable(field: str, error: Exception) -> str:
    return f"{_variable(field)}: the file cannot be read ({_short(error)})"


def _short(error: Exception) -> str:
    said = error.strerror if isinstance(error, OSError) else None
    return said or type(error).__name__
