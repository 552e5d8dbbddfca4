"""A child process is this process's own: it ends, pauses and reports with it."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Queue

import pytest

from loopwatch.child import Child, tail

SLEEP = "import time; time.sleep(60)"


@contextmanager
def child(
    folder: Path, script: str, ends: "Queue[int] | None" = None
) -> Iterator[Child]:
    """Run a Python script as a child."""
    running = Child(
        [sys.executable, "-c", script],
        cwd=folder,
        env={},
        output=folder / "output",
        on_exit=ends.put if ends else None,
    )
    try:
        yield running
    finally:
        running.kill()


def test_its_exit_code_and_output_are_told(tmp_path: Path) -> None:
    """What it printed and how it ended are known, and its end is reported."""
    ends: Queue[int] = Queue()
    with child(tmp_path, "print('to say'); raise SystemExit(3)", ends) as process:
        assert process.wait(10) == 3
        assert process.exit_code == 3
        assert not process.running
        assert process.output_tail() == "to say"
        assert ends.get(timeout=10) == 3


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it is an OSError")
def test_a_program_that_is_missing_is_named(tmp_path: Path) -> None:
    """What cannot be run ends at once, with its name in the output."""
    output = tmp_path / "output"
    process = Child(["/no/such/program"], cwd=tmp_path, env={}, output=output)
    assert process.wait(10) == 1
    assert process.output_tail().startswith("cannot run /no/such/program: No such")


def test_a_directory_that_is_missing_is_an_error(tmp_path: Path) -> None:
    """A working directory that is not there is refused at once."""
    with pytest.raises(FileNotFoundError):
        Child(
            [sys.executable],
            cwd=tmp_path / "none",
            env={},
            output=tmp_path / "output",
        )


def test_what_ignores_a_stop_is_killed(tmp_path: Path) -> None:
    """After the grace a process that ignores SIGTERM is killed."""
    ignore = "import signal; signal.signal(15, signal.SIG_IGN); print(1, flush=True);"
    with child(tmp_path, ignore + SLEEP) as process:
        while not process.output_tail():
            assert process.running
        assert process.stop(grace_s=0.1) == -signal.SIGKILL


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_pause_holds_when_it_returns(tmp_path: Path) -> None:
    """After a pause every thread stands still, and a resumed process goes on."""
    busy = (
        "import threading\n"
        "def spin():\n    while True: pass\n"
        "for _ in range(4): threading.Thread(target=spin, daemon=True).start()\n"
        "spin()"
    )
    with child(tmp_path, busy) as process:
        tasks = Path(f"/proc/{process.pid}/task")
        for _ in range(5):
            process.pause()
            states = {
                (task / "stat").read_text().rpartition(")")[2].split()[0]
                for task in tasks.iterdir()
            }
            assert states == {"T"}
            assert process.running
            process.resume()
        process.pause()
        assert process.stop(grace_s=10) == -signal.SIGTERM


def test_a_pause_of_an_ended_process_returns(tmp_path: Path) -> None:
    """Signals to a process that has ended do nothing."""
    with child(tmp_path, "") as process:
        process.wait(10)
        process.pause()
        process.resume()
        assert process.stop(grace_s=1) == 0


def test_the_tail_of_a_file_is_its_last_lines(tmp_path: Path) -> None:
    """Of a long file the last lines are read, of a missing one nothing."""
    file = tmp_path / "long"
    file.write_text("".join(f"line {number}\n" for number in range(50_000)))
    assert tail(file, 2) == "line 49998\nline 49999"
    assert tail(tmp_path / "missing", 2) == ""
