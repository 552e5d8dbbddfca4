"""The table of ``docs/alertmanager.md``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Final

import msgspec

from tests.alertmanager import ours
from tests.alertmanager.messages import Message, said
from tests.alertmanager.scenarios import Scenario
from tests.alertmanager.stories import SCENARIOS

RECORDED: Final = Path(__file__).with_name("recorded.json")
PAGE: Final = Path(__file__).parents[2] / "docs" / "alertmanager.md"
_BEGIN: Final = "<!-- the table: make test-alertmanager WRITE=1 -->\n"
_END: Final = "<!-- its end -->\n"


class Recorded(msgspec.Struct):
    """What a run of the real one gave.

    Attributes:
        version: Of Alertmanager.
        told: By story.
    """

    version: str
    told: dict[str, list[Message]]


def recorded() -> Recorded:
    """The run that the page shows."""
    return msgspec.json.decode(RECORDED.read_bytes(), type=Recorded)


def rows(told: Mapping[str, Sequence[Message]]) -> Iterator[str]:
    """The table, part by part."""
    for part, scenarios in groupby(SCENARIOS, key=lambda each: each.part):
        yield f"### {part.capitalize()}"
        yield ""
        yield "| what happens | Alertmanager | Loopwatch | |"
        yield "|---|---|---|---|"
        for each in scenarios:
            yield _row(each, told[each.name])
        yield ""


def _row(scenario: Scenario, theirs: Sequence[Message]) -> str:
    mine = ours.told(scenario)
    same = "same" if list(theirs) == mine else scenario.why
    return f"| {scenario.story} | {said(theirs)} | {said(mine)} | {same} |"


def page(text: str, found: Recorded) -> str:
    """The page with the table of a run in its place."""
    before, _, rest = text.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    same = sum(found.told[each.name] == ours.told(each) for each in SCENARIOS)
    counted = (
        f"Alertmanager {found.version}: of {len(SCENARIOS)} stories {same} are told alike,"
        f" {len(SCENARIOS) - same} differ.\n\n"
    )
    table = "\n".join(rows(found.told))
    return f"{before}{_BEGIN}\n{counted}{table}\n{_END}{after}"
