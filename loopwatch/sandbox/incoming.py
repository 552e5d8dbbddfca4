"""Slack's incoming webhooks: ``/services/T/B/X``. Answers are plain text, no ts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from loopwatch.sandbox.buckets import Limits, TokenBuckets
from loopwatch.sandbox.replies import Reply, json_reply, text_reply, whole_seconds
from loopwatch.sandbox.slack import SlackApi
from loopwatch.sandbox.slack_content import Refusal, read_content

CHANNEL: Final = "#incoming-webhook"

# The last part of the URL may begin with its trouble, so that each can be tried.
_STATUS_OF: Final = {
    "action_prohibited": 403,
    "invalid_token": 403,
    "channel_not_found": 404,
    "no_service": 404,
    "channel_is_archived": 410,
    "rollup_error": 500,
}


class Hooks(msgspec.Struct, frozen=True, kw_only=True):
    """Which webhooks post where, and which have which trouble, by the URL's last part.

    Attributes:
        channels: ``#name`` for each; others post to ``#incoming-webhook``.
        troubles: ``no_service``, ``invalid_token``, ``action_prohibited``,
            ``channel_not_found``, ``channel_is_archived`` or ``rollup_error``.
    """

    channels: Mapping[str, str] = {}
    troubles: Mapping[str, str] = {}

    def __repr__(self) -> str:
        return f"Hooks({len(self.channels)} placed, {len(self.troubles)} in trouble)"


class IncomingWebhooks:
    """The endpoint, on top of the workspace whose channels it posts to.

    Args:
        limits: None switches the rate limit off.
    """

    def __init__(
        self,
        slack: SlackApi,
        clock: Callable[[], float],
        hooks: Hooks,
        limits: Limits | None,
    ) -> None:
        self._slack = slack
        self._clock = clock
        self.hooks = hooks
        self._buckets = (
            None
            if limits is None
            else TokenBuckets(limits.slack_post_per_s, limits.slack_burst)
        )

    def post(self, hook: str, arguments: Mapping[str, Any] | None) -> Reply:
        """Take one message.

        Args:
            hook: The last part of the URL, which is a secret.
            arguments: The payload; None when it was not a JSON object.
        """
        trouble = self.hooks.troubles.get(hook) or next(
            (name for name in _STATUS_OF if hook.startswith(name)), None
        )
        if trouble is not None:
            return _refuse(trouble)
        if arguments is None:
            return _refuse("invalid_payload")
        found = self._slack.channels.find(self.hooks.channels.get(hook, CHANNEL))
        if found is None:
            return _refuse("channel_not_found")
        channel_id, name = found
        if self._buckets is not None:
            wait_s = self._buckets.take(hook, self._clock())
            if wait_s > 0:
                return limited(str(whole_seconds(wait_s)), channel_id)
        try:
            self._slack.place(channel_id, name)
            content = read_content(arguments, about=channel_id)
        except Refusal as refusal:
            error = refusal.error
            return _refuse("channel_is_archived" if error == "is_archived" else error)
        if content.is_empty:
            return _refuse("no_text")
        self._slack.post(channel_id, name, content, "incoming", arguments)
        return text_reply("ok", about=channel_id)


def limited(retry_after: str, about: str = "") -> Reply:
    """The answer to more than about a message a second."""
    return json_reply(
        {
            "retry_after": int(retry_after) if retry_after.isdecimal() else 1,
            "ok": False,
            "error": "rate_limited",
        },
        status=429,
        headers={"Retry-After": retry_after},
        refusal="rate_limited",
        about=about,
    )


def _refuse(error: str) -> Reply:
    return text_reply(error, status=_STATUS_OF.get(error, 400), refusal=error)
