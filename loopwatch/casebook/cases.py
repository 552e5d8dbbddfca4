"""A file of cases: alerts, what people do, and what is to come of it.

The shapes below are the file's: every key that is not theirs is an error.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from alerts.notifications import Reason
from detectors.actions import Match, read_match
from detectors.rules import Severity
from detectors.transitions import microseconds
from loopwatch.config.durations import parse_duration


class CaseFault(ValueError):  # noqa: N818  named for what it is
    """A file that holds no cases; says why."""


class _Part(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    pass


class AlertCase(_Part, frozen=True):
    """One alert.

    Attributes:
        name: By which the case calls it.
        labels: Its labels; ``rule`` must be a rule of the configuration.
        severity: At first; the rule's own by default.
        fires: When, after the case's beginning.
        levels: When its severity changes, by the new one.
        resolves: When it is over.
    """

    name: str
    labels: dict[str, str]
    severity: Severity | None = None
    fires: str = "0s"
    levels: dict[Severity, str] = {}
    resolves: str | None = None


class SilenceCase(_Part, frozen=True):
    """A silence, from a time on and for a time."""

    match: Match
    for_: str = msgspec.field(name="for")
    at: str = "0s"


class AckCase(_Part, frozen=True):
    """An acknowledgement, from a time on and for a time."""

    match: Match
    at: str
    for_: str = msgspec.field(name="for")


class ToldCase(_Part, frozen=True):
    """One notification; what is not said may be anything.

    Attributes:
        after: When, after the case's beginning.
        alerts: By name, in any order.
    """

    receiver: str | None = None
    reason: Reason | None = None
    after: str | None = None
    alerts: list[str] | None = None


class Case(_Part, frozen=True):
    """One case.

    Attributes:
        at: When it begins, RFC 3339: mute times hang on it.
        until: How long it goes on; by default an hour after the last that happens.
        receivers: Whom the routes lead to, in the tree's order, whatever the time.
        told: All notifications, in order.
    """

    name: str
    alerts: list[AlertCase]
    at: str = "2026-01-05T12:00:00Z"
    silences: list[SilenceCase] = []
    acks: list[AckCase] = []
    until: str | None = None
    receivers: list[str] | None = None
    told: list[ToldCase] | None = None

    @property
    def begin_us(self) -> int:
        """When it begins."""
        return microseconds(self.at)


class _File(_Part, frozen=True):
    cases: list[Case]


def read_cases(file: Path) -> list[Case]:
    """The cases of a file.

    Raises:
        CaseFault: It holds none, or something of them is wrong.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        reason = getattr(fault, "strerror", None) or "not UTF-8"
        raise CaseFault(f"cannot be read: {reason}") from None
    try:
        # Times as they are written: YAML would make dates of them.
        raw = YAML(typ="base", pure=True).load(text)
    except MarkedYAMLError as fault:
        line = "" if fault.problem_mark is None else f"{fault.problem_mark.line + 1}: "
        raise CaseFault(f"{line}{fault.problem or 'no YAML'}") from None
    except (YAMLError, RecursionError, ValueError) as fault:
        raise CaseFault(f"no YAML: {fault}") from None
    return _checked(raw)


def _checked(raw: Any) -> list[Case]:  # noqa: ANN401  whatever stands in the file
    try:
        cases = msgspec.convert(raw, _File, strict=False).cases
    except msgspec.ValidationError as fault:
        raise CaseFault(str(fault).replace("`$.", "`")) from None
    for case in cases:
        try:
            _check(case)
        except ValueError as fault:
            raise CaseFault(f"case {case.name!r}: {fault}") from None
    return cases


def _check(case: Case) -> None:
    moment = datetime.fromisoformat(case.at)
    if moment.tzinfo is None:
        raise ValueError(f"'at': {case.at} has no offset; write {case.at}Z")
    if case.receivers is None and case.told is None:
        raise ValueError("say what is to come of it: 'receivers', 'told', or both")
    names = [alert.name for alert in case.alerts]
    if len(set(names)) < len(names):
        raise ValueError("two of its alerts have the same name")
    for told in case.told or ():
        for name in told.alerts or ():
            if name not in names:
                raise ValueError(f"'told' names an alert {name!r} that is not there")
    for match in [
        *(silence.match for silence in case.silences),
        *(ack.match for ack in case.acks),
    ]:
        read_match(match)
    for text in _durations(case):
        try:
            parse_duration(text)
        except ValueError as fault:
            raise ValueError(f"{text!r} {fault}: write 30s, 5m or 1h") from None


def _durations(case: Case) -> list[str]:
    found = [alert.fires for alert in case.alerts]
    found += [at for alert in case.alerts for at in alert.levels.values()]
    found += [alert.resolves for alert in case.alerts if alert.resolves is not None]
    found += [text for each in case.silences for text in (each.at, each.for_)]
    found += [text for each in case.acks for text in (each.at, each.for_)]
    found += [told.after for told in case.told or () if told.after is not None]
    return found + ([] if case.until is None else [case.until])
