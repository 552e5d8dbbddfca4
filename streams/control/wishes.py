"""Carrying out what people ask of notify: silences, acknowledgements, forgiving."""

from __future__ import annotations

from alerts.requests import Requests
from alerts.silences import Silence
from streams.control.actions import (
    AckAction,
    Action,
    ExpireAction,
    ForgiveAction,
    SilenceAction,
)


def carry_out(requests: Requests, action: Action, now_us: int) -> str:
    """Do it; where it met nothing that it could change, says so.

    ``accept`` is not for notify, and is passed over.
    """
    match action:
        case SilenceAction():
            # The clock of who wrote it may be ahead of ours.
            at_us = min(action.at_us, now_us)
            requests.silence(
                Silence(
                    action.id,
                    action.match,
                    at_us,
                    action.until_us,
                    action.by,
                    action.comment,
                ),
                now_us,
            )
        case ExpireAction():
            if not requests.expire(action.id, now_us):
                return f"there is no silence {action.id!r}, or it is over"
        case AckAction():
            at_us = min(action.at_us, now_us)
            found = requests.ack(
                action.match,
                by=action.by,
                at_us=at_us,
                until_us=at_us + action.for_us,
                now_us=now_us,
                comment=action.comment,
            )
            if not found:
                return "no open alert matches"
        case ForgiveAction():
            if not requests.forgive(action.receiver, now_us):
                return f"nothing is owed to a receiver {action.receiver!r}"
        case _:
            pass
    return ""
