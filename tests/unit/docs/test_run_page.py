"""``docs/run.md`` names what there is."""

from __future__ import annotations

import re
from pathlib import Path

from streams.kafka.topic_specs import loopwatch_topics
from streams.metrics import Meters
from streams.settings import PREFIX, Settings
from streams.state.restore import RESTORED

PAGE = (Path(__file__).parents[3] / "docs" / "run.md").read_text(encoding="utf-8")


def section(heading: str) -> str:
    """The text under a heading of the second level."""
    return PAGE.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]


def first_cells(text: str) -> list[str]:
    """What stands in backticks in the first column of a table."""
    return re.findall(r"^\| `([^`{]+)", text, re.MULTILINE)


def test_every_setting_is_on_the_page_with_its_default() -> None:
    """No more, no less, in the order of the code."""
    rows = re.findall(
        r"^\| `(\w+)` \| (?:`([^`]*)`)?", section("Settings"), re.MULTILINE
    )
    fields = Settings.model_fields
    assert [name for name, _ in rows] == [f"{PREFIX}{name.upper()}" for name in fields]
    for (name, shown), field in zip(rows, fields.values(), strict=True):
        default = field.default
        if isinstance(default, bool):
            default = str(default).lower()
        elif isinstance(default, float):
            default = f"{default:g}"
        assert shown == ("" if default is None else str(default)), name


def test_every_metric_is_on_the_page() -> None:
    """Under the name that Prometheus sees."""
    there = {
        family.name + ("_total" if family.type == "counter" else "")
        for family in Meters().registry.collect()
    }
    assert set(first_cells(section("Look inside"))) == there


def test_every_topic_is_on_the_page() -> None:
    """All that workers create."""
    assert set(first_cells(section("Topics"))) == {
        spec.name for spec in loopwatch_topics()
    }


def test_what_is_logged_of_a_restart_is_on_the_page() -> None:
    """In the words of the log."""
    said = ([0, 1, 2, 3], "loopwatch.observations", 100_200, 171_034, 1.6)
    assert f"\n{RESTORED % said}\n" in section("Topics")
