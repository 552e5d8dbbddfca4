"""What is found on the way through a file: faults, warnings, unset variables."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from loopwatch.config.environment import Expanded, expand
from loopwatch.config.faults import Fault, Position, shown
from loopwatch.config.nodes import Entries, Items, Scalar

_SURROGATE: Final = re.compile("[\ud800-\udfff]")

At = Position | Scalar | Items | Entries


class Findings:
    """Collects every fault of one file; reading goes on after each.

    Args:
        file: As the user named it.
        environ: Where ``${NAME}`` is looked up.
    """

    def __init__(self, file: str, environ: Mapping[str, str]) -> None:
        self._file = file
        self._environ = environ
        self._faults: set[Fault] = set()
        self._warnings: set[Fault] = set()
        self._unset: set[Fault] = set()

    def fault(self, at: At, message: str) -> None:
        """The file cannot be used because of this."""
        self._faults.add(self._place(at, message))

    def warn(self, at: At, message: str) -> None:
        """The file can be used; somebody should look at this."""
        self._warnings.add(self._place(at, message))

    def lacks(self, at: At, message: str) -> None:
        """A secret or variable is not there: a worker cannot start without it."""
        self._unset.add(self._place(at, message))

    def expand(self, node: Scalar) -> Expanded:
        """The text of a scalar with its variables looked up."""
        found = expand(node.text, self._environ)
        for reference in found.malformed:
            self.fault(
                node,
                f"{shown(reference)} names no variable: write ${{NAME}},"
                " or $${ where ${ itself is meant",
            )
        for name in found.unset:
            self.lacks(node, f"the environment variable {name} is not set")
        if _SURROGATE.search(found.text):
            self.fault(node, "this holds a character that is no text (a half of two)")
            return replace(found, malformed=(*found.malformed, ""))
        return found

    @property
    def faults(self) -> tuple[Fault, ...]:
        """In the order of the file, each once."""
        return tuple(sorted(self._faults))

    @property
    def warnings(self) -> tuple[Fault, ...]:
        """In the order of the file, each once."""
        return tuple(sorted(self._warnings))

    @property
    def unset(self) -> tuple[Fault, ...]:
        """In the order of the file, each once."""
        return tuple(sorted(self._unset))

    def _place(self, at: At, message: str) -> Fault:
        place = at if isinstance(at, Position) else at.at
        return Fault(self._file, place.line, place.column, message)
