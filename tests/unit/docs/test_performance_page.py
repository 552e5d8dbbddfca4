"""The page on performance names what there is."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import msgspec

from tests.bench.__main__ import PARTS, chosen
from tests.bench.alone import Asked

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")


def test_every_part_is_explained() -> None:
    """In the table, in their order, and no other."""
    assert tuple(re.findall(r"^\| (P\d) \|", PAGE, re.MULTILINE)) == PARTS


def test_the_parts_of_its_examples_can_be_run() -> None:
    """Those that a command names."""
    (named,) = re.findall(r'ARGS="--only ([^"]+)"', PAGE)
    assert chosen(named)


def test_the_work_that_it_asks_for_is_understood() -> None:
    """The argument of the command is read as it stands."""
    (command,) = re.findall(r"`(python -m tests\.bench\.alone [^`]+)`", PAGE)
    asked = msgspec.json.decode(shlex.split(command)[3], type=Asked)
    assert asked.measured > 0


def test_files_that_it_names_exist() -> None:
    """As they are spelled there."""
    for name in re.findall(r"`((?:tests/|requirements)[\w./-]+)`", PAGE):
        assert (ROOT / name).exists(), name
