"""What Apache Kafka needs is found or named, and its jars are fetched once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from loopwatch.apache_kafka.jars import (
    LIBS_VARIABLE,
    KafkaUnavailableError,
    fetch_jars,
    find_java,
)

Program = Callable[[str, str], Path]

# Fetches one jar into the directory that it is told, and notes that it was called.
MAVEN = """
echo called >> "$MAVEN_CALLS"
for word; do
  case $word in -DoutputDirectory=*) : > "${word#*=}/kafka_2.13-4.4.0.jar";; esac
done
"""


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    """Put shell scripts, and nothing else, on the PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("MAVEN_CALLS", str(tmp_path / "calls"))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.delenv(LIBS_VARIABLE, raising=False)

    def write(name: str, script: str) -> Path:
        file = folder / name
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)
        return file

    return write


def calls(tmp_path: Path) -> int:
    """Return how often Maven was called."""
    return len((tmp_path / "calls").read_text().splitlines())


@pytest.mark.usefixtures("program")
def test_no_java_is_named() -> None:
    """Without Java the message says which one is needed, and how to get it."""
    with pytest.raises(KafkaUnavailableError, match=r"needs Java 17 .*install it"):
        find_java()


@pytest.mark.parametrize(("said", "found"), [("11.0.2", "11"), ("1.8.0_392", "8")])
def test_an_old_java_is_named(program: Program, said: str, found: str) -> None:
    """With an older Java the message names the version that was found."""
    program("java", f"echo 'openjdk version \"{said}\" 2019-01-15' >&2")
    with pytest.raises(
        KafkaUnavailableError, match=rf"needs Java 17 .* is Java {found};"
    ):
        find_java()


@pytest.mark.parametrize("said", ["17.0.15", "21", "25-ea"])
def test_a_new_java_is_taken(program: Program, said: str) -> None:
    """Java 17 and all that follow will do."""
    java = program("java", f"echo 'openjdk version \"{said}\"' >&2")
    assert find_java() == java


def test_java_home_comes_first(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The Java of JAVA_HOME is taken before that of the PATH."""
    program("java", "echo 'openjdk version \"11\"' >&2")
    home = tmp_path / "home" / "bin" / "java"
    home.parent.mkdir(parents=True)
    home.write_text("#!/bin/sh\necho 'openjdk version \"21\"' >&2\n")
    home.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(home.parents[1]))
    assert find_java() == home


def test_something_else_called_java_is_shown(program: Program) -> None:
    """What does not tell a version is shown with what it said."""
    program("java", "echo 'no runtime present'")
    with pytest.raises(KafkaUnavailableError, match="no runtime present"):
        find_java()


@pytest.mark.usefixtures("program")
def test_no_maven_is_named(tmp_path: Path) -> None:
    """Without Maven the message says how to get it, or to do without."""
    with pytest.raises(
        KafkaUnavailableError, match=rf"no mvn on PATH.*{LIBS_VARIABLE}"
    ):
        fetch_jars(tmp_path / "kafka")


def test_jars_are_fetched_once(program: Program, tmp_path: Path) -> None:
    """Of many who ask at the same time one fetches, and the others wait for it."""
    program("mvn", MAVEN)
    folder = tmp_path / "kafka"
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: fetch_jars(folder), range(16)))
    assert found == {folder / "libs"}
    assert list((folder / "libs").glob("kafka_*.jar"))
    assert calls(tmp_path) == 1


def test_jars_of_another_version_are_replaced(program: Program, tmp_path: Path) -> None:
    """Jars that were fetched by another list than today's are fetched anew."""
    program("mvn", MAVEN)
    libs = fetch_jars(tmp_path / "kafka")
    (libs / "pom.xml").write_text("<project/>")
    old = libs / "kafka_2.13-4.3.0.jar"
    old.touch()
    assert fetch_jars(tmp_path / "kafka") == libs
    assert calls(tmp_path) == 2
    assert not old.exists()


@pytest.mark.parametrize("script", ["echo 'ERROR no route to host'; exit 1", ": ok"])
def test_a_failed_fetch_leaves_nothing(
    program: Program, tmp_path: Path, script: str
) -> None:
    """What Maven said is in the message, and the next call tries again."""
    program("mvn", script)
    with pytest.raises(KafkaUnavailableError, match="Maven could not fetch") as said:
        fetch_jars(tmp_path / "kafka")
    assert ("no route to host" in str(said.value)) == ("ERROR" in script)
    assert not (tmp_path / "kafka" / "libs").exists()
    program("mvn", MAVEN)
    assert fetch_jars(tmp_path / "kafka").is_dir()


@pytest.mark.usefixtures("program")
def test_jars_may_be_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory of jars that is there already needs no Maven, but has to fit."""
    given = tmp_path / "given"
    given.mkdir()
    monkeypatch.setenv(LIBS_VARIABLE, str(given))
    with pytest.raises(KafkaUnavailableError, match=r"holds no kafka_\*\.jar"):
        fetch_jars(tmp_path / "kafka")
    (given / "kafka_2.13-4.4.0.jar").touch()
    assert fetch_jars(tmp_path / "kafka") == given
