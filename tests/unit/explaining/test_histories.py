"""The newest firing of an alert is found by its id, or the beginning of it."""

from __future__ import annotations

from typing import Any

import pytest

from detectors.transitions import Flapping, State, Transition, Update
from loopwatch.explaining.explanation import explain
from loopwatch.explaining.histories import Histories, UnknownAlert
from loopwatch.explaining.page import Page

ONE, OTHER = "aaaaaa11111111111111", "aaaaaa22222222222222"


def line(
    seq: int, before: State, after: State, generation: int = 1, **fields: Any
) -> Transition:
    """A change of an alert's state."""
    known: dict[str, Any] = {
        "time": f"2026-01-01T00:00:{seq:02}Z",
        "alert_id": ONE,
        "rule": "dear",
        "metric": "cost_usd",
        "labels": {"agent": "a"},
        "severity": "warning",
        "value": 3.0,
        "expected": None,
        "threshold": 2.0,
        "session_id": "s",
        "reason": "cost_usd above 2",
    }
    return Transition(
        generation=generation,
        seq=seq,
        from_state=before,
        to_state=after,
        **known | fields,
    )


FIRED = line(1, State.OK, State.FIRING)
RESOLVED = line(2, State.FIRING, State.RESOLVED, value=1.0)
FLAP: dict[str, Any] = {
    "changes": 9,
    "since": "2026-01-01T00:00:01Z",
    "within_s": 3600.0,
}
AGAIN = line(3, State.RESOLVED, State.FIRING, 2, value=9.0)


def said(*lines: Transition | Update) -> str:
    """The page on the alert, as text."""
    history = Histories(lines).find(ONE)
    assert history.fired is not None
    page = Page(explain(history), history.fired)
    return "\n".join(text for _, text in page.lines())


def test_the_newest_firing_counts() -> None:
    """What came of an earlier one is no part of it."""
    found = explain(Histories([FIRED, RESOLVED, AGAIN]).find(ONE[:13]))
    assert (found["value"], found["generation"], found["state"]) == (9.0, 2, "firing")
    assert [each["to"] for each in found["course"]] == ["firing"]


def test_what_became_of_it() -> None:
    """Each line of that generation, up to its end."""
    found = explain(Histories([FIRED, RESOLVED]).find(ONE))
    assert found["state"] == "resolved"
    assert [(each["from"], each["to"]) for each in found["course"]] == [
        ("ok", "firing"),
        ("firing", "resolved"),
    ]


def test_lines_written_twice_count_once() -> None:
    """A worker that was killed writes some lines again."""
    found = explain(Histories([FIRED, FIRED, RESOLVED, FIRED, RESOLVED]).find(ONE))
    assert len(found["course"]) == 2


def test_an_update_renews_the_worst_sessions() -> None:
    """The page shows those that came after it fired."""
    worst = {"session_id": "w", "value": 7.0, "ended_at": "2026-01-01T00:00:09Z"}
    update = Update(
        time="2026-01-01T00:01:00Z",
        alert_id=ONE,
        seq=9,
        value=5.0,
        peak=7.0,
        sessions=40,
        evidence={"worst_sessions": [worst]},
    )
    text = said(FIRED, update)
    assert "$7.00  2026-01-01T00:00:09Z  w" in text
    assert "40 sessions, the worst value $7.00" in text


class TestFlapping:
    """That its notifications are a digest, and since when; of the newest firing."""

    NOTICE = line(
        2, State.FIRING, State.RECOVERING, flapping=Flapping(number=1, **FLAP)
    )

    def test_it_says_why_not_each_end_is_told(self) -> None:
        """With how often, and how long it has to be quiet."""
        told = said(FIRED, self.NOTICE)
        assert "  changes  9 beginnings and ends since 2026-01-01T00:00:01Z\n" in told
        assert "  told     in a digest at most every 1 h, not of each" in told
        assert "  ends     once nothing has changed for 1 h\n" in told
        found = explain(Histories([FIRED, self.NOTICE]).find(ONE))["flapping"]
        assert found == {"now": True, **FLAP}

    def test_an_update_counts_as_well(self) -> None:
        """Where no state has changed."""
        update = Update(
            time="2026-01-01T00:00:03Z",
            alert_id=ONE,
            seq=3,
            value=3.0,
            peak=4.0,
            sessions=2,
            flapping=Flapping(number=0, **FLAP | {"changes": 11}),
        )
        found = explain(Histories([FIRED, self.NOTICE, update]).find(ONE))["flapping"]
        assert found == {"now": False, **FLAP, "changes": 11}
        assert "  over     nothing changed for 1 h" in said(FIRED, self.NOTICE, update)

    def test_a_rule_that_asks_no_more_lets_go(self) -> None:
        """Its next line says nothing of flapping."""
        calm = line(3, State.RECOVERING, State.FIRING)
        found = explain(Histories([FIRED, self.NOTICE, calm]).find(ONE))["flapping"]
        assert found == {"now": False, **FLAP}

    def test_one_that_never_did_says_nothing(self) -> None:
        """And the next generation begins anew."""
        assert "Flapping" not in said(FIRED, RESOLVED)
        assert (
            explain(Histories([FIRED, self.NOTICE, AGAIN]).find(ONE))["flapping"]
            is None
        )


def test_numbers_without_words_are_shown_as_they_are() -> None:
    """Evidence that a later kind of rule adds is not lost."""
    evidence = {
        "probability": 0.0005,
        "borrowed": 0.25,
        "shift_began": "2026-01-01T00:00:00Z",
        "parents": ["agent", "fleet"],
    }
    text = said(line(1, State.OK, State.FIRING, evidence=evidence))
    assert "Further numbers\n" in text
    for shown in (
        "  probability  0.0005\n",
        "  borrowed     25 %\n",
        "  shift began  2026-01-01T00:00:00Z\n",
        '  parents      ["agent","fleet"]\n',
    ):
        assert shown in text


def test_causes_and_attribution_are_shown() -> None:
    """Labels that explain it, and shares of what moved with it."""
    text = said(
        line(
            1,
            State.OK,
            State.FIRING,
            attribution={"agent_version": "2.1.1"},
            causes={"loop_count": 0.8},
        )
    )
    assert "  agent_version  2.1.1" in text
    assert "  loop_count  80 %" in text


def test_text_of_strangers_cannot_move_the_cursor() -> None:
    """Control characters in labels and ids stay out of the terminal."""
    text = said(
        line(
            1, State.OK, State.FIRING, labels={"agent": "\x1b[2Ja"}, session_id="\x07s"
        )
    )
    assert not {"\x1b", "\x07"} & set(text)


@pytest.mark.parametrize(
    ("digits", "expected"),
    [
        ("aaaaaa", "more than one alert begins with aaaaaa"),
        ("aaaaa", "6 digits of an id are the fewest"),
        ("bbbbbbbb", "no alert bbbbbbbb among the 2 of this log"),
        ("aaaaaa1111111111111f", f"similar:\n  {ONE}  firing       dear {{agent=a}}"),
        ("cccccccc", f"open:\n  {ONE}  firing       dear {{agent=a}}"),
        (OTHER, "it has not fired"),
    ],
)
def test_an_id_that_leads_nowhere(digits: str, expected: str) -> None:
    """The message says why, and which alerts there are."""
    pending = line(1, State.OK, State.PENDING, 0, alert_id=OTHER)
    with pytest.raises(UnknownAlert) as caught:
        Histories([FIRED, pending]).find(digits)
    assert expected in str(caught.value)
