import json

from detectors.rules import Baseline, Window, rule
from tests.bench.bands import from_engine, from_lines

COST = rule("dearer", "cost_usd", Baseline(ratio=2.0), window=Window(samples=10))


def published(position: int, cost_usd: float) -> bytes:
    """A session a minute after the one before."""
    event = {"session_id": f"s{position}", "agent": "a", "task_type": "t"}
    ended_at = 1_760_000_000 + 60 * position
    return json.dumps({**event, "ended_at": ended_at, "cost_usd": cost_usd}).encode()


def test_the_engine_is_asked_after_every_session() -> None:
    """No band before there is a past; then the level, and the limit on the bad side."""
    bands = from_engine(COST, [published(n, 0.5) for n in range(100)])
    assert len(bands) == 100
    assert bands[0][1:] == (None, None, None)
    expected, low, high = bands[-1][1:]
    assert low is None
    assert expected is not None
    assert high is not None
    assert abs(expected - 0.5) < 0.01
    assert high == 2 * expected


def test_lines_say_limits_unless_their_evidence_has_a_band() -> None:
    """Evidence wins; lines that are no transitions have no band."""
    line = {
        "kind": "transition",
        "time": "2026-03-02T00:00:00Z",
        "expected": 1.0,
        "threshold": 2.0,
        "evidence": {},
    }
    told = {**line, "evidence": {"low": 0.5, "high": 1.5}}
    bands = from_lines([line, {"kind": "update"}, told])
    assert [band[1:] for band in bands] == [(1.0, None, 2.0), (1.0, 0.5, 1.5)]
