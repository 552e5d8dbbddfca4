"""What people ask for while alerts are open: accept, silence, expire, ack, forgive.

The same messages stand in a file for ``replay``, one a line, and travel on
``loopwatch.control``: ``accept`` is forwarded to the rules, notify reads the others.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final, NamedTuple

import msgspec

from detectors.actions import Match, read_match
from detectors.transitions import microseconds
from streams.events.malformed import shorten

LARGEST: Final = 64 * 1024
"""Bytes of a message; a longer one was written by no person."""


class MalformedAction(ValueError):  # noqa: N818  named for what it is
    """A message that is no action; says why."""


class _Action(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    tag_field="action",
    forbid_unknown_fields=True,
    omit_defaults=True,
):
    """What all of them say.

    Attributes:
        at: When it takes effect in ``replay``, RFC 3339; else when it was written.
        by: Who it was.
    """

    at: str
    by: str = ""
    comment: str = ""

    @property
    def at_us(self) -> int:
        """The same in microseconds since 1970."""
        return microseconds(self.at)

    def check(self) -> None:
        """Say what no type can tell.

        Raises:
            ValueError: Something of it makes no sense.
        """
        _moment("at", self.at)


class AcceptAction(_Action, frozen=True, kw_only=True, tag="accept"):
    """The level of the alerts that match is the normal one from now on."""

    match: Match

    def check(self) -> None:  # noqa: D102
        super().check()
        read_match(self.match)


class SilenceAction(_Action, frozen=True, kw_only=True, tag="silence"):
    """Nobody is told of the alerts that match, until a time."""

    id: str
    match: Match
    until: str

    @property
    def until_us(self) -> int:
        """Its end in microseconds since 1970."""
        return microseconds(self.until)

    def check(self) -> None:  # noqa: D102
        super().check()
        read_match(self.match)
        if _moment("until", self.until) <= self.at_us:
            raise ValueError(f"until: {self.until} is not after 'at'")


class ExpireAction(_Action, frozen=True, kw_only=True, tag="expire"):
    """A silence ends now."""

    id: str


class AckAction(_Action, frozen=True, kw_only=True, tag="ack"):
    """Somebody looks after the alerts that match: they are not repeated for a time."""

    match: Match
    for_: str = msgspec.field(name="for")

    @property
    def for_us(self) -> int:
        """How long it holds, in microseconds."""
        parts = _PART.findall(self.for_)
        return sum(int(number) * _UNITS_US[unit] for number, unit in parts)

    def check(self) -> None:  # noqa: D102
        super().check()
        read_match(self.match)
        if not _DURATION.fullmatch(self.for_) or self.for_us == 0:
            raise ValueError(f"for: {shorten(self.for_)} is no time; write 1h or 30m")


class ForgiveAction(_Action, frozen=True, kw_only=True, tag="forgive"):
    """A receiver is owed nothing any more: it is told of no end that it waits for."""

    receiver: str

    def check(self) -> None:  # noqa: D102
        super().check()
        if not self.receiver:
            raise ValueError("receiver: is empty")


Action = AcceptAction | SilenceAction | ExpireAction | AckAction | ForgiveAction

_DURATION: Final = re.compile(r"(?:[0-9]{1,12}(?:ms|[wdhms]))+")

_PART: Final = re.compile(r"([0-9]+)(ms|[wdhms])")

_UNITS_US: Final = {
    "ms": 1_000,
    "s": 1_000_000,
    "m": 60 * 1_000_000,
    "h": 3_600 * 1_000_000,
    "d": 86_400 * 1_000_000,
    "w": 604_800 * 1_000_000,
}

_TAGS: Final = ("accept", "silence", "expire", "ack", "forgive")


class Numbered(NamedTuple):
    """An action and the line of the file that it stands on, from 1 on."""

    line: int
    action: Action


_decoder: msgspec.json.Decoder[Action] = msgspec.json.Decoder(Action)
_encode = msgspec.json.Encoder().encode


def encode_action(action: Action) -> bytes:
    """As it stands on a line, and travels."""
    return _encode(action)


def decode_action(text: bytes) -> Action:
    """Read one action.

    Raises:
        MalformedAction: It is none, or of a later version; the reason names the
            field, or the action.
    """
    if len(text) > LARGEST:
        raise MalformedAction(f"its {len(text)} bytes are more than {LARGEST}")
    try:
        raw = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise MalformedAction("not JSON") from None
    if not isinstance(raw, Mapping):
        raise MalformedAction("not a JSON object")
    kind = raw.get("action")
    if kind not in _TAGS:
        named = "is missing" if kind is None else f"{shorten(str(kind))} is unknown"
        raise MalformedAction(f"action: {named}; it is one of {', '.join(_TAGS)}")
    try:
        action = _decoder.decode(text)
        action.check()
    except (msgspec.ValidationError, ValueError, OverflowError) as fault:
        raise MalformedAction(_reason(str(fault))) from None
    return action


def is_action(text: bytes) -> bool:
    """Whether a message on the control topic is one: workers announce themselves too."""
    try:
        raw = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return isinstance(raw, Mapping) and "action" in raw


def read_actions(
    lines: Iterable[bytes],
) -> tuple[list[Numbered], list[tuple[int, str]]]:
    """The actions of a file in order of time, and what is wrong with other lines.

    Args:
        lines: JSON, one action a line; blank lines are skipped.

    Returns:
        The actions, those of one time in the order of the file; for each malformed
        line its number and the reason.
    """
    found: list[Numbered] = []
    faults: list[tuple[int, str]] = []
    for number, line in enumerate(lines, start=1):
        text = line.strip(b" \t\r\n")
        if not text:
            continue
        try:
            found.append(Numbered(number, decode_action(text)))
        except MalformedAction as fault:
            faults.append((number, str(fault)))
    found.sort(key=lambda numbered: (numbered.action.at_us, numbered.line))
    return found, faults


def _moment(name: str, text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(
            f"{name}: {shorten(text)} is no time; write 2026-11-24T09:30:00Z"
        ) from None
    if moment.tzinfo is None:
        raise ValueError(f"{name}: {shorten(text)} has no offset; write {text}Z")
    return microseconds(text)


def _reason(fault: str) -> str:
    """The words of msgspec, turned so that they begin with the field."""
    said, _, path = fault.partition(" - at `$.")
    if path:
        return f"{path.rstrip('`')}: {said[0].lower()}{said[1:]}"
    for begin, words in (
        ("Object missing required field `", "is missing"),
        ("Object contains unknown field `", "is unknown"),
    ):
        if fault.startswith(begin):
            return f"{shorten(fault.removeprefix(begin).rstrip('`'))}: {words}"
    return fault
