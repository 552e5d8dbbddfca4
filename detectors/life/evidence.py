"""The numbers behind a verdict, under the names that ``docs/tune.md`` explains.

Plain values by name, in the metric's unit. What is not known is left out, so that a
name that is there always has a value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from detectors.kinds.plans import Judged, Plan
from detectors.numbers import finite, total


def known(found: Mapping[str, Any]) -> dict[str, Any]:
    """What has a value, floats finite.

    >>> known({"limit": 2.0, "recover_at": None, "drop": float("inf")})
    {'limit': 2.0, 'drop': 1.7976931348623157e+308}
    """
    return {
        name: finite(value) if isinstance(value, float) else value
        for name, value in found.items()
        if value is not None
    }


def limits(plan: Plan, expected: float | None, level: int) -> dict[str, Any]:
    """The limit in force, and where it is left.

    Args:
        plan: The rule.
        expected: What the baseline says, None without one.
        level: The rank in force; -1 for the mildest.
    """
    levels = plan.levels(expected)
    if not levels:
        return {}
    named = next((limit for limit in levels if limit.rank == level), levels[0])
    limit = plan.threshold(expected, level)
    left_at = None if limit is None else plan.sign * named.leave
    return known({"limit": limit, "recover_at": left_at})


def comparison(
    plan: Plan, value: float | None, expected: float | None
) -> dict[str, Any]:
    """How far a value is from what was expected.

    Args:
        plan: The rule.
        value: Signed; None if nothing is judged.
        expected: In the metric's unit.
    """
    baseline = plan.baseline
    if baseline is None or value is None or expected is None:
        return {}
    if baseline.ratio is None:
        drop = value - plan.sign * expected
        return known({"drop": drop, "drop_limit": baseline.drop})
    if expected == 0:
        return {}
    limit = baseline.ratio if plan.sign > 0 else 1 / baseline.ratio
    ratio = plan.sign * value / expected
    return known({"ratio": ratio, "ratio_limit": limit})


def count_window(
    plan: Plan, samples: Sequence[float], weights: Sequence[float] | None
) -> dict[str, Any]:
    """What a window of the last sessions holds.

    Args:
        plan: The rule.
        samples: Signed, or a rate's signed numerators; those in the window alone.
        weights: A rate's denominators.
    """
    values = [plan.sign * sample for sample in samples]
    found: dict[str, Any] = {
        "window_sessions": plan.size,
        "window_samples": len(values),
        "window_total": total(values),
    }
    if weights is not None:
        found["window_calls"] = total(weights)
        values = [value / weight for value, weight in zip(values, weights, strict=True)]
    if values:
        found["window_min"] = min(values)
        found["window_median"] = median(values)
        found["window_max"] = max(values)
    return known(found)


def time_window(
    plan: Plan,
    samples: int,
    summed: float,
    calls: float,
    ends: tuple[float, float] | None,
) -> dict[str, Any]:
    """What a window of time holds.

    Args:
        plan: The rule.
        samples: Inside the window.
        summed: Their signed sum, or that of a rate's numerators.
        calls: Of a rate, the sum of its denominators.
        ends: Of ranks, the smallest and the largest, signed; None without samples.
    """
    found: dict[str, Any] = {
        "window_s": plan.span_us / 1_000_000,
        "window_samples": samples,
    }
    if plan.judged is not Judged.RANK:
        found["window_total"] = plan.sign * summed
    elif ends is not None:
        signed = [plan.sign * end for end in ends]
        found["window_min"], found["window_max"] = min(signed), max(signed)
    if plan.over >= 0:
        found["window_calls"] = calls
    return known(found)
