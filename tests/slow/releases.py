"""The versions of an agent, or its models, and how long ago the newest came."""

from __future__ import annotations

from typing import Any, Final

_REMEMBERED: Final = 8
_NEAR: Final = 15


class Releases:
    """The last few values of a label that is replaced for good.

    Attributes:
        newest: The one that came last; None before the second one ever.
        since: Number of the sample with which it came.
    """

    __slots__ = ("_known", "newest", "since")

    def __init__(self) -> None:
        self._known: list[str] = []
        self.newest: str | None = None
        self.since = 0

    def see(self, version: str, number: int) -> None:
        """A session with this value, the sample with this number."""
        known = self._known
        if version in known or not version:
            return
        if known:
            self.newest, self.since = version, number
        known.append(version)
        if len(known) > _REMEMBERED:
            del known[0]

    def blamed(self, begun: int, number: int) -> str | None:
        """The value that came with a change; None if none did.

        Args:
            begun: The sample after which the change began, as estimated.
            number: The sample at which it was seen.
        """
        if self.newest is None:
            return None
        # The estimate is about as wrong as the change took to be seen.
        reach = 2 * (number - begun) + _NEAR
        return self.newest if number - self.since < reach else None

    def dump(self) -> list[Any]:
        """As plain values."""
        return [list(self._known), self.newest, self.since]

    def load(self, state: list[Any]) -> None:
        """Take what ``dump`` gave."""
        self._known, self.newest, self.since = state
