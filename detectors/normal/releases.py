"""The versions of an agent, or its models: which came with a change."""

from __future__ import annotations

from typing import Final

from detectors.kernels import layout
from detectors.kernels.halves import half
from detectors.state.store import Store

_NEAR: Final = 15


def newest(store: Store, watch: int, label_at: int, begun: int, number: int) -> str:
    """The value that came with a change; empty if none did.

    Args:
        store: The memory.
        watch: The address of the rule's state.
        label_at: Where in it what is known of the label begins.
        begun: The sample after which the change began, as estimated.
        number: The sample at which it was seen.
    """
    ints = store.arena.ints
    releases = half(ints, watch, label_at + layout.ALL_LABELS)
    if not releases:
        return ""
    label = half(ints, releases, layout.NEWEST)
    # The estimate is about as wrong as the change took to be seen.
    reach = 2 * (number - begun) + _NEAR
    near = number - half(ints, releases, layout.SINCE) < reach
    return store.labels.text(label) if near else ""
