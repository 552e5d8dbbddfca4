"""The worker's web endpoint: health, readiness, metrics, status."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import msgspec
from aiohttp import web
from mode import Service
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from streams.logs import LIBRARY
from streams.metrics import Meters

log = logging.getLogger(__name__)


class WebEndpoint(Service):  # type: ignore[misc]
    """Answers ``/healthz``, ``/readyz``, ``/metrics`` and ``/status``.

    Args:
        host: Address to listen on.
        port: Port to listen on.
        any_port: Take another one when it is taken.
        ready: What is not ready yet; empty when everything is.
        meters: What is counted.
        measure: Brings gauges up to date.
        status: For ``loopwatch status``.
    """

    logger = LIBRARY

    def __init__(
        self,
        host: str,
        port: int,
        *,
        any_port: bool,
        ready: Callable[[], list[str]],
        meters: Meters,
        measure: Callable[[], None],
        status: Callable[[], dict[str, Any]],
    ) -> None:
        super().__init__()
        self._host = host
        self._port = port
        self._any_port = any_port
        self._ready = ready
        self._meters = meters
        self._measure = measure
        self._status = status
        self._runner: web.AppRunner | None = None

    async def open(self) -> int:
        """Listen; the port.

        Raises:
            OSError: The address or port cannot be used.
        """
        app = web.Application()
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", self._metrics)
        app.router.add_get("/status", self._show)
        runner = web.AppRunner(app, access_log=None, handle_signals=False)
        await runner.setup()
        try:
            await web.TCPSite(runner, self._host, self._port).start()
        except OSError:
            if not self._any_port:
                await runner.cleanup()
                raise
            taken = self._port
            await web.TCPSite(runner, self._host, 0).start()
            log.warning("port %d is taken, another worker may have it", taken)
        self._runner = runner
        port: int = runner.addresses[0][1]
        log.info("web endpoint on http://%s:%d", self._host, port)
        return port

    async def on_stop(self) -> None:
        """Stop to listen."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _healthz(self, _request: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def _readyz(self, _request: web.Request) -> web.Response:
        waiting = self._ready()
        if waiting:
            return web.Response(status=503, text="".join(f"{w}\n" for w in waiting))
        return web.Response(text="ready\n")

    async def _metrics(self, _request: web.Request) -> web.Response:
        self._measure()
        self._meters.ready.set(not self._ready())
        text = await asyncio.to_thread(generate_latest, self._meters.registry)
        return web.Response(body=text, headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def _show(self, _request: web.Request) -> web.Response:
        status = msgspec.json.encode(self._status())
        return web.Response(body=status, content_type="application/json")
