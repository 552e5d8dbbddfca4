"""The partitions of a topic become one line of sessions."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streams.past import Merge

PARTS = st.dictionaries(
    st.integers(0, 3), st.lists(st.integers(0, 20)).map(sorted), min_size=1
)


@given(parts=PARTS, sizes=st.lists(st.integers(1, 4), min_size=1, max_size=30))
def test_all_records_come_in_the_order_of_their_timestamps(
    parts: dict[int, list[int]], sizes: list[int]
) -> None:
    """However they arrive: none before one that is older, and none is lost."""
    merge, found = Merge(parts), []
    left = {
        number: [(at, b"%d:%d:%02d" % (at, number, n)) for n, at in enumerate(times)]
        for number, times in parts.items()
    }
    whole = sorted((at, number, value) for number in left for at, value in left[number])
    for size in [*sizes, *([20] * 100)]:
        for number in list(left):
            merge.put(number, left[number][:size])
            left[number] = left[number][size:]
            if not left[number]:
                merge.close(number)
                del left[number]
        found += merge.ready()
        if not left:
            break
    assert [value for _, _, value in whole] == found


def test_a_partition_that_is_behind_holds_the_others() -> None:
    """Until it has come, or is known to be at its end."""
    merge = Merge([0, 1])
    merge.put(0, [(5, b"late")])
    assert merge.ready() == []
    merge.put(1, [(3, b"early")])
    assert merge.ready() == [b"early"]
    assert merge.waiting(0) == 1
    merge.close(1)
    assert merge.ready() == [b"late"]
