"""The levels of alerts as numbers that rise with how bad it is.

A level is the rank of its severity. Several levels of a budget may be of one severity:
they are told apart by their share of the amount, and the rank is what is left by three.
"""

from __future__ import annotations

from typing import Final

from detectors.rules import Severity

SEVERITIES: Final = tuple(Severity)
"""Severities by rank."""

_SHARE: Final = 1_000_000_000
"""Shares of a budget are told apart to this part."""


def budget_level(share: float) -> int:
    """The level of a share of a budget's amount.

    It hangs on nothing else, so that the other levels may change under an open alert.

    >>> severity_of(budget_level(0.8)), severity_of(budget_level(1.0))
    (<Severity.WARNING: 'warning'>, <Severity.CRITICAL: 'critical'>)
    """
    severity = Severity.CRITICAL if share >= 1 else Severity.WARNING
    return round(share * _SHARE) * len(SEVERITIES) + severity.rank


def share_of(level: int) -> float:
    """The share that a budget's level stands for.

    >>> share_of(budget_level(0.95))
    0.95
    """
    return level // len(SEVERITIES) / _SHARE


def severity_of(level: int) -> Severity:
    """The severity of any rule's level.

    >>> severity_of(1)
    <Severity.WARNING: 'warning'>
    """
    return SEVERITIES[level % len(SEVERITIES)]
