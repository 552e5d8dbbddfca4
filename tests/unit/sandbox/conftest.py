"""A sandbox with nothing in it, and the real clients that talk to it."""

import warnings
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from loopwatch.sandbox import Sandbox

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import pdpyras

KEY = "0123456789abcdef0123456789abcdef"


class Clock:
    """Time that moves when it is told to."""

    def __init__(self) -> None:
        self.now_s = 1_712_345_678.0

    def __call__(self) -> float:
        """Epoch seconds."""
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    """The sandbox's clock; it stands still."""
    return Clock()


@pytest.fixture
async def box(clock: Clock) -> AsyncIterator[Sandbox]:
    """A sandbox on a free port, with the default limits and a clock that stands."""
    async with Sandbox(clock=clock) as box:
        yield box


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """A plain HTTP client that ignores proxies."""
    async with aiohttp.ClientSession(trust_env=False) as session:
        yield session


@pytest.fixture
def slack(box: Sandbox) -> AsyncWebClient:
    """slack-sdk's own client, with its own retries off."""
    return AsyncWebClient(
        "xoxb-0000-the-token", base_url=box.slack_url, retry_handlers=[]
    )


@pytest.fixture
def pagerduty(box: Sandbox) -> Callable[[str], Any]:
    """Make pdpyras sessions by routing key, with their own retries off."""

    def make(key: str = KEY) -> Any:
        session = pdpyras.EventsAPISession(key)
        session.url = box.pagerduty_url
        session.retry = {429: 0, 500: 0}
        session.max_http_attempts = 1
        session.trust_env = False
        return session

    return make
