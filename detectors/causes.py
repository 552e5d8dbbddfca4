"""Why did the cost rise: a decomposition of what sessions cost.

A session's cost is a product: loops x LLM calls per loop x tokens per call x price
per token. In logarithms it is a sum, so the change of the mean log cost is the sum
of the changes of the factors' mean logs, and each factor's part of it is its share.
What a session does not say is left to the factor after it, and at last to ``other``.

An output token counts as ``OUTPUT`` input tokens, or a longer answer would look like
a higher price. The cost of tools has no column of its own: it is in the price, and
is told from it by whether tool calls per LLM call rose as well.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Sequence
from math import exp, inf, log, log1p
from typing import Any, Final

from detectors.batch import ATTRIBUTES
from detectors.metrics import COLUMN
from detectors.numbers import MOST, finite
from detectors.packing import pack, unpack

OUTPUT: Final = 4.0
"""What an output token costs, in input tokens: list prices lie between 3 and 8."""

LEAST_RISE: Final = 0.1
"""Below this change of the mean log cost, about 10 %, there is nothing to explain."""

LEAST_SHARE: Final = 0.05
"""Smaller shares are folded into ``other``."""

LEARNED: Final = 10
"""So many sessions make out what is usual."""

STEPS: Final = 4
"""Chunks in a window."""

MEMORY: Final = 512
"""About how many sessions what is usual reaches back."""

_MODEL: Final = ATTRIBUTES.index("model")
_COST: Final = COLUMN["cost_usd"]
_LOOPS: Final = COLUMN["loop_count"]
_CALLS: Final = COLUMN["llm_calls"]
_TOOLS: Final = COLUMN["tool_calls"]
_INPUT: Final = COLUMN["input_tokens"]
_OUTPUT: Final = COLUMN["output_tokens"]

# Places in a chunk: how many sessions say it, and the sum of its logs behind it.
_COSTS, _LOOPED, _CALLED, _TOKENS, _TOOLED = 0, 2, 4, 6, 8
_WRITTEN, _NAMED, _STRANGE, _SESSIONS = 10, 11, 12, 13
_WIDTH: Final = 14

_ALONE: Final = 0.25
"""Input or output tokens are named if the other moved less than this part of it."""

_STRANGERS: Final = 0.05
"""The model has changed if so many more of the sessions ran on another one."""

_ROUNDED: Final = 0.005
"""What rounding leaves, at most: not worth a name."""

_ZEROS: Final = bytes(8 * _WIDTH)


def _chunk() -> array[float]:
    return array("d", _ZEROS)


class CostFactors:
    """What the cost of a series' sessions is made of, before and since a breach.

    Sessions are summed up in chunks. While all is well a chunk that is full waits
    until ``held`` newer ones stand behind it, so that a window that breaches is not
    among what is usual; then it joins an exponentially weighted mean.

    Args:
        held: Chunks that wait: a window's.
        size: Sessions of a chunk; 0 if steps of time make chunks.
        memory: Chunks that what is usual reaches back.
    """

    __slots__ = (
        "_chunk",
        "_chunks",
        "_held",
        "_memory",
        "_now",
        "_ring",
        "_size",
        "_step",
        "_usual",
        "_whole",
        "crowd",
        "model",
        "newcomer",
    )

    def __init__(self, held: int = 0, size: int = 8, memory: int = MEMORY // 8) -> None:
        self._held, self._size, self._memory = held, size, memory
        self._usual = _chunk()
        self._chunks = 0
        self._chunk = _chunk()
        self._ring: deque[array[float]] = deque()
        self._now = _chunk()
        self._step = 0
        self._whole = size > 0
        self.crowd = 0
        self.model = self.newcomer = ""

    @classmethod
    def counted(cls, samples: int) -> CostFactors:
        """For a window of so many sessions."""
        size = -(-samples // STEPS)
        return cls(-(-samples // size), size, max(8 * STEPS, MEMORY // size))

    @classmethod
    def timed(cls, windows: int) -> CostFactors:
        """For a window of time, its steps told by ``learn``.

        Args:
            windows: How many windows what is usual reaches back.
        """
        return cls(STEPS, 0, STEPS * min(max(windows, 8), MEMORY // STEPS))

    def learn(
        self, values: Sequence[float], attributes: Sequence[str], step: int = 0
    ) -> None:
        """Add a session seen while all is well.

        Args:
            values: Its numbers in the order of ``COLUMNS``; without a cost it is none.
            attributes: Its labels in the order of ``ATTRIBUTES``.
            step: The step of time, where these make chunks.
        """
        if self._size == 0 and step != self._step:
            self._turn(step)
        chunk = self._chunk
        self._add(chunk, values, attributes[_MODEL])
        if chunk[_SESSIONS] == self._size:
            self._close()

    def during(self, values: Sequence[float], attributes: Sequence[str]) -> None:
        """Add a session seen while it is not."""
        self._add(self._now, values, attributes[_MODEL])

    def begin(self) -> None:
        """The breach begins: what waits is no longer usual, but part of it."""
        self._now = now = _chunk()
        if self._held:
            for chunk in (*self._ring, self._chunk):
                for place, value in enumerate(chunk):
                    now[place] += value
            self._ring.clear()
            self._chunk = _chunk()
            self._step, self._whole = 0, self._size > 0
        self.crowd = 0

    def _add(self, chunk: array[float], values: Sequence[float], model: str) -> None:
        # For every session of every rule on cost: no loops, no calls.
        cost = values[_COST]
        if cost != cost:  # noqa: PLR0124 - NaN is no sample
            return
        chunk[_SESSIONS] += 1.0
        if not 0.0 < cost < inf:
            return
        chunk[_COSTS] += 1.0
        chunk[_COSTS + 1] += log(cost)
        loops = values[_LOOPS]
        if 0.0 < loops < inf:
            chunk[_LOOPED] += 1.0
            chunk[_LOOPED + 1] += log(loops)
        calls = values[_CALLS]
        if 0.0 < calls < inf:
            chunk[_CALLED] += 1.0
            chunk[_CALLED + 1] += log(calls)
        written = OUTPUT * values[_OUTPUT]
        tokens = values[_INPUT] + written
        if 0.0 < tokens < inf:
            chunk[_TOKENS] += 1.0
            chunk[_TOKENS + 1] += log(tokens)
            chunk[_WRITTEN] += written / tokens
        tools = values[_TOOLS]
        if 0.0 <= tools < inf:
            chunk[_TOOLED] += 1.0
            chunk[_TOOLED + 1] += log1p(tools)
        if model:
            chunk[_NAMED] += 1.0
            if model != self.model:
                if self.model:
                    self.newcomer = model
                    chunk[_STRANGE] += 1.0
                else:
                    self.model = model

    def _turn(self, step: int) -> None:
        """Close the chunk of a step of time, and those of empty steps after it."""
        if self._whole:
            self._close()
            for _ in range(min(step - self._step - 1, self._held + self._memory)):
                self._close()
        elif self._step:
            # It began within its step: how many sessions that had is not known.
            self._chunk = _chunk()
            self._whole = True
        self._step = step

    def _close(self) -> None:
        ring = self._ring
        ring.append(self._chunk)
        self._chunk = _chunk()
        while len(ring) > self._held:
            self._absorb(ring.popleft())

    def _absorb(self, chunk: array[float]) -> None:
        self._chunks = min(self._chunks + 1, self._memory)
        usual, part = self._usual, 1.0 / self._chunks
        for place, value in enumerate(chunk):
            usual[place] += (value - usual[place]) * part
        if 2.0 * usual[_STRANGE] > usual[_NAMED]:
            # Most of what is usual runs on the other one by now.
            self.model, self.newcomer = self.newcomer, self.model
            for known in (usual, self._chunk, *self._ring):
                known[_STRANGE] = known[_NAMED] - known[_STRANGE]

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
        if not rise >= LEAST_RISE or changes.keys() <= {"other"}:
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

    def typical(self) -> dict[str, Any]:
        """What the shares are made of: for each factor its typical value before, since.

        Typical is the geometric mean. ``model`` names the two models, if the sessions
        have changed from one to the other.
        """
        before, now = self._usual, self._now
        if not self._known():
            return {}
        found: dict[str, Any] = {}
        for name, place in (
            ("cost_usd", _COSTS),
            ("loops", _LOOPED),
            ("calls", _CALLED),
            ("weighted_tokens", _TOKENS),
        ):
            if self._says(place):
                found[name] = [_typical(before, place), _typical(now, place)]
        if self.model_changed:
            found["model"] = [self.model, self.newcomer]
        return found

    @property
    def model_changed(self) -> bool:
        """Whether more of the sessions run on another model than did before."""
        more = _mean(self._now, _NAMED, _STRANGE) - _mean(self._usual, _NAMED, _STRANGE)
        return more >= _STRANGERS

    def _known(self) -> bool:
        learned = self._chunks * self._usual[_COSTS]
        return learned >= LEARNED and self._now[_COSTS] > 0.0

    def _says(self, place: int) -> bool:
        """Whether at least half of the sessions say it, before and since."""
        return all(
            chunk[place] > 0.0 and 2.0 * chunk[place] >= chunk[_COSTS]
            for chunk in (self._usual, self._now)
        )

    def _grown(self, place: int) -> float:
        return _mean(self._now, place) - _mean(self._usual, place)

    def _changes(self) -> dict[str, float]:
        """The change of each factor's mean log."""
        if not self._known():
            return {}
        changes: dict[str, float] = {}
        usual = STEPS * self._usual[_SESSIONS]
        if self.crowd and usual > 0.0:
            changes["sessions"] = log(self.crowd / usual)
        told, per = 0.0, ""
        for place, name, each in (
            (_LOOPED, "loops", "loop"),
            (_CALLED, "calls", "call"),
            (_TOKENS, self._tokens(), ""),
        ):
            if self._says(place):
                grown = self._grown(place)
                changes[f"{name}_per_{per}" if per else name] = grown - told
                told, per = grown, each
        changes[self._rest(told)] = self._grown(_COSTS) - told
        return changes

    def _tokens(self) -> str:
        """Which tokens moved: ``tokens`` if both did."""
        if not self._says(_TOKENS):
            return "tokens"
        before = _mean(self._usual, _TOKENS, _WRITTEN)
        now = _mean(self._now, _TOKENS, _WRITTEN)
        grown = self._grown(_TOKENS)
        read = _moved(grown, 1.0 - before, 1.0 - now)
        written = _moved(grown, before, now)
        if written < _ALONE * read:
            return "input_tokens"
        return "output_tokens" if read < _ALONE * written else "tokens"

    def _rest(self, told: float) -> str:
        """What to call the part that loops, calls and tokens leave."""
        if not self._says(_TOKENS):
            return "other"
        if self.model_changed:
            return "model"
        rest = self._grown(_COSTS) - told
        if self._says(_TOOLED):
            tools = self._grown(_TOOLED)
            if self._says(_CALLED):
                tools -= self._grown(_CALLED)
            if rest > 0.0 and tools >= rest / 2.0:
                return "tools"
        return "price"

    def dump(self) -> list[Any]:
        """As plain values."""
        numbers = array("d")
        for chunk in (self._usual, self._now, self._chunk, *self._ring):
            numbers += chunk
        return [
            self._chunks,
            self._step,
            self._whole,
            self.crowd,
            self.model,
            self.newcomer,
            pack(numbers),
        ]

    def load(self, state: list[Any]) -> None:
        """Take what ``dump`` gave."""
        self._chunks, self._step, self._whole, self.crowd = state[:4]
        self.model, self.newcomer, packed = state[4:]
        numbers = unpack(packed)
        self._usual, self._now, self._chunk, *ring = (
            numbers[first : first + _WIDTH] for first in range(0, len(numbers), _WIDTH)
        )
        self._ring = deque(ring)


def _mean(chunk: array[float], weight: int, place: int | None = None) -> float:
    if not chunk[weight] > 0.0:
        return 0.0
    return chunk[weight + 1 if place is None else place] / chunk[weight]


def _typical(chunk: array[float], place: int) -> float:
    logged = _mean(chunk, place)
    value = exp(logged) if logged < log(MOST) else MOST
    return finite(float(f"{value:.4g}"))


def _moved(grown: float, before: float, now: float) -> float:
    """How far one kind of tokens moved, in logs, from its shares of all tokens."""
    if before <= 0.0 or now <= 0.0:
        return 0.0 if before <= 0.0 and now <= 0.0 else inf
    return abs(grown + log(now / before))
