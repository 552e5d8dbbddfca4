"""Rules over a stream of sessions, by the product's own rule engine, without Kafka."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from math import inf

from detectors.partition import Partition
from detectors.rules import Rule, RuleBook
from detectors.state.stage import Said
from detectors.transitions import State, Transition
from tests.bench.simulated import Values
from tests.unit.detectors.scenes import Log, Session, at

LABELS = {"agent": "a", "task_type": "t"}
_BLOCK = 100


def _sessions(stream: Sequence[Values], step_s: float) -> list[Session]:
    return [
        Session(position * step_s, values, f"s{position}", LABELS)
        for position, values in enumerate(stream)
    ]


def watched(rules: Sequence[Rule], stream: Sequence[Values], step_s: float) -> Fed:
    """A partition that has been told of all sessions of a stream, and what it said."""
    partition = Partition(RuleBook(tuple(rules)), memory=_BLOCK)
    log, sessions = Log(rules), _sessions(stream, step_s)
    batches = [
        log.batch(sessions[first : first + _BLOCK])
        for first in range(0, len(sessions), _BLOCK)
    ]
    began = time.process_time()
    said: list[Said] = []
    for offset, batch in enumerate(batches):
        said += partition.apply(batch, offset)
    return Fed(partition, said, time.process_time() - began)


class Fed:
    """What came of a stream.

    Attributes:
        cpu_s: What evaluation took.
    """

    def __init__(
        self, partition: Partition, said: Sequence[Said], cpu_s: float
    ) -> None:
        self.partition = partition
        self.said = said
        self.cpu_s = cpu_s

    @property
    def row_bytes(self) -> int:
        """Size of the rows that hold all of its state."""
        return sum(len(row or b"") for _, row in self.partition.take_dirty())


def alarms(
    rules: Sequence[Rule], stream: Sequence[Values], step_s: float
) -> dict[str, list[int]]:
    """For each rule the positions of the sessions at which it began to fire."""
    found: dict[str, list[int]] = {rule.name: [] for rule in rules}
    for line in watched(rules, stream, step_s).said:
        if not isinstance(line, Transition) or line.to_state is not State.FIRING:
            continue
        if not line.from_state.is_open:
            # A timer names no session: it counts for the last one before it.
            found[line.rule].append(int(at(line) // step_s))
    return found


def cpu_us(rule: Rule, stream: Sequence[Values], step_s: float) -> tuple[float, float]:
    """CPU µs an observation: of the engine with one rule, and of the rule alone.

    The latter is what each of three more rules like it adds; both are the least of
    five runs.
    """
    copies = [replace(rule, name=f"{rule.name}{n}") for n in range(4)]
    one = four = inf
    for _ in range(5):
        one = min(one, watched(copies[:1], stream, step_s).cpu_s)
        four = min(four, watched(copies, stream, step_s).cpu_s)
    per = 1e6 / len(stream)
    return one * per, (four - one) / 3 * per


def state_bytes(rule: Rule, stream: Sequence[Values], step_s: float) -> int:
    """Bytes that a rule adds to the row of its series, after a stream."""
    copies = [replace(rule, name=f"{rule.name}{n}") for n in range(2)]
    one = watched(copies[:1], stream, step_s).row_bytes
    return watched(copies, stream, step_s).row_bytes - one
