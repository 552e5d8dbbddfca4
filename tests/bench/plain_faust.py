"""A plain Faust agent that takes each session as bytes and does nothing with it.

python -m tests.bench.plain_faust BOOTSTRAP TOPIC COUNT
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from typing import Any

import faust

from tests.bench.figures import Figure, report

BOOTSTRAP, TOPIC, COUNT = sys.argv[1], sys.argv[2], int(sys.argv[3])


app = faust.App(
    f"plain-{os.getpid()}",
    broker=f"kafka://{BOOTSTRAP}",
    key_serializer="raw",
    value_serializer="raw",
    topic_disable_leader=True,
    broker_session_timeout=10,
    broker_rebalance_timeout=10,
    web_enabled=False,
    datadir=tempfile.mkdtemp(prefix="loopwatch-plain-"),
)


@app.agent(app.topic(TOPIC, key_type=bytes, value_type=bytes))  # type: ignore[untyped-decorator]
async def count(stream: Any) -> None:
    """Count to the end, then say what it took."""
    seen = 0
    began = (0.0, 0.0)
    async for _ in stream:
        if not seen:
            began = (time.perf_counter(), time.process_time())
        seen += 1
        if seen == COUNT:
            report(
                Figure(
                    sessions=seen,
                    wall_s=time.perf_counter() - began[0],
                    cpu_s=time.process_time() - began[1],
                )
            )
            os._exit(0)


if __name__ == "__main__":
    sys.argv = ["plain", "worker", "-l", "error", "--without-web"]
    app.main()
