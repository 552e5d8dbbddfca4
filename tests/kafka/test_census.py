"""A rule fires in one partition: those of the others count their series too."""

from __future__ import annotations

from pathlib import Path

import pytest

from alerts.headcount import Headcounts
from alerts.ledger import Ledger
from detectors.identity import partition_of, series_key
from detectors.transitions import Census, Clock, Transition
from loopwatch.apache_kafka import ApacheKafka
from tests.kafka.workers import Site, eventually, session

RULES = """
lateness: 1s
rules:
  - {name: dear, metric: cost_usd, by: [tenant], threshold: 2.0, keep_firing_for: 1h}
"""
TENANTS = [f"t{number}" for number in range(20)]
BROKEN = [
    name for name in TENANTS if partition_of(series_key({"tenant": name}), 4) == 0
]


@pytest.fixture
def site(kafka: ApacheKafka, topic_prefix: str, tmp_path: Path) -> Site:
    """A cluster with a rule on tenants."""
    return Site(kafka.bootstrap_servers, topic_prefix, tmp_path, RULES)


async def test_the_headline_counts_tenants_of_all_partitions(site: Site) -> None:
    """Also those of a worker that has just taken over."""
    assert 0 < len(BROKEN) < len(TENANTS)
    async with site.worker() as worker:
        sessions = [session(f"good {name}", tenant=name) for name in TENANTS]
        bad = [session(f"bad {name}", tenant=name, cost_usd=3.0) for name in BROKEN]
        await site.publish(*sessions, *bad)
        await eventually(lambda: _counts(site, len(TENANTS)))
        worker.child.kill()
    async with site.worker() as worker:
        await site.publish(session("another", tenant="another"))
        new = session("bad another", tenant="another", cost_usd=3.0)
        await site.publish(new, partition=1)
        await eventually(lambda: _counts(site, len(TENANTS) + 1), patience_s=90)
        assert await worker.stop() == 0


async def _counts(site: Site, series: int) -> bool:
    """Whether notify knows so many of the rule, and that these are all."""
    counts = Headcounts(Ledger())
    for line in await site.lines():
        match line:
            case Transition():
                counts.note(line)
            case Census():
                counts.hear(line)
            case Clock():
                counts.tick(line)
            case _:
                pass
    return counts.is_whole("dear") and counts.series("dear") == series
