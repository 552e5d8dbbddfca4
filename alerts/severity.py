"""How bad an alert is, as numbers that compare."""

from __future__ import annotations

from detectors.rules import Severity
from detectors.transitions import Transition


def rank(severity: str | None) -> int:
    """How bad, 0 to 2; what is no severity counts as a warning."""
    try:
        return Severity(severity or "").rank
    except ValueError:
        return Severity.WARNING.rank


def share(line: Transition) -> float:
    """The share of its amount that a budget has reached; 0 of all other kinds.

    Its levels are several to one severity, and each is told as it is reached. In
    between a budget is not to be repeated: nobody can undo what is spent.
    """
    level = line.evidence.get("level") if line.rule_kind == "budget" else None
    return float(level) if isinstance(level, int | float) else 0.0
