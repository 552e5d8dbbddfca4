"""What people ask for while alerts fire: silences, their ends, acknowledgements.

Each is carried out as of its own time, and again without a change if it is read once
more after a crash.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from alerts.debts import forgive
from alerts.flushes import Flushes
from alerts.lanes import Lanes
from alerts.ledger import Ledger
from alerts.routing import matchable
from alerts.seats import Seats
from alerts.silences import Silence, acknowledge
from detectors.actions import read_match
from detectors.transitions import microseconds


class Requests:
    """Carries out what people ask for.

    Args:
        ledger: Where it is kept.
        lanes: Those of the file.
        flushes: Told of suppressions that end.
        seats: Told of alerts that somebody looks after.
        resume: Called first, with the time: rows may have been taken back.
    """

    def __init__(
        self,
        ledger: Ledger,
        lanes: Lanes,
        flushes: Flushes,
        seats: Seats,
        resume: Callable[[int], None],
    ) -> None:
        self._ledger = ledger
        self._lanes = lanes
        self._flushes = flushes
        self._seats = seats
        self._resume = resume

    def silence(self, silence: Silence, now_us: int) -> None:
        """Begin a silence, or change the one of the same id."""
        self._resume(now_us)
        known = self._ledger.silences.get(silence.id)
        if silence.until_us <= now_us and known is None:
            return
        self._ledger.silences[silence.id] = silence
        self._ledger.touch_silence(silence.id)
        if known is not None:
            self._flushes.ended([("silence", silence.id)], now_us)

    def expire(self, name: str, now_us: int) -> bool:
        """End a silence; whether there was one."""
        self._resume(now_us)
        if self._ledger.silences.pop(name, None) is None:
            return False
        self._ledger.touch_silence(name)
        self._flushes.ended([("silence", name)], now_us)
        return True

    def ack(
        self,
        match: Mapping[str, str | Sequence[str]] | Sequence[str],
        *,
        by: str,
        at_us: int,
        until_us: int,
        now_us: int,
        comment: str = "",
    ) -> int:
        """Take note of who looks after the alerts that fire and match; how many."""
        self._resume(now_us)
        matchers = read_match(match)
        found = 0
        for alert_id, alert in sorted(self._ledger.alerts.items()):
            line = alert.line
            if not line.to_state.is_open or not matchers.matches(matchable(line)):
                continue
            if line.began is not None and microseconds(line.began) > at_us:
                # Read again, or late: it was about something else.
                continue
            found += 1
            if until_us <= now_us or (alert.ack and alert.ack.at_us > at_us):
                continue
            alert.ack = acknowledge(
                line, by=by, at_us=at_us, until_us=until_us, comment=comment
            )
            self._ledger.touch_alert(alert_id)
            self._seats.timers.remind(alert_id)
        return found

    def forgive(self, receiver: str, now_us: int) -> int:
        """Owe a receiver nothing any more; how many alerts that was about."""
        self._resume(now_us)
        about: set[str] = set()
        for group in list(self._ledger.groups.values()):
            if group.receiver == receiver:
                live = (group.receiver, group.channel) in self._lanes.live
                about |= forgive(group, live=live)
                self._ledger.touch_group(group)
        return len(about)

    def read_up_to(self, offset: int) -> None:
        """Remember how far the control topic was read."""
        self._ledger.move_cursor(offset)

    @property
    def next_offset(self) -> int | None:
        """Where to read the control topic on; None if it never was read."""
        cursor = self._ledger.cursor
        return None if cursor is None else cursor.offset
