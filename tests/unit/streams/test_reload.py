"""Another configuration file while a worker runs: all of it, or nothing."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from loopwatch.configuration import reread
from streams.metrics import Meters
from streams.reload import (
    Configuration,
    ConfigurationFile,
    RefusedError,
    Reloader,
)

RULES = "version: 1\nrules: [{name: dear, metric: cost_usd, threshold: 2}]\n"
DEARER = RULES.replace("2}", "3}")
ELSEWHERE = "topics: {sessions: other.sessions}\n" + RULES
WRONG = RULES.replace("cost_usd", "costs")


class Worker:
    """What a worker does with its file, and what it has in force."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "loopwatch.yaml"
        self.environ = {"SLACK_BOT_TOKEN": "xoxb-test"}
        self.path.write_text(RULES)
        self.file = ConfigurationFile(
            self.path, lambda: reread(self.path, self.environ)
        )
        self.meters = Meters()
        self.taken: list[Configuration] = []
        self.refuses: str | None = None
        self.now_s = 1000.0
        self.reloader = Reloader(
            self.file, self.file.read(), self._apply, self.meters, lambda: self.now_s
        )

    async def _apply(self, found: Configuration) -> None:
        if self.refuses is not None:
            raise RefusedError([self.refuses])
        self.taken.append(found)

    async def says(self, text: str) -> None:
        """The file says something else, and is read."""
        self.now_s += 10
        self.path.write_text(text)
        await self.reloader.reload()

    @property
    def refused(self) -> list[str]:
        """What `loopwatch status` says against the file as it is."""
        refused = self.reloader.status()["refused"]
        return refused["faults"] if refused else []

    def gauge(self, name: str) -> float | None:
        """What a metric says of the file."""
        return self.meters.registry.get_sample_value(f"loopwatch_config_{name}")


@pytest.fixture
def worker(tmp_path: Path) -> Worker:
    """One with a file of one rule."""
    return Worker(tmp_path)


class TestTakingUp:
    async def test_another_file_is_put_into_force(self, worker: Worker) -> None:
        """Once, and said: since when, and under which digest."""
        before = worker.reloader.status()
        await worker.says(DEARER)
        (found,) = worker.taken
        after = worker.reloader.status()
        assert found.book.rules[0].kind != in_force_rule(worker, RULES)
        assert after["digest"] == found.book.digest != before["digest"]
        assert (before["since_s"], after["since_s"]) == (1000, 1010)
        assert after["refused"] is None

    async def test_a_file_that_means_the_same_changes_nothing(
        self, worker: Worker
    ) -> None:
        """A comment is no reason to disturb what runs."""
        await worker.says("# what is watched\n" + RULES)
        assert worker.taken == []
        assert worker.reloader.status()["since_s"] == 1010

    async def test_warnings_are_logged(
        self, worker: Worker, caplog: pytest.LogCaptureFixture
    ) -> None:
        """As at the start, with their places."""
        await worker.says("\n" + DEARER)
        assert f"{worker.path}:2:1: there are no 'receivers'" in caplog.text

    async def test_who_asks_is_heard_though_nothing_is_new(
        self, worker: Worker
    ) -> None:
        """What a receiver refused before is tried again, whatever was put right."""
        await worker.reloader.reload(asked=True)
        assert len(worker.taken) == 1


class TestRefusing:
    async def test_every_fault_is_said_with_its_place(
        self, worker: Worker, caplog: pytest.LogCaptureFixture
    ) -> None:
        """In the log, in the status and in a metric; what was in force stays so."""
        digest = worker.reloader.status()["digest"]
        await worker.says(WRONG + "mutes: []\n")
        assert worker.taken == []
        assert worker.reloader.status()["digest"] == digest
        assert [fault.split(": ")[0] for fault in worker.refused] == [
            f"{worker.path}:2:30",
            f"{worker.path}:3:1",
        ]
        errors = [r.getMessage() for r in caplog.records if r.levelno == logging.ERROR]
        assert errors[:2] == worker.refused
        assert worker.gauge("last_reload_successful") == 0
        assert worker.gauge("last_reload_success_timestamp_seconds") == 1000

    async def test_a_file_that_is_put_right_is_taken_up(self, worker: Worker) -> None:
        """And nothing is said against it any more."""
        await worker.says(WRONG)
        await worker.says(DEARER)
        assert len(worker.taken) == 1
        assert worker.refused == []
        assert worker.gauge("last_reload_successful") == 1
        assert worker.gauge("last_reload_success_timestamp_seconds") == 1020

    async def test_a_file_that_is_put_back_is_good_again(self, worker: Worker) -> None:
        """It says what is in force already."""
        await worker.says(WRONG)
        await worker.says(RULES)
        assert worker.taken == []
        assert worker.refused == []

    async def test_a_file_that_is_gone_is_refused(self, worker: Worker) -> None:
        """What it said is in force still."""
        worker.path.unlink()
        await worker.reloader.reload()
        assert worker.refused[0].startswith(f"{worker.path}: no such file")

    async def test_an_unset_secret_is_a_fault(self, worker: Worker) -> None:
        """Not a warning, as for who only looks: nobody could be told."""
        told = (
            "receivers: [{name: a, slack: {channel: '#a', token: '${%s}'}}]\n"
            "route: {receiver: a}\n"
        )
        await worker.says(RULES + told % "NOT_THERE")
        assert f"{worker.path}:3:53: the environment variable NOT_THERE" in str(
            worker.refused
        )
        await worker.says(RULES + told % "SLACK_BOT_TOKEN")
        assert len(worker.taken) == 1

    async def test_another_topic_needs_another_start(self, worker: Worker) -> None:
        """A worker reads the topic that it began with."""
        await worker.says(ELSEWHERE)
        assert worker.taken == []
        (fault,) = worker.refused
        assert fault.startswith(f"{worker.path}:1:20: ")
        assert "start it again to read other.sessions" in fault

    async def test_what_cannot_be_put_into_force_is_refused(
        self, worker: Worker
    ) -> None:
        """A good file, and a state that cannot follow it."""
        worker.refuses = "the state cannot go on under these rules"
        await worker.says(DEARER)
        assert worker.refused == [worker.refuses]
        worker.refuses = None
        await worker.reloader.reload()
        assert len(worker.taken) == 1


class TestTheFile:
    def test_a_change_is_one_once_it_stands_still(self, worker: Worker) -> None:
        """An editor may write it in pieces: read between them it would be wrong."""
        assert not worker.file.has_changed()
        touch(worker.path, 1)
        assert not worker.file.has_changed()
        touch(worker.path, 2)
        assert not worker.file.has_changed()
        assert worker.file.has_changed()
        worker.file.read()
        assert not worker.file.has_changed()

    def test_another_file_in_its_place_is_a_change(
        self, worker: Worker, tmp_path: Path
    ) -> None:
        """As Kubernetes puts a ConfigMap there: by a link that leads elsewhere."""
        stat = worker.path.stat()
        other = tmp_path / "other.yaml"
        other.write_text(RULES)
        os.utime(other, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        other.replace(worker.path)
        worker.file.has_changed()
        assert worker.file.has_changed()

    def test_a_file_that_is_gone_is_a_change_too(self, worker: Worker) -> None:
        """Somebody has to be told."""
        worker.path.unlink()
        worker.file.has_changed()
        assert worker.file.has_changed()

    async def test_it_is_read_when_somebody_asks(self, worker: Worker) -> None:
        """SIGHUP, also where the change cannot be seen; else by itself."""
        running = asyncio.create_task(worker.reloader.run(every_s=0.01))
        try:
            worker.path.write_text(DEARER)
            await until(lambda: len(worker.taken) == 1)
            worker.reloader.ask()
            await until(lambda: len(worker.taken) == 2)
        finally:
            running.cancel()


def touch(path: Path, seconds: int) -> None:
    """The file was written so much later."""
    stat = path.stat()
    later = stat.st_mtime_ns + seconds * 1_000_000_000
    os.utime(path, ns=(stat.st_atime_ns, later))


def in_force_rule(worker: Worker, text: str) -> object:
    """What the one rule of a text says."""
    other = worker.path.with_name("before.yaml")
    other.write_text(text)
    return reread(other, {}).book.rules[0].kind


async def until(so: Callable[[], bool]) -> None:
    """Let other tasks run until it is so."""
    async with asyncio.timeout(10):
        while not so():  # noqa: ASYNC110 - the file system tells no event
            await asyncio.sleep(0.01)
