"""A series among very many is judged as it is alone."""

from __future__ import annotations

from detectors.kernels.ahead import NEAR
from detectors.kernels.arena import TOP
from detectors.partition import Partition
from detectors.rules import Drift, RuleBook, rule
from tests.unit.detectors.scenes import Log, Session, chance, transitions

PAIR = ("agent", "task_type")
RULES = (
    rule("cost", "cost_usd", Drift(), by=PAIR),
    rule("latency", "latency_ms", Drift(), by=PAIR),
)
OTHERS, ROUNDS, BLOCK = 3_200, 160, 700


def _session(number: int, at_s: float, task: str, cost_usd: float) -> Session:
    values = {
        "cost_usd": cost_usd,
        "latency_ms": 900.0 + number % 7,
        "llm_calls": 2.0,
        "input_tokens": 1_000.0,
        "output_tokens": 90.0,
    }
    return Session(at_s, values, f"s{number}", {"agent": "a", "task_type": task})


def _sessions() -> list[Session]:
    """Two series of which one becomes dearer, and others that never come again."""
    draw, sessions = chance(3), list[Session]()
    for turn in range(ROUNDS):
        for task in ("steady", "dearer"):
            dear = 3.0 if task == "dearer" and turn >= 80 else 1.0
            cost_usd = dear * draw.lognormvariate(-3.0, 0.2)
            sessions.append(_session(len(sessions), len(sessions), task, cost_usd))
        for other in range(turn * OTHERS // ROUNDS, (turn + 1) * OTHERS // ROUNDS):
            at_s = len(sessions)
            sessions.append(_session(at_s, at_s, f"t{other}", 0.05))
    return sessions


def _told(sessions: list[Session]) -> tuple[list[tuple[str, str, str, str]], int]:
    """What is said of the two series, and how many words the partition holds."""
    partition, log, said = Partition(RuleBook(RULES)), Log(RULES), []
    for offset, first in enumerate(range(0, len(sessions), BLOCK)):
        batch = log.batch(sessions[first : first + BLOCK])
        said += transitions(partition.apply(batch, offset))
    told = [
        (line.time, line.rule, line.to_state.value, line.reason)
        for line in said
        if line.labels["task_type"] in {"steady", "dearer"}
    ]
    return told, int(partition._store.arena.heads[TOP])


def test_what_is_asked_for_ahead_changes_nothing() -> None:
    """Where the words of series lie too far away to be waited for, the lines are the same."""
    sessions = _sessions()
    few = [each for each in sessions if not each.labels["task_type"].startswith("t")]
    alone, near = _told(few)
    among, far = _told(sessions)
    assert near < NEAR < far
    assert among == alone
    assert [state for _, rule, state, _ in alone if rule == "cost"].count("firing") == 1
