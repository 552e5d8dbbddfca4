"""What is handed to a client, and what the client says came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from alerts.notifications import Reason
from alerts.reach import Blast
from alerts.receivers import Channel
from alerts.silences import Ack
from detectors.transitions import Transition


class Action(StrEnum):
    """What a message does to the thing that people see."""

    OPEN = "open"
    UPDATE = "update"
    CLOSE = "close"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One message to one channel, with everything needed to write it.

    Attributes:
        id: The same for every attempt at the same news; the idempotency key.
        action: OPEN starts an incident or a root message, UPDATE adds to it, CLOSE
            ends it.
        group: The labels that make the group, as matchers.
        dedup_key: Names the group at providers that keep incidents; it is the one
            the incident was opened with.
        reason: The first of the reasons for which it is sent.
        alerts: The group's alerts as they stand: those with news first, then those
            that fire on; of many, the first ones.
        news: Why each alert is told that is: of all of them.
        before: Of each alert that was told before, its value and sessions then.
        firing: How many alerts of the group fire, as people know with this.
        blast: How far what fires reaches; None where it is few alerts.
        severity_before: The severity told before, of the first; None where it did not
            change.
        at_us: When it was decided.
        attempt: 1 at the first.
        ref: What the channel called the message that opened this; None if it was
            none yet, or cannot be named.
        late: Held back while the worker caught up after a standstill.
        possible_repeat: An earlier attempt may have arrived.
        quiet: Sets an old message right; nobody needs to be alerted to it.
        acks: Who looks after which of the alerts, or did until its end.
    """

    id: str
    receiver: str
    channel: Channel
    action: Action
    group: str
    dedup_key: str
    generation: int
    reason: Reason
    alerts: tuple[Transition, ...]
    news: Mapping[str, Reason] = field(default_factory=dict)
    before: Mapping[str, tuple[float | None, int]] = field(default_factory=dict)
    firing: int = 1
    blast: Blast | None = None
    severity_before: str | None = None
    at_us: int = 0
    attempt: int = 1
    ref: str | None = None
    late: bool = False
    possible_repeat: bool = False
    quiet: bool = False
    acks: Mapping[str, Ack] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sent:
    """It arrived.

    Attributes:
        ref: What the channel calls it, for later edits; None keeps what was known.
        answer: What the provider said, for people; it decides nothing.
    """

    ref: str | None = None
    answer: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Retry:
    """It did not arrive, and may on another try.

    Attributes:
        after_s: The channel takes nothing at all before.
    """

    reason: str
    after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """Whether it arrived cannot be known; it is tried again."""

    reason: str


@dataclass(frozen=True, slots=True)
class Failed:
    """It will never arrive as it is: the reason says who must change what."""

    reason: str


Outcome = Sent | Retry | Ambiguous | Failed


class Client(Protocol):
    """Sends to one channel. One file for each provider, in ``clients``."""

    async def check(self, receiver: str) -> str | None:
        """What is wrong with the settings, as far as asking tells; None if nothing.

        Alerts nobody. A channel that cannot be reached just now is not wrong.

        Args:
            receiver: Whose channel it is, for the words.
        """

    async def send(self, delivery: Delivery) -> Outcome:
        """Try once. Never raises for what the network or the provider does."""

    async def close(self) -> None:
        """Let go of connections and threads."""
