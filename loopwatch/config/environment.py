"""``${NAME}``: values from the environment inside texts of the file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_REFERENCE: Final = re.compile(r"\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)\}|\$\{[^}]*\}?")


@dataclass(frozen=True, slots=True)
class Expanded:
    """A text after its variables were looked up.

    Attributes:
        raw: As it stands in the file.
        text: With the values; a variable that is not set stays as it stands.
        variables: Names it refers to.
        unset: Those of them that are not set.
        malformed: References that name no variable.
    """

    raw: str
    text: str
    variables: tuple[str, ...] = ()
    unset: tuple[str, ...] = ()
    malformed: tuple[str, ...] = ()

    @property
    def known(self) -> bool:
        """Whether the text is complete."""
        return not (self.unset or self.malformed)

    def __repr__(self) -> str:
        return f"Expanded({len(self.raw)} characters)"


def expand(raw: str, environ: Mapping[str, str]) -> Expanded:
    """Look up the variables of a text; ``$${`` stands for ``${`` itself."""
    variables: list[str] = []
    unset: list[str] = []
    malformed: list[str] = []

    def replace(found: re.Match[str]) -> str:
        name = found[1]
        if found[0] == "$${":
            return "${"
        if name is None:
            malformed.append(found[0])
            return found[0]
        variables.append(name)
        if name in environ:
            return environ[name]
        unset.append(name)
        return found[0]

    text = _REFERENCE.sub(replace, raw)
    return Expanded(raw, text, tuple(variables), tuple(unset), tuple(malformed))
