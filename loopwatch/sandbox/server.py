"""The sandbox as a server: started and stopped in a test, or run as a command."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self, TypeVar

from aiohttp import web

from loopwatch.sandbox.buckets import Limits
from loopwatch.sandbox.clock import steady_clock
from loopwatch.sandbox.console import Console
from loopwatch.sandbox.faults import Fault, FaultScript
from loopwatch.sandbox.gateway import Gateway
from loopwatch.sandbox.inbox import Inbox
from loopwatch.sandbox.incoming import Hooks, IncomingWebhooks
from loopwatch.sandbox.pagerduty import Account, EventsApi
from loopwatch.sandbox.slack import SlackApi, Workspace

T = TypeVar("T")

# Above every provider's own limit, so that the provider's refusal is what is seen.
_LARGEST_BODY: Final = 8 * 1024 * 1024
_INCOMING_PATH: Final = "/services/T0LOOPWATCH/B0LOOPWATCH/sandbox-incoming-webhook"
_DEFAULT_LIMITS: Final = Limits()


class Sandbox:
    """Slack, PagerDuty and webhooks on one local port.

    >>> async with Sandbox() as box:  # doctest: +SKIP
    ...     client = AsyncWebClient("xoxb-any", base_url=box.slack_url)
    ...     await client.chat_postMessage(channel="#alerts", text="hello")
    ...     assert box.inbox.messages("#alerts")[0].text == "hello"

    Args:
        port: 0 takes a free one.
        limits: The providers' rate limits; None switches them off.
        workspace: Which tokens and channels of Slack have which trouble.
        account: Which routing keys PagerDuty does not know.
        hooks: Which incoming webhooks post where, or have which trouble.
        clock: Epoch seconds, for rate limits and times; the real one when None.
    """

    def __init__(
        self,
        port: int = 0,
        host: str = "127.0.0.1",
        *,
        limits: Limits | None = _DEFAULT_LIMITS,
        workspace: Workspace | None = None,
        account: Account | None = None,
        hooks: Hooks | None = None,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self._host = host
        self._port = port
        clock = clock or steady_clock()
        self.inbox = Inbox(clock)
        self.faults = FaultScript()
        self._closing = asyncio.Event()
        self._slack = SlackApi(self.inbox, clock, workspace or Workspace(), limits)
        self._incoming = IncomingWebhooks(self._slack, clock, hooks or Hooks(), limits)
        self._pagerduty = EventsApi(self.inbox, clock, account or Account(), limits)
        self._gateway = Gateway(
            self.inbox,
            clock,
            slack=self._slack,
            incoming=self._incoming,
            pagerduty=self._pagerduty,
            faults=self.faults,
            closing=self._closing,
        )
        self._console = Console(
            self.inbox, self.faults, self._closing, lambda: self.url, self.clear
        )
        self._runner: web.AppRunner | None = None

    @property
    def port(self) -> int:
        """The port it listens on, once it does."""
        return self._port

    @property
    def url(self) -> str:
        """The page's address, without a slash at its end."""
        host = "127.0.0.1" if self._host in {"0.0.0.0", "::", ""} else self._host  # noqa: S104 - compared
        host = f"[{host}]" if ":" in host else host
        return f"http://{host}:{self._port}"

    @property
    def slack_url(self) -> str:
        """The ``api_url`` of a Slack receiver, ``base_url`` of slack-sdk."""
        return f"{self.url}/api/"

    @property
    def incoming_url(self) -> str:
        """The ``webhook_url`` of a Slack receiver: an incoming webhook."""
        return self.url + _INCOMING_PATH

    @property
    def pagerduty_url(self) -> str:
        """The ``url`` of a PagerDuty receiver, and of pdpyras."""
        return self.url

    @property
    def webhook_url(self) -> str:
        """The ``url`` of a webhook receiver; any name may follow ``/hook/``."""
        return f"{self.url}/hook/alerts"

    @property
    def workspace(self) -> Workspace:
        """Trouble in Slack; may be replaced at any time."""
        return self._slack.workspace

    @workspace.setter
    def workspace(self, workspace: Workspace) -> None:
        self._slack.workspace = workspace

    @property
    def account(self) -> Account:
        """Trouble in PagerDuty; may be replaced at any time."""
        return self._pagerduty.account

    @account.setter
    def account(self, account: Account) -> None:
        self._pagerduty.account = account

    @property
    def hooks(self) -> Hooks:
        """Where incoming webhooks post, and their trouble; may be replaced."""
        return self._incoming.hooks

    @hooks.setter
    def hooks(self, hooks: Hooks) -> None:
        self._incoming.hooks = hooks

    def fail(self, *faults: Fault) -> None:
        """Let the next requests go wrong, in this order."""
        self.faults.add(*faults)

    def clear(self) -> None:
        """Forget everything received, and the faults still to come."""
        self.faults.clear()
        self._gateway.forget()
        self.inbox.clear()

    async def wait_for(
        self, predicate: Callable[[Inbox], T], timeout_s: float = 10.0
    ) -> T:
        """Wait until ``predicate(inbox)`` is true, and return what it returned.

        Raises:
            TimeoutError: It was not true in time; says what is there instead.
        """
        return await self.inbox.wait_for(predicate, timeout_s)

    async def start(self) -> None:
        """Listen.

        Raises:
            OSError: The port is taken, or the host is not an address of this machine.
        """
        app = web.Application(client_max_size=_LARGEST_BODY)
        app.add_routes([*self._console.routes(), *self._gateway.routes()])
        self._runner = web.AppRunner(
            app, access_log=None, handle_signals=False, shutdown_timeout=2.0
        )
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self._host, self._port).start()
        except OSError:
            await self._runner.cleanup()
            raise
        self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Stop listening; whoever waits for an answer or an event is let go."""
        self._closing.set()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()


async def serve(
    host: str = "127.0.0.1",
    port: int = 8090,
    *,
    limits: Limits | None = _DEFAULT_LIMITS,
    on_start: Callable[[Sandbox], None] = lambda _box: None,
    until: asyncio.Event | None = None,
) -> None:
    """Run a sandbox until ``until`` is set, or the task is cancelled.

    ``on_start`` is called once it listens.

    Raises:
        OSError: The port is taken, or the host is not an address of this machine.
    """
    async with Sandbox(port, host, limits=limits) as box:
        on_start(box)
        await (until or asyncio.Event()).wait()
