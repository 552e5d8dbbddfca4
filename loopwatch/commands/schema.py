"""``loopwatch schema``: the JSON Schema of a session event."""

from __future__ import annotations

import sys
from importlib.resources import files


def schema() -> None:
    """Print the JSON Schema of a session event."""
    text = files("streams").joinpath("session.schema.json").read_bytes()
    sys.stdout.buffer.write(text)
    sys.stdout.flush()
