"""What ``docs/operate.md`` and ``docs/recover.md`` show is so."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import msgspec
import pytest
from ruamel.yaml import YAML
from typer.testing import CliRunner

from detectors.rules import SECOND_US, Flapping, Window, rule
from detectors.transitions import microseconds
from loopwatch.cli import build
from loopwatch.commands.status import _lines
from loopwatch.configuration import reread
from streams.metrics import Meters
from streams.reload import Configuration, ConfigurationFile, RefusedError, Reloader
from tests.unit.detectors.scenes import START_S, Scene, threshold

ROOT = Path(__file__).parents[3]
OPERATE = (ROOT / "docs" / "operate.md").read_text(encoding="utf-8")
RECOVER = (ROOT / "docs" / "recover.md").read_text(encoding="utf-8")


def blocks(kind: str) -> list[str]:
    """The examples of a kind on the page that says how to operate it."""
    return re.findall(rf"^```{kind}\n(.*?)^```", OPERATE, re.MULTILINE | re.DOTALL)


WRONG, PROMETHEUS = blocks("yaml")
LOGGED, STATUS, PAYS, OWES, OPEN = blocks("text")
(ALERT,) = blocks("json")


async def _refused(folder: Path) -> Reloader:
    """A worker whose file has become the one on the page."""
    file = folder / "loopwatch.yaml"

    async def take_up(_found: Configuration) -> None:
        raise AssertionError("it is wrong")

    file.write_text("version: 1\nrules: [{name: a, metric: cost_usd, threshold: 1}]\n")
    known = reread(file, {})
    file.write_text(WRONG)
    watched = ConfigurationFile(file, lambda: reread(file, {}))
    reloader = Reloader(watched, known, take_up, Meters(), lambda: 1_795_628_965.0)
    await reloader.reload()
    return reloader


async def test_a_wrong_file_is_refused_in_these_words(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """In the log, and in the status."""
    status = (await _refused(tmp_path)).status()
    errors = [r.getMessage() for r in caplog.records if r.levelname == "ERROR"]
    assert [line.replace(f"{tmp_path}/", "") for line in errors] == LOGGED.splitlines()
    said = list(_lines(_status(configuration=status)))[1:5]
    shown = STATUS.splitlines()
    assert [_timeless(line.replace(f"{tmp_path}/", "")) for line in said] == [
        _timeless(line) for line in shown
    ]


def test_debts_are_told_in_these_words() -> None:
    """Of a receiver that can be told, and of one that cannot."""
    for shown, told in ((PAYS, True), (OWES, False)):
        deliver = {
            "active": True,
            "told_open": 1,
            "queued": 0,
            "receivers": {},
            "gone": {"on-call": {"alerts": 1, "told": told}},
        }
        said = list(_lines(_status(groups={"loopwatch-deliver": deliver})))
        assert said[-1] == shown.rstrip("\n")


def test_one_that_flaps_is_shown_in_these_words() -> None:
    """The alert of the page, as a worker tells it and as people read it."""
    begun_s = microseconds("2026-03-02T09:00:00Z") / 1e6 - START_S
    slow = rule(
        "slow",
        "latency_ms",
        threshold(100),
        by=("agent",),
        window=Window(samples=1),
        min_samples=1,
        flapping=Flapping(4, 3600 * SECOND_US),
    )
    scene = Scene(slow)
    for minute in range(10):
        latency_ms = 50.0 if minute % 2 else 200.0
        scene.session(
            begun_s + 60 * minute, labels={"agent": "triage"}, latency_ms=latency_ms
        )
    (found,) = msgspec.to_builtins(scene.partition.open_alerts())
    assert found == json.loads(ALERT)
    detect = {
        "series": 1,
        "clocks": {},
        "open_alerts": 12,
        "flapping": 1,
        "alerts": [found],
    }
    said = list(_lines(_status(groups={"loopwatch-score": detect})))
    assert said[-2:] == OPEN.splitlines()


def test_its_rules_ask_for_metrics_that_there_are() -> None:
    """Under the names that Prometheus sees, with the labels that they have."""
    there = {
        family.name + ("_total" if family.type == "counter" else "")
        for family in Meters().registry.collect()
    }
    (group,) = YAML(typ="safe").load(PROMETHEUS)["groups"]
    named = [re.findall(r"loopwatch_\w+", rule["expr"]) for rule in group["rules"]]
    assert all(named)
    assert {name for names in named for name in names} <= there


@pytest.mark.parametrize("command", "".join(blocks("sh")).splitlines())
def test_its_commands_can_be_typed(command: str) -> None:
    """Each with the options that it has."""
    _, *arguments = shlex.split(command)
    typed = [*arguments, "--help"]
    assert CliRunner().invoke(build(typed[:1]), typed).exit_code == 0


@pytest.mark.parametrize(
    "said",
    [
        "NOT as it is now",
        "is gone from the file",
        "event time stands still",
        "rows were lost",
        "was made anew",
        "delete the topics",
        "possible repeat",
    ],
)
def test_what_one_may_see_is_said_somewhere(said: str) -> None:
    """The signs of trouble are in the words of the program."""
    assert said in RECOVER
    sources = [*ROOT.glob("streams/**/*.py"), *ROOT.glob("loopwatch/**/*.py")]
    texts = " ".join(
        " ".join(re.findall(r'"([^"\n]*)"', path.read_text(encoding="utf-8")))
        for path in [*sources, *ROOT.glob("alerts/**/*.py")]
    )
    assert said.lower() in re.sub(r"\s+", " ", texts).lower()


def test_no_fault_is_no_reason_to_refuse(tmp_path: Path) -> None:
    """Put right, the file on the page is good."""
    file = tmp_path / "loopwatch.yaml"
    right = WRONG.replace("critcal", "critical").replace("eror", "error")
    file.write_text(right)
    assert len(reread(file, {}).book.rules) == 2
    file.write_text(WRONG)
    with pytest.raises(RefusedError):
        reread(file, {})


def _status(**changes: Any) -> dict[str, Any]:
    return {
        "host": "here",
        "pid": 1,
        "up_s": 1,
        "ready": True,
        "counts": {},
        "groups": {},
    } | changes


def _timeless(line: str) -> str:
    line = re.sub(r"\d{4}-\d\d-\d\dT[\d:]+Z", "TIME", line)
    return re.sub(r"\([0-9a-f]{12}\)", "(DIGEST)", line)
