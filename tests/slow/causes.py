"""Why did the cost rise: what sessions cost, before a breach and since it began."""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Iterable, MutableSequence, Sequence
from math import inf, log, log1p, sqrt
from typing import Any, Final

from detectors.batch import ATTRIBUTES
from detectors.cost.decomposition import (
    CALLED,
    COSTS,
    LOOPED,
    NAMED,
    OUTPUT,
    SESSIONS,
    SQUARES,
    STRANGE,
    TOKENS,
    TOOLED,
    WEIGHTS,
    WIDTH,
    WRITTEN,
    Rise,
)
from detectors.metrics import COLUMN
from detectors.numbers import narrow
from tests.slow.packing import pack, unpack

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

_ABSURD: Final = 1e30
"""USD. Nothing is learned from such a session."""


def new_chunk() -> list[float]:
    """The sums of no session."""
    return [0.0] * WIDTH


def _grow(chunk: list[float], place: int, more: float) -> None:
    chunk[place] = narrow(chunk[place] + more)


def add(chunk: list[float], values: Sequence[float]) -> float:
    """Add a session's numbers, in the order of ``COLUMNS``; its weight, 0 for none."""
    cost = values[_COST]
    if cost != cost:  # noqa: PLR0124 - NaN is no sample
        return 0.0
    _grow(chunk, SESSIONS, 1.0)
    if not 0.0 < cost < _ABSURD:
        return 0.0
    weight = sqrt(cost)
    part = weight * log(cost)
    _grow(chunk, COSTS, weight)
    _grow(chunk, COSTS + 1, part)
    _grow(chunk, SQUARES, part * part / weight)
    _grow(chunk, WEIGHTS, cost)
    loops = values[_LOOPS]
    if 0.0 < loops < inf:
        _grow(chunk, LOOPED, weight)
        _grow(chunk, LOOPED + 1, weight * log(loops))
    calls = values[_CALLS]
    if 0.0 < calls < inf:
        _grow(chunk, CALLED, weight)
        _grow(chunk, CALLED + 1, weight * log(calls))
    written = OUTPUT * values[_OUTPUT]
    tokens = values[_INPUT] + written
    if 0.0 < tokens < inf:
        _grow(chunk, TOKENS, weight)
        _grow(chunk, TOKENS + 1, weight * log(tokens))
        _grow(chunk, WRITTEN, weight * written / tokens)
    tools = values[_TOOLS]
    if 0.0 <= tools < inf:
        _grow(chunk, TOOLED, weight)
        _grow(chunk, TOOLED + 1, weight * log1p(tools))
    return weight


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
        self._usual = new_chunk()
        self._chunks = 0
        self._chunk = new_chunk()
        self._ring: deque[array[float]] = deque()
        self._now = new_chunk()
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
        size = self._size
        if size == 0 and step != self._step:
            self._turn(step)
        chunk = self._chunk
        self._add(chunk, values, attributes)
        if chunk[SESSIONS] == size > 0:
            self._close()

    def during(self, values: Sequence[float], attributes: Sequence[str]) -> None:
        """Add a session seen while it is not."""
        self._add(self._now, values, attributes)

    def begin(self) -> None:
        """The breach begins: what waits is no longer usual, but part of it.

        If the last breach is still within the window, both are one.
        """
        if len(self._ring) >= self._held:
            self._now = new_chunk()
        now = self._now
        if self._held:
            for chunk in (*self._ring, self._chunk):
                for place, value in enumerate(chunk):
                    now[place] += value
            self._now = [narrow(value) for value in now]
            self._ring.clear()
            self._chunk = new_chunk()
            self._step, self._whole = 0, self._size > 0
        self.crowd = 0

    def _add(
        self, chunk: list[float], values: Sequence[float], attributes: Sequence[str]
    ) -> None:
        weight = add(chunk, values)
        model = attributes[_MODEL]
        if model and weight:
            _grow(chunk, NAMED, weight)
            if model != self.model:
                if self.model:
                    self.newcomer = model
                    _grow(chunk, STRANGE, weight)
                else:
                    self.model = model

    def _turn(self, step: int) -> None:
        """Close the chunk of a step of time, and those of empty steps after it."""
        if self._whole:
            empty = step - self._step - 1
            for _ in range(1 + min(empty, self._held)):
                self._close()
            self._fade(empty - self._held)
        elif self._step:
            # It began within its step: how many sessions that had is not known.
            self._chunk = new_chunk()
            self._whole = True
        self._step = step

    def _close(self) -> None:
        ring = self._ring
        ring.append(array("d", self._chunk))
        self._chunk = new_chunk()
        while len(ring) > self._held:
            self._absorb(ring.popleft())

    def _fade(self, empty: int) -> None:
        """Let so many empty chunks join what is usual at once."""
        if empty <= 0:
            return
        until = min(self._chunks + empty, self._memory)
        part = self._chunks / until if until else 0.0
        part *= (1.0 - 1.0 / self._memory) ** (self._chunks + empty - until)
        self._chunks = until
        for place, value in enumerate(self._usual):
            self._usual[place] = narrow(value * part)

    def _absorb(self, chunk: Iterable[float]) -> None:
        self._chunks = min(self._chunks + 1, self._memory)
        usual, part = self._usual, 1.0 / self._chunks
        for place, value in enumerate(chunk):
            usual[place] = narrow(usual[place] + (value - usual[place]) * part)
        if 2.0 * usual[STRANGE] > usual[NAMED]:
            # Most of what is usual runs on the other one by now.
            self.model, self.newcomer = self.newcomer, self.model
            several: list[MutableSequence[float]] = [usual, self._chunk, *self._ring]
            for known in several:
                known[STRANGE] = narrow(known[NAMED] - known[STRANGE])

    def shares(self) -> dict[str, float]:
        """As ``Rise.shares``; empty as long as too little is known."""
        return self._rise().shares() if self._known() else {}

    def typical(self) -> dict[str, Any]:
        """As ``Rise.typical``, and in ``model`` both names if it has changed."""
        if not self._known():
            return {}
        rise = self._rise()
        found: dict[str, Any] = rise.typical()
        if rise.model_changed:
            found["model"] = [self.model, self.newcomer]
        return found

    def _rise(self) -> Rise:
        usual = STEPS * self._usual[SESSIONS]
        more = self.crowd / usual if usual > 0.0 else 0.0
        return Rise(self._usual, self._now, more)

    def _known(self) -> bool:
        learned = self._chunks * self._usual[SESSIONS]
        weighed = self._usual[COSTS] > 0.0 and self._now[COSTS] > 0.0
        return learned >= LEARNED and weighed

    def dump(self) -> list[Any]:
        """As plain values."""
        numbers = array("d", [*self._usual, *self._now, *self._chunk])
        for chunk in self._ring:
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
        usual, now, chunk, *ring = (
            numbers[first : first + WIDTH] for first in range(0, len(numbers), WIDTH)
        )
        self._usual, self._now, self._chunk = list(usual), list(now), list(chunk)
        self._ring = deque(ring)
