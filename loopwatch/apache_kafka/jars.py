"""Where Java is, and Apache Kafka's jars, fetched by Maven once."""

import fcntl
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

OLDEST_JAVA = 17
LIBS_VARIABLE = "LOOPWATCH_KAFKA_LIBS"
POM = Path(__file__).with_name("pom.xml")


class KafkaUnavailableError(Exception):
    """What this machine lacks to run Apache Kafka, and what to do about it."""


def find_java() -> Path:
    """Return a ``java`` that can run Apache Kafka 4.

    ``$JAVA_HOME`` comes before ``$PATH``.

    Raises:
        KafkaUnavailableError: there is none, or it is older than Java 17.
    """
    home = os.environ.get("JAVA_HOME")
    found = shutil.which("java", path=f"{home}/bin") if home else None
    found = found or shutil.which("java")
    if found is None:
        raise KafkaUnavailableError(
            f"Apache Kafka needs Java {OLDEST_JAVA} or newer: no java on PATH; "
            "install it (on Debian: apt-get install openjdk-17-jre-headless)"
        )
    said = _run([found, "-version"]).stdout
    version = re.search(r'version "(?:1\.)?(\d+)', said)
    if version is None:
        raise KafkaUnavailableError(
            f"Apache Kafka needs Java {OLDEST_JAVA} or newer: {found} -version "
            f"did not tell its version but: {said.strip()[:200] or 'nothing'}"
        )
    if int(version[1]) < OLDEST_JAVA:
        raise KafkaUnavailableError(
            f"Apache Kafka needs Java {OLDEST_JAVA} or newer: {found} is Java "
            f"{version[1]}; install a newer one and set JAVA_HOME to it"
        )
    return Path(found)


def fetch_jars(folder: Path | None = None) -> Path:
    """Return the directory of Apache Kafka's jars, fetching them when needed.

    They are fetched once for a checkout, whoever asks at the same time: the others
    wait. A folder named by ``$LOOPWATCH_KAFKA_LIBS`` is taken as it is.

    Args:
        folder: where ``libs`` belongs; by default ``.kafka`` of the checkout.

    Raises:
        KafkaUnavailableError: Maven is missing, or could not fetch them.
    """
    given = os.environ.get(LIBS_VARIABLE)
    if given:
        if not any(Path(given).glob("kafka_*.jar")):
            raise KafkaUnavailableError(
                f"{LIBS_VARIABLE}={given} holds no kafka_*.jar: point it at the jars "
                "of Apache Kafka, or unset it to have them fetched"
            )
        return Path(given).resolve()
    folder = (folder or default_folder()).resolve()
    libs = folder / "libs"
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder / "libs.lock"):
        wanted = POM.read_bytes()
        stamp = libs / POM.name
        if not stamp.is_file() or stamp.read_bytes() != wanted:
            _fetch(folder / "libs.part", libs)
    return libs


def default_folder() -> Path:
    """Return ``.kafka`` in the checkout, or in the working directory without one."""
    root = Path(__file__).parents[2]
    return (root if (root / "pyproject.toml").is_file() else Path.cwd()) / ".kafka"


def _fetch(part: Path, libs: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise KafkaUnavailableError(
            "Apache Kafka's jars are fetched by Maven: no mvn on PATH; install it "
            f"(on Debian: apt-get install maven), or set {LIBS_VARIABLE} to a "
            "directory that holds them"
        )
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    shutil.copy(POM, part / POM.name)
    ended = _run(
        [
            maven,
            "--quiet",
            "--batch-mode",
            f"--file={part / POM.name}",
            "dependency:copy-dependencies",
            "-DincludeScope=runtime",
            f"-DoutputDirectory={part}",
        ]
    )
    if ended.returncode != 0 or not any(part.glob("kafka_*.jar")):
        lines = [line for line in ended.stdout.splitlines() if line.strip()]
        shutil.rmtree(part, ignore_errors=True)
        raise KafkaUnavailableError(
            "Maven could not fetch Apache Kafka's jars:\n" + "\n".join(lines[:8])
        )
    shutil.rmtree(libs, ignore_errors=True)
    part.rename(libs)


def _run(command: list[str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(  # noqa: S603  programs found on PATH, no shell
        command,
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    """Hold a lock between processes; it ends with its holder, however that ends."""
    with file.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
