"""Takes the README's picture: the sandbox's page in the midst of a real demo.

    make picture

Needs Chromium. The demo runs as a user would run it; the page is photographed once
Slack and PagerDuty have both been told.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

import aiohttp

from loopwatch.ports import free_port

PICTURE = Path(__file__).parents[1] / "docs" / "sandbox.png"
PATIENCE_S = 120.0


async def take() -> None:
    """Run the demo, and photograph its page while the incident is on."""
    port = free_port()
    demo = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "loopwatch", "demo", "--port", str(port)
    )
    try:
        page = f"http://127.0.0.1:{port}"
        async with asyncio.timeout(PATIENCE_S):
            await _incident_is_told(page)
        await _photograph(page)
    finally:
        with contextlib.suppress(ProcessLookupError):
            demo.send_signal(signal.SIGINT)
        await demo.wait()


async def _incident_is_told(page: str) -> None:
    """Follow the page's own events until Slack and PagerDuty have been told."""
    async with aiohttp.ClientSession(
        timeout=aiohttp.ClientTimeout(total=None)
    ) as session:
        while True:
            with contextlib.suppress(aiohttp.ClientError):
                async with session.get(f"{page}/sandbox/events") as events:
                    async for _ in events.content:
                        if await _told(session, page):
                            return
            await asyncio.sleep(0.2)


async def _told(session: aiohttp.ClientSession, page: str) -> bool:
    async with session.get(f"{page}/sandbox/inbox") as answer:
        inbox: dict[str, Any] = await answer.json()
    return len(inbox["messages"]) >= 3 and bool(inbox["incidents"])


async def _photograph(page: str) -> None:
    with tempfile.TemporaryDirectory() as profile:
        chromium = await asyncio.create_subprocess_exec(
            shutil.which("chromium") or "chromium",
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--hide-scrollbars",
            f"--user-data-dir={profile}",
            "--window-size=1280,1100",
            f"--screenshot={PICTURE}",
            page,
            env={**os.environ, "HOME": profile},
        )
        if await chromium.wait() != 0:
            raise SystemExit("Chromium did not take the picture")


if __name__ == "__main__":
    asyncio.run(take())
