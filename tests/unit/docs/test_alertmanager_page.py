"""What ``docs/alertmanager.md`` says of Loopwatch is so.

Alertmanager's side is a run that is recorded beside the stories;
``make test-alertmanager`` holds it against the real one.
"""

from __future__ import annotations

import pytest

from tests.alertmanager import ours
from tests.alertmanager.scenarios import Scenario
from tests.alertmanager.stories import SCENARIOS
from tests.alertmanager.table import PAGE, page, recorded


def test_the_table_is_what_the_notifier_does_now() -> None:
    """Beside what Alertmanager did when it was asked."""
    text = PAGE.read_text(encoding="utf-8")
    assert page(text, recorded()) == text


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda each: str(each.name))
def test_a_difference_has_a_reason(scenario: Scenario) -> None:
    """And what has a reason differs."""
    theirs = recorded().told[scenario.name]
    assert (theirs != ours.told(scenario)) is bool(scenario.why)


def test_every_recorded_story_is_told() -> None:
    """None was left behind."""
    assert list(recorded().told) == [each.name for each in SCENARIOS]
