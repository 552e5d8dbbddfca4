"""The HTTP side of the stand-ins: faults, records, and the way to each of them."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import struct
from collections.abc import Callable
from typing import Any, Final

import msgspec
from aiohttp import web

from loopwatch.sandbox.bodies import FORM, hook_arguments, slack_arguments
from loopwatch.sandbox.faults import Fault, FaultScript, Kind
from loopwatch.sandbox.inbox import Inbox
from loopwatch.sandbox.incoming import IncomingWebhooks
from loopwatch.sandbox.pagerduty import EventsApi
from loopwatch.sandbox.records import Request
from loopwatch.sandbox.replies import Reply, json_reply
from loopwatch.sandbox.secrecy import mask, mask_all
from loopwatch.sandbox.slack import SlackApi
from loopwatch.sandbox.webhook import readable, take_webhook

# Of each request's body so much is kept.
_BODY_KEPT: Final = 16_000
_BEARER: Final = "bearer "
_SECRET_MEMBER: Final = re.compile(r'"(?:token|routing_key)"\s*:\s*"([^"\\]+)"')

Work = Callable[[bytes], Reply]


class Gateway:
    """Takes requests to the stand-ins, lets faults have their way, records all."""

    def __init__(
        self,
        inbox: Inbox,
        clock: Callable[[], float],
        *,
        slack: SlackApi,
        incoming: IncomingWebhooks,
        pagerduty: EventsApi,
        faults: FaultScript,
        closing: asyncio.Event,
    ) -> None:
        self._inbox = inbox
        self._clock = clock
        self._slack = slack
        self._incoming = incoming
        self._pagerduty = pagerduty
        self._faults = faults
        self._closing = closing
        self._not_before: dict[tuple[str, str], float] = {}

    def routes(self) -> list[web.RouteDef]:
        """Where the stand-ins live."""
        return [
            web.route("*", "/api/{method}", self._serve_slack),
            web.post("/services/{team}/{bot}/{hook}", self._serve_incoming),
            web.post("/v2/enqueue", self._serve_pagerduty),
            web.post("/hook/{name}", self._serve_webhook),
            web.put("/hook/{name}", self._serve_webhook),
        ]

    def forget(self) -> None:
        """Forget which ``Retry-After`` is running."""
        self._not_before.clear()

    async def _serve_slack(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        token = _bearer(request)

        def work(body: bytes) -> Reply:
            try:
                arguments = slack_arguments(body, _content_type(request), request.query)
            except ValueError as error:
                return json_reply(
                    {"ok": False, "error": str(error)}, refusal=str(error)
                )
            return self._slack.call(
                method, arguments, token or str(arguments.get("token") or "")
            )

        return await self._serve(request, method, work, token)

    async def _serve_incoming(self, request: web.Request) -> web.StreamResponse:
        hook = request.match_info["hook"]

        def work(body: bytes) -> Reply:
            arguments = hook_arguments(body, _content_type(request))
            return self._incoming.post(hook, arguments)

        return await self._serve(request, "incoming", work, hook)

    async def _serve_pagerduty(self, request: web.Request) -> web.StreamResponse:
        return await self._serve(request, "pagerduty", self._pagerduty.enqueue, "")

    async def _serve_webhook(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        bearer = _bearer(request)

        def work(body: bytes) -> Reply:
            return take_webhook(
                self._inbox, name, request.method, request.headers, body, bearer=bearer
            )

        return await self._serve(request, "webhook", work, bearer)

    async def _serve(
        self, request: web.Request, endpoint: str, work: Work, credential: str
    ) -> web.StreamResponse:
        now_s = self._clock()
        fault = self._faults.next(endpoint)
        if fault is not None and fault.kind is Kind.RESET_BEFORE:
            self._record(
                Request(
                    endpoint=endpoint,
                    credential=mask(credential) if credential else "",
                    refusal=str(fault.kind),
                    fault=str(fault.kind),
                ),
                now_s,
            )
            return _reset(request)
        body = await request.read()
        sent, secrets = _sent(request, body, credential)
        reply = self._carry_out(endpoint, fault, body, work)
        shown = (fault and fault.reply(endpoint)) or reply
        self._record(
            Request(
                endpoint=endpoint,
                about=mask_all(reply.about, secrets),
                credential=mask(secrets[0]) if secrets else "",
                status=None
                if fault is not None and fault.kind is Kind.RESET_AFTER
                else shown.status,
                refusal=reply.refusal,
                note=reply.note,
                fault=None if fault is None else str(fault.kind),
                body=sent,
            ),
            now_s,
        )
        self._hold_off(endpoint, reply.about, shown, now_s)
        return await self._deliver(request, shown, fault)

    def _carry_out(
        self, endpoint: str, fault: Fault | None, body: bytes, work: Work
    ) -> Reply:
        if fault is None or fault.carries_out:
            return work(body)
        reply = fault.reply(endpoint)
        assert reply is not None  # noqa: S101 - every other kind carries out
        return reply

    def _record(self, request: Request, now_s: float) -> None:
        until_s = max(
            self._not_before.get((request.endpoint, request.about), 0.0),
            self._not_before.get((request.endpoint, ""), 0.0),
        )
        if now_s < until_s:
            request = msgspec.structs.replace(request, too_early=True)
        self._inbox.add_request(request)

    def _hold_off(self, endpoint: str, about: str, shown: Reply, now_s: float) -> None:
        after = shown.headers.get("Retry-After", "")
        if shown.status == 429 and after.isdecimal():
            self._not_before[endpoint, about] = now_s + int(after)

    async def _deliver(
        self, request: web.Request, reply: Reply, fault: Fault | None
    ) -> web.StreamResponse:
        content_type = reply.content_type
        match fault and fault.kind:
            case Kind.RESET_AFTER:
                return _reset(request)
            case Kind.SLOW if fault is not None:
                await self._wait(fault.delay_s)
            case Kind.TRUNCATED:
                return await _send_half(request, reply)
            case Kind.CONTENT_TYPE:
                content_type = "application/octet-stream"
        return web.Response(
            status=reply.status,
            body=reply.body,
            headers={"Content-Type": content_type, **reply.headers},
        )

    async def _wait(self, delay_s: float) -> None:
        """Wait, but not beyond the end of the sandbox."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._closing.wait(), delay_s)


def _sent(request: web.Request, body: bytes, credential: str) -> tuple[Any, list[str]]:
    """What is kept of a request, and the secrets that came with it."""
    text = body.decode(errors="replace")
    secrets = [found[1] for found in _SECRET_MEMBER.finditer(text)]
    sent: Any = readable(body, _BODY_KEPT)
    if _content_type(request) == FORM:
        form = slack_arguments(body, FORM, request.query)
        secrets += [
            str(form[name]) for name in ("token", "routing_key") if name in form
        ]
        if len(body) <= _BODY_KEPT:
            sent = form
    secrets = [secret for secret in (credential, *secrets) if secret]
    return mask_all(sent, secrets), secrets


def _content_type(request: web.Request) -> str:
    return request.content_type if "Content-Type" in request.headers else ""


def _bearer(request: web.Request) -> str:
    header = request.headers.get("Authorization", "")
    if header.lower().startswith(_BEARER):
        return header[len(_BEARER) :].strip()
    return ""


def _reset(request: web.Request) -> web.StreamResponse:
    """Break the connection so that the client sees a reset, not an end."""
    transport = request.transport
    if transport is not None:
        peer = transport.get_extra_info("socket")
        if peer is not None:
            linger = struct.pack("ii", 1, 0)
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        transport.abort()
    return web.Response()


async def _send_half(request: web.Request, reply: Reply) -> web.StreamResponse:
    response = web.StreamResponse(
        status=reply.status,
        headers={
            "Content-Type": reply.content_type,
            "Content-Length": str(len(reply.body)),
            **reply.headers,
        },
    )
    await response.prepare(request)
    await response.write(reply.body[: len(reply.body) // 2])
    if request.transport is not None:
        request.transport.close()
    return response
