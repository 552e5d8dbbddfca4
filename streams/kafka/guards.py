"""Guards: where a worker would hang or go on wrongly, it ends and is started again.

Kafka gives a dead worker's partitions to another one; a hanging worker keeps them.
"""

from __future__ import annotations

import faulthandler
import logging
import os
import sys
import threading
from collections.abc import Callable
from typing import Final, NoReturn

log = logging.getLogger(__name__)

FAILED: Final = 1
"""Somebody must put something right before it makes sense to start again."""

FAULT: Final = 70
"""Something is wrong inside; what was safe is safe, starting again goes on there."""

AGAIN: Final = 75
"""Nothing is wrong inside: start again."""


def end_process(code: int, why: str) -> NoReturn:
    """Say why, and end at once: nothing that is half done may be finished."""
    log.critical("%s (exit code %d)", why, code)
    logging.shutdown()
    sys.stderr.flush()
    os._exit(code)


End = Callable[[int, str], NoReturn]


class ShutdownGuard:
    """Cuts a shutdown short that takes too long.

    Without a broker Faust waits for ever: its consumer thread ends with a
    CancelledError that nobody takes for an end.
    """

    def __init__(self, timeout_s: float, end: End = end_process) -> None:
        self._timeout_s = timeout_s
        self._end = end
        self._timer: threading.Timer | None = None

    def start(self) -> None:
        """The shutdown begins; calling it again changes nothing."""
        if self._timer is not None:
            return
        self._timer = threading.Timer(
            self._timeout_s,
            self._end,
            (AGAIN, f"the shutdown is not done after {self._timeout_s:g} s"),
        )
        self._timer.daemon = True
        self._timer.start()

    def stop(self) -> None:
        """The shutdown is done."""
        if self._timer is not None:
            self._timer.cancel()


class Watchdog:
    """Ends the process when its main loop stands still, or never gets partitions.

    Heartbeats come from a thread of their own, so that the group would never notice
    a main loop that hangs. And a join that the broker refuses, or a topic that is
    gone, only leaves a line in the log. Time is counted in steps of this thread, so
    that a pause of the whole machine is one step.

    Args:
        stall_s: How long the loop may stand still.
        assignment_s: How long the first assignment may take.
        end: Told what is wrong.
        step_s: How often it looks.
    """

    def __init__(
        self,
        *,
        stall_s: float,
        assignment_s: float,
        end: End = end_process,
        step_s: float = 1.0,
    ) -> None:
        self._stall_steps = stall_s / step_s
        self._assignment_steps = assignment_s / step_s
        self._limits = (stall_s, assignment_s)
        self._end = end
        self._step_s = step_s
        self._silent = 0
        self._unassigned: dict[str, int] = {}
        self._stopped = threading.Event()

    def beat(self) -> None:
        """The loop runs."""
        self._silent = 0

    def expect(self, group: str) -> None:
        """A group is being joined."""
        self._unassigned[group] = 0

    def assigned(self, group: str) -> None:
        """A group has given us partitions, or said that there are none for us."""
        self._unassigned.pop(group, None)

    def expect_nothing(self) -> None:
        """No group needs to give us anything any more."""
        self._unassigned.clear()

    def start(self) -> None:
        """Begin to look."""
        threading.Thread(target=self._run, name="watchdog", daemon=True).start()

    def stop(self) -> None:
        """Look no longer."""
        self._stopped.set()

    def _run(self) -> None:
        while not self._stopped.wait(self._step_s):
            self.step()

    def step(self) -> None:
        """Look once."""
        self._silent += 1
        if self._silent > self._stall_steps:
            faulthandler.dump_traceback(sys.stderr)
            self._end(FAULT, f"the main loop stands still for {self._limits[0]:g} s")
        for group in list(self._unassigned):
            self._unassigned[group] += 1
            if self._unassigned[group] > self._assignment_steps:
                self._unassigned.pop(group)
                self._end(
                    AGAIN,
                    f"group {group} gave us no partitions within "
                    f"{self._limits[1]:g} s: the broker may refuse the join (see "
                    "its group.min.session.timeout.ms and the rights on the group), "
                    "or other members hold it up",
                )
