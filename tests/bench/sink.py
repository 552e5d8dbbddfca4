"""An HTTP receiver that notes when what arrived."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

import msgspec
from aiohttp import web

from loopwatch.ports import free_port


class Sink:
    """Takes the posts of a webhook receiver.

    Attributes:
        port: On 127.0.0.1.
        arrived_s: For each agent when the first post about it had come in full,
            seconds of ``time.perf_counter``.
    """

    def __init__(self) -> None:
        self.port = free_port()
        self.arrived_s: dict[str, float] = {}

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post("/hook", self._take)
        app.router.add_post("/other", self._pass)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        body = await request.read()
        now_s = time.perf_counter()
        for agent in agents(msgspec.json.decode(body)):
            self.arrived_s.setdefault(agent, now_s)
        return web.Response()

    async def _pass(self, _request: web.Request) -> web.Response:
        return web.Response()


def agents(body: object) -> list[str]:
    """The agents that a post is about, wherever in it they stand."""
    if isinstance(body, dict):
        own = [body["agent"]] if isinstance(body.get("agent"), str) else []
        return own + [name for part in body.values() for name in agents(part)]
    if isinstance(body, list):
        return [name for part in body for name in agents(part)]
    return []
