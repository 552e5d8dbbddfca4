"""Slack's Web API: ``chat.postMessage``, ``chat.update`` and ``auth.test``.

Refusals are HTTP 200 with ``{"ok": false, "error": ...}``; only the rate limit is 429.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from loopwatch.sandbox import slack_limits
from loopwatch.sandbox.buckets import Limits, SlidingWindows, TokenBuckets
from loopwatch.sandbox.inbox import Inbox
from loopwatch.sandbox.records import Message, Version
from loopwatch.sandbox.replies import Reply, json_reply, whole_seconds
from loopwatch.sandbox.secrecy import mask_all
from loopwatch.sandbox.slack_content import Content, Refusal, as_flag, read_content

TEAM_ID: Final = "T0LOOPWATCH"
USER_ID: Final = "U0LOOPWATCH"
BOT_ID: Final = "B0LOOPWATCH"
APP_ID: Final = "A0LOOPWATCH"
_SCOPES: Final = "chat:write,chat:write.public"

# A token's beginning stands for its trouble, so that a user can try each out.
_TOKEN_TROUBLES: Final = {
    "xoxb-invalid": "invalid_auth",
    "xoxb-revoked": "token_revoked",
    "xoxb-expired": "token_expired",
    "xoxb-inactive": "account_inactive",
    "xoxb-noscope": "missing_scope",
}


class Workspace(msgspec.Struct, frozen=True, kw_only=True):
    """Which tokens and channels have which trouble; all others are well.

    Channels are given as ``#name`` or by id.
    """

    revoked_tokens: frozenset[str] = frozenset()
    tokens_without_scope: frozenset[str] = frozenset()
    unknown_channels: frozenset[str] = frozenset()
    archived_channels: frozenset[str] = frozenset()
    channels_without_bot: frozenset[str] = frozenset()

    def __repr__(self) -> str:
        return f"Workspace({len(self.revoked_tokens)} tokens revoked)"


class Channels:
    """Channel names and ids: a name always gives the same id."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def find(self, channel: str) -> tuple[str, str] | None:
        """The id and the shown name of ``#name``, ``name`` or an id; None if neither."""
        channel = channel.strip()
        if not channel or channel == "#" or any(c in channel for c in " <>&\n\t"):
            return None
        if channel[0] in "CGD" and len(channel) >= 2 and channel.isupper():
            return channel, self._names.get(channel, channel)
        name = "#" + channel.removeprefix("#").lower()
        channel_id = channel_id_of(name)
        self._names[channel_id] = name
        return channel_id, name

    def is_id(self, channel: str) -> bool:
        """Whether it is an id: ``chat.update`` takes nothing else."""
        found = self.find(channel)
        return found is not None and found[0] == channel


def channel_id_of(name: str) -> str:
    """The id of the channel ``#name``."""
    digest = hashlib.sha256(name.encode()).digest()
    return "C" + base64.b32encode(digest).decode()[:10]


class SlackApi:
    """The methods, on an inbox.

    Args:
        limits: None switches the rate limits off.
    """

    def __init__(
        self,
        inbox: Inbox,
        clock: Callable[[], float],
        workspace: Workspace,
        limits: Limits | None,
    ) -> None:
        self._inbox = inbox
        self._clock = clock
        self.workspace = workspace
        self.channels = Channels()
        self._last_ts: dict[str, int] = {}
        self._posts = (
            None
            if limits is None
            else TokenBuckets(limits.slack_post_per_s, limits.slack_burst)
        )
        self._updates = (
            None if limits is None else SlidingWindows(limits.slack_updates_per_min)
        )
        self._methods: dict[str, Callable[[Mapping[str, Any]], Reply]] = {
            "auth.test": self._auth_test,
            "chat.postMessage": self._post_message,
            "chat.update": self._update,
        }

    def knows(self, method: str) -> bool:
        """Whether the method exists here."""
        return method in self._methods

    def call(
        self, method: str, arguments: Mapping[str, Any], token: str | None
    ) -> Reply:
        """Carry out a method as Slack would."""
        if not self.knows(method):
            return _refuse("unknown_method", req_method=method)
        trouble = self._token_trouble(token)
        if trouble == "missing_scope" and method != "auth.test":
            return _refuse(
                "missing_scope", needed="chat:write:bot", provided="identify"
            )
        if trouble is not None and trouble != "missing_scope":
            return _refuse(trouble)
        given = {name: value for name, value in arguments.items() if name != "token"}
        try:
            return self._methods[method](mask_all(given, [token or ""]))
        except Refusal as refusal:
            return _refuse(refusal.error, about=refusal.about, **refusal.details)

    def place(self, channel_id: str, name: str) -> None:
        """Refuse a channel that the workspace says has trouble."""
        names = {channel_id, name}
        for trouble, channels in (
            ("channel_not_found", self.workspace.unknown_channels),
            ("is_archived", self.workspace.archived_channels),
            ("not_in_channel", self.workspace.channels_without_bot),
        ):
            if names & channels:
                raise Refusal(trouble, about=channel_id)

    def post(
        self,
        channel_id: str,
        name: str,
        content: Content,
        via: str,
        arguments: Mapping[str, Any],
    ) -> Message:
        """Put a message into a channel, under a ts that no other there has."""
        now_s = self._clock()
        micros = max(
            int(now_s) * 1_000_000 + 100, self._last_ts.get(channel_id, 0) + 100
        )
        self._last_ts[channel_id] = micros
        ts = f"{micros // 1_000_000}.{micros % 1_000_000:06d}"
        thread_ts = arguments.get("thread_ts")
        message = Message(
            channel_id=channel_id,
            channel=name,
            ts=ts,
            via=via,
            thread_ts=str(thread_ts) if thread_ts else None,
            broadcast=as_flag(arguments.get("reply_broadcast")),
            username=str(arguments.get("username") or ""),
            versions=(
                Version(
                    time_s=now_s,
                    text=content.text or "",
                    blocks=_with_ids(content.blocks or [], ts),
                    attachments=_numbered(content.attachments or []),
                    metadata=content.metadata,
                ),
            ),
        )
        self._inbox.add_message(message)
        return message

    def _token_trouble(self, token: str | None) -> str | None:
        if not token:
            return "not_authed"
        if token in self.workspace.revoked_tokens:
            return "token_revoked"
        if token in self.workspace.tokens_without_scope:
            return "missing_scope"
        for beginning, trouble in _TOKEN_TROUBLES.items():
            if token.startswith(beginning):
                return trouble
        return None if token.startswith("xoxb-") else "invalid_auth"

    def _auth_test(self, _arguments: Mapping[str, Any]) -> Reply:
        return json_reply(
            {
                "ok": True,
                "url": "https://loopwatch-sandbox.slack.com/",
                "team": "Loopwatch sandbox",
                "user": "loopwatch",
                "team_id": TEAM_ID,
                "user_id": USER_ID,
                "bot_id": BOT_ID,
                "is_enterprise_install": False,
            },
            headers={"X-OAuth-Scopes": _SCOPES},
        )

    def _post_message(self, arguments: Mapping[str, Any]) -> Reply:
        channel_id, name = self._channel(arguments)
        self.place(channel_id, name)
        if self._posts is not None:
            _hold(self._posts.take(channel_id, self._clock()), channel_id)
        content = read_content(arguments, about=channel_id)
        if content.is_empty:
            raise Refusal("no_text", about=channel_id)
        thread_ts = arguments.get("thread_ts")
        if thread_ts and not _is_ts(thread_ts):
            raise Refusal("invalid_thread_ts", about=channel_id)
        message = self.post(channel_id, name, content, "chat.postMessage", arguments)
        return json_reply(
            {
                "ok": True,
                "channel": channel_id,
                "ts": message.ts,
                "message": _shown(message),
                **content.warnings,
            },
            headers={"X-OAuth-Scopes": _SCOPES},
            about=channel_id,
        )

    def _update(self, arguments: Mapping[str, Any]) -> Reply:
        channel_id, name = self._channel(arguments)
        ts = _required(arguments, "ts")
        if not self.channels.is_id(str(arguments["channel"]).strip()):
            raise Refusal("channel_not_found", about=channel_id)
        self.place(channel_id, name)
        if self._updates is not None:
            _hold(self._updates.take("chat.update", self._clock()), "")
        content = read_content(
            arguments, about=channel_id, longest_text=slack_limits.UPDATE_TEXT
        )
        message = self._inbox.message(channel_id, ts)
        if message is None:
            raise Refusal("message_not_found", about=channel_id)
        if message.via != "chat.postMessage":
            raise Refusal("cant_update_message", about=channel_id)
        if content.text is None and not content.has_layout:
            raise Refusal("no_text", about=channel_id)
        edited = self._inbox.edit_message(
            message, _next_version(message, content, self._clock())
        )
        return json_reply(
            {
                "ok": True,
                "channel": channel_id,
                "ts": ts,
                "text": edited.text,
                "message": _shown(edited),
                **content.warnings,
            },
            headers={"X-OAuth-Scopes": _SCOPES},
            about=channel_id,
        )

    def _channel(self, arguments: Mapping[str, Any]) -> tuple[str, str]:
        channel = _required(arguments, "channel")
        found = self.channels.find(channel)
        if found is None:
            raise Refusal("channel_not_found")
        return found


def _next_version(message: Message, content: Content, now_s: float) -> Version:
    """What is not given stays as it was; an empty list takes away."""
    version = Version(
        time_s=now_s,
        text=message.text if content.text is None else content.text,
        blocks=message.blocks
        if content.blocks is None
        else _with_ids(content.blocks, message.ts),
        attachments=message.attachments
        if content.attachments is None
        else _numbered(content.attachments),
        metadata=message.metadata if content.metadata is None else content.metadata,
    )
    if not (version.text.strip() or version.blocks or version.attachments):
        raise Refusal("no_text", about=message.channel_id)
    return version


def _required(arguments: Mapping[str, Any], name: str) -> str:
    value = arguments.get(name)
    if value is None or value == "":
        raise Refusal(
            "invalid_arguments",
            response_metadata={"messages": [f"[ERROR] missing required field: {name}"]},
        )
    return str(value)


def _hold(wait_s: float, about: str) -> None:
    if wait_s > 0:
        raise Refusal("ratelimited", about=about, retry_after_s=whole_seconds(wait_s))


def _refuse(error: str, *, about: str = "", **details: object) -> Reply:
    body: dict[str, object] = {"ok": False, "error": error}
    if error == "ratelimited":
        return json_reply(
            body,
            status=429,
            headers={"Retry-After": str(details.get("retry_after_s", 1))},
            refusal=error,
            about=about,
        )
    return json_reply({**body, **details}, refusal=error, about=about)


def _shown(message: Message) -> dict[str, Any]:
    """The message as Slack returns it."""
    shown: dict[str, Any] = {
        "type": "message",
        "user": USER_ID,
        "bot_id": BOT_ID,
        "app_id": APP_ID,
        "team": TEAM_ID,
        "ts": message.ts,
        "text": message.text,
    }
    optional = {
        "thread_ts": message.thread_ts,
        "blocks": message.blocks,
        "attachments": message.attachments,
        "metadata": message.metadata,
        "username": message.username,
    }
    shown |= {name: value for name, value in optional.items() if value}
    if message.edited:
        edited_s = message.versions[-1].time_s
        shown["edited"] = {"user": BOT_ID, "ts": f"{edited_s:.6f}"}
    return shown


def _with_ids(blocks: list[dict[str, Any]], ts: str) -> tuple[dict[str, Any], ...]:
    """Blocks as Slack stores them: each with a ``block_id``."""
    return tuple(
        {
            "block_id": hashlib.sha256(f"{ts}/{index}".encode()).hexdigest()[:5],
            **block,
        }
        for index, block in enumerate(blocks)
    )


def _numbered(attachments: list[dict[str, Any]]) -> tuple[dict[str, Any], ...]:
    """Attachments as Slack stores them: numbered, with a fallback."""
    return tuple(
        {"id": number, "fallback": "[no preview available]", **attachment}
        for number, attachment in enumerate(attachments, 1)
    )


def _is_ts(value: object) -> bool:
    seconds, dot, rest = str(value).partition(".")
    return bool(dot) and seconds.isdecimal() and rest.isdecimal()
