"""Agents whose numbers move with the hour: what drift rules make of it, week by week.

Part of ``make bench-drift``. An agent's latencies are those of the simulation, times a
factor for the hour; sessions come at random, so many an hour. Further columns say when
the profile came into use, and how soon a lasting shift is found that begins by night.
"""

# ruff: noqa: T201

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median
from typing import Any, Final

import numpy as np

from detectors.identity import series_key
from detectors.kernels import layout
from detectors.kernels.halves import half
from detectors.kernels.season import USED
from detectors.partition import Partition
from detectors.rules import Drift, Rule, RuleBook, rule
from detectors.state.stage import Said
from detectors.transitions import State, Transition
from tests.bench.feed import LABELS
from tests.bench.markdown import table
from tests.unit.detectors.scenes import START_S, Log, Session, at

DAY_S: Final = 86_400
DAYS: Final = 28
SHIFT_DAY: Final = 21
NIGHT_S: Final = 3 * 3_600
SHIFT: Final = 2.0
SIGMA: Final = 0.6
_LATENCY_MS: Final = 9_000.0
_BLOCK: Final = 400
_THURSDAY: Final = 3

RATES: Final = (5, 20)
"""Sessions an hour."""

Factor = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""From hours of the day, and days of the week, to what latencies are multiplied by."""


def _wave(size: float) -> Factor:
    return lambda hour, _: 1 + size * np.sin(2 * np.pi * (hour - 9) / 24)


SHAPES: Final[dict[str, Factor]] = {
    "none": lambda hour, _: np.ones_like(hour),
    "a day of ±15 %": _wave(0.15),
    "a day of ±40 %": _wave(0.4),
    "batch by night, x2": lambda hour, _: np.where((hour >= 1) & (hour < 5), 2.0, 1.0),
    "working hours, x1.5": lambda hour, day: np.where(
        (hour >= 8) & (hour < 18) & (day < 5), 1.5, 1.0
    ),
}
RULES: Final = tuple(
    rule(f"drift {name}", "latency_ms", Drift(name), by=tuple(LABELS))
    for name in ("high", "medium")
)


def sessions(shape: str, rate: int, days: int, seed: int, shift: bool) -> list[Session]:
    """The sessions of an agent.

    Args:
        shape: Of ``SHAPES``.
        rate: Sessions an hour.
        days: How many.
        seed: Decides the numbers.
        shift: Whether latencies double in the night of ``SHIFT_DAY``, for good.
    """
    chance = np.random.default_rng([seed, rate])
    count = chance.poisson(rate * 24 * days)
    ended_s = np.sort(chance.uniform(0, days * DAY_S, count))
    day = (START_S + ended_s) // DAY_S
    factor = SHAPES[shape](ended_s % DAY_S / 3_600, (day + _THURSDAY) % 7)
    values = _LATENCY_MS * factor * np.exp(chance.normal(0, SIGMA, count))
    if shift:
        values = np.where(ended_s >= SHIFT_DAY * DAY_S + NIGHT_S, SHIFT, 1.0) * values
    return [
        Session(end_s, {"latency_ms": value}, f"s{number}", LABELS)
        for number, (end_s, value) in enumerate(
            zip(ended_s.tolist(), values.tolist(), strict=True)
        )
    ]


class Told:
    """What rules made of an agent's sessions.

    Attributes:
        fired: For each rule the times, in seconds, at which an alert began.
        used_from: For each rule the day on which its profile came into use; None if it
            never did.
    """

    def __init__(self, rules: Sequence[Rule], told: Sequence[Session]) -> None:
        self.fired: dict[str, list[float]] = {each.name: [] for each in rules}
        self.used_from: dict[str, float | None] = dict.fromkeys(self.fired)
        partition, log = Partition(RuleBook(tuple(rules)), memory=_BLOCK), Log(rules)
        for offset, first in enumerate(range(0, len(told), _BLOCK)):
            block = told[first : first + _BLOCK]
            self._note(partition.apply(log.batch(block), offset))
            for place, name in enumerate(self.fired):
                if self.used_from[name] is None and _in_use(partition, place):
                    self.used_from[name] = block[-1].at_s / DAY_S

    def _note(self, said: Sequence[Said]) -> None:
        for line in said:
            if not isinstance(line, Transition) or line.from_state.is_open:
                continue
            if line.to_state is State.FIRING:
                self.fired[line.rule].append(at(line))


def _in_use(partition: Partition, place: int) -> bool:
    words = partition._store.arena.ints
    series = partition._all.addresses[series_key(LABELS)]
    season = half(words, words[series + layout.WATCHES + place], layout.SEASON)
    return bool(season > 0 and words[season + USED])


def measure(shape: str, rate: int, runs: int, seed: int) -> dict[str, Any]:
    """The figures of one shape at one rate, by rule."""
    healthy = [
        Told(RULES, sessions(shape, rate, DAYS, seed + run, shift=False))
        for run in range(runs)
    ]
    shifted = [
        Told(RULES, sessions(shape, rate, DAYS, seed + run, shift=True))
        for run in range(runs)
    ]
    found = {}
    begun_s = SHIFT_DAY * DAY_S + NIGHT_S
    for each in RULES:
        by_week = [0] * (DAYS // 7)
        for told in healthy:
            for fired_s in told.fired[each.name]:
                by_week[int(fired_s // (7 * DAY_S))] += 1
        used = [told.used_from[each.name] for told in healthy]
        delays = [
            next((s - begun_s for s in told.fired[each.name] if s >= begun_s), None)
            for told in shifted
        ]
        known = [delay for delay in delays if delay is not None]
        days = [day for day in used if day is not None]
        found[each.name] = {
            "alerts_a_week": [round(count / runs, 2) for count in by_week],
            "earned": len(days),
            "runs": runs,
            "earned_on_day": round(median(days), 1) if days else None,
            "found_after_h": round(median(known) / 3_600, 1) if known else None,
            "found": len(known),
        }
    return found


def run(runs: int, seed: int) -> list[dict[str, Any]]:
    """All figures."""
    return [
        {"shape": shape, "rate": rate, "rules": measure(shape, rate, runs, seed)}
        for shape in SHAPES
        for rate in RATES
    ]


def show(measured: Sequence[dict[str, Any]]) -> None:
    """Print them as a table."""
    rows = []
    for of in measured:
        for name, figures in of["rules"].items():
            day, hours = figures["earned_on_day"], figures["found_after_h"]
            rows.append(
                [
                    of["shape"],
                    str(of["rate"]),
                    name,
                    *(f"{count:g}" for count in figures["alerts_a_week"]),
                    f"{figures['earned']} of {figures['runs']}",
                    "-" if day is None else f"{day:g}",
                    "-" if hours is None else f"{hours:g}",
                ]
            )
    heads = ["season", "sessions an hour", "rule"]
    heads += [f"week {week + 1}" for week in range(DAYS // 7)]
    heads += ["earned", "on day", f"x{SHIFT:g} found after, h"]
    print(table(heads, rows))
