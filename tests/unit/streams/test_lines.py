"""Which lines people may be told of."""

from __future__ import annotations

import pytest

from detectors.transitions import State, Transition, Update
from streams.lines import NOTIFIED, QUIET, lane


def change(before: State, after: State) -> Transition:
    """An alert's change from one state to another."""
    return Transition(
        time="2026-01-01T00:00:00Z",
        alert_id="a",
        rule="r",
        metric="cost_usd",
        labels={},
        generation=0,
        seq=1,
        from_state=before,
        to_state=after,
        severity=None,
        value=None,
        expected=None,
        threshold=None,
        session_id=None,
        reason="",
    )


@pytest.mark.parametrize("before", State)
@pytest.mark.parametrize("after", State)
def test_only_lines_between_insufficient_and_ok_are_quiet(
    before: State, after: State
) -> None:
    """All others, and those that leave or enter these two, are read by notify."""
    calm = {State.INSUFFICIENT, State.OK}
    expected = QUIET if {before, after} <= calm else NOTIFIED
    assert lane(change(before, after)) == expected


def test_updates_are_read_by_notify() -> None:
    """They are about open alerts."""
    update = Update(time="", alert_id="a", seq=1, value=1.0, peak=1.0, sessions=2)
    assert lane(update) == NOTIFIED
