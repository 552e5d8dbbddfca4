"""A chunk of records becomes observations of the series that rules watch."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.batch import Batch, where_bits
from detectors.identity import partition_of, series_key, series_labels, session_hash
from detectors.matchers import EVERYTHING, Matchers, equal, parse_matcher
from detectors.metrics import COLUMN
from detectors.rules import (
    Absence,
    Level,
    Rule,
    RuleBook,
    Severity,
    Threshold,
    rule,
)
from streams.events import scan
from streams.observations import dealing, hashing, labels
from streams.observations import series as series_module
from streams.observations.block import decode_block
from streams.observations.observe import Observer
from streams.warm_up import warm_up

BEGIN_S = 1_767_225_600
SECOND_US = 1_000_000


def cost_rule(name: str, *by: str, where: Matchers = EVERYTHING) -> Rule:
    """A rule on each session."""
    limit = Threshold((Level(Severity.WARNING, 1.0),))
    return rule(name, "cost_usd", limit, by=by, where=where)


def event(number: int, at_s: float = 0, **fields: Any) -> bytes:
    """The record of one session."""
    return msgspec.json.encode(
        {
            "session_id": f"s-{number}",
            "agent": "triage",
            "ended_at": BEGIN_S + at_s,
            "cost_usd": number,
            **fields,
        }
    )


def seen(batch: Batch) -> Iterator[tuple[str, dict[str, str], int]]:
    """Each observation: whose, of which series, under which mask."""
    for session, series, where in zip(
        batch.observed, batch.series, batch.wheres, strict=True
    ):
        yield batch.session_ids[session], series_labels(batch.keys[series]), where


def all_seen(batches: Sequence[Batch]) -> list[tuple[str, dict[str, str], int]]:
    """The observations of several batches."""
    return [observation for batch in batches for observation in seen(batch)]


def observer(*rules: Rule, partitions: int = 1, sources: int = 1) -> Observer:
    """An observer for these rules."""
    return Observer(RuleBook(rules), partitions, sources)


class TestSeries:
    def test_one_series_for_each_distinct_by(self) -> None:
        """Rules with the same labels share a series; no label is one series for all."""
        book = observer(
            cost_rule("a", "agent", "tenant"),
            cost_rule("b", "tenant", "agent"),
            cost_rule("c", "agent"),
            cost_rule("d"),
        )
        batches = book.observe(0, [(5, event(1, tenant="acme"))], None).batches
        assert [labels for _, labels, _ in seen(batches[0])] == [
            {},
            {"agent": "triage"},
            {"agent": "triage", "tenant": "acme"},
        ]

    def test_a_missing_label_is_empty(self) -> None:
        """A session without a tenant belongs to the series with an empty one."""
        batches = observer(cost_rule("a", "tenant")).observe(0, [(0, event(1))], None)
        assert all_seen([batches.batches[0]]) == [("s-1", {"tenant": ""}, 1)]

    def test_attributes_make_series(self) -> None:
        """Any attribute may tell series apart, beside a field or alone."""
        book = observer(cost_rule("a", "team"), cost_rule("b", "agent", "team"))
        records = [(n, event(n, attributes={"team": n})) for n in range(2)]
        assert [
            labels for _, labels, _ in all_seen([*self._batches(book, records)])
        ] == [
            {"agent": "triage", "team": "0"},
            {"team": "0"},
            {"agent": "triage", "team": "1"},
            {"team": "1"},
        ]

    @staticmethod
    def _batches(book: Observer, records: Sequence[tuple[int, bytes]]) -> list[Batch]:
        return list(book.observe(0, records, None).batches.values())

    def test_the_owner_is_a_hash_of_the_key(self) -> None:
        """Each series goes to its partition, with the sessions it has and no others."""
        book = observer(cost_rule("a", "agent"), partitions=7)
        records = [(n, event(n, agent=f"agent-{n % 20}")) for n in range(100)]
        batches = book.observe(0, records, None).batches
        for partition, batch in batches.items():
            assert {partition_of(key, 7) for key in batch.keys} == {partition}
            assert sorted(set(batch.observed)) == list(range(len(batch.offsets)))
        assert sum(len(batch.offsets) for batch in batches.values()) == 100

    def test_memory_is_bounded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """After more series than are remembered the results are the same."""
        monkeypatch.setattr("streams.observations.observe.REMEMBERED", 3)
        assert series_module.REMEMBERED > 3
        book = observer(cost_rule("a", "agent"), partitions=2)
        for chunk in range(5):
            records = [(n, event(n, agent=f"{chunk}-{n}")) for n in range(4)]
            batches = book.observe(0, records, None).batches
            agents = {label["agent"] for _, label, _ in all_seen([*batches.values()])}
            assert agents == {f"{chunk}-{n}" for n in range(4)}


class TestConditions:
    def test_a_mask_tells_which_conditions_hold(self) -> None:
        """Each clause of a by has its bit, also where several rules share it."""
        acme = Matchers((equal("tenant", "acme"),))
        prod = Matchers((parse_matcher('environment=~"prod.*"'),))
        book = observer(
            cost_rule("a", "agent"),
            cost_rule("b", "agent", where=acme),
            cost_rule("c", "agent", where=prod),
        )
        records = [
            (0, event(0)),
            (1, event(1, tenant="acme")),
            (2, event(2, tenant="acme", environment="production")),
        ]
        batch = book.observe(0, records, None).batches[0]
        every, is_acme, is_prod = where_bits(
            batch.where_table, [EVERYTHING, acme, prod]
        )
        assert list(batch.wheres) == [
            every,
            every | is_acme,
            every | is_acme | is_prod,
        ]

    def test_a_clause_of_another_by_is_not_looked_at(self) -> None:
        """The series of a by carries only the bits of the rules that judge it."""
        acme = Matchers((equal("tenant", "acme"),))
        book = observer(cost_rule("a", "agent", where=acme), cost_rule("b", "tenant"))
        batch = book.observe(0, [(0, event(1))], None).batches[0]
        assert [labels for _, labels, _ in seen(batch)] == [{"tenant": ""}]

    def test_no_condition_holds_no_observation(self) -> None:
        """A session that no rule looks at moves the clock and goes nowhere."""
        acme = Matchers((equal("tenant", "acme"),))
        book = observer(cost_rule("a", "agent", where=acme))
        for records in ([(0, event(1))], [(1, event(2)), (2, event(3, at_s=5))]):
            assert book.observe(0, records, None).batches == {}
        assert book.clock(0) == (BEGIN_S + 5) * SECOND_US

    def test_more_conditions_than_bits_of_a_machine(self) -> None:
        """A hundred distinct clauses are a hundred bits."""
        clauses = [Matchers((equal("tenant", f"t{n}"),)) for n in range(100)]
        rules = [cost_rule(f"r{n}", "agent", where=w) for n, w in enumerate(clauses)]
        records = [(n, event(n, tenant=f"t{n}")) for n in range(100)]
        found = observer(*rules).observe(0, records, None)
        bits = where_bits(found.batches[0].where_table, clauses)
        assert list(found.batches[0].wheres) == bits
        assert list(decode_block(found.blocks()[0][0]).batch().wheres) == bits


class TestTime:
    def test_the_clock_is_the_latest_end_so_far(self) -> None:
        """It never goes back, also not from chunk to chunk, and each source has one."""
        book = observer(cost_rule("a", "agent"), sources=3)
        assert book.clock(2) is None
        batches = book.observe(
            2, [(n, event(n, at_s)) for n, at_s in enumerate((3, 9, 4))], None
        ).batches
        assert [us // SECOND_US - BEGIN_S for us in batches[0].clocks_us] == [3, 9, 9]
        assert batches[0].sources == 3
        late = book.observe(2, [(3, event(3, 1))], None).batches[0]
        assert late.clocks_after_us == {2: (BEGIN_S + 9) * SECOND_US}
        assert list(late.clocks_us) == [(BEGIN_S + 9) * SECOND_US]
        assert book.clock(0) is None

    def test_an_idle_clock_moves_on_and_never_back(self) -> None:
        """The wall clock of an idle source counts until a later session comes."""
        book = observer(cost_rule("a", "agent"))
        book.set_clock(0, 50)
        book.set_clock(0, 20)
        assert book.clock(0) == 50

    def test_old_sessions_are_marked_by_the_wall_clock(self) -> None:
        """What is older than max_age is not judged by itself; replay judges all."""
        rules = RuleBook((cost_rule("a", "agent"),), max_age_us=7)
        now_us = BEGIN_S * SECOND_US
        for records in ([(0, event(1))], [(1, event(2)), (2, event(3))]):
            judged = Observer(rules, 1, 1).observe(0, records, now_us).batches[0]
            assert judged.judged_from_us == now_us - 7
            every = Observer(rules, 1, 1).observe(0, records, None).batches[0]
            assert every.judged_from_us is None

    def test_a_wrong_device_clock_is_refused(self) -> None:
        """Five minutes ahead of the wall clock is tolerated, more is not."""
        book = observer(cost_rule("a", "agent"))
        now_us = BEGIN_S * SECOND_US
        records = [(0, event(0, 300)), (1, event(1, 300.001)), (2, event(2, 1e8))]
        found = book.observe(0, records, now_us)
        assert [rejected.offset for rejected in found.rejected] == [1, 2]
        assert book.clock(0) == (BEGIN_S + 300) * SECOND_US


class TestRecords:
    def test_bad_records_are_rejected_and_the_rest_goes_on(self) -> None:
        """Each comes back with its offset, its reason and its bytes."""
        book = observer(cost_rule("a", "agent"))
        records = [(7, b"{"), (8, event(1)), (9, None), (12, event(2)), (13, b"[]")]
        found = book.observe(0, records, None)
        assert list(found.batches[0].offsets) == [8, 12]
        assert [(r.offset, r.reason, r.value) for r in found.rejected] == [
            (7, "not JSON: the text ends too early", b"{"),
            (9, "no value", b""),
            (13, "not a JSON object", b"[]"),
        ]

    def test_nothing_valid_is_nothing(self) -> None:
        """A chunk of rubbish leaves the clock where it was."""
        book = observer(cost_rule("a", "agent"))
        found = book.observe(0, [(0, b"x")], None)
        assert (found.batches, found.blocks(), book.clock(0)) == ({}, {}, None)

    def test_what_is_counted(self) -> None:
        """Sessions, rejects, unknown fields and sessions without a price."""
        book = observer(cost_rule("a", "agent"))
        tokens: dict[str, Any] = {
            "input_tokens": 5,
            "output_tokens": 5,
            "cost_usd": None,
        }
        records = [
            (0, event(0, reward=1, trial=2)),
            (1, event(1, model="nobody-knows-it", **tokens)),
            (2, b"x"),
        ]
        found = book.observe(0, records, None)
        counts = found.counts
        assert (counts.sessions, counts.rejected) == (2, 1)
        assert (counts.unknown_fields, counts.unpriced) == (2, 1)
        assert found.unknown == {"reward", "trial"}

    def test_what_a_session_carries(self) -> None:
        """Its numbers, its hash, its trace and the labels of attribution."""
        book = observer(cost_rule("a", "agent"))
        record = event(
            1, model="gpt-4o", tenant="acme", trace_id="t-1", latency_ms=-0.0
        )
        for records in ([(0, record)], [(0, record), (1, event(2))]):
            batch = book.observe(0, records, None).batches[0]
            assert batch.hashes[0] == session_hash("s-1")
            assert batch.traces[0] == "t-1"
            assert tuple(batch.attributes[0]) == (
                "",
                "gpt-4o",
                "acme",
                "",
                "",
                "triage",
            )
            assert str(batch.values[0][COLUMN["cost_usd"]]) == "1.0"
            assert str(batch.values[0][COLUMN["latency_ms"]]) == "0.0"

    def test_a_session_without_a_number_is_observed(self) -> None:
        """It counts for the rules on sessions and for absence."""
        quiet = rule("quiet", "sessions", Absence(SECOND_US), by=("agent",))
        found = observer(quiet).observe(0, [(0, event(0, cost_usd=None))], None)
        assert all_seen([found.batches[0]]) == [("s-0", {"agent": "triage"}, 1)]


EVENTS = st.lists(
    st.builds(
        event,
        st.integers(0, 50),
        st.integers(0, 1_000),
        agent=st.sampled_from(["a", "b", "ü\0"]),
        tenant=st.sampled_from(["", "acme", "globex"]),
        environment=st.sampled_from(["prod", "test"]),
        attributes=st.sampled_from([None, {"team": 1}, {"tenant": "x"}]),
        trace_id=st.sampled_from(["", "t-1"]),
    )
    | st.just(b"{}"),
    max_size=30,
)
RULES = (
    cost_rule("a", "agent", "tenant"),
    cost_rule("b", "agent", where=Matchers((equal("tenant", "acme"),))),
    cost_rule("c", "team", where=Matchers((equal("environment", "prod"),))),
    cost_rule("d"),
)


@given(EVENTS, st.lists(st.integers(0, 30), max_size=4), st.integers(1, 5))
@settings(max_examples=60)
def test_chunks_do_not_matter(
    values: list[bytes], cuts: list[int], partitions: int
) -> None:
    """However the records are cut, each partition gets the same observations."""
    records: list[tuple[int, bytes | None]] = list(enumerate(values))

    def rows(bounds: Sequence[int]) -> dict[int, list[Any]]:
        book = observer(*RULES, partitions=partitions)
        told: dict[int, list[Any]] = {}
        for begin, end in pairwise(bounds):
            found = book.observe(0, records[begin:end], None)
            for partition, batch in found.batches.items():
                told.setdefault(partition, []).extend(rows_of(batch))
            for partition, blocks in found.blocks().items():
                read = [row for b in blocks for row in rows_of(decode_block(b).batch())]
                assert read == rows_of(found.batches[partition])
        return told

    bounds = sorted({0, len(records), *(min(cut, len(records)) for cut in cuts)})
    one_by_one = range(len(records) + 1)
    assert rows(bounds) == rows(one_by_one)


def test_a_large_chunk_is_the_sum_of_small_ones() -> None:
    """Each part of it gets the rows, series and masks of its own sessions."""
    values = [
        event(
            n,
            1_000 - n % 7,
            agent=f"agent-{n % 13}",
            tenant=f"tenant-{n % 5}",
            cost_usd=n,
            environment="prod" if n % 3 else "test",
        )
        if n % 97
        else b"{}"
        for n in range(1_007)
    ]
    records: list[tuple[int, bytes | None]] = list(enumerate(values))
    whole, parts = observer(*RULES, partitions=3), observer(*RULES, partitions=3)
    found = whole.observe(0, records, None)
    told: dict[int, list[Any]] = {}
    for begin in range(0, len(records), 166):
        part = parts.observe(0, records[begin : begin + 166], None)
        for partition, batch in part.batches.items():
            told.setdefault(partition, []).extend(rows_of(batch))
    assert {number: rows_of(batch) for number, batch in found.batches.items()} == told
    assert found.counts.sessions == len(values) - len(found.rejected)
    assert [rejected.offset for rejected in found.rejected] == [
        *range(0, len(values), 97)
    ]


def rows_of(batch: Batch) -> list[Any]:
    """Every observation with all that its session carries."""
    return [
        (
            batch.offsets[at],
            batch.clocks_us[at],
            batch.ended_at_us[at],
            repr(list(batch.values[at])),
            batch.hashes[at],
            batch.session_ids[at],
            batch.traces[at],
            tuple(batch.attributes[at]),
            batch.keys[series],
            where,
        )
        for at, series, where in zip(
            batch.observed, batch.series, batch.wheres, strict=True
        )
    ]


def test_each_series_is_right_for_any_session() -> None:
    """The series of a session are those that its labels name."""
    book = observer(*RULES, partitions=3)
    record = event(1, tenant="acme", environment="prod", attributes={"team": 1})
    found = book.observe(0, [(0, record)], None)
    keys = {key for batch in found.batches.values() for key in batch.keys}
    assert keys == {
        series_key({"agent": "triage", "tenant": "acme"}),
        series_key({"agent": "triage"}),
        series_key({"team": "1"}),
        series_key({}),
    }


def test_after_warming_up_nothing_is_compiled() -> None:
    """Whatever a chunk holds: compiling takes longer than a consumer may be silent."""
    warm_up()
    functions: tuple[Any, ...] = (
        *(scan.scan, labels._number_texts, labels._enter_texts),
        *(labels._number_pairs, labels._enter_pairs, dealing.count_for_owners),
        *(dealing.deal_out, dealing.deal_codes, dealing.deal_texts, hashing._hash),
    )

    odd = [event(n, agent=f"ä{n}", attributes={"team": n}) for n in range(3)]
    plain = [event(n, tenant=f"t-{n}", trace_id="t") for n in range(3_000)]
    book = observer(*RULES, partitions=3)
    for values in (
        plain,
        odd,
        [*odd, b"{}", *plain],
        [b"{}", b""],
        [b"{}", *plain[:1]],
    ):
        book.observe(0, list(enumerate(values)), BEGIN_S * SECOND_US).blocks()
    for function in functions:
        # One kind of arguments each, and so one that warming up has met.
        assert len(function.signatures) == 1
