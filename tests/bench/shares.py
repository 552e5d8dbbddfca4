"""P5: two workers against one: what each does, and what it costs."""

from __future__ import annotations

from collections.abc import Sequence

from loopwatch.apache_kafka import ApacheKafka
from tests.bench.figures import Figure
from tests.bench.findings import CPU, Finding, at_most
from tests.bench.road import INIT, road

SERIES = 1_000


async def shares(kafka: ApacheKafka, *, count: int) -> list[Finding]:
    """The same sessions through one worker, and through two."""
    (one,) = await road(kafka, count, SERIES, INIT)
    two = await road(kafka, count, SERIES, INIT, workers=2)
    return findings(one, two)


def findings(one: Figure, two: Sequence[Figure]) -> list[Finding]:
    """What a session costs two workers, and the larger share of the CPU."""
    cpu_s = sum(each.cpu_s for each in two)
    together = Figure(
        sessions=sum(each.sessions for each in two), wall_s=two[0].wall_s, cpu_s=cpu_s
    )
    return [
        Finding(
            part="P5",
            what="two workers against one",
            value=together.cpu_us / one.cpu_us,
            unit="x the CPU",
            goal=at_most(1.1),
            raw={
                f"two, {CPU}": together.cpu_us,
                "one": one.cpu_us,
                "two, sessions/s": together.per_second,
                "one, sessions/s": one.per_second,
            },
        ),
        Finding(
            part="P5",
            what="what the busier of the two does",
            value=100 * max(each.cpu_s for each in two) / cpu_s,
            unit="% of the CPU",
            goal=at_most(60.0),
            raw={
                f"worker {number}, sessions read": float(each.sessions)
                for number, each in enumerate(two, start=1)
            },
        ),
    ]
