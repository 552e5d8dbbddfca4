"""What the speed benchmark makes of its measurements; nothing is measured here."""

from __future__ import annotations

import math
import sys
from types import ModuleType
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from streams.events.session import decode_session
from tests.bench import findings as lines
from tests.bench import growth, memory, reaction, replaying, restart, shares, speed
from tests.bench.__main__ import PARTS, chosen
from tests.bench.alone import Asked, Told, book, run
from tests.bench.figures import Figure, middle, read, read_as
from tests.bench.findings import Finding, at_least, at_most, percentile
from tests.bench.road import INIT, WINDOWS, behind, partitions
from tests.bench.sink import agents
from tests.bench.traffic import at_random, gateway_sessions, in_turn, sessions


def figure(cpu_us: float, per_second: float = 1_000.0, count: int = 1_000) -> Figure:
    """So much CPU a session, so many of them a second."""
    return Figure(sessions=count, wall_s=count / per_second, cpu_s=cpu_us * count / 1e6)


class TestFigures:
    def test_cpu_is_told_a_session_and_rate_a_second(self) -> None:
        """Half a second of CPU in two of the clock for 100,000 sessions."""
        found = Figure(sessions=100_000, wall_s=2.0, cpu_s=0.5)
        assert (found.cpu_us, found.per_second) == (5.0, 50_000.0)

    def test_a_figure_is_found_in_whatever_else_was_printed(self) -> None:
        """Libraries print warnings before and after it."""
        text = msgspec.json.encode(figure(5.0)).decode()
        assert read(f"a warning\nFIGURE {text}\nbye\n") == figure(5.0)

    def test_a_process_that_told_nothing_is_a_failure_with_its_words(self) -> None:
        """Or a crash would be measured as nothing."""
        with pytest.raises(ValueError, match="no such topic"):
            read_as(Told, "Traceback: no such topic")

    @pytest.mark.parametrize(
        ("cpu_us", "of"), [((3, 1, 2), 2), ((4, 1, 3, 2), 2), ((7,), 7)]
    )
    def test_the_middle_round_counts(self, cpu_us: tuple[float, ...], of: int) -> None:
        """A busy moment in one of three rounds changes nothing."""
        assert middle([figure(each) for each in cpu_us]).cpu_us == pytest.approx(of)


class TestFindings:
    @pytest.mark.parametrize(
        ("goal", "value", "met"),
        [
            (at_most(8), 8.0, True),
            (at_most(8), 8.01, False),
            (at_least(10), 10.0, True),
            (at_least(10), 9.9, False),
        ],
    )
    def test_a_goal_is_met_at_its_bound(
        self, goal: lines.Goal, value: float, met: bool
    ) -> None:
        """At most and at least include the number they name."""
        assert Finding(part="P1", what="", value=value, unit="x", goal=goal).met is met

    def test_without_a_goal_there_is_no_verdict(self) -> None:
        """Yardsticks have none."""
        assert Finding(part="P1", what="raw", value=2.0, unit="x").met is None

    @given(
        st.lists(st.floats(0, 1e6), min_size=1), st.sampled_from((0.5, 0.9, 0.99, 1.0))
    )
    def test_a_percentile_is_a_value_that_so_many_keep_to(
        self, values: list[float], share: float
    ) -> None:
        """And no smaller one of them is enough."""
        found = percentile(values, share)
        assert found in values
        assert sum(each <= found for each in values) >= share * len(values)
        smaller = [each for each in values if each < found]
        assert len(smaller) < share * len(values)

    def test_the_table_says_figure_goal_verdict_and_what_it_is_made_of(self) -> None:
        """All of it on the line, in words and numbers for people."""
        found = Finding(
            part="P7",
            what="replay",
            value=123_456.0,
            unit="sessions/s",
            goal=at_least(100_000),
            raw={"s in all": 8.16},
        )
        console = Console(width=160)
        with console.capture() as shown:
            console.print(lines.table([found]))
        for words in ("123,456 sessions/s", "≥ 100,000", "yes", "s in all 8.16"):
            assert words in shown.get()

    def test_programs_get_the_same(self) -> None:
        """With the verdict, and about what machine it was."""
        found = Finding(part="P1", what="w", value=9.0, unit="x", goal=at_most(8))
        read_back = msgspec.json.decode(lines.as_json([found], {"cores": 2}))
        assert read_back == {
            "cores": 2,
            "findings": [
                {
                    "part": "P1",
                    "what": "w",
                    "value": 9.0,
                    "unit": "x",
                    "goal": "≤ 8",
                    "met": False,
                    "raw": {},
                }
            ],
        }


class TestParts:
    def test_all_parts_run_unless_some_are_named(self) -> None:
        """In their order, whatever the order they are asked for in."""
        assert chosen(None) == list(PARTS)
        assert chosen("p7,P1") == ["P1", "P7"]

    def test_a_part_that_is_none_is_an_error(self) -> None:
        """Rather than a run that measures nothing."""
        with pytest.raises(ValueError, match="P8"):
            chosen("P1,P8")

    def test_p1_says_how_many_times_as_much_the_same_cpu_does(self) -> None:
        """More than one is in favour of the worker; the clock stands beside."""
        rounds = {
            speed.RAW: [figure(2.4, 400_000)],
            speed.PLAIN: [figure(60, 15_000)],
            speed.ours(speed.FEW): [figure(8, 100_000)],
        }
        found = {each.what: each for each in speed.findings(rounds)}
        raw = found[f"{speed.ours(speed.FEW)}, against: {speed.RAW}"]
        plain = found[f"{speed.ours(speed.FEW)}, against: {speed.PLAIN}"]
        assert (raw.value, raw.met) == pytest.approx((0.3, True))
        assert (plain.value, plain.met) == pytest.approx((7.5, False))
        assert plain.raw["x by the clock"] == pytest.approx(100 / 15)

    def test_p1_does_without_the_peer(self) -> None:
        """Where it is not installed there is no line of it."""
        rounds = {speed.RAW: [figure(2)], speed.ours(speed.FEW): [figure(8)]}
        assert not [each for each in speed.findings(rounds) if "Quix" in each.what]

    def test_p2_judges_the_slowest_of_a_hundred(self) -> None:
        """One slow alert in a hundred is p100, not p99."""
        found = reaction.finding("x", [10.0] * 99 + [500.0], 1_000.0, at_most(100), {})
        assert (found.value, found.met, found.raw["most"]) == (10.0, True, 500.0)

    def test_p2_has_the_rules_of_init_and_its_own_receivers(self) -> None:
        """Only dear sessions go where time is taken."""
        rules = reaction.rules_for(4711)
        assert rules.startswith(INIT.read_text().partition("\nreceivers:")[0])
        assert "slack" not in rules.partition("\nreceivers:")[2]
        assert rules.count("127.0.0.1:4711") == 2

    def test_p2_finds_the_agent_wherever_a_post_names_it(self) -> None:
        """Posts are lines with labels, alone or in lists."""
        body = {"alerts": [{"labels": {"agent": "a"}}], "labels": {"agent": "b"}}
        assert agents(body) == ["a", "b"]

    def test_p3_divides_by_the_series_that_are_there(self) -> None:
        """Not by the pairs of agent and task type that were asked for."""
        found = memory.line(told(kept=2_048, grown_bytes=4_194_304), "init", 30, 2.0)
        assert (found.value, found.met) == (2.0, True)

    def test_p3_says_what_a_size_that_does_not_fit_would_take(self) -> None:
        """Instead of taking it."""
        found = memory.too_much(1_000_000, "init", 20 * 1024**3, 2.0)
        assert found.raw["GiB they would take"] == 20.0
        assert found.met is False

    def test_p4_holds_one_number_of_series_against_another(self) -> None:
        """All of the CPU counts, the checkpoint's share stands beside."""
        base = told(ingest_s=1.0, fold_s=6.0, checkpoint_s=1.0)
        many = told(ingest_s=1.0, fold_s=7.0, checkpoint_s=4.0)
        found = growth.line("many", many, base, 1.6)
        assert (found.value, found.met) == pytest.approx((1.5, True))
        assert found.raw["% of it checkpoint"] == pytest.approx(100 / 3)

    def test_p5_adds_two_workers_and_takes_the_larger_share(self) -> None:
        """Each worker's sessions and CPU, against one worker's."""
        two = [figure(10, count=600), figure(10, count=400)]
        cost, share = shares.findings(figure(10), two)
        assert (cost.value, cost.met) == pytest.approx((1.0, True))
        assert (share.value, share.met) == pytest.approx((60.0, True))

    def test_p6_takes_off_what_a_start_takes_without_state(self) -> None:
        """Python and Kafka are there in any case."""
        found = restart.finding("x", 5.5, 4.0, 1.0, at_most(2))
        assert (found.value, found.met) == (1.5, True)

    def test_p7_takes_off_what_a_short_file_takes(self) -> None:
        """Two seconds for 200,000 lines more."""
        found = replaying.finding(200_000, (1.0, 0.9), (3.0, 2.5))
        assert (found.value, found.met) == (100_000.0, True)
        assert found.raw[lines.CPU] == pytest.approx(8.0)


def told(**changes: Any) -> Told:
    """Some work done."""
    work: dict[str, Any] = {
        "sessions": 1_000,
        "kept": 10,
        "ingest_s": 1.0,
        "fold_s": 1.0,
        "checkpoint_s": 1.0,
        "rows": 10,
        "row_bytes": 1_000,
        "grown_bytes": 1_000,
    }
    return Told(**work | changes)


STATUS: dict[str, Any] = {
    "groups": {
        "score": {"lag": {"a": {"0": 2, "1": 0}}, "clocks": {"0": 1, "3": 2}},
        "deliver": {"lag": {"t": {"0": 5}}},
    }
}


class TestStatus:
    def test_what_is_behind_is_added_up(self) -> None:
        """Over groups, topics and partitions."""
        assert behind(STATUS) == 7

    def test_a_worker_has_the_partitions_whose_clock_it_keeps(self) -> None:
        """Those of observations."""
        assert partitions(STATUS) == 2


class TestTraffic:
    def test_every_line_is_a_session_with_an_id_of_its_own(self) -> None:
        """Or what is measured is how fast dead letters and repeats are passed over."""
        values = [*sessions(50, 10, 2e9), *sessions(50, 10, 2e9, 50)]
        read_back = [decode_session(value, (1, 10), None) for value in values]
        assert len({each.event.session_id for each in read_back}) == 100
        assert all(200 < len(value) < 330 for value in values)

    def test_times_go_on_a_millisecond_a_session(self) -> None:
        """Up to the last one, which ends just before the time given."""
        ends = [msgspec.json.decode(v)["ended_at"] for v in sessions(3, 2, 2e9)]
        assert ends == pytest.approx([2e9 - 0.003, 2e9 - 0.002, 2e9 - 0.001])

    def test_a_gateway_says_more(self) -> None:
        """Times as text, and a model."""
        (value,) = gateway_sessions(1, 5, 2e9)
        assert decode_session(value, (1, 10), None).event.model

    @given(st.integers(1, 3_000), st.integers(1, 3))
    def test_in_turn_each_series_has_one_session_a_round(
        self, series: int, rounds: int
    ) -> None:
        """So that all are equally far."""
        whose = list(in_turn(series, rounds, 1))
        for number in range(rounds):
            part = whose[number * series : (number + 1) * series]
            assert sorted(part) == list(range(series))

    def test_at_random_all_series_are_met(self) -> None:
        """And none beside them."""
        assert set(at_random(1_000, 10, 1)) == set(range(10))


class TestAlone:
    def test_rules_of_a_thousand_are_ten_for_each_tenant(self) -> None:
        """Each under a name of its own, each for one tenant."""
        ten, thousand = book("ten").rules, book("tenants").rules
        assert (len(ten), len(thousand)) == (10, 1_000)
        assert len({rule.name for rule in thousand}) == 1_000
        assert len({str(rule.where) for rule in thousand}) == 100

    def test_windows_stand_beside_what_init_writes(self) -> None:
        """Rules of one name would be one rule."""
        both = book("init+windows").rules
        assert len({rule.name for rule in both}) == len(both)
        assert len(both) > len(book("init").rules) + 5
        assert WINDOWS.exists()

    def test_the_work_is_a_worker_s(self) -> None:
        """All series are there, rows were taken, only what was asked for is measured."""
        found = run(Asked(series=60, before=100, measured=100, every=1_000))
        assert found.kept > 60
        assert 0 < found.sessions <= 6_000
        assert found.rows > 60
        assert 0 < found.cpu_us < math.inf
        assert 0 < found.checkpoint_share < 1


@pytest.fixture
def peer(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The peer's arithmetic, without the library that it is written with."""
    library = ModuleType("quixstreams")
    library.Application = object  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "quixstreams", library)
    from tests.bench import quix_peer

    return quix_peer


def _session(**changes: Any) -> dict[str, Any]:
    return {
        "session_id": "s",
        "agent": "a",
        "task_type": "t",
        "status": "success",
        "loop_count": 2,
        "latency_ms": 100.0,
        "tool_calls": 10,
        "tool_errors": 0,
        "cost_usd": 0.01,
        **changes,
    }


class TestPeer:
    def test_a_window_is_the_mean_of_the_last_so_many(self, peer: ModuleType) -> None:
        """The sum that is carried along is theirs."""
        window = [0.0]
        means = [peer.slide(window, value, 3) for value in (1.0, 2.0, 3.0, 10.0)]
        assert means == [1.0, 1.5, 2.0, 5.0]

    def test_a_baseline_is_the_mean_of_what_came_before(self, peer: ModuleType) -> None:
        """A value is compared with a past that it is no part of."""
        baseline = [0.0, 0.0, 0.0]
        assert [peer.learn(baseline, value) for value in (4.0, 6.0, 9.0)] == [0, 4, 5]

    def test_it_evaluates_what_the_worker_does(self, peer: ModuleType) -> None:
        """Alerts begin once a window is full and end when it is well again."""
        kept = peer.fresh()
        healthy = [peer.evaluate(kept, _session()) for _ in range(60)]
        assert not any(healthy)
        broken = [peer.evaluate(kept, _session(tool_errors=10)) for _ in range(20)]
        (fired,) = [line for lines_ in broken for line in lines_]
        assert (fired["rule"], fired["to"]) == ("tool-errors", "firing")
        well = [peer.evaluate(kept, _session()) for _ in range(60)]
        (resolved,) = [line for lines_ in well for line in lines_]
        assert resolved["to"] == "resolved"
