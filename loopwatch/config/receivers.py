"""Receivers: Slack channels, PagerDuty services, webhooks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from alerts.receivers import (
    Channel,
    PagerDutyService,
    Receiver,
    Secret,
    SlackChannel,
    WebhookEndpoint,
)
from loopwatch.config.faults import joined, shown
from loopwatch.config.findings import Findings
from loopwatch.config.nodes import Node, Scalar
from loopwatch.config.secrets import one_secret
from loopwatch.config.tables import Table, items, name_of, table
from loopwatch.config.urls import plain_url, shown_url
from loopwatch.config.values import expanded, is_nothing

_CHANNELS: Final = ("slack", "pagerduty", "webhook")
_HOMES: Final = {
    **dict.fromkeys(("channel", "token", "webhook_url", "api_url"), "inside 'slack'"),
    **dict.fromkeys(("routing_key", "client_url"), "inside 'pagerduty'"),
    **dict.fromkeys(("url", "bearer"), "inside 'webhook'"),
}
_CHANNEL: Final = re.compile(r"#[^\s#@,A-Z]{1,80}|[CDGU][A-Z0-9]{2,20}")


def read_receivers(
    findings: Findings, node: Node, folder: Path
) -> tuple[tuple[Receiver, ...], dict[str, Node]]:
    """The receivers that could be read, and where each name that is taken stands."""
    receivers: list[Receiver] = []
    places: dict[str, Node] = {}
    for each in items(findings, node, "a list of receivers") or ():
        found = table(
            findings, each, "a receiver (a mapping)", ("name", *_CHANNELS), _HOMES
        )
        if found is None:
            continue
        name = name_of(findings, found)
        channels = _channels(findings, found, folder)
        if name is None:
            continue
        if name in places:
            first = places[name].at.line
            findings.fault(
                found.nodes["name"],
                f"a receiver {shown(name)} stands already in line {first}",
            )
            continue
        places[name] = found.nodes["name"]
        receivers.append(Receiver(name, channels))
    return tuple(receivers), places


def _channels(findings: Findings, found: Table, folder: Path) -> tuple[Channel, ...]:
    if found.lacks(*_CHANNELS):
        findings.fault(
            found.at, f"the receiver has no channel: write {joined(_CHANNELS)}"
        )
    read = (
        found.read("slack", lambda node: _slack(findings, node, folder)),
        found.read("pagerduty", lambda node: _pagerduty(findings, node, folder)),
        found.read("webhook", lambda node: _webhook(findings, node, folder)),
    )
    return tuple(channel for channel in read if channel is not None)


def _slack(findings: Findings, node: Node, folder: Path) -> SlackChannel | None:
    known = (
        "channel",
        "token",
        "token_file",
        "webhook_url",
        "webhook_url_file",
        "api_url",
    )
    found = table(
        findings, node, "a mapping, such as {channel: ..., token: ...}", known
    )
    if found is None:
        return None
    channel = _channel(findings, found)
    secret = one_secret(findings, found, ("token", "webhook_url"), folder)
    api_url = found.read("api_url", lambda each: plain_url(findings, each))
    if "api_url" in found and secret is not None and secret[0] == "webhook_url":
        findings.warn(
            found.keys["api_url"], "'api_url' has no effect beside 'webhook_url'"
        )
    if channel is None or secret is None:
        return None
    name, value = secret
    return SlackChannel(
        channel,
        token=value if name == "token" else None,
        webhook_url=value if name == "webhook_url" else None,
        **({} if api_url is None else {"api_url": api_url}),
    )


def _channel(findings: Findings, found: Table) -> str | None:
    node = found.get("channel")
    if node is None:
        if found.lacks("channel"):
            findings.fault(found.at, "'channel' is missing: write channel: \"#name\"")
        return None
    if is_nothing(node):
        findings.fault(
            node,
            "found nothing: write a channel; '#' begins a comment, so put it"
            ' in quotes, "#name"',
        )
        return None
    read = expanded(findings, node, "a channel")
    if read is None:
        return None
    if read.known and not _CHANNEL.fullmatch(read.text):
        findings.fault(
            node,
            f'{shown(read.raw)} is no channel: write "#name" (no capitals), or the'
            " channel's id",
        )
        return None
    return read.text


def _pagerduty(findings: Findings, node: Node, folder: Path) -> PagerDutyService | None:
    known = ("routing_key", "routing_key_file", "url", "client_url")
    found = table(findings, node, "a mapping, such as {routing_key: ...}", known)
    if found is None:
        return None
    secret = one_secret(findings, found, ("routing_key",), folder)
    url = found.read("url", lambda each: plain_url(findings, each))
    client_url = found.read("client_url", lambda each: plain_url(findings, each))
    if secret is None:
        return None
    address = {} if url is None else {"url": url.rstrip("/")}
    return PagerDutyService(secret[1], client_url=client_url, **address)


def _webhook(findings: Findings, node: Node, folder: Path) -> WebhookEndpoint | None:
    known = ("url", "url_file", "bearer", "bearer_file")
    found = table(findings, node, "a mapping, such as {url: ...}", known)
    if found is None:
        return None
    url = one_secret(findings, found, ("url",), folder)
    bearer: Secret | None = None
    if "bearer" in found or "bearer_file" in found:
        read = one_secret(findings, found, ("bearer",), folder)
        bearer = None if read is None else read[1]
    if url is None:
        return None
    source = found.get("url") or found.get("url_file")
    raw = source.text if isinstance(source, Scalar) else ""
    return WebhookEndpoint(url[1], shown_url(raw), bearer)
