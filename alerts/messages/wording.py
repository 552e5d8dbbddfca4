"""An alert in words: what is judged, against what, since when."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from alerts.delivery import Delivery
from alerts.messages.members import count, ends, reason_of, told
from alerts.messages.radius import is_news, radius
from alerts.messages.text import clip, plain
from alerts.notifications import Reason
from detectors.life.phrases import moment
from detectors.metrics import METRICS
from detectors.normal.anchor import ACCEPTED, REBASELINED
from detectors.transitions import Flapping, State, Transition, microseconds, rfc3339

_MINUTE_S: Final = 60
_HOUR_S: Final = 3600
_DAY_S: Final = 86_400
_LONG_S: Final = 100 * _DAY_S
_SERIES: Final = 240
_RULE: Final = 120
_CAUSES: Final = 6
_CAUSE: Final = 60
_AS_ONE: Final = {Reason.FIRING, Reason.UNSUPPRESSED, Reason.REPEAT}
"""Of these a headline tells how far they reach, not which alert comes first."""


def amount(line: Transition, value: float | None) -> str:
    """A value of the alert's metric with its unit, as people say it.

    Rates are shares of 1, latencies milliseconds, silences seconds.
    """
    if value is None:
        return "unknown"
    if line.rule_kind == "absence":
        return span(value)
    if line.aggregate == "count":
        return _counted(value, "sessions")
    metric = METRICS.get(line.metric)
    match metric.unit if metric else "":
        case "USD":
            return dollars(value)
        case "ms":
            return span(value / 1000)
        case "%":
            return f"{number(value * 100)} %"
        case unit:
            return _counted(value, unit)


def _counted(value: float, unit: str) -> str:
    if value == 1 and unit.endswith("s"):
        unit = unit[:-1]
    return f"{number(value)} {unit}".strip()


def number(value: float) -> str:
    """Three digits or all before the point, and no exponent that people may meet.

    >>> number(31.0), number(31.26), number(0.1234), number(48200.0)
    ('31', '31.3', '0.123', '48,200')
    """
    if not 0.0001 <= abs(value) < 1e15:
        return f"{value:.3g}"
    if abs(value) >= 1000 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 100 else f"{value:.3g}"


def dollars(value: float) -> str:
    """US dollars: cents, and below ten cents two digits that say something.

    >>> dollars(3.2), dollars(0.0042), dollars(12345.678)
    ('$3.20', '$0.0042', '$12,345.68')
    """
    sign, value = ("-", -value) if value < 0 else ("", value)
    if 0.1 <= value < 1e15 or value == 0:
        return f"{sign}${value:,.2f}"
    return f"{sign}${value:.2g}"


def span(seconds: float) -> str:
    """A time in its two largest units: ``850 ms``, ``31.5 s``, ``2 m 5 s``."""
    if abs(seconds) < 1:
        return f"{number(seconds * 1000)} ms"
    if abs(seconds) < 2 * _MINUTE_S:
        return f"{number(seconds)} s"
    if abs(seconds) >= _LONG_S:
        return f"{number(seconds / _DAY_S)} d"
    whole = round(seconds)
    for unit_s, unit, part_s, part in (
        (_DAY_S, "d", _HOUR_S, "h"),
        (_HOUR_S, "h", _MINUTE_S, "m"),
    ):
        if whole >= unit_s:
            rest = whole % unit_s // part_s
            return f"{whole // unit_s:,} {unit}" + (f" {rest} {part}" if rest else "")
    rest = whole % _MINUTE_S
    return f"{whole // _MINUTE_S} m" + (f" {rest} s" if rest else "")


def measured(line: Transition) -> str:
    """The name of what is judged: ``p95 loop_count``."""
    if line.rule_kind == "absence":
        return "silence"
    if line.rule_kind == "budget":
        period = line.evidence.get("period")
        return f"{line.metric} of the {period}" if period else line.metric
    metric = METRICS.get(line.metric)
    if line.aggregate in ("", "mean") or (metric is not None and metric.pooled):
        # A rule on each session has an aggregate too, and means nothing by it.
        return line.metric
    return f"{line.aggregate} {line.metric}"


def against(line: Transition) -> str:
    """What the value is held against: ``expected 9.1 loops, limit 27.3 loops``."""
    parts = [
        f"{name} {amount(line, value)}"
        for name, value in (("expected", line.expected), ("limit", line.threshold))
        if value is not None
    ]
    missing = line.evidence.get("expected_sessions")
    if line.rule_kind == "absence" and missing is not None:
        parts.append(f"about {_counted(round(missing), 'sessions')} missing")
    share, whole = line.evidence.get("level"), line.evidence.get("amount")
    if line.rule_kind == "budget" and share is not None and whole is not None:
        parts = [f"reached {number(share * 100)} % of {amount(line, whole)}"]
    return ", ".join(parts)


def why(line: Transition) -> str:
    """What moved with it, the largest part first; empty if nothing is known.

    ``73 % tokens per call, 22 % loops``; of a model that changed, both names.
    """
    parts = sorted(line.causes.items(), key=lambda part: (-part[1], part[0]))
    told = []
    for name, share in parts[:_CAUSES]:
        said = f"{share * 100:.0f} % {clip(plain(name.replace('_', ' ')), _CAUSE)}"
        models = line.evidence.get("model")
        if name == "model" and isinstance(models, list) and len(models) == 2:
            before, now = (clip(plain(str(model)), _CAUSE) for model in models)
            said += f" ({before} → {now})"
        told.append(said)
    return ", ".join(told)


def exhaustion(line: Transition) -> tuple[str, str] | None:
    """When a budget was or will be exhausted: ``exhausted since``, RFC 3339.

    None of other kinds, where it would last, and once its period is over.
    """
    found = line.evidence.get("exhausted_at")
    if line.rule_kind != "budget" or not found or line.to_state is State.RESOLVED:
        return None
    gone = microseconds(found) <= microseconds(line.time)
    return ("exhausted since" if gone else "will be exhausted on"), found


def outlook(line: Transition) -> str:
    """The same in a sentence's end; empty if there is nothing to say."""
    found = exhaustion(line)
    if found is None:
        return ""
    verb, when = found[0], moment(microseconds(found[1]))
    return f"{verb} {when}" + ("" if "since" in verb else " at the present rate")


def reason_told(line: Transition) -> str:
    """What the line came of: its reason, in words where that is one word.

    A level that was accepted says from where it came, also in later lines: ``above
    2 x the expected 0.31; 7.3 x the $0.11 of before 2026-03-03``.
    """
    if line.reason in (ACCEPTED, REBASELINED):
        by = line.evidence.get("accepted_by")
        who = f" by {by}" if isinstance(by, str) and by else ""
        return (
            f"accepted{who} as the new normal; it was {amount(line, line.expected)},"
            f" it is {amount(line, line.value)}"
        )
    return line.reason + _since_anchor(line) + _flapping(line)


def _since_anchor(line: Transition) -> str:
    """How far the value is from the level before the last shift that was accepted."""
    anchor = line.evidence.get("anchor")
    if not isinstance(anchor, Mapping) or not line.to_state.is_open:
        return ""
    level, at = anchor.get("expected"), anchor.get("at")
    if not isinstance(level, int | float) or not isinstance(at, str):
        return ""
    if line.value is None or not level > 0:
        return ""
    times = number(line.value / level)
    return f"; {times} x the {amount(line, level)} of before {at[:10]}"


def series(line: Transition) -> str:
    """The labels that tell the series, in the order of names; empty ones left out."""
    return ", ".join(
        f"{plain(name)}={plain(value)}"
        for name, value in sorted(line.labels.items())
        if value
    )


def moved(delivery: Delivery, line: Transition) -> str:
    """What has changed of an alert since it was last told: ``$3.20 → $9.50, 9 more sessions``.

    Empty if nothing has, or if it is told for the first time. Of one that is over the
    value says nothing.
    """
    before = delivery.before.get(line.alert_id)
    if before is None:
        return ""
    value, sessions = before
    told = []
    if value != line.value and None not in (value, line.value):
        then, now = amount(line, value), amount(line, line.value)
        if then != now and not ends(delivery, line):
            told.append(f"{then} → {now}")
    if line.sessions > sessions:
        told.append(f"{_counted(line.sessions - sessions, 'more sessions')}")
    return ", ".join(told)


def lasted(line: Transition) -> str | None:
    """From the breach's beginning to the line's time; None where it is not known."""
    if line.began is None:
        return None
    return span(max(0, microseconds(line.time) - microseconds(line.began)) / 1e6)


def title(delivery: Delivery, line: Transition) -> str:
    """What happened to an alert, in a word or two: ``Critical``, ``Resolved``."""
    severity = line.severity or "warning"
    if ends(delivery, line):
        return "Resolved"
    match reason_of(delivery, line):
        case Reason.ESCALATED:
            before = delivery.severity_before
            level = line.evidence.get("level") if line.rule_kind == "budget" else None
            if before == severity and level is not None:
                return f"Escalated to {number(level * 100)} %"
            return f"Escalated to {severity}" + (f" from {before}" if before else "")
        case Reason.CHANGED if flapped := _flapped(delivery, line):
            return f"{flapped}, {severity}"
        case Reason.CHANGED:
            before = delivery.severity_before
            return f"Down to {severity}" + (f" from {before}" if before else "")
        case Reason.REPEAT:
            return f"Still {severity}"
        case _:
            return severity.capitalize()


def _flapped(delivery: Delivery, line: Transition) -> str:
    """That it flaps is the news; empty if its level is."""
    before = delivery.severity_before
    if before is not None and before != line.severity:
        return ""
    if not isinstance(line.flapping, Flapping):
        return ""
    return "Flapping" if line.flapping.number else "No longer flapping"


def _flapping(line: Transition) -> str:
    """How often it began or ended, as a sentence's end."""
    found = line.flapping
    if not isinstance(found, Flapping):
        return ""
    since = moment(microseconds(found.since))
    said = f"; it has begun or ended {found.changes} times since {since}"
    if found.number:
        return f"{said}, and is told at most every {span(found.within_s)} until it is steady"
    return said


def acknowledged(delivery: Delivery, line: Transition) -> tuple[str, str | None] | None:
    """Who looks after an alert, and until when as RFC 3339; of one that is over who did."""
    ack = delivery.acks.get(line.alert_id)
    if ack is None:
        return None
    who = clip(plain(ack.by), _CAUSE) or "somebody"
    return who, None if ends(delivery, line) else rfc3339(ack.until_us)


def marks(delivery: Delivery) -> list[str]:
    """What the reader must know of the message itself."""
    found = []
    if delivery.late:
        found.append("late: Loopwatch had stood still and is catching up")
    if delivery.possible_repeat and delivery.ref is None:
        found.append("possible repeat")
    return found


def headline(delivery: Delivery, line: Transition | None = None) -> str:
    """One line that says it all, for lists and lock screens.

    Args:
        delivery: With at least one alert.
        line: The alert to begin with, if not the first.
    """
    line = delivery.alerts[0] if line is None else line
    blast = delivery.blast
    if blast is not None and is_news(blast) and reason_of(delivery, line) in _AS_ONE:
        said = f"{title(delivery, line)}: {clip(plain(line.rule), _RULE)}"
        said += f": {radius(blast, delivery.at_us)}"
        return " ".join([said, *_brief(delivery)])
    where = clip(series(line), _SERIES)
    said = f"{title(delivery, line)}: {clip(plain(line.rule), _RULE)}"
    said += f" ({where})" if where else ""
    more = told(delivery) - 1
    said += f" and {more} more" if more else ""
    on = count(delivery) - told(delivery)
    said += f"; {on} more fire{'s' if on == 1 else ''}" if on else ""
    return " ".join([said, *_brief(delivery)])


def _brief(delivery: Delivery) -> list[str]:
    return [f"({mark.partition(':')[0]})" for mark in marks(delivery)]
