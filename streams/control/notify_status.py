"""What notify says of itself: who was told what, and who is owed what."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

from alerts.lanes import Lanes
from alerts.notify import Notifier
from alerts.routes import Routing
from streams.metrics import Meters

log = logging.getLogger(__name__)


def status_of(
    notifier: Notifier,
    results: Mapping[str, Mapping[str, int]],
    routing: Routing,
    lanes: Lanes,
) -> dict[str, Any]:
    """For ``loopwatch status``, of the worker that tells people.

    Args:
        notifier: At work.
        results: By receiver, how many attempts came to what.
        routing: In force.
        lanes: Of this process.
    """
    owed = Counter(debt.receiver for debt in notifier.owed())
    former = {receiver for receiver, _ in lanes.former}
    return {
        "active": True,
        "told_open": notifier.open_alerts,
        "queued": notifier.queued,
        "silences": len(notifier.silences()),
        "acknowledged": notifier.acknowledged(time.time_ns() // 1_000),
        "receivers": {
            name: {**results.get(name, {}), "owed": owed[name]}
            for name in sorted(routing.by_name.keys() | owed.keys())
        },
        "gone": {
            name: {"alerts": alerts, "told": name in former}
            for name, alerts in sorted(notifier.unsettled().items())
        },
    }


def measure_debts(meters: Meters, notifier: Notifier | None, routing: Routing) -> None:
    """Bring the gauges of what is owed up to date; None: another worker tells people."""
    meters.owed.clear()
    meters.unsettled.clear()
    if notifier is None:
        return
    debts = Counter(debt.receiver for debt in notifier.owed())
    for receiver in routing.by_name.keys() | debts.keys():
        meters.owed.labels(receiver).set(debts[receiver])
    for receiver, alerts in notifier.unsettled().items():
        meters.unsettled.labels(receiver).set(alerts)
    meters.queued.set(notifier.queued)


def warn_of_debts(notifier: Notifier) -> None:
    """Log what receivers are owed that the file has no more."""
    for receiver, alerts in sorted(notifier.unsettled().items()):
        count = f"{alerts} alert{'' if alerts == 1 else 's'}"
        # A whole text: repeats of one form would be held back and counted.
        log.warning(
            f"the receiver {receiver}, or a channel of it, is gone from the file and is "  # noqa: G004
            f"owed the end of {count}: it is told while this worker runs; after that the "
            "debt stays in `loopwatch status` until the receiver is back, or `loopwatch "
            f"status --forgive {receiver}`"
        )
