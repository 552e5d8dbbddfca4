"""The HTTP side of the inbox: the page, its events, and what tests and demos ask."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from importlib import resources
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

import msgspec
from aiohttp import web

from loopwatch.sandbox.faults import FaultScript, decode_faults
from loopwatch.sandbox.inbox import Change, Inbox
from loopwatch.sandbox.page import Card, cards_of, render_page, render_strip

_JSON: Final = "application/json"
# Scripts and styles of our own files only; nothing from elsewhere, nothing in line.
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_STATIC: Final = {
    "page.css": "text/css",
    "page.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}
# A reader that is further behind is told to load the page again.
_CHANGES_HELD: Final = 500
_HEARTBEAT_S: Final = 15.0


class _NoteBody(msgspec.Struct, forbid_unknown_fields=True):
    text: Annotated[str, msgspec.Meta(max_length=500)] = ""
    sessions: Annotated[int, msgspec.Meta(ge=0)] | None = None
    tone: Literal["info", "ok", "bad"] = "info"


class _Update(msgspec.Struct):
    """One event of the page's stream: ``strip`` and ``cards`` are HTML."""

    revision: int
    strip: str
    cards: Sequence[Card]


class Console:
    """What ``/``, ``/static`` and ``/sandbox`` serve.

    Args:
        url: Tells where the sandbox is, once it is.
        clear: Forgets everything received.
    """

    def __init__(
        self,
        inbox: Inbox,
        faults: FaultScript,
        closing: asyncio.Event,
        url: Callable[[], str],
        clear: Callable[[], None],
    ) -> None:
        self._inbox = inbox
        self._faults = faults
        self._closing = closing
        self._url = url
        self._clear = clear

    def routes(self) -> list[web.RouteDef]:
        """Where the console lives."""
        return [
            web.get("/", self._page),
            web.get("/static/{name}", self._static),
            web.get("/healthz", self._health),
            web.get("/sandbox/inbox", self._show_inbox),
            web.get("/sandbox/events", self._events),
            web.post("/sandbox/clear", self._clear_inbox),
            web.post("/sandbox/note", self._note),
            web.get("/sandbox/faults", self._show_faults),
            web.post("/sandbox/faults", self._add_faults),
            web.delete("/sandbox/faults", self._clear_faults),
        ]

    async def _page(self, _request: web.Request) -> web.Response:
        page = render_page(self._inbox, self._url())
        return web.Response(text=page, content_type="text/html", headers=_HEADERS)

    async def _static(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in _STATIC:
            raise web.HTTPNotFound(text="no such file", headers=_HEADERS)
        text = (resources.files(__package__) / "static" / name).read_text("utf-8")
        return web.Response(text=text, content_type=_STATIC[name], headers=_HEADERS)

    async def _health(self, _request: web.Request) -> web.Response:
        return _json({"status": "ok"})

    async def _show_inbox(self, _request: web.Request) -> web.Response:
        return _json(self._inbox.snapshot())

    async def _clear_inbox(self, request: web.Request) -> web.Response:
        _refuse_strangers(request)
        self._clear()
        return _json({"ok": True})

    async def _note(self, request: web.Request) -> web.Response:
        _refuse_strangers(request)
        try:
            note = msgspec.json.decode(await request.read(), type=_NoteBody)
        except msgspec.DecodeError as error:
            return _json({"error": str(error)}, status=400)
        self._inbox.note(note.text, sessions=note.sessions, tone=note.tone)
        return _json({"ok": True})

    async def _show_faults(self, _request: web.Request) -> web.Response:
        return _json(self._faults.remaining())

    async def _add_faults(self, request: web.Request) -> web.Response:
        _refuse_strangers(request)
        try:
            faults = decode_faults(await request.read())
        except ValueError as error:
            return _json({"error": str(error)}, status=400)
        self._faults.add(*faults)
        return _json(self._faults.remaining())

    async def _clear_faults(self, request: web.Request) -> web.Response:
        _refuse_strangers(request)
        self._faults.clear()
        return _json([])

    async def _events(self, request: web.Request) -> web.StreamResponse:
        """Server-sent events: ``hello``, then ``change`` or ``reload``."""
        response = web.StreamResponse(
            headers={**_HEADERS, "Content-Type": "text/event-stream"}
        )
        changes: asyncio.Queue[Change] = asyncio.Queue(_CHANGES_HELD)
        with (
            self._inbox.listening(lambda change: _put(changes, change)),
            contextlib.suppress(ConnectionError),  # the reader has left
        ):
            told = self._inbox.revision
            await response.prepare(request)
            await response.write(_event("hello", {"revision": told}))
            while not self._closing.is_set():
                batch = await self._next_batch(changes)
                part, told = self._render(batch, told), self._inbox.revision
                await response.write(part)
        return response

    async def _next_batch(self, changes: asyncio.Queue[Change]) -> list[Change]:
        """Wait for changes; an empty list after a while without any."""
        taking = asyncio.ensure_future(changes.get())
        closing = asyncio.ensure_future(self._closing.wait())
        try:
            await asyncio.wait(
                {taking, closing},
                timeout=_HEARTBEAT_S,
                return_when=asyncio.FIRST_COMPLETED,
            )
            batch = [taking.result()] if taking.done() else []
        finally:
            taking.cancel()
            closing.cancel()
        while not changes.empty():
            batch.append(changes.get_nowait())
        return batch

    def _render(self, batch: list[Change], told: int) -> bytes:
        if not batch:
            return b": still here\n\n"
        revision = self._inbox.revision
        missed = revision - told != len(batch)
        if missed or any(change.kind == "clear" for change in batch):
            return _event("reload", {"revision": revision})
        # Of several changes to one record only the outcome is of interest.
        last = {(change.kind, change.id): change for change in batch}
        cards = [card for item in last.values() for card in cards_of(self._inbox, item)]
        return _event("change", _Update(revision, render_strip(self._inbox), cards))


def _put(changes: asyncio.Queue[Change], change: Change) -> None:
    # What is dropped is missed when the batch is counted.
    with contextlib.suppress(asyncio.QueueFull):
        changes.put_nowait(change)


def _event(name: str, data: object) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (
        name.encode(),
        msgspec.json.encode(data, enc_hook=str),
    )


def _json(value: object, *, status: int = 200) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(value),
        status=status,
        content_type=_JSON,
        headers=_HEADERS,
    )


def _refuse_strangers(request: web.Request) -> None:
    """Keep pages of other sites, open in the same browser, from changing anything."""
    origin = request.headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc != request.host:
        raise web.HTTPForbidden(text="not from another site", headers=_HEADERS)
