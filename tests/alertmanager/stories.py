"""The same stories for Alertmanager and for Loopwatch, in seconds.

A story is short enough for real time. Where the two tell it differently, it says why;
where it says nothing, they must tell it alike.
"""

from __future__ import annotations

from typing import Final

from tests.alertmanager.scenarios import Alert, Inhibit, Quiet, Scenario


def _alert(name: str, *spans: tuple[float, float | None], **labels: str) -> Alert:
    return Alert(name, {"rule": "cost", "agent": name} | labels, spans or ((0, None),))


_TICK: Final = (
    "Alertmanager looks at a group every `group_interval` after its first message; "
    "Loopwatch as soon as that time has passed"
)
_OWED: Final = (
    "Loopwatch owes an end to whoever was told of the beginning, whatever suppresses it "
    "then; Alertmanager never sends it (its issue #226)"
)
_AFTER: Final = (
    "what still fires is told `group_wait` after a suppression ends; in "
    "Alertmanager at the group's next turn (its issue #3367)"
)

SCENARIOS: Final = (
    Scenario(
        "one",
        "grouping",
        "a fires at 0, is over at 9",
        (_alert("a", (0, 9)),),
        why=_TICK,
    ),
    Scenario(
        "on-the-tick",
        "grouping",
        "a fires at 0, is over at 6",
        (_alert("a", (0, 6)),),
    ),
    Scenario(
        "together",
        "grouping",
        "a fires at 0, b at 1",
        (_alert("a"), _alert("b", (1, None))),
    ),
    Scenario("short", "grouping", "a fires at 0, is over at 1", (_alert("a", (0, 1)),)),
    Scenario(
        "blink",
        "grouping",
        "a fires at 0, is over at 0.6, fires again at 1.2",
        (_alert("a", (0, 0.6), (1.2, None)),),
    ),
    Scenario(
        "second",
        "grouping",
        "a fires at 0, b at 4",
        (_alert("a"), _alert("b", (4, None))),
    ),
    Scenario(
        "late-second",
        "grouping",
        "a fires at 0, b at 9",
        (_alert("a"), _alert("b", (9, None))),
        why=_TICK,
    ),
    Scenario(
        "passing",
        "grouping",
        "a fires at 0; b fires at 3, is over at 5",
        (_alert("a"), _alert("b", (3, 5))),
        why="nobody was told that b fires, so nobody is told that it is over; "
        "Alertmanager sends the end alone (its issue #2601)",
    ),
    Scenario(
        "flap",
        "grouping",
        "a fires at 0, is over at 3, fires again at 5",
        (_alert("a", (0, 3), (5, None)),),
        why="the second time is a new generation, and told; Alertmanager does not "
        "see it (its issue #2398)",
    ),
    Scenario(
        "one-of-two",
        "grouping",
        "a and b fire at 0, a is over at 4, b at 14",
        (_alert("a", (0, 4)), _alert("b", (0, 14))),
        why=_TICK,
    ),
    Scenario(
        "new-and-over",
        "grouping",
        "a and b fire at 0; at 4 a is over and c fires",
        (_alert("a", (0, 4)), _alert("b"), _alert("c", (4, None))),
    ),
    Scenario(
        "by-agent",
        "grouping",
        "a and b fire at 0, grouped by agent",
        (_alert("a"), _alert("b")),
        group_by=("agent",),
    ),
    Scenario(
        "all-in-one",
        "grouping",
        "a and b of two rules fire at 0, group_by: []",
        (_alert("a"), _alert("b", rule="loops")),
        group_by=(),
    ),
    Scenario(
        "each-alone",
        "grouping",
        "a and b fire at 0, group_by: ['...']",
        (_alert("a"), _alert("b")),
        group_by=("...",),
    ),
    Scenario(
        "missing-label",
        "grouping",
        "a without and b with an empty team, by team",
        (_alert("a"), _alert("b", team="")),
        group_by=("team",),
    ),
    Scenario(
        "worse",
        "grouping",
        "a fires at 0, is critical from 4 on",
        (Alert("a", {"rule": "cost", "agent": "a"}, rises_s=4),),
        why="one alert with a level, told at once when it rises; to "
        "Alertmanager the level is a label: one alert ends, another begins",
    ),
    Scenario(
        "repeat",
        "repeats",
        "a fires at 0, repeat_interval: 8s",
        (_alert("a"),),
        repeat_s=8,
        why="exactly `repeat_interval` after the last message; Alertmanager rounds "
        "up to the group's next turn (its issue #2320)",
    ),
    Scenario(
        "repeat-all",
        "repeats",
        "a at 0, b at 4, repeat_interval: 8s",
        (_alert("a"), _alert("b", (4, None))),
        repeat_s=8,
        why="as above; the repeat lists all that fires",
    ),
    Scenario(
        "repeat-silenced",
        "repeats",
        "a fires at 0, is silenced from 4 to 40, repeat_interval: 6s",
        (_alert("a"),),
        repeat_s=6,
        quiet=(Quiet({"agent": "a"}, 4, 40),),
    ),
    Scenario(
        "silenced",
        "silences",
        "a fires at 0, silenced from -1 to 40",
        (_alert("a"),),
        quiet=(Quiet({"agent": "a"}, -1, 40),),
    ),
    Scenario(
        "silence-of-one",
        "silences",
        "a and b fire at 0, a silenced from -1 to 40",
        (_alert("a"), _alert("b")),
        quiet=(Quiet({"agent": "a"}, -1, 40),),
    ),
    Scenario(
        "silence-ends",
        "silences",
        "a fires at 0, silenced from -1 to 8",
        (_alert("a"),),
        quiet=(Quiet({"agent": "a"}, -1, 8),),
        why=_AFTER,
    ),
    Scenario(
        "silence-expired",
        "silences",
        "a fires at 0, silenced from -1, expired at 4",
        (_alert("a"),),
        quiet=(Quiet({"agent": "a"}, -1, 40, 4),),
        why=_AFTER,
    ),
    Scenario(
        "over-in-silence",
        "silences",
        "a fires at 0, silenced from 4 to 40, over at 6",
        (_alert("a", (0, 6)),),
        quiet=(Quiet({"agent": "a"}, 4, 40),),
        why=_OWED,
    ),
    Scenario(
        "never-told",
        "silences",
        "a fires at 0, silenced from -1 to 10, over at 6",
        (_alert("a", (0, 6)),),
        quiet=(Quiet({"agent": "a"}, -1, 10),),
    ),
    Scenario(
        "silence-elsewhere",
        "silences",
        "a fires at 0, b is silenced",
        (_alert("a"),),
        quiet=(Quiet({"agent": "b"}, -1, 40),),
    ),
    Scenario(
        "inhibited",
        "inhibition",
        "a (errors) and b (loops) of one agent fire at 0",
        (_alert("a", rule="errors", agent="x"), _alert("b", rule="loops", agent="x")),
        inhibit=(Inhibit({"rule": "errors"}, {"rule": "loops"}, ("agent",)),),
    ),
    Scenario(
        "another-agent",
        "inhibition",
        "a (errors) and b (loops) of two agents fire at 0",
        (_alert("a", rule="errors"), _alert("b", rule="loops")),
        inhibit=(Inhibit({"rule": "errors"}, {"rule": "loops"}, ("agent",)),),
    ),
    Scenario(
        "equal-missing",
        "inhibition",
        "neither a nor b has the label in equal",
        (_alert("a", rule="errors"), _alert("b", rule="loops")),
        inhibit=(Inhibit({"rule": "errors"}, {"rule": "loops"}, ("team",)),),
    ),
    Scenario(
        "both-sides",
        "inhibition",
        "a and b match both sides",
        (_alert("a", agent="x"), _alert("b", agent="x")),
        inhibit=(Inhibit({"rule": "cost"}, {"rule": "cost"}, ("agent",)),),
    ),
    Scenario(
        "silenced-source",
        "inhibition",
        "a inhibits b, and is silenced",
        (_alert("a", rule="errors", agent="x"), _alert("b", rule="loops", agent="x")),
        quiet=(Quiet({"rule": "errors"}, -1, 40),),
        inhibit=(Inhibit({"rule": "errors"}, {"rule": "loops"}, ("agent",)),),
    ),
    Scenario(
        "source-ends",
        "inhibition",
        "a inhibits b and is over at 6",
        (
            _alert("a", (0, 6), rule="errors", agent="x"),
            _alert("b", rule="loops", agent="x"),
        ),
        inhibit=(Inhibit({"rule": "errors"}, {"rule": "loops"}, ("agent",)),),
        why=_AFTER,
    ),
    Scenario(
        "source-comes",
        "inhibition",
        "b fires at 0; a inhibits it from 4 on; b is over at 6",
        (
            _alert("a", (4, None), rule="errors", agent="x"),
            _alert("b", (0, 6), rule="loops", agent="x"),
        ),
        inhibit=(Inhibit({"rule": "errors"}, {"rule": "loops"}, ("agent",)),),
        why=_OWED,
    ),
    Scenario(
        "end-together",
        "inhibition",
        "a inhibits b from 0; both are over at 6",
        (
            _alert("a", (0, 6), rule="errors", agent="x"),
            _alert("b", (0, 6), rule="loops", agent="x"),
        ),
        inhibit=(Inhibit({"rule": "errors"}, {"rule": "loops"}, ("agent",)),),
    ),
    Scenario(
        "two-receivers",
        "routes",
        "a and b fire at 0; b is told to a second receiver too",
        (_alert("a"), _alert("b", team="x")),
        also=("team", "x"),
    ),
)
"""All of them, in the order of the table."""
