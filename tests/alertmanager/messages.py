"""What either of the two told: when, whom, and of which alerts."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

MAIN = "main"
ALSO = "also"


class Message(msgspec.Struct, frozen=True, order=True):
    """One message.

    Attributes:
        at_s: Whole seconds since the story began.
        receiver: ``main`` or ``also``.
        firing: The alerts that it says fire.
        resolved: The alerts that it says are over.
    """

    at_s: int
    receiver: str
    firing: tuple[str, ...] = ()
    resolved: tuple[str, ...] = ()


def message(
    at_s: float, receiver: str, firing: Iterable[str], resolved: Iterable[str]
) -> Message:
    """A message with its time rounded: real time is never exact."""
    return Message(
        round(at_s),
        receiver,
        tuple(sorted(set(firing))),
        tuple(sorted(set(resolved))),
    )


def named(alert: str, severity: str | None) -> str:
    """How a message's alert is called: with its level, if that is not the usual one."""
    return f"critical {alert}" if severity == "critical" else alert


def said(messages: Iterable[Message]) -> str:
    """A story's messages in a cell of the table."""
    return "; ".join(map(_said, messages)) or "nothing"


def _said(one: Message) -> str:
    parts = []
    if one.firing:
        parts.append(f"{', '.join(one.firing)} {_verb(one.firing, 'fires', 'fire')}")
    if one.resolved:
        parts.append(
            f"{', '.join(one.resolved)} {_verb(one.resolved, 'is over', 'are over')}"
        )
    whom = " (second receiver)" if one.receiver == ALSO else ""
    return f"{one.at_s}: {' and '.join(parts)}{whom}"


def _verb(names: tuple[str, ...], one: str, many: str) -> str:
    return one if len(names) == 1 else many
