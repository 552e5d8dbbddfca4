"""An explanation for people: headed lines, each with a style for terminals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from alerts.messages.text import plain
from alerts.messages.wording import amount, number, span
from detectors.transitions import Transition
from loopwatch.explaining.explanation import WORST

Line = tuple[str, str]
"""Style and text."""

Row = tuple[str, str]
"""Name and value."""

HEADING: Final = "bold"
PLAIN: Final = ""
_SEVERITIES: Final = {"critical": "bold red", "warning": "bold yellow"}
_SHARES: Final = frozenset({"borrowed"})


class Page:
    """Words for the numbers of one explanation.

    Args:
        found: What ``explain`` gave.
        line: The line that it explains, whose metric gives the values their unit.
    """

    def __init__(self, found: Mapping[str, Any], line: Transition) -> None:
        self._found = found
        self._line = line
        self._evidence: dict[str, Any] = dict(found["evidence"])

    def lines(self) -> Iterator[Line]:
        """All of it, from the verdict to what became of the alert."""
        found, labels = self._found, self._labels()
        severity = found["severity"] or "warning"
        yield _SEVERITIES.get(severity, HEADING), f"{plain(found['rule'])} {labels}"
        yield PLAIN, f"{severity}, now {found['state']}; alert {found['alert_id']}"
        yield PLAIN, plain(found["reason"])
        # Each takes its keys out of the evidence; what is left has no words here.
        yield from _section("Verdict", self._verdict())
        yield from _section("Flapping", self._flapping())
        yield from _section("Window", self._window())
        yield from _section("Baseline", self._baseline())
        yield from _section("Further numbers", self._further())
        yield from _section("Labels that explain it", self._attribution())
        yield from _section("What moved with it", self._causes())
        yield from _section("Worst sessions since it began", self._worst())
        yield from _section("What became of it", self._course())

    def _labels(self) -> str:
        labels = self._found["labels"].items()
        inside = ", ".join(f"{plain(name)}={plain(value)}" for name, value in labels)
        return f"{{{inside}}}"

    def _amount(self, value: Any) -> str:  # noqa: ANN401
        return amount(self._line, value) if value is not None else "-"

    def _take(self, name: str) -> Any:  # noqa: ANN401
        return self._evidence.pop(name, None)

    def _verdict(self) -> Iterator[Row]:
        found = self._found
        for name in ("value", "limit"):
            self._take(name)
            if found[name] is not None:
                yield name, self._amount(found[name])
        left_at = self._take("recover_at")
        if left_at is not None and left_at != found["limit"]:
            yield "ends at", self._amount(left_at)
        yield "decided", found["time"]
        if found["began"] and found["began"] != found["time"]:
            yield "began", found["began"]
        if found["session_id"]:
            yield "by session", plain(found["session_id"])
        if (silent_s := self._take("silent_s")) is not None:
            yield "silent for", span(silent_s)
        if (missing := self._take("expected_sessions")) is not None:
            yield "expected in it", f"{number(missing)} sessions"
        if last := self._take("last_session_at"):
            yield "last session", last
        if found["sessions"]:
            yield (
                "affected",
                f"{found['sessions']} sessions, the worst value {self._amount(found['peak'])}",
            )
        self._take("trace")
        if found["trace"]:
            yield "trace", plain(found["trace"])
        if found["runbook_url"]:
            yield "runbook", plain(found["runbook_url"])

    def _flapping(self) -> Iterator[Row]:
        flapping = self._found["flapping"]
        if flapping is None:
            return
        since, within = flapping["since"], span(flapping["within_s"])
        yield "changes", f"{flapping['changes']} beginnings and ends since {since}"
        if flapping["now"]:
            yield "told", f"in a digest at most every {within}, not of each of them"
            yield "ends", f"once nothing has changed for {within}"
        else:
            yield "over", f"nothing changed for {within}, or its rule has changed"

    def _window(self) -> Iterator[Row]:
        size, span_s = self._take("window_sessions"), self._take("window_s")
        samples = self._take("window_samples")
        if size is not None:
            yield "size", f"{size} sessions, {samples} in it"
        elif span_s is not None:
            yield "size", f"{span(span_s)}, {samples} sessions in it"
        total, calls = self._take("window_total"), self._take("window_calls")
        if total is not None and calls is not None:
            yield "in all", f"{number(total)} of {number(calls)} calls"
        elif total is not None and self._found["unit"] == "share":
            yield "in all", f"{number(total)} of {samples} sessions"
        elif total is not None and self._found["aggregate"] == "sum":
            yield "in all", self._amount(total)
        for name in ("min", "median", "max"):
            if (value := self._take(f"window_{name}")) is not None:
                yield name, self._amount(value)

    def _baseline(self) -> Iterator[Row]:
        expected = self._found["expected"]
        if expected is not None:
            yield "expected", self._amount(expected)
        ratio, ratio_limit = self._take("ratio"), self._take("ratio_limit")
        if ratio is not None:
            allowed = (
                f", the rule allows {number(ratio_limit)} x" if ratio_limit else ""
            )
            yield "value is", f"{number(ratio)} x the expected{allowed}"
        drop, drop_limit = self._take("drop"), self._take("drop_limit")
        if drop is not None:
            allowed = f", the rule allows {number(drop_limit)}" if drop_limit else ""
            yield "value is", f"{number(drop)} worse than expected{allowed}"
        samples, need = self._take("baseline_samples"), self._take("baseline_need")
        if samples is not None:
            yield "learned from", f"{samples} sessions, {need} are enough"
        windows, most = (
            self._take("baseline_windows"),
            self._take("baseline_windows_most"),
        )
        if windows is not None:
            yield "learned from", f"{windows} of at most {most} whole windows"
        since, until = self._take("baseline_since"), self._take("baseline_until")
        if since:
            yield "between", f"{since} and {until or 'this window'}"
        low, high = self._take("baseline_low"), self._take("baseline_high")
        if low is not None:
            between = f"{self._amount(low)} to {self._amount(high)}"
            yield "usual session", between
        spread, scale = self._take("baseline_spread"), self._take("baseline_scale")
        if spread is not None:
            yield "spread", f"{number(spread)} in the scale {scale}"
        least, most = self._take("baseline_min"), self._take("baseline_max")
        if least is not None:
            yield "usual window", f"{self._amount(least)} to {self._amount(most)}"

    def _further(self) -> Iterator[Row]:
        for name, value in self._evidence.items():
            if name in _SHARES and isinstance(value, float):
                yield name, f"{number(100 * value)} %"
            elif isinstance(value, float):
                yield name.replace("_", " "), number(value)
            else:
                shown = value if isinstance(value, str) else msgspec.json.encode(value)
                text = shown if isinstance(shown, str) else shown.decode()
                yield name.replace("_", " "), plain(text)

    def _attribution(self) -> Iterator[Row]:
        for name, value in self._found["attribution"].items():
            yield plain(name), plain(value)

    def _causes(self) -> Iterator[Row]:
        for name, share in self._found["causes"].items():
            yield plain(name), f"{number(100 * share)} %"

    def _worst(self) -> Iterator[Row]:
        for each in self._beyond():
            parts = [each["ended_at"], plain(each["session_id"]), each.get("trace", "")]
            yield self._amount(each["value"]), "  ".join(p for p in parts if p)

    def _beyond(self) -> list[Any]:
        """Of the worst sessions those beyond the limit, if that can be said of one."""
        found = self._found
        worst: list[Any] = found[WORST]
        value, limit = found["value"], found["limit"]
        summed = found["aggregate"] in ("sum", "count")
        if summed or value is None or limit is None or value == limit:
            return worst
        up = value > limit
        return [
            each
            for each in worst
            if (each["value"] > limit if up else each["value"] < limit)
        ] or worst

    def _course(self) -> Iterator[Row]:
        for each in self._found["course"]:
            level = f" {each['severity']}" if each["to"] == "firing" else ""
            value = self._amount(each["value"])
            yield each["time"], f"{each['to']}{level}  {value}"


def _section(title: str, rows: Iterator[Row]) -> Iterator[Line]:
    """A heading and its rows, names aligned; nothing where there are none."""
    found = list(rows)
    if not found:
        return
    yield PLAIN, ""
    yield HEADING, title
    width = max(len(name) for name, _ in found)
    for name, value in found:
        yield PLAIN, f"  {name:<{width}}  {value}"
