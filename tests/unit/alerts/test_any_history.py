"""Whatever happens, in whatever order: what delivery promises holds."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from alerts.delivery import Action, Ambiguous, Delivery, Failed, Outcome, Retry, Sent

_ALERTS = ("a1", "a2")
_SEVERITIES = ("info", "warning", "critical")

# One step: an alert and what its lifecycle does next, some seconds to wait, what comes
# of the oldest delivery under way, a restart, or a line that is read once more.
_steps = st.lists(
    st.one_of(
        st.tuples(st.just("live"), st.sampled_from(_ALERTS), st.integers(0, 5)),
        st.tuples(st.just("wait"), st.sampled_from([1, 4, 9, 60, 299, 1000, 9000])),
        st.tuples(st.just("outcome"), st.integers(0, 5)),
        st.tuples(st.just("restart")),
        st.tuples(st.just("repeat"), st.integers(0, 30)),
    ),
    max_size=60,
)
_calm = st.sampled_from([0, 10, 60])
_quick = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)


class _World:
    """Alerts that live valid lives, and receivers to which messages really come."""

    def __init__(self, scene: Any, wait_s: int, *, refusing: bool = False) -> None:
        self.scene = scene
        self.desk = scene.Desk(_routing(scene, wait_s), answer=lambda _delivery: None)
        self.refusing = refusing
        self.at_s = 1000.0
        self.written: list[Any] = []
        self.lives: dict[str, tuple[str, int, str]] = dict.fromkeys(
            _ALERTS, ("ok", 0, "warning")
        )
        self.arrived: list[Delivery] = []

    def run(
        self, steps: Sequence[tuple[Any, ...]], *, disturbed: bool = True
    ) -> "_World":
        for step in steps:
            match step:
                case "live", name, choice:
                    self.live(name, choice)
                case "wait", seconds:
                    self.at_s += seconds
                    self.desk.until(self.at_s)
                case "outcome", choice:
                    self.outcome(choice)
                case ("restart",) if disturbed:
                    self.desk.restart()
                case "repeat", index if disturbed and self.written:
                    again = self.written[index % len(self.written)]
                    self.desk.take(again, at_s=self.at_s)
                case _:
                    pass
        return self

    def live(self, name: str, choice: int) -> None:
        """Take one of the steps that the lifecycle allows."""
        state, generation, severity = self.lives[name]
        at = _SEVERITIES.index(severity)
        match state, choice:
            case (("ok" | "pending" | "resolved"), (0 | 1 | 2)):
                state, generation = "firing", generation + 1
                severity = _SEVERITIES[choice]
            case (("ok" | "resolved"), 3):
                state = "pending"
            case (("pending" | "resolved"), _):
                state = "ok"
            case "firing", (0 | 1):
                severity = _SEVERITIES[(at + 1 + choice) % 3]
            case "firing", 2:
                state = "recovering"
            case "recovering", (0 | 1 | 2):
                state = "firing"
            case (("firing" | "recovering"), _):
                state = "resolved"
            case _:
                return
        self.write(name, state, generation, severity)

    def write(self, name: str, state: str, generation: int, severity: str) -> None:
        self.lives[name] = (state, generation, severity)
        self.at_s += 1
        line = self.scene.line(
            self.at_s,
            state,
            alert_id=name,
            labels={"agent": name},
            generation=generation,
            severity=severity if state not in {"ok", "pending"} else None,
        )
        self.written.append(line)
        self.desk.take(line)

    def outcome(self, choice: int) -> None:
        """Something comes of the oldest delivery; it may have arrived or not."""
        if not self.desk.under_way:
            return
        delivery = self.desk.under_way[0]
        answers: list[tuple[Outcome, bool]] = [
            (Sent(f"ref {delivery.id}"), True),
            (Sent(f"ref {delivery.id}"), True),
            (Retry("busy"), False),
            (Retry("busy", after_s=7.0), False),
            (Ambiguous("reset"), True),
            (Failed("no"), False) if self.refusing else (Ambiguous("reset"), False),
        ]
        outcome, arrives = answers[choice]
        if arrives:
            self.arrived.append(delivery)
        self.desk.settle(delivery, outcome)

    def finish(self) -> "_World":
        """Every alert ends, everything is delivered, nothing is left to do.

        Histories in which a message was tried until its time was up are left to the
        test on refusals.
        """
        for name, (state, generation, severity) in self.lives.items():
            if state in {"firing", "recovering"}:
                self.write(name, "resolved", generation, severity)
        for _ in range(2_000):
            while self.desk.under_way:
                self.outcome(0)
            due_us = self.desk.notifier.next_due_us
            if due_us is None:
                assume(self.refusing or not self.desk.given_up)
                return self
            self.at_s = max(self.at_s, due_us // self.scene.S + 1)
            self.desk.until(self.at_s)
        raise AssertionError("it never comes to rest")


def _routing(scene: Any, wait_s: int) -> Any:
    from alerts.routes import Route
    from detectors.matchers import Matchers, equal

    return scene.routing(
        Route(
            1,
            "on-call",
            Matchers((equal("severity", "critical"),)),
            go_on=True,
            group_wait_us=wait_s * scene.S,
        ),
        Route(2, "agents", group_wait_us=wait_s * scene.S),
    )


def _by_alert(world: _World) -> dict[tuple[str, str], list[tuple[str, int]]]:
    told: dict[tuple[str, str], list[tuple[str, int]]] = defaultdict(list)
    for note in world.desk.lines:
        for alert in note.alert_ids:
            told[note.receiver, alert].append((str(note.reason), note.generation))
    return told


class TestLines:
    @_quick
    @given(steps=_steps, wait_s=_calm)
    def test_every_generation_begins_once_and_ends_once(
        self, scene: Any, steps: Any, wait_s: int
    ) -> None:
        """One ``firing``, changes in between, one ``resolved``; nothing after it.

        A generation that fires before the last one's end was told takes its place.
        """
        world = _World(scene, wait_s).run(steps).finish()
        for told in _by_alert(world).values():
            open_generation, newest = 0, 0
            for reason, generation in told:
                if reason == "firing":
                    assert generation > newest
                    open_generation = newest = generation
                else:
                    assert generation == open_generation
                    if reason == "resolved":
                        open_generation = 0
            assert open_generation == 0

    @_quick
    @given(steps=_steps, wait_s=_calm)
    def test_restarts_and_repeated_lines_change_nothing(
        self, scene: Any, steps: Any, wait_s: int
    ) -> None:
        """The lines are those of a process that was never disturbed."""
        disturbed = _World(scene, wait_s).run(steps).finish()
        calm = _World(scene, wait_s).run(steps, disturbed=False).finish()
        assert disturbed.desk.lines == calm.desk.lines

    @_quick
    @given(steps=_steps, wait_s=_calm)
    def test_lines_are_in_order_of_time(
        self, scene: Any, steps: Any, wait_s: int
    ) -> None:
        """Nothing is said to have happened before what was said earlier."""
        lines = _World(scene, wait_s).run(steps).finish().desk.lines
        assert [note.time for note in lines] == sorted(note.time for note in lines)


class TestMessages:
    @_quick
    @given(steps=_steps, wait_s=_calm)
    def test_what_arrives_makes_sense_in_the_order_in_which_it_arrives(
        self, scene: Any, steps: Any, wait_s: int
    ) -> None:
        """Nothing is changed or closed before it was opened, or after it was closed.

        A repeat of the message before it, after an attempt whose fate nobody knows,
        is no disorder.
        """
        world = _World(scene, wait_s).run(steps).finish()
        by_group: dict[tuple[str, str], list[Delivery]] = defaultdict(list)
        for delivery in world.arrived:
            said = by_group[delivery.receiver, delivery.group]
            if not said or said[-1].id != delivery.id:
                said.append(delivery)
        for said in by_group.values():
            open_generation, newest = 0, 0
            for delivery in said:
                if delivery.action is Action.OPEN:
                    assert delivery.generation > newest
                    open_generation = newest = delivery.generation
                else:
                    assert delivery.generation == open_generation
                    if delivery.action is Action.CLOSE:
                        open_generation = 0
            assert open_generation == 0

    @_quick
    @given(steps=_steps, wait_s=_calm)
    def test_nothing_is_left_once_everything_was_told(
        self, scene: Any, steps: Any, wait_s: int
    ) -> None:
        """No queue, no group, no debt; only the numbers of the alerts' last lines."""
        desk = _World(scene, wait_s).run(steps).finish().desk
        assert desk.notifier.owed() == ()
        assert desk.notifier.queued == 0
        assert {key[:2] for key in desk.rows} <= {b"a/", b"p/"}

    @_quick
    @given(steps=_steps, wait_s=_calm)
    def test_at_most_one_message_of_a_group_is_on_its_way(
        self, scene: Any, steps: Any, wait_s: int
    ) -> None:
        """The order holds because the next one waits for the outcome."""
        world = _World(scene, wait_s)
        for step in steps:
            world.run([step])
            under_way = [(one.receiver, one.group) for one in world.desk.under_way]
            assert len(under_way) == len(set(under_way))

    @_quick
    @given(steps=_steps, wait_s=_calm)
    def test_refusals_leave_no_end_without_a_beginning(
        self, scene: Any, steps: Any, wait_s: int
    ) -> None:
        """Who never heard of a generation is not told its end, and all comes to rest."""
        world = _World(scene, wait_s, refusing=True).run(steps).finish()
        heard: set[tuple[str, str, int]] = set()
        for delivery in world.desk.deliveries:
            place = (delivery.receiver, delivery.group, delivery.generation)
            if delivery.action is Action.OPEN:
                heard.add(place)
        for delivery in world.arrived:
            if delivery.action is Action.CLOSE:
                assert (delivery.receiver, delivery.group, delivery.generation) in heard
