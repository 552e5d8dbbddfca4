import json
from pathlib import Path
from typing import Any

import pytest

from tests.bench.fleets import MissingError, benchmark_folder
from tests.bench.incidents import held_against_goals
from tests.bench.real import (
    SWAP_AT,
    Event,
    airline,
    data_folder,
    firings,
    judged,
    swapped,
    unchanged,
)

RULES = """\
version: 1
quality_scale: [1, 10]
rules:
  - {name: dearer, metric: cost_usd, window: 20 sessions, baseline: {ratio: 2.0}}
  - {name: too-dear, metric: cost_usd, window: 20 sessions, threshold: {warning: 0.15}}
receivers: [{name: all, webhook: {url: "https://example.com/hook"}}]
route: {receiver: all}
"""


def model(name: str, cost_usd: float) -> list[Event]:
    """Sessions of a model that cost the same."""
    return [{"agent": "a", "model": name, "cost_usd": cost_usd} for _ in range(3)]


MODELS = {"old": model("old", 0.1), "new": model("new", 0.4)}


@pytest.mark.parametrize("where", [benchmark_folder, data_folder])
def test_a_folder_that_is_missing_is_named_with_the_way_out(
    where: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The message says which file was looked for, where, and what to write."""
    monkeypatch.setenv("INCIDENTS", str(tmp_path))
    monkeypatch.setenv("REAL_SESSIONS", str(tmp_path))
    with pytest.raises(MissingError, match=rf"no .* in {tmp_path}.*make \.\.\. "):
        where()


def test_a_swap_is_found_from_its_first_sessions_on() -> None:
    """Delay counts from the swap; fixed limits are apart, and no attribution is none."""
    stream = swapped(MODELS, "old", "new", "model", seed=1)
    found = judged(stream, firings(RULES, stream.lines))
    assert found["found"] is True
    assert 1 <= found["delay"] <= 20
    assert found["rules"] == {"dearer": 1}
    assert (found["false"], found["fixed_limits"], found["named"]) == ([], 1, False)


def test_an_unchanged_stream_is_silent() -> None:
    """Nothing fires; whether something was found is not asked."""
    stream = unchanged("old", MODELS["old"], seed=1)
    found = judged(stream, firings(RULES, stream.lines))
    assert (found["false"], found["fixed_limits"], found["found"]) == ([], 0, None)


def test_an_unlabelled_swap_is_told_by_the_version_alone() -> None:
    """The model keeps its name; the version changes with the session of the swap."""
    stream = swapped(MODELS, "old", "new", "agent_version", seed=1)
    events = [json.loads(line) for line in stream.lines]
    assert {event["model"] for event in events} == {"in-house"}
    versions = [event["agent_version"] for event in events]
    assert versions.index("v2") == SWAP_AT
    assert stream.named == ("agent_version", "v2")


def test_a_reward_of_one_is_a_success() -> None:
    """And anything below is a failure."""
    base = {"agent": "a", "model": "m", "loop_count": 1, "llm_calls": 1}
    base |= {"tool_calls": 0, "tool_errors": 0}
    found = airline([{**base, "reward": 1.0}, {**base, "reward": 0.0}])
    assert [event["status"] for event in found] == ["success", "failure"]


def test_every_goal_says_whether_it_is_met() -> None:
    """A figure that could not be taken does not meet its goal."""
    rows = {row[0]: row for row in held_against_goals({"f1": 0.96, "recall": 0.5})}
    assert rows["F1"] == ["F1", "0.96", ">= 0.95", "yes"]
    assert rows["recall"][3] == "no"
    assert rows["scope right"][1:] == ["-", ">= 0.90", "no"]
    assert rows["precision"][3] == ""
