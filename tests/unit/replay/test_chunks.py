"""How many lines replay reads at once must not be seen in what it says."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.notifications import Notification, Reason
from detectors.state.acceptance import Outcome
from detectors.transitions import State, Transition, microseconds, rfc3339
from loopwatch.config.load import Config, load
from streams.control.actions import AcceptAction, Numbered, encode_action, read_actions
from streams.replay import Replay, ReplayLine

RULES = """\
version: 1
defaults: {by: [agent], min_samples: 5}
rules:
  - {name: dear, metric: cost_usd, threshold: {warning: 0.5, critical: 2.0}}
  - {name: errors, metric: tool_error_rate, window: 5 sessions, threshold: 0.5, for: 2m}
  - {name: spend, metric: cost_usd, window: 10m, aggregate: sum, threshold: 3.0}
  - {name: dearer, metric: cost_usd, window: 5 sessions, baseline: {ratio: 2.0}}
  - {name: drifting, metric: latency_ms, drift: {sensitivity: high}}
  - {name: budget, metric: cost_usd, by: [], budget: {amount: 40, period: day}}
  - {name: gone-quiet, metric: sessions, absence: 10m, where: {environment: production}}
receivers: [{name: team, webhook: {url: "https://example.com/hook"}}]
route: {receiver: team, group_wait: 10s, group_interval: 1m}
"""
NOON_S = 1_800_000_000
encode = msgspec.json.Encoder().encode


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    """Rules of all kinds."""
    path = tmp_path_factory.mktemp("chunks") / "loopwatch.yaml"
    path.write_text(RULES)
    found = load(path, {}).config
    assert found is not None
    return found


def hard_lines(seed: int, count: int) -> list[bytes]:
    """Sessions with all that makes time hard.

    Some are late, some repeat an id, some are none; there are silences long enough for
    absences, and spells in which everything is worse.
    """
    draw = Random(seed)  # noqa: S311
    at_s, lines = float(NOON_S), []
    for number in range(count):
        at_s += draw.choice((0, 1, 5, 20)) if draw.random() < 0.97 else 2_000
        bad = number // 60 % 2
        late_s = draw.choice((1, 60, 900, 90_000)) if draw.random() < 0.2 else 0
        event = {
            "session_id": f"s-{number if draw.random() < 0.95 else number // 2}",
            "agent": f"a-{draw.randrange(3)}",
            "environment": draw.choice(("production", "production", "staging")),
            "ended_at": at_s - late_s,
            "cost_usd": round(draw.lognormvariate(-1 if bad else -3, 0.8), 4),
            "latency_ms": round(draw.lognormvariate(9 if bad else 8, 0.4), 1),
            "tool_calls": 4,
            "tool_errors": int(draw.random() < (0.9 if bad else 0.05)) * 3,
        }
        text = msgspec.json.encode(event)
        lines.append(draw.choices((text, b"{", b"  "), (96, 2, 2))[0] + b"\n")
    return lines


def accepts(seed: int, count: int) -> list[Numbered]:
    """Levels that people accept meanwhile, some with the very session of that time."""
    draw = Random(seed)  # noqa: S311
    sessions = [line for line in hard_lines(seed, count) if line.startswith(b'{"')]
    actions = [
        AcceptAction(
            at=rfc3339(int(msgspec.json.decode(line)["ended_at"]) * 1_000_000),
            match={"rule": draw.choice(("dearer", "drifting"))},
        )
        for line in draw.sample(sessions, 6)
    ]
    return read_actions(map(encode_action, actions))[0]


def said(
    config: Config,
    lines: Sequence[bytes],
    chunk_lines: int,
    actions: Sequence[Numbered] = (),
) -> tuple[list[ReplayLine], list[tuple[int, str]], int]:
    """What replay says, what it rejects, and how many actions met an alert."""
    rejected: list[tuple[int, str]] = []
    met: list[Outcome] = []
    run = Replay(
        config.book,
        config.routing,
        lambda *fault: rejected.append(fault),
        actions,
        heed=lambda _line, outcome: met.append(outcome),
        chunk_lines=chunk_lines,
    )
    found = list(run.run(lines))
    return found, rejected, sum(outcome.resolved > 0 for outcome in met)


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10_000), chunk_lines=st.integers(2, 300))
def test_chunks_are_not_seen_in_the_output(
    config: Config, seed: int, chunk_lines: int
) -> None:
    """Late sessions, silences, timers, repeats, nonsense and actions: the same bytes."""
    lines, actions = hard_lines(seed, 600), accepts(seed, 600)
    one_by_one = said(config, lines, 1, actions)
    together = said(config, lines, chunk_lines, actions)
    assert together[1:] == one_by_one[1:]
    assert list(map(encode, together[0])) == list(map(encode, one_by_one[0]))


def test_what_makes_time_hard_is_in_these_files(config: Config) -> None:
    """Alerts of every kind fire and resolve, people are told, levels are accepted."""
    found, rejected, met = said(config, hard_lines(7, 2_000), 100, accepts(7, 2_000))
    firing = {
        line.rule
        for line in found
        if isinstance(line, Transition) and line.to_state is State.FIRING
    }
    assert firing == {rule.name for rule in config.book.rules}
    assert {line.reason for line in found if isinstance(line, Notification)} >= {
        Reason.FIRING,
        Reason.RESOLVED,
    }
    assert rejected
    assert met


def test_people_are_told_between_two_sessions_of_a_chunk(config: Config) -> None:
    """A group's time comes while the file goes on; its message stands at that time."""
    lines = [
        b'{"session_id": "%d", "agent": "a", "ended_at": %d, "cost_usd": %d}'
        % (number, NOON_S + at_s, cost_usd)
        for number, (at_s, cost_usd) in enumerate([(0, 1), (60, 0), (120, 9)])
    ]
    found, _, _ = said(config, lines, 3)
    told = [line.time for line in found if isinstance(line, Notification)]
    assert told[0] == rfc3339((NOON_S + 10) * 1_000_000)
    times = [microseconds(line.time) for line in found]
    assert times == sorted(times)
