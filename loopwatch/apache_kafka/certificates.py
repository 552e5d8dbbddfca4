"""A certificate authority and a broker's certificate, for tests of TLS."""

import os
import shutil
import subprocess
from pathlib import Path

from loopwatch.apache_kafka.jars import KafkaUnavailableError


def write_certificates(folder: Path) -> None:
    """Write ``ca.pem`` (for clients) and ``broker.pem`` (key and chain, for Kafka).

    The broker's certificate is good for ``localhost`` and ``127.0.0.1``. What is
    there already is kept.

    Raises:
        KafkaUnavailableError: openssl is missing or refused to make them.
    """
    if (folder / "broker.pem").is_file():
        return
    folder.mkdir(parents=True, exist_ok=True)
    _openssl(
        folder,
        "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 3650",
        "-subj",
        "/CN=loopwatch test CA",
        "-addext",
        "basicConstraints=critical,CA:TRUE",
    )
    _openssl(
        folder,
        "req -newkey rsa:2048 -nodes -keyout broker.key -out broker.csr",
        "-subj",
        "/CN=localhost",
    )
    (folder / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    _openssl(
        folder,
        "x509 -req -in broker.csr -CA ca.pem -CAkey ca.key -CAcreateserial"
        " -days 3650 -extfile names -out broker.crt",
    )
    made = folder / "broker.pem.part"
    made.write_bytes(
        (folder / "broker.key").read_bytes() + (folder / "broker.crt").read_bytes()
    )
    made.chmod(0o600)
    made.rename(folder / "broker.pem")


def _openssl(folder: Path, words: str, *more: str) -> None:
    found = shutil.which("openssl")
    if found is None:
        raise KafkaUnavailableError("certificates are made by openssl: none on PATH")
    ended = subprocess.run(  # noqa: S603  found on PATH, no shell
        [found, *words.split(), *more],
        check=False,
        cwd=folder,
        env={**os.environ, "LC_ALL": "C"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if ended.returncode != 0:
        raise KafkaUnavailableError(f"openssl {words}: {ended.stdout.strip()}")
