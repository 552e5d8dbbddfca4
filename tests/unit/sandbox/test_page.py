"""The page shows what arrived, at once, and runs nothing that arrived."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from html.parser import HTMLParser
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from slack_sdk.web.async_client import AsyncWebClient

from loopwatch.sandbox import Inbox, Message, Request, Sandbox, Version
from loopwatch.sandbox.page import render_page
from loopwatch.sandbox.slack_card import colour_of

TAGS = {
    "html",
    "head",
    "meta",
    "title",
    "link",
    "script",
    "body",
    "header",
    "div",
    "h1",
    "p",
    "span",
    "button",
    "section",
    "ol",
    "li",
    "time",
    "svg",
    "rect",
    "path",
    "circle",
    "polyline",
    "h2",
    "h4",
    "main",
    "article",
    "details",
    "summary",
    "dl",
    "dt",
    "dd",
    "a",
    "b",
    "i",
    "code",
    "pre",
    "br",
    "hr",
}


class Reader(HTMLParser):
    """Collects what a browser would make of a page."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a start tag."""
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        """Note text."""
        self.words += data


async def read_page(box: Sandbox, http: aiohttp.ClientSession) -> Reader:
    """The page as a browser reads it."""
    async with http.get(f"{box.url}/") as answer:
        return Reader(await answer.text())


async def events(stream: aiohttp.ClientResponse) -> AsyncIterator[tuple[str, Any]]:
    """The events of a stream: name and data."""
    name = ""
    async for line in stream.content:
        field, _, value = line.decode().strip().partition(": ")
        if field == "event":
            name = value
        if field == "data":
            yield name, json.loads(value)


class TestWhatItShows:
    async def test_an_empty_page_says_how_to_fill_it(
        self, box: Sandbox, http: aiohttp.ClientSession
    ) -> None:
        """Without messages it gives the settings that bring some."""
        page = await read_page(box, http)
        assert f"api_url: {box.url}/api/" in page.words
        assert f"url: {box.url}" in page.words

    async def test_a_slack_message(
        self, box: Sandbox, slack: AsyncWebClient, http: aiohttp.ClientSession
    ) -> None:
        """Channel, header, fields, context, button, colour and (edited)."""
        blocks: list[dict[str, Any]] = [
            {"type": "header", "text": {"type": "plain_text", "text": "Too dear"}},
            {
                "type": "section",
                "fields": [{"type": "mrkdwn", "text": "*Value*\n$3.18"}],
            },
            {
                "type": "context",
                "elements": [{"type": "mrkdwn", "text": "<https://t.example|a trace>"}],
            },
            {
                "type": "actions",
                "elements": [
                    {
                        "type": "button",
                        "text": {"type": "plain_text", "text": "Runbook"},
                        "url": "https://wiki.example/cost",
                    }
                ],
            },
        ]
        posted = await slack.chat_postMessage(
            channel="#agent-alerts",
            text="firing",
            attachments=[{"color": "#E01E5A", "blocks": blocks}],
        )
        await slack.chat_update(
            channel=str(posted["channel"]), ts=str(posted["ts"]), text="calm again"
        )
        page = await read_page(box, http)
        for words in ("#agent-alerts", "Too dear", "$3.18", "(edited)", "calm again"):
            assert words in page.words
        links = [item["href"] for tag, item in page.tags if tag == "a"]
        assert links == ["https://t.example", "https://wiki.example/cost"]
        fills = [item.get("fill") for tag, item in page.tags if tag == "rect"]
        assert "#e01e5a" in fills

    async def test_an_incident(
        self,
        box: Sandbox,
        pagerduty: Callable[..., Any],
        http: aiohttp.ClientSession,
    ) -> None:
        """State, severity, key, details and the log."""
        session = pagerduty()

        def live() -> None:
            session.trigger("it burns", "agent-7", "the-key", severity="warning",
                            custom_details={"rule": "cost"})  # fmt: skip
            session.acknowledge("the-key")

        await asyncio.to_thread(live)
        words = (await read_page(box, http)).words
        for shown in ("acknowledged", "warning", "it burns", "agent-7", "the-key",
                      "rule", "cost", "Triggered", "Acknowledged"):  # fmt: skip
            assert shown in words

    async def test_webhooks_refusals_and_the_strip(
        self, box: Sandbox, http: aiohttp.ClientSession
    ) -> None:
        """Plain webhooks, refused requests, notes and the count of sessions."""
        await http.post(f"{box.url}/hook/ops", json={"answer": 42})
        await http.post(f"{box.url}/v2/enqueue", data="{")
        for sessions in (1000, 2000, 12_345):
            box.inbox.note(sessions=sessions)
        box.inbox.note("incident begins", tone="bad")
        words = (await read_page(box, http)).words
        for shown in ("POST /hook/ops", '"answer": 42', "JSON parse error", "12,345",
                      "incident begins"):  # fmt: skip
            assert shown in words

    async def test_replies_are_shown_under_their_parent(
        self, box: Sandbox, slack: AsyncWebClient, http: aiohttp.ClientSession
    ) -> None:
        """A thread is one card."""
        parent = await slack.chat_postMessage(channel="#a", text="the parent")
        ts = str(parent["ts"])
        await slack.chat_postMessage(channel="#a", text="the reply", thread_ts=ts)
        page = await read_page(box, http)
        cards = [item for tag, item in page.tags if tag == "article"]
        assert len(cards) == 1
        assert "1 reply" in page.words
        assert "the reply" in page.words


class TestLive:
    async def test_changes_are_sent_as_they_come(
        self, box: Sandbox, slack: AsyncWebClient, http: aiohttp.ClientSession
    ) -> None:
        """hello, then the card and the strip of what changed."""
        async with http.get(f"{box.url}/sandbox/events") as stream:
            assert stream.content_type == "text/event-stream"
            told = events(stream)
            assert await anext(told) == ("hello", {"revision": 0})
            await slack.chat_postMessage(channel="#a", text="news")
            name, data = await anext(told)
            assert name == "change"
            assert data["cards"][0]["list"] == "slack"
            assert "news" in data["cards"][0]["html"]
            assert "Slack messages" in data["strip"]

    async def test_changes_that_come_together_are_all_told(
        self, box: Sandbox, http: aiohttp.ClientSession
    ) -> None:
        """Of many changes in one event none is missing, and each record comes once."""
        async with http.get(f"{box.url}/sandbox/events") as stream:
            told = events(stream)
            await anext(told)
            for reason in ("one", "two"):
                box.inbox.add_request(Request(endpoint="pagerduty", refusal=reason))
            for summary in ("first", "second"):
                event = {"payload": {"summary": summary}}
                box.inbox.trigger("key", "…", "dedup", event)
            _, data = await anext(told)
            lists = [card["list"] for card in data["cards"]]
            assert lists == ["refused", "refused", "pagerduty"]
            assert "second" in data["cards"][2]["html"]

    async def test_a_clear_and_a_flood_ask_for_the_whole_page(
        self, box: Sandbox, http: aiohttp.ClientSession
    ) -> None:
        """Who cannot follow the changes is told to load the page again."""
        async with http.get(f"{box.url}/sandbox/events") as stream:
            told = events(stream)
            await anext(told)
            box.clear()
            assert (await anext(told))[0] == "reload"
            for number in range(2000):
                box.inbox.note(str(number))
            assert await anext(told) == ("reload", {"revision": 2001})
            box.inbox.note("after the flood")
            assert (await anext(told))[0] == "change"

    async def test_a_sandbox_closes_with_readers(
        self, http: aiohttp.ClientSession
    ) -> None:
        """An open page does not keep the sandbox from stopping."""
        async with Sandbox() as box:
            stream = await http.get(f"{box.url}/sandbox/events")
            told = events(stream)
            await anext(told)
        assert [event async for event in told] == []


class TestSafety:
    async def test_nothing_from_elsewhere(
        self, box: Sandbox, http: aiohttp.ClientSession
    ) -> None:
        """A strict policy, and every resource of the page is the sandbox's own."""
        async with http.get(f"{box.url}/") as answer:
            policy = answer.headers["Content-Security-Policy"]
            page = Reader(await answer.text())
        assert policy.startswith("default-src 'none'; script-src 'self';")
        assert "unsafe" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        for tag, item in page.tags:
            address = item.get("src") or (item.get("href") if tag == "link" else None)
            if address is not None:
                async with http.get(box.url + address) as answer:
                    assert answer.status == 200
                    assert await answer.text()

    @pytest.mark.parametrize("name", ["nothing", "..%2f__init__.py", "page.py"])
    async def test_static_is_three_files(
        self, box: Sandbox, http: aiohttp.ClientSession, name: str
    ) -> None:
        """No other file can be read."""
        async with http.get(f"{box.url}/static/{name}") as answer:
            assert answer.status == 404

    @given(st.data())
    def test_whatever_arrives_is_shown_as_text(self, data: st.DataObject) -> None:
        """No text that arrives becomes a tag, an attribute or an unsafe link."""
        nasty = st.sampled_from(
            [
                "<script>alert(1)</script>",
                '"><img src=x onerror=alert(1)>',
                "' onmouseover='alert(1)",
                "javascript:alert(1)",
                "<javascript:alert(1)|click>",
                "</article></main>",
                "]]>",
                "plain",
            ]
        )
        texts = nasty | st.text(max_size=20)
        leaf = texts | st.integers() | st.none() | st.booleans()
        anything = st.recursive(
            leaf,
            lambda inner: st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["type", "text", "url", "title", "title_link", "fields", "value",
                     "elements", "accessory", "image_url", "alt_text", "footer"]
                ) | texts,
                inner,
                max_size=4,
            ),
            max_leaves=12,
        )  # fmt: skip
        block = st.fixed_dictionaries(
            {
                "type": st.sampled_from(
                    ["section", "header", "context", "actions", "image", "markdown"]
                )
                | texts
            },
            optional=dict.fromkeys(("text", "fields", "elements", "accessory", "image_url"), anything),
        )  # fmt: skip
        attachment = st.fixed_dictionaries(
            {"color": texts},
            optional={
                "blocks": st.lists(block, max_size=2),
                "title": anything,
                "title_link": anything,
                "text": anything,
                "fields": anything,
                "pretext": anything,
            },
        )
        inbox = Inbox(lambda: 1_712_345_678.0)
        version = Version(
            time_s=0.0,
            text=data.draw(texts),
            blocks=tuple(data.draw(st.lists(block, max_size=2))),
            attachments=tuple(data.draw(st.lists(attachment, max_size=2))),
        )
        inbox.add_message(
            Message(
                channel_id=data.draw(texts),
                channel=data.draw(texts),
                ts=data.draw(texts),
                via="incoming",
                username=data.draw(texts),
                versions=(version, version),
            )
        )
        payload = data.draw(st.dictionaries(texts, anything, max_size=3))
        payload |= {"summary": data.draw(texts), "custom_details": data.draw(anything)}
        link = {"href": data.draw(texts), "text": data.draw(texts)}
        inbox.trigger(
            "k",
            "…",
            data.draw(texts),
            {"payload": payload, "client_url": data.draw(texts), "links": [link]},
        )
        inbox.add_webhook(data.draw(texts), "POST", {}, data.draw(anything))
        inbox.note(data.draw(texts))
        page = Reader(render_page(inbox, "http://127.0.0.1:1"))
        assert sum(tag == "script" for tag, _ in page.tags) == 1
        assert sum(tag == "article" for tag, _ in page.tags) == 3
        for tag, item in page.tags:
            assert tag in TAGS
            assert not any(name.startswith("on") or name == "style" for name in item)
            if tag == "a":
                assert str(item["href"]).startswith(("http://", "https://", "mailto:"))

    @pytest.mark.parametrize(
        ("given_colour", "shown"),
        [
            ("good", "#2eb67d"),
            ("danger", "#e01e5a"),
            ("#ABC", "#abc"),
            ("2eb67d", "#2eb67d"),
            ('"/><script>', "#dddddd"),
            (None, "#dddddd"),
            (5, "#dddddd"),
        ],
    )
    def test_colours(self, given_colour: object, shown: str) -> None:
        """A colour is a colour, or grey."""
        assert colour_of(given_colour) == shown
