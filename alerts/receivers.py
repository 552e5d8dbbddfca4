"""Receivers: the people and systems that alerts are told to."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Secret:
    """A value that must not be shown: its text is read only to be used.

    Exactly one of ``value``, ``variable`` and ``file`` is where it comes from.

    Attributes:
        value: Written out in the configuration, or read from the environment.
        variable: The environment variable it was meant to come from.
        file: The file it is read from at each use, so that it can be rotated.
    """

    value: str | None = field(default=None, repr=False)
    variable: str | None = None
    file: Path | None = None

    def read(self) -> str:
        """The secret itself.

        Raises:
            LookupError: The variable is not set, or the file cannot be read.
        """
        if self.file is not None:
            try:
                return self.file.read_text(encoding="utf-8").strip()
            except OSError as fault:
                raise LookupError(
                    f"cannot read the secret file {self.file}: {fault.strerror}"
                ) from None
        if self.value is None:
            raise LookupError(f"the environment variable {self.variable} is not set")
        return self.value

    def __str__(self) -> str:
        return "********"


@dataclass(frozen=True, slots=True)
class SlackChannel:
    """A channel, by bot token (edits its messages) or by incoming webhook (cannot).

    Attributes:
        channel: ``#name`` or an id.
        api_url: Slack's Web API, or a stand-in for it.
    """

    kind: ClassVar[str] = "slack"
    channel: str
    token: Secret | None = None
    webhook_url: Secret | None = None
    api_url: str = "https://slack.com/api/"

    @property
    def target(self) -> str:
        """The address people know it by."""
        return self.channel


@dataclass(frozen=True, slots=True)
class PagerDutyService:
    """A PagerDuty service, by the routing key of its Events API v2 integration."""

    kind: ClassVar[str] = "pagerduty"
    routing_key: Secret
    url: str = "https://events.pagerduty.com"
    client_url: str | None = None

    @property
    def target(self) -> str:
        """Never the key: the place it is sent to."""
        return self.url.removeprefix("https://").removeprefix("http://")


@dataclass(frozen=True, slots=True)
class WebhookEndpoint:
    """Any HTTP endpoint that takes a JSON POST.

    Attributes:
        bearer: Sent as ``Authorization: Bearer``.
    """

    kind: ClassVar[str] = "webhook"
    url: Secret
    shown_url: str
    bearer: Secret | None = None

    @property
    def target(self) -> str:
        """The URL without credentials, query or fragment."""
        return self.shown_url


Channel = SlackChannel | PagerDutyService | WebhookEndpoint


@dataclass(frozen=True, slots=True)
class Receiver:
    """A name for one or more channels."""

    name: str
    channels: tuple[Channel, ...]
