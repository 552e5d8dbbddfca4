"""Lines, deliveries, and a desk of deliveries with a clock of its own."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from alerts.delivery import Action, Delivery, Outcome, Sent
from alerts.effects import Effects, GivenUp
from alerts.notifications import Notification, Reason
from alerts.notify import Notifier
from alerts.receivers import PagerDutyService, Receiver, Secret, SlackChannel
from alerts.routes import ALL_LABELS, Inhibition, Mute, Route, Routing
from detectors.matchers import Matchers, equal
from detectors.transitions import Clock, Line, State, Transition, Update, rfc3339

S = 1_000_000


def line(at_s: float, to: str, seq: int | None = None, **changes: Any) -> Transition:
    """A line of the alert ``a1``; its number is its time unless told otherwise."""
    values: dict[str, Any] = {
        "time": rfc3339(int(at_s * S)),
        "alert_id": "a1",
        "rule": "session-cost",
        "metric": "cost_usd",
        "labels": {"agent": "support", "task_type": "refund"},
        "generation": 1,
        "seq": int(at_s * 1000) if seq is None else seq,
        "from_state": State.OK,
        "to_state": State(to),
        "severity": "warning",
        "value": 3.2,
        "expected": None,
        "threshold": 2.0,
        "session_id": "s-1",
        "reason": "cost_usd above 2",
    }
    return Transition(**(values | changes))


BUDGET: dict[str, Any] = {
    "spend": 412.0,
    "amount": 500.0,
    "level": 0.8,
    "period": "month",
    "exhausted_at": "1970-03-21T14:00:00Z",
}


def a_budget(at_s: float, share: float, **changes: Any) -> Transition:
    """A budget of $500 a month has reached a share, and will last until 21 March."""
    values: dict[str, Any] = {
        "rule": "tenant-budget",
        "labels": {"tenant": "acme"},
        "severity": "critical" if share >= 1 else "warning",
        "value": 500 * share,
        "threshold": 500 * share,
        "rule_kind": "budget",
        "aggregate": "sum",
        "evidence": BUDGET | {"spend": 500 * share, "level": share},
    }
    return line(at_s, "firing", **(values | changes))


class Desk:
    """Drives a notifier as a worker does: rows first, then deliveries.

    Attributes:
        lines: Every notification, in order.
        deliveries: Every delivery started, in order.
        under_way: Started, and not answered because ``answer`` said None.
        rows: What is written down.
    """

    def __init__(
        self,
        routing: Routing,
        *,
        standstill: bool = False,
        answer: Callable[[Delivery], Outcome | None] | None = None,
    ) -> None:
        self.routing = routing
        self.standstill = standstill
        self.answer = answer or (lambda delivery: Sent(f"ref-{delivery.id[:6]}"))
        self.notifier = Notifier(routing, standstill=standstill)
        self.lines: list[Notification] = []
        self.deliveries: list[Delivery] = []
        self.under_way: list[Delivery] = []
        self.given_up: list[GivenUp] = []
        self.rows: dict[bytes, bytes] = {}
        self.now_us = 0

    def until(self, at_s: float, *, inclusive: bool = True) -> "Desk":
        """Let time pass, every timer at its time."""
        end_us = int(at_s * S)
        while (due_us := self.notifier.next_due_us) is not None:
            if due_us > end_us or (due_us == end_us and not inclusive):
                break
            self.now_us = max(self.now_us, due_us)
            self._act(self.notifier.run_due(self.now_us))
        self.now_us = max(self.now_us, end_us)
        return self

    def take(self, *lines: Line, at_s: float | None = None) -> "Desk":
        """Hand in lines at their times, or all at one time of the wall clock."""
        for given in lines:
            moment = at_s
            if moment is None:
                assert isinstance(given, Transition)
                moment = _seconds(given)
            self.until(moment, inclusive=False)
            self._act(self.notifier.on_line(given, self.now_us))
        return self

    def settle(self, delivery: Delivery, outcome: Outcome) -> None:
        """Report what came of a delivery under way."""
        self.under_way.remove(delivery)
        self._act(self.notifier.on_outcome(delivery.id, outcome, self.now_us))

    def restart(self, routing: Routing | None = None) -> "Desk":
        """Kill the process; the next one has the rows and nothing else."""
        self.routing = routing or self.routing
        self.under_way.clear()
        self.notifier = Notifier(self.routing, standstill=self.standstill)
        for key, row in sorted(self.rows.items()):
            self.notifier.restore_row(key, row)
        return self

    def reload(self, routing: Routing) -> "Desk":
        """Another file, in the process that runs."""
        self.routing = routing
        self.notifier.reload(routing, self.now_us)
        self._act(self.notifier.run_due(self.now_us))
        return self

    def forgive(self, receiver: str) -> int:
        """Somebody forgives what a receiver is owed; of how many alerts."""
        about = self.notifier.requests.forgive(receiver, self.now_us)
        self._act(Effects())
        return about

    def told(self, receiver: str | None = None) -> list[tuple[float, str, int]]:
        """When, why and in which generation: of one receiver or of all."""
        return [
            (_seconds(note), str(note.reason), note.generation)
            for note in self.lines
            if receiver is None or note.receiver == receiver
        ]

    def _act(self, effects: Effects) -> None:
        for key, row in self.notifier.take_dirty():
            if row is None:
                self.rows.pop(key, None)
            else:
                self.rows[key] = row
        self.lines += effects.notifications
        self.given_up += effects.given_up
        for delivery in effects.deliveries:
            self.deliveries.append(delivery)
            outcome = self.answer(delivery)
            self.under_way.append(delivery)
            if outcome is not None:
                self.settle(delivery, outcome)


def _seconds(timed: Transition | Notification) -> float:
    from detectors.transitions import microseconds

    return microseconds(timed.time) / S


SLACK = SlackChannel("#agent-alerts", token=Secret("xoxb-secret-of-tests"))
PAGER = PagerDutyService(Secret("k" * 32))


def a_routing(
    *routes: Route,
    wait_s: float = 10,
    interval_s: float = 300,
    repeat_s: float = 86_400 * 365,
    group_by: tuple[str, ...] = ALL_LABELS,
    inhibit: tuple[Inhibition, ...] = (),
    mute: tuple[Mute, ...] = (),
    **receivers: Any,
) -> Routing:
    """Everything to ``agents`` on Slack; ``on-call`` on PagerDuty is known too.

    Each alert is a group of its own, and nothing is repeated, unless a test asks for it;
    that holds for all of the routes.
    """
    known = {"agents": (SLACK,), "on-call": (PAGER,)} | receivers
    root = Route(
        position=0,
        receiver="agents",
        group_wait_us=int(wait_s * S),
        group_interval_us=int(interval_s * S),
        repeat_interval_us=int(repeat_s * S),
        group_by=group_by,
        routes=tuple(
            replace(route, group_by=group_by, repeat_interval_us=int(repeat_s * S))
            for route in routes
        ),
    )
    return Routing(
        tuple(Receiver(name, chans) for name, chans in known.items()),
        root,
        inhibit,
        mute,
    )


def critical_to_on_call() -> Routing:
    """Everything to ``agents``, what is critical to ``on-call`` too."""
    return a_routing(
        Route(1, "on-call", Matchers((equal("severity", "critical"),)), go_on=True),
        Route(2, "agents"),
    )


def a_delivery(**changes: Any) -> Delivery:
    """A first firing to Slack."""
    values: dict[str, Any] = {
        "id": "0123456789abcdef",
        "receiver": "agents",
        "channel": SLACK,
        "action": Action.OPEN,
        "group": '{agent="support",rule="session-cost",task_type="refund"}',
        "dedup_key": "loopwatch-1",
        "generation": 1,
        "reason": Reason.FIRING,
        "alerts": (line(100, "firing", began="1970-01-01T00:01:30Z", sessions=1),),
        "at_us": 110 * S,
    }
    return Delivery(**(values | changes))


class Scene:
    """The builders above, handed to tests as one fixture."""

    S = S
    BUDGET = BUDGET
    Desk = Desk
    slack = SLACK
    pager = PAGER
    line = staticmethod(line)
    budget = staticmethod(a_budget)
    routing = staticmethod(a_routing)
    critical_to_on_call = staticmethod(critical_to_on_call)
    delivery = staticmethod(a_delivery)
    clock = Clock
    update = Update
    route = staticmethod(lambda at, **changes: Route(at, "agents", **changes))
    sent = staticmethod(lambda: Sent("ref"))


@pytest.fixture(scope="session")
def scene() -> type[Scene]:
    """Builders of lines, deliveries, routings and desks."""
    return Scene
