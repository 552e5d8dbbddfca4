"""What delivery remembers, as rows of plain values that outlive the process.

A row's key names its kind and its id, its bytes are MessagePack with a version in
front. Never a secret: channels are named, and looked up in the configuration when
something is sent.
"""

from __future__ import annotations

from enum import StrEnum
from hashlib import blake2b
from typing import Final

import msgspec

from alerts.delivery import Action
from alerts.notifications import Reason
from alerts.reach import Blast, Headcount
from alerts.silences import Ack, Cursor, Silence
from detectors.rules import SECOND_US
from detectors.transitions import Transition

VERSION: Final = 2

NO_ROUTE: Final = 1 << 30
"""The position of no route: behind all of them."""


class Alert(msgspec.Struct):
    """One alert that fired.

    Attributes:
        seq: Of the last line taken; what is not above it is a repeat.
        line: The last line, with what updates said since.
        ended: The line that ended the last firing, until the next one is over.
        over_us: Since when it does not fire; None while it does.
        ack: Who looks after it, if somebody does.
    """

    seq: int
    line: Transition
    ended: Transition | None = None
    over_us: int | None = None
    ack: Ack | None = None


class Member(msgspec.Struct, array_like=True):
    """One alert in one group.

    Attributes:
        since_us: When it came.
        routed: Whether the route tree leads here with its present labels.
        told: The generation told firing and not told resolved; 0 if none.
        severity: The one told last.
        share: Of a budget's amount, the one told last.
        told_us: When this generation was first told.
        held: The generation whose news was held back by a suppression; 0 if none.
        ready_us: Of what was held back, from when on it may be told; None while the
            suppression lasts.
        flaps: How often it was told that the alert flaps; 0 where it was last told, or
            never known, not to.
        value, sessions: Those told last.
    """

    since_us: int
    routed: bool = True
    told: int = 0
    severity: str = ""
    share: float = 0.0
    told_us: int = 0
    held: int = 0
    ready_us: int | None = None
    flaps: int = 0
    value: float | None = None
    sessions: int = 0


class Told(msgspec.Struct, array_like=True, frozen=True):
    """What a message tells of one alert, and what was known of it before.

    Attributes:
        before: The generation told before; 0 if none.
        severity: Told before; None where it was not known to fire.
        share: Of a budget's amount, told before.
        flaps: How often it was told before that the alert flaps.
        value, sessions: Told before.
    """

    reason: Reason
    generation: int
    before: int = 0
    severity: str | None = None
    share: float = 0.0
    flaps: int = 0
    value: float | None = None
    sessions: int = 0

    @property
    def is_first(self) -> bool:
        """Whether it is the first that is said of a generation."""
        return self.reason in (Reason.FIRING, Reason.UNSUPPRESSED)


class Stage(StrEnum):
    """How far a message has come; one that was sent leaves the queue."""

    PENDING = "pending"
    SENDING = "sending"


class Message(msgspec.Struct):
    """One message in a group's queue: the outbox.

    Attributes:
        id: Of the delivery, the same for every attempt.
        reason: The first of those for which it is sent.
        generation: The highest among the alerts that it tells of.
        alerts: As they stood when it was decided, those with news first; of many,
            the first ones.
        told: What it tells of which alert: of all of them.
        firing: How many alerts of the group fire, as people know.
        episode: Of the group: from its first message to its end.
        blast: How far what fires reaches; at the end, how far it did.
        next_us: Not before.
        give_up_us: After this it is not tried again.
        ambiguous: An attempt may have arrived.
        fault: Why the last attempt failed.
    """

    id: str
    action: Action
    reason: Reason
    generation: int
    alerts: tuple[Transition, ...]
    at_us: int
    next_us: int
    give_up_us: int
    told: dict[str, Told] = {}
    firing: int = 0
    episode: int = 0
    blast: Blast | None = None
    late: bool = False
    quiet: bool = False
    stage: Stage = Stage.PENDING
    attempts: int = 0
    ambiguous: bool = False
    fault: str = ""

    @property
    def untouched(self) -> bool:
        """Whether it surely has not arrived and is not on its way."""
        return self.stage is Stage.PENDING and not self.ambiguous


class Group(msgspec.Struct):
    """Alerts that one channel of one receiver is told of together.

    Attributes:
        order: Rises with each group that gets its first member; ties of timers run
            in it.
        channel: The kind, numbered from the second of a kind on; not the target, so
            that a channel that moves keeps its groups.
        key: The labels that make the group, as matchers.
        position: Of the route whose times these are: the first in the tree's order.
        flushed_us: When something was last said; None if nobody here was told.
        due_us: The next flush.
        remind_us: When to repeat, if nothing is said before; None if nothing fires.
        reminders: How often it was repeated since there was news.
        recheck_us: When a suppression may end by the clock alone.
        joined_us: Of an incident that a route gathers with ``fan_in``: when something
            joined it last. None of other groups.
        episode: How often a first message was sent; one goes on to its end.
        said: How many messages there were.
        blast: How far it reached, as the last message said.
        refs: By episode, what the channel called the message that opened it.
        queue: Messages not yet sent, in order.
        given_up: Messages that were not sent and will not be tried by themselves.
    """

    order: int
    receiver: str
    channel: str
    key: str
    wait_us: int
    interval_us: int
    repeat_us: int = 4 * 3600 * SECOND_US
    backoff: float = 1.0
    position: int = NO_ROUTE
    members: dict[str, Member] = {}
    flushed_us: int | None = None
    due_us: int | None = None
    remind_us: int | None = None
    reminders: int = 0
    recheck_us: int | None = None
    joined_us: int | None = None
    episode: int = 0
    said: int = 0
    blast: Blast | None = None
    refs: dict[int, str] = {}
    queue: list[Message] = []
    given_up: list[Message] = []

    @property
    def id(self) -> str:
        """Names it among all groups."""
        return group_id(self.receiver, self.channel, self.key)

    @property
    def dedup_key(self) -> str:
        """Names it at the provider: a function of receiver and group key alone."""
        return f"loopwatch-{_digest(self.receiver, self.key)}"

    @property
    def is_done(self) -> bool:
        """Whether nothing of it is worth keeping."""
        return not (self.members or self.queue or self.given_up)


class Pause(msgspec.Struct):
    """Until when a channel of a receiver takes nothing, by its own word."""

    receiver: str
    channel: str
    until_us: int


Row = Alert | Group | Pause | Silence | Cursor | Headcount


class UnknownRowError(ValueError):
    """A row of a kind or version that this version cannot read."""


_KINDS: Final[dict[bytes, type[Row]]] = {
    b"a": Alert,
    b"g": Group,
    b"p": Pause,
    b"s": Silence,
    b"c": Cursor,
    b"n": Headcount,
}

CURSOR_ROW: Final = b"c/control"
"""The key of the row that says how far the control topic was read."""
_encoder = msgspec.msgpack.Encoder()


def alert_row(alert_id: str) -> bytes:
    """The key of an alert's row."""
    return b"a/" + alert_id.encode()


def group_row(group: str) -> bytes:
    """The key of the row of the group with this id."""
    return b"g/" + group.encode()


def pause_row(receiver: str, channel: str) -> bytes:
    """The key of a pause's row."""
    return b"p/" + _digest(receiver, channel).encode()


def headcount_row(rule: str, partition: int) -> bytes:
    """The key of a census' row."""
    return b"n/" + _digest(rule, str(partition)).encode()


def silence_row(name: str) -> bytes:
    """The key of a silence's row."""
    return b"s/" + name.encode()


def encode_row(row: Row) -> bytes:
    """A row's bytes."""
    return bytes([VERSION]) + _encoder.encode(row)


def decode_row(key: bytes, row: bytes) -> Row:
    """A row from its key and bytes.

    Raises:
        UnknownRowError: Written by another version, or no row of delivery at all.
    """
    kind = _KINDS.get(key.partition(b"/")[0])
    if kind is None or row[:1] != bytes([VERSION]):
        raise UnknownRowError(
            f"the state row {key!r} was written by another version of Loopwatch; "
            f"this one reads version {VERSION}"
        )
    try:
        return msgspec.msgpack.decode(row[1:], type=kind)
    except msgspec.MsgspecError as fault:
        raise UnknownRowError(f"the state row {key!r} is damaged: {fault}") from None


def group_id(receiver: str, channel: str, key: str) -> str:
    """Names the group with this key in one channel of a receiver."""
    return _digest(receiver, channel, key)


def delivery_id(group: Group, at_us: int, reason: Reason) -> str:
    """Names the next piece of news to a group: 32 hexadecimal digits.

    With its time, for a group that is forgotten begins to count anew.
    """
    return _digest(group.id, str(at_us), str(group.said), reason)


def _digest(*parts: str) -> str:
    # JSON, so that no two lists of parts run together into the same text.
    return blake2b(msgspec.json.encode(parts), digest_size=16).hexdigest()
