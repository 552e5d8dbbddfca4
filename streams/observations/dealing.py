"""Dealing: which owner gets which sessions and observations, in compiled code.

One pass over a chunk counts what each owner gets, a second one writes it: the rows of
each owner stand together then, and what belongs to one owner is a slice.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import compiled
from streams.events.octets import Octets, copy

Numbers = NDArray[np.int64]


@compiled
def count_for_owners(
    numbers: Numbers,
    masks: Numbers,
    latest: Numbers,
    sessions: Numbers,
    observations: Numbers,
) -> None:
    """Count what each of p owners gets.

    Args:
        numbers: n x views, the number of a series; its rest by p is the owner.
        masks: n x views, the code of a mask; 0 is no observation.
        latest: Scratch, p long, -1.
        sessions: p + 1 long, 0; filled: where each owner's sessions begin, and where
            the last one's end.
        observations: Likewise for observations.
    """
    partitions = len(latest)
    for row in range(numbers.shape[0]):
        for view in range(numbers.shape[1]):
            if masks[row, view]:
                owner = numbers[row, view] % partitions
                observations[owner + 1] += 1
                if latest[owner] != row:
                    latest[owner] = row
                    sessions[owner + 1] += 1
    for owner in range(partitions):
        sessions[owner + 1] += sessions[owner]
        observations[owner + 1] += observations[owner]


@compiled
def deal_out(  # noqa: PLR0917 - compiled code takes its arrays one by one
    numbers: Numbers,
    masks: Numbers,
    session_starts: Numbers,
    observation_starts: Numbers,
    latest: Numbers,
    sessions: Numbers,
    spots: Numbers,
    counts: Numbers,
    places: Numbers,
    copies: Numbers,
    observed: Numbers,
    series: Numbers,
    mask_codes: Numbers,
    named: Numbers,
) -> None:
    """Write what each of p owners gets.

    Args:
        numbers: As for ``count_for_owners``.
        masks: As for ``count_for_owners``.
        session_starts: What that filled.
        observation_starts: What that filled.
        latest: Scratch, p long, -1.
        sessions: Scratch, p long, 0.
        spots: Scratch, p long, a copy of where each owner's observations begin.
        counts: p long, 0; filled: how many series each owner has.
        places: For each series known, at number // p, -1; left as it was.
        copies: Filled: for each session of each owner its row.
        observed: Filled: for each observation the position of its session among
            those of the owner.
        series: Filled: for each the position of its series among the owner's.
        mask_codes: Filled: for each its mask.
        named: Filled: the series of each owner, from where its observations begin.
    """
    partitions = len(latest)
    for row in range(numbers.shape[0]):
        for view in range(numbers.shape[1]):
            if not masks[row, view]:
                continue
            number = numbers[row, view]
            owner = number % partitions
            serial = number // partitions
            if latest[owner] != row:
                latest[owner] = row
                copies[session_starts[owner] + sessions[owner]] = row
                sessions[owner] += 1
            place = places[serial]
            if place < 0:
                place = counts[owner]
                counts[owner] += 1
                places[serial] = place
                named[observation_starts[owner] + place] = serial
            spot = spots[owner]
            spots[owner] = spot + 1
            observed[spot] = sessions[owner] - 1
            series[spot] = place
            mask_codes[spot] = masks[row, view]
    for owner in range(partitions):
        begin = observation_starts[owner]
        for at in range(begin, begin + counts[owner]):
            places[named[at]] = -1


@compiled
def deal_codes(  # noqa: PLR0917 - compiled code takes its arrays one by one
    codes: Numbers,
    copies: Numbers,
    starts: Numbers,
    places: Numbers,
    dealt: Numbers,
    tables: Numbers,
    counts: Numbers,
) -> None:
    """Number the labels of each owner's sessions anew, in the order they are met.

    Args:
        codes: n x labels, the number of each.
        copies: For each session of each owner its row.
        starts: Where each owner's sessions begin, and where the last one's end.
        places: For each number of any label -1; left as it was.
        dealt: Filled: len(copies) x labels.
        tables: Filled: labels x len(copies), the numbers that each owner's codes stand
            for, from where its sessions begin.
        counts: Filled, owners x labels: how many each owner has.
    """
    owners, labels = counts.shape
    for label in range(labels):
        for owner in range(owners):
            begin, count = starts[owner], 0
            for at in range(begin, starts[owner + 1]):
                number = codes[copies[at], label]
                place = places[number]
                if place < 0:
                    place = count
                    count += 1
                    places[number] = place
                    tables[label, begin + place] = number
                dealt[at, label] = place
            for at in range(begin, begin + count):
                places[tables[label, at]] = -1
            counts[owner, label] = count


@compiled
def deal_texts(
    octets: Octets, begins: Numbers, copies: Numbers, bounds: Numbers, texts: Octets
) -> None:
    """Write the texts of some rows one after the other.

    Args:
        octets: Where they stand.
        begins: Of each row, where its text begins.
        copies: The rows.
        bounds: Where each of their texts is to begin, and where the last one ends.
        texts: Filled; 8 bytes longer than that.
    """
    for at in range(len(copies)):
        to = bounds[at]
        copy(octets, begins[copies[at]], texts, to, bounds[at + 1] - to)
