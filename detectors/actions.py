"""What a person asks of evaluation, as it stands in the log.

Actions come from a topic of their own with one partition. They are forwarded into
every partition of the observations, so that each takes effect at one place of the
log, and carry their offset there, so that a repeat is known by its number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from detectors.matchers import Matchers, equal, parse_matcher

CONTROL: Final = -2
"""Actions among the sources, in what a partition has applied."""

Match = dict[str, str | list[str]] | list[str]
"""Conditions as people write them: labels with values, or matchers."""


class Accept(msgspec.Struct, frozen=True, array_like=True):
    """A person takes the level of the alerts that match for the normal one.

    Attributes:
        offset: Of the message among the actions.
        match: Which alerts; all conditions must hold.
        by: Who it was; may be empty.
    """

    offset: int
    match: Match
    by: str = ""


def read_match(match: Mapping[str, str | Sequence[str]] | Sequence[str]) -> Matchers:
    """Conditions ready to be held against labels.

    Args:
        match: Labels with the value, or the values of which any will do; or a list
            of matchers as Alertmanager writes them.

    Raises:
        ValueError: One of them is no condition.

    >>> read_match({"agent": ["a", "b"]}).matches({"agent": "b"})
    True
    """
    if not isinstance(match, Mapping):
        return Matchers(tuple(map(parse_matcher, match)))
    conditions = []
    for label, values in match.items():
        # A matcher of that label tells whether its name is one.
        parse_matcher(f'{label}=""')
        wanted = (values,) if isinstance(values, str) else tuple(values)
        if not wanted:
            raise ValueError(f"{label!r} has an empty list, which matches nothing")
        conditions.append(equal(label, *dict.fromkeys(wanted)))
    return Matchers(tuple(conditions))
