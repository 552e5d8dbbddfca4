"""How far something reaches, as plain values that rows and messages carry."""

from __future__ import annotations

import msgspec


class Blast(msgspec.Struct, frozen=True):
    """How far what broke together reaches; worked out in ``alerts.blast``.

    Attributes:
        rule: Whose series are counted: that of most of the alerts.
        rules: How many rules there are among them.
        firing: Series of the rule that fire, of those that share the cause if one is
            found.
        series: How many there are of these; None if no census has told yet.
        counted: The one label that tells these apart; empty if it is not one alone.
        shared: What the broken share and the healthy do not; empty if nothing.
        broken: Alerts of the rule that the message is about.
        sharing: How many of them share it.
        attributed: What explains nearly all of them though their series do not carry it.
        healthy: Series of the rule that do not fire; None if no census has told yet.
        since: When the first began, RFC 3339.
        at_least: There may be more series than is said: not all have been counted.
        sought: Whether all that they share could be held against the healthy.
    """

    rule: str
    rules: int
    firing: int
    series: int | None
    counted: str
    shared: dict[str, str]
    broken: int
    sharing: int
    attributed: dict[str, str]
    healthy: int | None
    since: str
    at_least: bool = False
    sought: bool = True


class Headcount(msgspec.Struct):
    """The newest census of a rule in a partition.

    Attributes:
        at_us: When it was taken.
        series: All of the rule.
        carried: For each label and value how many series carry it.
    """

    rule: str
    partition: int
    at_us: int
    series: int
    carried: dict[str, dict[str, int]] = {}
