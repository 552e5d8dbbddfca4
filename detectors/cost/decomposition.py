"""A change of cost, taken apart into factors.

A session's cost is a product: loops x LLM calls per loop x tokens per call x price
per token. In logarithms it is a sum, so the change of the mean log cost is the sum
of the changes of the factors' mean logs, and each factor's part of it is its share.
What a session does not say is left to the factor after it, and at last to ``other``.

A session weighs the root of what it cost: where one in ten has run wild, the rise is
theirs, and a plain mean of logs would hardly show it.

An output token counts as ``OUTPUT`` input tokens, or a longer answer would look like
a higher price. The cost of tools has no column of its own: it is in the price, and
is told from it by whether tool calls per LLM call rose as well.
"""

from __future__ import annotations

from math import exp, inf, log, sqrt
from typing import Any, Final

from detectors.numbers import MOST, finite

OUTPUT: Final = 4.0
"""What an output token costs, in input tokens: list prices lie between 3 and 8."""

LEAST_RISE: Final = 0.1
"""Below this change of the mean log cost, about 10 %, there is nothing to explain."""

CERTAIN: Final = 2.0
"""And below so many standard errors of it: chance alone makes up such a rise."""

LEAST_SHARE: Final = 0.05
"""Smaller shares are folded into ``other``."""


# Places in a chunk: how many sessions say it, and behind it the sum of its logs.
COSTS, LOOPED, CALLED, TOKENS, TOOLED = 0, 2, 4, 6, 8
WRITTEN, NAMED, STRANGE, SESSIONS, SQUARES, WEIGHTS = 10, 11, 12, 13, 14, 15
WIDTH: Final = 16
"""Numbers in a chunk: the above; of the output's part of the tokens the weighted sum; the
weight of sessions with a model, and of those on another than the usual; how many have a
cost; the weighted sum of the squared logs of costs, and the sum of squared weights."""

_ALONE: Final = 0.25
"""Input or output tokens are named if the other moved less than this part of it."""

_STRANGERS: Final = 0.05
"""The model has changed if so many more of the sessions ran on another one."""

_ROUNDED: Final = 0.005
"""What rounding leaves, at most: not worth a name."""


class Rise:
    """The change from what is usual to what is seen.

    Args:
        usual: Sums, or means, of the sessions before.
        now: Of those since.
        more: How many times more sessions a window holds; 0 where that is no matter.
    """

    __slots__ = ("_more", "_now", "_usual")

    def __init__(self, usual: list[float], now: list[float], more: float = 0.0) -> None:
        self._usual, self._now, self._more = usual, now, more

    def shares(self) -> dict[str, float]:
        """Each factor's share of the rise; together 1, and empty if there is none.

        A factor that fell has a negative share. Names: ``sessions`` (sums over time
        alone), ``loops``, ``calls_per_loop``, ``tokens_per_call``, ``price``,
        ``model``, ``tools``, ``other``; ``calls``, ``tokens_per_loop`` and ``tokens``
        where what they are counted by is not known; ``input_`` or ``output_`` before
        tokens if only these moved.
        """
        changes = self._changes()
        rise = sum(changes.values())
        least = max(LEAST_RISE, CERTAIN * self._error())
        if not rise >= least or changes.keys() <= {"other"}:
            return {}
        found = {name: change / rise for name, change in changes.items()}
        kept = {
            name: round(share, 3)
            for name, share in found.items()
            if name != "other" and abs(share) >= LEAST_SHARE
        }
        other = round(1.0 - sum(kept.values()), 3)
        if kept and abs(other) <= _ROUNDED:
            largest = max(kept, key=lambda name: abs(kept[name]))
            kept[largest] = round(kept[largest] + other, 3)
        else:
            kept["other"] = other
        return kept

    @property
    def model_changed(self) -> bool:
        """Whether more of the sessions run on another model than did before."""
        more = _mean(self._now, NAMED, STRANGE) - _mean(self._usual, NAMED, STRANGE)
        return more >= _STRANGERS

    def typical(self) -> dict[str, Any]:
        """For each factor its typical value before and since: the weighted geometric mean."""
        return {
            name: [_typical(self._usual, place), _typical(self._now, place)]
            for name, place in (
                ("cost_usd", COSTS),
                ("loops", LOOPED),
                ("calls", CALLED),
                ("weighted_tokens", TOKENS),
            )
            if self._says(place)
        }

    def _says(self, place: int) -> bool:
        """Whether at least half of the sessions say it, before and since."""
        return all(
            chunk[place] > 0.0 and 2.0 * chunk[place] >= chunk[COSTS]
            for chunk in (self._usual, self._now)
        )

    def _grown(self, place: int) -> float:
        return _mean(self._now, place) - _mean(self._usual, place)

    def _error(self) -> float:
        """Standard error of the mean log cost of the sessions since, as costs vary."""
        mean = _mean(self._usual, COSTS)
        variance = _mean(self._usual, COSTS, SQUARES) - mean * mean
        now = self._now
        return sqrt(max(0.0, variance) * now[WEIGHTS]) / now[COSTS]

    def _changes(self) -> dict[str, float]:
        """The change of each factor's mean log."""
        changes: dict[str, float] = {}
        if self._more > 0.0:
            changes["sessions"] = log(self._more)
        told, per = 0.0, ""
        for place, name, each in (
            (LOOPED, "loops", "loop"),
            (CALLED, "calls", "call"),
            (TOKENS, self._tokens(), ""),
        ):
            if self._says(place):
                grown = self._grown(place)
                changes[f"{name}_per_{per}" if per else name] = grown - told
                told, per = grown, each
        changes[self._rest(told)] = self._grown(COSTS) - told
        return changes

    def _tokens(self) -> str:
        """Which tokens moved: ``tokens`` if both did."""
        if not self._says(TOKENS):
            return "tokens"
        before = _mean(self._usual, TOKENS, WRITTEN)
        now = _mean(self._now, TOKENS, WRITTEN)
        grown = self._grown(TOKENS)
        read = _moved(grown, 1.0 - before, 1.0 - now)
        written = _moved(grown, before, now)
        if written < _ALONE * read:
            return "input_tokens"
        return "output_tokens" if read < _ALONE * written else "tokens"

    def _rest(self, told: float) -> str:
        """What to call the part that loops, calls and tokens leave."""
        if not self._says(TOKENS):
            return "other"
        if self.model_changed:
            return "model"
        rest = self._grown(COSTS) - told
        if self._says(TOOLED):
            tools = self._grown(TOOLED)
            if self._says(CALLED):
                tools -= self._grown(CALLED)
            if rest > 0.0 and tools >= rest / 2.0:
                return "tools"
        return "price"


def _mean(chunk: list[float], weight: int, place: int | None = None) -> float:
    if not chunk[weight] > 0.0:
        return 0.0
    return chunk[weight + 1 if place is None else place] / chunk[weight]


def _typical(chunk: list[float], place: int) -> float:
    logged = _mean(chunk, place)
    value = exp(logged) if logged < log(MOST) else MOST
    return finite(float(f"{value:.4g}"))


def _moved(grown: float, before: float, now: float) -> float:
    """How far one kind of tokens moved, in logs, from its shares of all tokens."""
    if before <= 0.0 or now <= 0.0:
        return 0.0 if before <= 0.0 and now <= 0.0 else inf
    return abs(grown + log(now / before))
