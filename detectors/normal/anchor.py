"""The level before a shift that was taken for normal: what came after has a measure."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from detectors.transitions import rfc3339

ACCEPTED: Final = "accepted"
"""The reason of a line when a person takes the new level for the normal one."""

REBASELINED: Final = "rebaselined"
"""The same when the rule does, or a detector that follows what it watches."""


class Anchor(NamedTuple):
    """What was normal before the last shift that was accepted.

    Attributes:
        expected: The level then, in the metric's unit.
        at_us: When the shift began.
    """

    expected: float
    at_us: int

    def evidence(self) -> dict[str, Any]:
        """As lines carry it."""
        return {"expected": self.expected, "at": rfc3339(self.at_us)}
