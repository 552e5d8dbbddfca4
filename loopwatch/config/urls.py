"""Addresses of the web, and which part of one may be shown."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from loopwatch.config.findings import Findings
from loopwatch.config.nodes import Node
from loopwatch.config.values import expanded

_SLACK_HOOKS: Final = "hooks.slack.com"
"""A host whose addresses are secrets as a whole."""


def url_problem(url: str) -> str | None:
    """Why a text is no URL of the web; None if it is one. Never shows the text."""
    try:
        parts = urlsplit(url)
        port_is_legal = parts.port is None or parts.port > 0
    except ValueError:
        return "this is no URL"
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return "a URL begins with https:// (or http://) and a host"
    if (
        not port_is_legal
        or any(each.isspace() for each in url)
        or not url.isprintable()
    ):
        return "a URL has no spaces, and a port above 0"
    return None


def plain_url(findings: Findings, node: Node) -> str | None:
    """A URL that is no secret, and so must hold none."""
    found = expanded(findings, node, "a URL")
    if found is None or not found.known:
        return None if found is None else found.text
    problem = url_problem(found.text)
    if problem is None and urlsplit(found.text).username is not None:
        problem = "this URL is shown to people: take user and password out"
    if problem is not None:
        findings.fault(node, problem)
        return None
    return found.text


def shown_url(raw: str) -> str:
    """A URL without credentials, query and fragment; variables stay unread."""
    bare = raw.partition("?")[0].partition("#")[0]
    scheme, slashes, rest = bare.partition("://")
    if not slashes:
        return bare
    host, slash, path = rest.partition("/")
    host = host.rpartition("@")[2]
    if host.lower() == _SLACK_HOOKS:
        path = "..."
    return f"{scheme}://{host}{slash}{path}"


def holds_secret(raw: str) -> bool:
    """Whether a URL that is written out seems to carry a secret."""
    if "${" in raw:
        return False
    parts = urlsplit(raw)
    return bool(parts.query or parts.username) or parts.hostname == _SLACK_HOOKS
