"""A local stand-in for Slack, PagerDuty and webhooks, with an inbox and a page.

It speaks their protocols over real HTTP, refuses what they refuse, in their words, and
can be told to fail as they fail. Whoever sends to it needs nothing but its address.
"""

from loopwatch.sandbox.buckets import Limits
from loopwatch.sandbox.faults import Fault, Kind
from loopwatch.sandbox.inbox import Inbox
from loopwatch.sandbox.incoming import Hooks
from loopwatch.sandbox.pagerduty import Account
from loopwatch.sandbox.records import (
    Incident,
    LogEntry,
    Message,
    Note,
    Request,
    Status,
    Version,
    Webhook,
)
from loopwatch.sandbox.server import Sandbox, serve
from loopwatch.sandbox.slack import Workspace

__all__ = [
    "Account",
    "Fault",
    "Hooks",
    "Inbox",
    "Incident",
    "Kind",
    "Limits",
    "LogEntry",
    "Message",
    "Note",
    "Request",
    "Sandbox",
    "Status",
    "Version",
    "Webhook",
    "Workspace",
    "serve",
]
