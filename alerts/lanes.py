"""Lanes: the channels of receivers, also of those that the file has no more.

A receiver that is taken out of the file keeps its channels here until it has been told
every end that it is owed; nothing else is told there. A channel that opened incidents
under a key of its own is told their ends under that one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator

from alerts.receivers import Channel, PagerDutyService, Receiver

Lane = tuple[str, str]
"""A receiver's name and one of its channels, as ``Group`` names them."""


def lanes(receiver: Receiver) -> dict[str, Channel]:
    """A receiver's channels by the name under which groups know them."""
    named: dict[str, Channel] = {}
    for channel in receiver.channels:
        same = sum(other.kind == channel.kind for other in named.values())
        named[f"{channel.kind}#{same + 1}" if same else channel.kind] = channel
    return named


class Lanes:
    """The lanes of a process, over all files that it has had in force.

    Args:
        receivers: Of the file in force.

    Attributes:
        live: Those of the file in force.
        former: Those of files before it, with the channels they had last.
    """

    def __init__(self, receivers: Iterable[Receiver]) -> None:
        self.live: dict[Lane, Channel] = _of(receivers)
        self.former: dict[Lane, Channel] = {}
        self._kept: dict[str, Channel] = {}

    def reload(
        self,
        receivers: Iterable[Receiver],
        opened: Callable[[Lane], Iterable[str]] = lambda _lane: (),
    ) -> None:
        """Another file is in force.

        Args:
            receivers: Of that file.
            opened: The groups that have something open on a lane.
        """
        before, self.live = self.live, _of(receivers)
        for lane, channel in before.items():
            if _has_another_key(channel, self.live.get(lane, channel)):
                for group in opened(lane):
                    self._kept.setdefault(group, channel)
        self.former = {
            lane: channel
            for lane, channel in (self.former | before).items()
            if lane not in self.live
        }

    def let_go(self, group: str) -> bool:
        """A group need not be told where it was; whether that was somewhere else."""
        return self._kept.pop(group, None) is not None

    def retain(self, owing: Collection[Lane]) -> None:
        """Drop the lanes of former files but those that still owe something."""
        self.former = {
            lane: channel for lane, channel in self.former.items() if lane in owing
        }

    def __contains__(self, lane: object) -> bool:
        """Whether anything can be told there."""
        return lane in self.live or lane in self.former

    def __iter__(self) -> Iterator[Lane]:
        """All lanes at which something can be told."""
        yield from self.live
        yield from self.former

    def get(self, lane: Lane) -> Channel | None:
        """The channel of a lane."""
        return self.live.get(lane) or self.former.get(lane)

    def of(self, group: str, lane: Lane) -> Channel | None:
        """The channel at which a group is told."""
        return self._kept.get(group) or self.get(lane)

    @property
    def channels(self) -> frozenset[Channel]:
        """All that may still be used."""
        return frozenset(
            (*self.live.values(), *self.former.values(), *self._kept.values())
        )


def _of(receivers: Iterable[Receiver]) -> dict[Lane, Channel]:
    return {
        (receiver.name, name): channel
        for receiver in receivers
        for name, channel in lanes(receiver).items()
    }


def _has_another_key(before: Channel, after: Channel) -> bool:
    """Whether an incident that was opened cannot be seen from where we tell now."""
    if not isinstance(before, PagerDutyService):
        return False
    return not isinstance(after, PagerDutyService) or (
        (before.routing_key, before.url) != (after.routing_key, after.url)
    )
