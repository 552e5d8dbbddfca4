"""Dealing: which owner gets which sessions and observations, in compiled code.

One pass over a chunk counts what each owner gets, a second one writes it: the rows of
each owner stand together then, and what belongs to one owner is a slice.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import compiled
from streams.octets import Octets, copy

Numbers = NDArray[np.int64]


@compiled
def count_for_owners(
    numbers: Numbers, masks: Numbers, partitions: int
) -> tuple[Numbers, Numbers]:
    """Count what each owner gets.

    Args:
        numbers: n x views, the number of a series; its rest by ``partitions`` is the
            owner.
        masks: n x views, the code of a mask; 0 is no observation.
        partitions: How many owners there are.

    Returns:
        Where each owner's sessions begin, and where its observations do; the ends too.
    """
    sessions = np.zeros(partitions + 1, np.int64)
    observations = np.zeros(partitions + 1, np.int64)
    latest = np.full(partitions, -1, np.int64)
    for row in range(numbers.shape[0]):
        for view in range(numbers.shape[1]):
            if masks[row, view]:
                owner = numbers[row, view] % partitions
                observations[owner + 1] += 1
                if latest[owner] != row:
                    latest[owner] = row
                    sessions[owner + 1] += 1
    return np.cumsum(sessions), np.cumsum(observations)


@compiled
def deal_out(  # noqa: PLR0917 - compiled code takes its arrays one by one
    numbers: Numbers,
    masks: Numbers,
    partitions: int,
    session_starts: Numbers,
    observation_starts: Numbers,
    places: Numbers,
    copies: Numbers,
    observed: Numbers,
    series: Numbers,
    mask_codes: Numbers,
    named: Numbers,
) -> Numbers:
    """Write what each owner gets.

    Args:
        numbers: As for ``count_for_owners``.
        masks: As for ``count_for_owners``.
        partitions: As for ``count_for_owners``.
        session_starts: What that returned.
        observation_starts: What that returned.
        places: For each series known, at number // partitions, -1; left as it was.
        copies: Filled: for each session of each owner its row.
        observed: Filled: for each observation the position of its session among
            those of the owner.
        series: Filled: for each the position of its series among the owner's.
        mask_codes: Filled: for each its mask.
        named: Filled: the series of each owner, from where its observations begin.

    Returns:
        How many series each owner has.
    """
    sessions, observations = session_starts.copy(), observation_starts.copy()
    latest = np.full(partitions, -1, np.int64)
    counts = np.zeros(partitions, np.int64)
    for row in range(numbers.shape[0]):
        for view in range(numbers.shape[1]):
            if not masks[row, view]:
                continue
            number = numbers[row, view]
            owner = number % partitions
            serial = number // partitions
            if latest[owner] != row:
                latest[owner] = row
                copies[sessions[owner]] = row
                sessions[owner] += 1
            place = places[serial]
            if place < 0:
                place = counts[owner]
                counts[owner] += 1
                places[serial] = place
                named[observation_starts[owner] + place] = serial
            at = observations[owner]
            observations[owner] += 1
            observed[at] = sessions[owner] - 1 - session_starts[owner]
            series[at] = place
            mask_codes[at] = masks[row, view]
    for owner in range(partitions):
        begin = observation_starts[owner]
        for at in range(begin, begin + counts[owner]):
            places[named[at]] = -1
    return counts


@compiled
def deal_codes(  # noqa: PLR0917 - compiled code takes its arrays one by one
    codes: Numbers,
    copies: Numbers,
    starts: Numbers,
    places: Numbers,
    dealt: Numbers,
    tables: Numbers,
) -> Numbers:
    """Number the labels of each owner's sessions anew, in the order they are met.

    Args:
        codes: n x labels, the number of each.
        copies: For each session of each owner its row.
        starts: Where each owner's sessions begin, and where the last one's end.
        places: For each number of any label -1; left as it was.
        dealt: Filled: len(copies) x labels.
        tables: Filled: labels x len(copies), the numbers that each owner's codes stand
            for, from where its sessions begin.

    Returns:
        Owners x labels: how many each owner has.
    """
    owners, labels = len(starts) - 1, codes.shape[1]
    counts = np.zeros((owners, labels), np.int64)
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
    return counts


@compiled
def deal_texts(
    octets: Octets,
    begins: Numbers,
    ends: Numbers,
    copies: Numbers,
    lengths: Numbers,
) -> Octets:
    """The texts of some rows, one after the other.

    Args:
        octets: Where they stand.
        begins: Of each row, where its text begins.
        ends: Of each row, where it ends.
        copies: The rows.
        lengths: Filled: for each of ``copies`` the bytes of its text.
    """
    size = 0
    for at in range(len(copies)):
        row = copies[at]
        lengths[at] = ends[row] - begins[row]
        size += lengths[at]
    texts = np.empty(size + 8, np.uint8)
    to = 0
    for at in range(len(copies)):
        copy(octets, begins[copies[at]], texts, to, lengths[at])
        to += lengths[at]
    return texts[:size]


@compiled
def deal_rows(  # noqa: PLR0917 - compiled code takes its arrays one by one
    copies: Numbers,
    offsets: Numbers,
    clocks_us: Numbers,
    ended_at_us: Numbers,
    values: NDArray[np.float64],
    hashes: NDArray[np.uint64],
) -> tuple[Numbers, Numbers, Numbers, NDArray[np.float64], NDArray[np.uint64]]:
    """The numbers of some rows."""
    count, width = len(copies), values.shape[1]
    dealt_offsets = np.empty(count, np.int64)
    dealt_clocks_us = np.empty(count, np.int64)
    dealt_ended_at_us = np.empty(count, np.int64)
    dealt_values = np.empty((count, width), np.float64)
    dealt_hashes = np.empty(count, np.uint64)
    for at in range(count):
        row = copies[at]
        dealt_offsets[at] = offsets[row]
        dealt_clocks_us[at] = clocks_us[row]
        dealt_ended_at_us[at] = ended_at_us[row]
        dealt_hashes[at] = hashes[row]
        for column in range(width):
            dealt_values[at, column] = values[row, column]
    return dealt_offsets, dealt_clocks_us, dealt_ended_at_us, dealt_values, dealt_hashes
