"""The server properties of a broker for tests."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

# Any 16 bytes in base64url; one name for all, for no two of these ever meet.
CLUSTER_ID = "bG9vcHdhdGNoLWxvY2FsMQ"
USERNAME = "loopwatch"
PASSWORD = "loopwatch-secret"  # noqa: S105  of a broker for tests


@dataclass(frozen=True, slots=True)
class Listeners:
    """The ports of a broker; ``secure`` is the one for SASL_SSL, if any."""

    plaintext: int
    controller: int
    secure: int | None = None


def render(data_dir: Path, listeners: Listeners, overrides: Mapping[str, str]) -> str:
    """Return the text of ``server.properties``."""
    client = f"PLAINTEXT://127.0.0.1:{listeners.plaintext}"
    if listeners.secure is not None:
        client += f",SASL_SSL://127.0.0.1:{listeners.secure}"
    properties = {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@127.0.0.1:{listeners.controller}",
        "listeners": f"{client},CONTROLLER://127.0.0.1:{listeners.controller}",
        "advertised.listeners": client,
        "controller.listener.names": "CONTROLLER",
        "listener.security.protocol.map": (
            "PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT"
        ),
        "inter.broker.listener.name": "PLAINTEXT",
        "log.dirs": str(data_dir / "topics"),
        "auto.create.topics.enable": "false",
        "group.initial.rebalance.delay.ms": "0",
        "offsets.topic.replication.factor": "1",
        "offsets.topic.num.partitions": "4",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "transaction.state.log.num.partitions": "4",
        # A killed broker waits for the end of its own old session before it serves.
        "broker.session.timeout.ms": "3000",
        "broker.heartbeat.interval.ms": "500",
    }
    if listeners.secure is not None:
        properties |= _secure(data_dir)
    properties |= overrides
    return "".join(f"{key}={value}\n" for key, value in properties.items())


def _secure(data_dir: Path) -> dict[str, str]:
    listener, module = "listener.name.sasl_ssl", "org.apache.kafka.common.security"
    return {
        "sasl.enabled.mechanisms": "SCRAM-SHA-512,PLAIN",
        f"{listener}.scram-sha-512.sasl.jaas.config": (
            f"{module}.scram.ScramLoginModule required;"
        ),
        f"{listener}.plain.sasl.jaas.config": (
            f'{module}.plain.PlainLoginModule required user_{USERNAME}="{PASSWORD}";'
        ),
        f"{listener}.ssl.keystore.type": "PEM",
        f"{listener}.ssl.keystore.location": str(data_dir / "tls" / "broker.pem"),
    }
