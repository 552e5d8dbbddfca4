"""What Slack's refusals mean, and who can do something about them.

Words: https://docs.slack.dev/reference/methods/chat.postMessage#errors and those of
``chat.update``. A refusal is HTTP 200 with ``"ok": false``; only the rate limit is 429.
"""

from __future__ import annotations

from typing import Any, Final

from alerts.clients.network import NotSent, of_status, retry_after_s
from alerts.clients.pace import Pace
from alerts.delivery import Ambiguous, Failed, Retry
from alerts.messages.text import clip, plain

_TOKEN_REFUSED: Final = frozenset(
    {
        "access_denied",
        "account_inactive",
        "ekm_access_denied",
        "invalid_auth",
        "missing_scope",
        "no_permission",
        "not_allowed_token_type",
        "not_authed",
        "org_login_required",
        "token_expired",
        "token_revoked",
    }
)
_CHANNEL_REFUSED: Final = {
    "channel_not_found": "there is none, or it is private and the app is no member of it",
    "is_archived": "unarchive it, or name another",
    "not_in_channel": "the app must be a member of it: write /invite @your-app there",
}
_LIMITED: Final = frozenset({"message_limit_exceeded", "rate_limited", "ratelimited"})
_PASSING: Final = frozenset(
    {"request_timeout", "service_unavailable", "team_added_to_org", "update_failed"}
)
# "Some aspect of the operation succeeded before the error was raised."
_HALF_DONE: Final = frozenset({"fatal_error", "internal_error"})
_GONE: Final = frozenset(
    {"cant_update_message", "edit_window_closed", "is_inactive", "message_not_found"}
)


class GoneError(Exception):
    """The message that was to be edited cannot be, or is not there any more."""


def of_answer(response: Any, pace: Pace, place: str, token: str) -> NotSent:  # noqa: ANN401 - the SDK's
    """What a refusal means.

    Args:
        response: The SDK's, or aiohttp's where the SDK could not read it.
        pace: The bucket that a rate limit pauses.
        place: Where the token is set, in words.
        token: Kept out of the outcome, should the answer quote it.

    Raises:
        GoneError: The message cannot be edited any more.
    """
    status: int = getattr(response, "status_code", 0) or getattr(response, "status", 0)
    data = getattr(response, "data", None)
    error = data.get("error") if isinstance(data, dict) else None
    if status == 429 or error in _LIMITED:
        after_s = retry_after_s(response.headers, pace.wall_s())
        if after_s is not None:
            pace.pause(after_s)
        return Retry("Slack's rate limit", after_s)
    if isinstance(error, str):
        faults = data.get("errors") if isinstance(data, dict) else None
        first = str(faults[0]) if isinstance(faults, list) and faults else ""
        return _of_word(_clean(error, token), _clean(first, token), place)
    if (known := of_status(status)) is not None:
        return known
    if 200 <= status < 300:
        return Ambiguous("Slack's answer could not be read")
    return Failed(f"HTTP {status}: is api_url beside {place} Slack's Web API?")


def _of_word(error: str, first: str, place: str) -> NotSent:
    if error in _GONE:
        raise GoneError
    if error in _PASSING:
        return Retry(f"Slack says {error}")
    if error in _HALF_DONE:
        return Ambiguous(f"Slack says {error}")
    if error in _TOKEN_REFUSED:
        return Failed(
            f"Slack refuses the token ({error}): set {place} to the bot token"
            " (xoxb-...) of an app with the scope chat:write"
        )
    if error in _CHANNEL_REFUSED:
        return Failed(
            f"Slack refuses the channel ({error}): see slack.channel beside {place};"
            f" {_CHANNEL_REFUSED[error]}"
        )
    return Failed(
        f"Slack refuses the message ({error})" + (f": {first}" if first else "")
    )


def _clean(text: str, token: str) -> str:
    return clip(plain(text.replace(token, "********")), 200)
