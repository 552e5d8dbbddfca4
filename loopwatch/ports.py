"""Ports on this machine: a free one, and which Kafka broker answers on one."""

import errno
import socket
import struct
from random import SystemRandom

# Below the range that the system hands out for outgoing connections: a broker that
# is killed must find its port free when it comes back, though clients hammer it.
_LOWEST, _HIGHEST = 15_000, 32_000
_METADATA_KEY, _METADATA_VERSION = 3, 2
_CLIENT_ID = b"loopwatch"
_given: set[int] = set()


def free_port(host: str = "127.0.0.1") -> int:
    """Return a TCP port that nothing on ``host`` listens on.

    Never the same one twice in a process: who asked may not listen yet.

    Raises:
        OSError: no free port was found in many tries.
    """
    # Not the shared generator: test runs seed it, and would all draw the same port.
    draw = SystemRandom()
    for _ in range(200):
        port = draw.randint(_LOWEST, _HIGHEST)
        if port not in _given and is_free(host, port):
            _given.add(port)
            return port
    raise OSError(f"no free port on {host} between {_LOWEST} and {_HIGHEST}")


def is_free(host: str, port: int) -> bool:
    """Tell whether a server could listen on ``host:port`` now.

    Raises:
        OSError: ``host`` is not an address of this machine.
    """
    family, kind, _, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    with socket.socket(family, kind) as probe:
        # As servers do; else connections of the last owner, still winding down,
        # would count as an owner.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
            probe.listen(1)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise
    return True


def cluster_id(host: str, port: int, *, timeout_s: float = 2.0) -> str | None:
    """Ask the Kafka broker at ``host:port`` for its cluster's id.

    ``None`` when nothing answers, when what answers is no Kafka broker, and while a
    broker is still starting (it knows no broker of its cluster yet).
    """
    # Metadata version 2 with an empty list of topics: brokers and cluster, and no
    # topic is created by the asking.
    body = (
        struct.pack(">hhih", _METADATA_KEY, _METADATA_VERSION, 1, len(_CLIENT_ID))
        + _CLIENT_ID
        + struct.pack(">i", 0)
    )
    try:
        with socket.create_connection((host, port), timeout_s) as connection:
            connection.settimeout(timeout_s)
            connection.sendall(struct.pack(">i", len(body)) + body)
            (size,) = struct.unpack(">i", _read(connection, 4))
            return _parse_cluster_id(_read(connection, min(size, 65_536)))
    except (OSError, struct.error, UnicodeDecodeError):
        return None


def _read(connection: socket.socket, size: int) -> bytes:
    """Read exactly ``size`` bytes, or raise ConnectionError."""
    received = b""
    while len(received) < size:
        part = connection.recv(size - len(received))
        if not part:
            raise ConnectionError("closed while answering")
        received += part
    return received


def _parse_cluster_id(answer: bytes) -> str | None:
    """Take the cluster's id out of a Metadata response of version 2."""
    (brokers,) = struct.unpack_from(">i", answer, 4)
    if brokers < 1:
        return None
    at = 8
    for _ in range(brokers):
        at += 4
        at += 2 + max(0, struct.unpack_from(">h", answer, at)[0])
        at += 4
        at += 2 + max(0, struct.unpack_from(">h", answer, at)[0])
    (length,) = struct.unpack_from(">h", answer, at)
    return None if length < 0 else answer[at + 2 : at + 2 + length].decode()
