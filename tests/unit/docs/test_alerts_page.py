"""What ``docs/alerts.md`` shows is what the code does.

Its picture and its table are drawn from the table that the code runs, and the right
column of its stories is what ``replay`` prints. With ``UPDATE_GOLDEN=1`` in the
environment they are written anew; read the difference before committing it.
"""

from __future__ import annotations

import json
import os
import re
from collections import defaultdict
from pathlib import Path

import pytest

from loopwatch.config import rules
from loopwatch.config.load import read
from loopwatch.config.source import Source
from tests.unit.docs.life_picture import picture, table
from tests.unit.replay.test_replay import Run

PATH = Path(__file__).parents[3] / "docs/alerts.md"
PAGE = PATH.read_text(encoding="utf-8")
DAY = "2026-03-03"
HEAD = "version: 1\ndefaults: {by: [agent], min_samples: 1}\n"
RECEIVERS = """\
receivers:
  - {name: agents, slack: {channel: "#a", token: "${TOKEN}"}}
"""
ON_CALL = '  - {name: on-call, pagerduty: {routing_key: "${KEY}"}}\n'
STORY = re.compile(
    r"^```yaml\n((?:(?!```).*\n)*)```\n\n```text\n((?:(?!```).*\n)*)```\n", re.MULTILINE
)
CLOCK = re.compile(r"\d\d:\d\d(?::\d\d)?")
STORIES = [found.groups() for found in STORY.finditer(PAGE)]


def whole(example: str) -> str:
    """A file of which an example is a piece."""
    text = HEAD + example
    if "receiver:" in text:
        text += RECEIVERS
    return text + ON_CALL if "on-call" in text else text


def updated(page: str) -> None:
    """Take a page for right, if that is what was asked for."""
    if os.environ.get("UPDATE_GOLDEN") == "1":
        PATH.write_text(page, encoding="utf-8")


def drawn(fence: str, after: str) -> str:
    """The page with what is drawn in its place."""
    begin = PAGE.index(fence) + len(fence)
    end = PAGE.index(after, begin)
    return PAGE[begin:end]


def test_the_picture_is_drawn_from_the_table() -> None:
    """An edge that is added, or goes, is added to the page, or goes."""
    shown = drawn("```mermaid\n", "```")
    updated(PATH.read_text(encoding="utf-8").replace(shown, picture()))
    assert shown == picture() or os.environ.get("UPDATE_GOLDEN") == "1"


def test_the_table_is_that_of_the_code() -> None:
    """With what must be so for each edge."""
    shown = drawn("<!-- drawn: the table -->\n", "\n<!-- end -->")
    updated(PATH.read_text(encoding="utf-8").replace(shown, table()))
    assert shown == table() or os.environ.get("UPDATE_GOLDEN") == "1"


def _moment(clock: str) -> str:
    return f"{DAY}T{clock:0<8}Z" if len(clock) == 8 else f"{DAY}T{clock}:00Z"


def _clock(time: str) -> str:
    clock = time[11:19]
    return clock.removesuffix(":00") if clock.endswith(":00") else clock


def _session(moment: str, given: str) -> str:
    """What comes in: labels as ``name=value``, metrics as ``name value``."""
    labels = dict(word.split("=", 1) for word in given.split() if "=" in word)
    words = [word for word in given.split() if "=" not in word]
    values = {
        name: float(value) for name, value in zip(words[::2], words[1::2], strict=True)
    }
    event = {"session_id": moment + given, "ended_at": moment, "agent": "support"}
    return json.dumps(event | labels | values)


def _action(moment: str, given: str) -> str:
    verb, *words = given.split()
    assert verb == "ack"
    return json.dumps(
        {"at": moment, "action": "ack", "match": {}, "by": words[1], "for": words[3]}
    )


def play(folder: Path, config: str, story: str) -> str:
    """The story as it really goes."""
    given = []
    for line in story.splitlines():
        clock, _, what = line.partition("→")[0].strip().partition(" ")
        assert CLOCK.fullmatch(clock), "every line begins with a time"
        given.append((clock, what.strip()))
    (folder / "rules.yaml").write_text(whole(config))
    acts, sessions = [], []
    for clock, what in given:
        if what.startswith("ack"):
            acts.append(_action(_moment(clock), what))
        elif what and what != "…":
            sessions.append(_session(_moment(clock), what))
    actions = folder / "actions.jsonl"
    actions.write_text("".join(f"{act}\n" for act in acts))
    until = _moment(given[-1][0])
    run = Run(folder, sessions, "--actions", str(actions), "--until", until)
    assert run.code == 0, run.stderr
    told: defaultdict[str, list[str]] = defaultdict(list)
    for line in run.lines:
        if line["kind"] == "transition":
            level = (
                f" ({line['severity']})"
                if line["to"] in {"firing", "recovering"}
                else ""
            )
            told[_clock(line["time"])].append(line["to"] + level)
        elif line["kind"] == "notification":
            told[_clock(line["time"])].append(
                f"{line['receiver']} told: {line['reason']}"
            )
    rows = {clock: what for clock, what in given if what}
    clocks = sorted({*rows, *told}, key=lambda clock: clock.ljust(8, " "))
    long = max(map(len, clocks))
    width = max(len(what) for what in rows.values())
    lines = []
    for clock in clocks:
        outcome = ", ".join(told[clock])
        text = f"{clock:<{long}}  {rows.get(clock, ''):<{width}}"
        lines.append((f"{text}  → {outcome}" if outcome else text).rstrip())
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    ("config", "story"),
    STORIES,
    ids=[config.split("name: ")[1].split(",")[0].split()[0] for config, _ in STORIES],
)
def test_a_story_goes_as_the_page_tells(
    config: str, story: str, tmp_path: Path
) -> None:
    """Under its rule, what comes in leads to what is said beside it."""
    played = play(tmp_path, config, story)
    between = "```\n\n```text\n"
    shown = f"{config}{between}{story}"
    page = PATH.read_text(encoding="utf-8")
    updated(page.replace(shown, f"{config}{between}{played}"))
    assert played == story or os.environ.get("UPDATE_GOLDEN") == "1"


@pytest.mark.parametrize(
    "example", re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
)
def test_an_example_is_right(example: str) -> None:
    """Without a fault, and without a warning of what has no effect."""
    loaded = read(
        Source(whole(example)),
        Path("loopwatch.yaml"),
        {"TOKEN": "xoxb-1", "KEY": "0" * 32},
    )
    assert [fault.message for fault in loaded.faults] == []
    told = [each.message for each in loaded.warnings]
    assert [
        each for each in told if not each.startswith("there are no 'receivers'")
    ] == []


@pytest.mark.parametrize(
    "key",
    ["for", "recover", "keep_firing_for", "flapping", "no_data", "rebaseline"],
)
def test_every_key_of_life_has_a_story(key: str) -> None:
    """One that a test runs."""
    assert key in rules.KEYS
    assert any(f"{key}:" in config for config, _ in STORIES)
