"""``max_series`` in a worker: what is beyond it is said, and survives a kill."""

from __future__ import annotations

from pathlib import Path

import pytest

from detectors.identity import partition_of, series_key
from detectors.transitions import Transition
from loopwatch.apache_kafka import ApacheKafka
from tests.kafka.workers import Site, Worker, eventually, session

RULES = """
lateness: 1s
max_series: 8
rules:
  - {name: dear, metric: cost_usd, by: [tenant], threshold: 2.0, keep_firing_for: 1h}
"""
TENANTS = [f"t{number}" for number in range(60)]


@pytest.fixture
def site(kafka: ApacheKafka, topic_prefix: str, tmp_path: Path) -> Site:
    """A cluster in which each partition has place for two tenants."""
    return Site(kafka.bootstrap_servers, topic_prefix, tmp_path, RULES)


def _first_of_each() -> set[str]:
    """The tenants that find a place."""
    places: dict[int, list[str]] = {}
    for name in TENANTS:
        number = partition_of(series_key({"tenant": name}), 4)
        places.setdefault(number, []).append(name)
    return {name for names in places.values() for name in names[:2]}


async def test_the_first_series_are_watched_and_no_others(site: Site) -> None:
    """Also by the worker after."""
    async with site.worker() as worker:
        await site.publish(*(session(f"1 {name}", tenant=name) for name in TENANTS))
        await eventually(lambda: _turned_away(worker, 52))
        await eventually(lambda: _measured(worker))
        assert "values of 'tenant'" in worker.said()
        _, text = await worker.get("/metrics")
        assert "loopwatch_observations_total 8.0" in text
        assert 'loopwatch_series_limit{partition="3"} 2.0' in text
        worker.child.kill()
    async with site.worker() as worker:
        dear = [session(f"2 {name}", tenant=name, cost_usd=3.0) for name in TENANTS]
        await site.publish(*dear)
        found = await site.until(lambda lines: len(_dear(lines)) >= 8, worker)
        await eventually(lambda: _turned_away(worker, 104))
        assert await worker.stop() == 0
    assert _dear(found) == _first_of_each()


async def _turned_away(worker: Worker, count: int) -> bool:
    groups = (await worker.status())["groups"]
    (score,) = [each for name, each in groups.items() if "score" in name]
    assert score["series_limit"] == 8
    return bool(score["series"] == 8 and score["turned_away"] == count)


async def _measured(worker: Worker) -> bool:
    """What a chunk led to is said and measured once its lines are written."""
    _, text = await worker.get("/metrics")
    measured = "loopwatch_turned_away_sessions_total 52.0" in text
    return measured and " is full: " in worker.said()


def _dear(lines: list[Transition]) -> set[str]:
    return {line.labels["tenant"] for line in lines if line.to_state.is_open}
