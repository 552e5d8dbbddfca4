"""The life of an alert as a picture and as a table, drawn from what the code runs."""

from __future__ import annotations

from detectors.life.lifecycle import TABLE, Edge
from detectors.transitions import State

_BEGIN = State.INSUFFICIENT


def _told() -> list[Edge]:
    """The edges that a line may tell, in the order of the table."""
    return [edge for edges in TABLE.values() for edge in edges if edge.is_told]


def _what(edge: Edge) -> str:
    parts = (edge.event.words, edge.guard.words)
    return ", ".join(part for part in parts if part)


def picture() -> str:
    """A state diagram in Mermaid: an arrow for each pair of states."""
    arrows: dict[tuple[State, State], dict[str, None]] = {}
    for edge in _told():
        arrows.setdefault((edge.at, edge.to), {})[edge.event.words] = None
    lines = ["stateDiagram-v2", f"    [*] --> {_BEGIN}"]
    for (at, to), words in arrows.items():
        what = ", ".join(words).replace("`", "").replace(": ", " ")
        if at is to:
            what = f"another level ({what})"
        lines.append(f"    {at} --> {to}: {what}")
    return "\n".join(lines) + "\n"


def table() -> str:
    """The same as a table: what happens, and what must be so."""
    lines = ["| from | what happens | to |", "|---|---|---|"]
    for edge in _told():
        to = f"`{edge.to}`" if edge.at is not edge.to else f"`{edge.to}`, another level"
        lines.append(f"| `{edge.at}` | {_what(edge)} | {to} |")
    return "\n".join(lines) + "\n"
