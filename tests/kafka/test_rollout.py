"""A new file reaches one worker after the other, and alerts of lost rules end once."""

from __future__ import annotations

from pathlib import Path

import msgspec

from detectors.transitions import State, Transition
from loopwatch.apache_kafka import ApacheKafka
from streams.control.announce import Announcement
from tests.kafka.workers import Site, eventually, read, session

OLD = """
lateness: 1s
defaults: {by: [agent]}
rules:
  - {name: failing, metric: tool_error_rate, window: 5 sessions, min_samples: 3,
     threshold: {critical: 0.2}}
  - {name: dear, metric: cost_usd, threshold: {warning: 0.5}, keep_firing_for: 1s}
"""
NEW = """
lateness: 1s
defaults: {by: [agent]}
rules:
  - {name: dear, metric: cost_usd, threshold: {warning: 0.5}, keep_firing_for: 1s}
"""
ANNOUNCE_S = 0.5


def ended(lines: list[Transition]) -> list[Transition]:
    """Alerts that were resolved because of the file."""
    return [
        line
        for line in lines
        if line.to_state is State.RESOLVED and line.rule == "failing"
    ]


async def announced(site: Site, workers: int, times: int) -> bool:
    """Whether the last of so many workers has announced itself so often."""
    found = [
        msgspec.json.decode(record.value, type=Announcement)
        for record in await read(site.connection, site.topics.control)
    ]
    heard = list(dict.fromkeys(each.worker for each in found))
    said = sum(each.worker == heard[-1] for each in found) if heard else 0
    return len(heard) == workers and said >= times


async def test_a_lost_rule_is_resolved_when_all_have_lost_it(
    kafka: ApacheKafka, topic_prefix: str, tmp_path: Path
) -> None:
    """While a worker still has the rule its alert stays open; then it is resolved."""
    site = Site(
        kafka.bootstrap_servers,
        topic_prefix,
        tmp_path,
        OLD,
        LOOPWATCH_ANNOUNCE_INTERVAL_S=str(ANNOUNCE_S),
    )
    async with site.worker() as old:
        bad = [session(f"s{n}", tool_calls=10, tool_errors=9) for n in range(3)]
        await site.publish(*bad)
        await site.until(
            lambda lines: any(line.to_state is State.FIRING for line in lines), old
        )
        site.config = site.write("new.yaml", NEW)
        async with site.worker() as new:
            # Twice as often as a worker alone needs to have made up its mind.
            await eventually(lambda: announced(site, 2, 6))
            assert not ended(await site.transitions())
            assert await old.stop() == 0
            lines = await site.until(lambda lines: bool(ended(lines)), new)
            (last,) = ended(lines)
            assert "config" in last.reason
            assert last.generation == 1
            assert await new.stop() == 0
        async with site.worker() as again:
            await eventually(lambda: announced(site, 3, 6))
            assert await again.stop() == 0
        assert len(ended(await site.transitions())) == 1
