"""Why the cost rose: which factor moved, and how much of the rise is its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from math import fsum, inf, isfinite, nan
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.batch import ATTRIBUTES
from detectors.metrics import COLUMN, COLUMNS, Aggregate, Direction
from detectors.rules import SECOND_US, Baseline, Rule, Window
from detectors.rules import rule as make_rule
from detectors.transitions import Transition
from tests.slow.causes import CostFactors
from tests.slow.packing import unpack
from tests.unit.detectors.scenes import Scene, threshold, transitions

IN_USD, OUT_USD = 1e-6, 4e-6


def numbers(**values: float) -> list[float]:
    """A session's row; NaN is missing."""
    return [values.get(name, nan) for name in COLUMNS]


def labels(model: str = "small") -> list[str]:
    """A session's labels, of which the model matters."""
    return [model if name == "model" else "" for name in ATTRIBUTES]


def run(
    *,
    loops: float = 4,
    per_loop: float = 1,
    read: float = 1_000,
    written: float = 250,
    price: float = 1,
    tools: float = 0.0,
) -> dict[str, float]:
    """What a session says: loops, calls, tokens a call, and the cost they make."""
    calls = loops * per_loop
    llm_usd = calls * (read * IN_USD + written * OUT_USD) * price
    return {
        "cost_usd": llm_usd + tools * 0.001,
        "loop_count": loops,
        "llm_calls": calls,
        "tool_calls": tools,
        "input_tokens": calls * read,
        "output_tokens": calls * written,
    }


def tell(
    scene: Scene, at_s: float, said: dict[str, float], model: str = "small"
) -> None:
    """A session of a scene."""
    named = {"agent": "a", "model": model}
    values: dict[str, Any] = {**said}
    scene.session(at_s, labels=named, **values)


def without(session: dict[str, float], *names: str) -> dict[str, float]:
    """The same session, saying less."""
    return {name: value for name, value in session.items() if name not in names}


def compared(
    before: dict[str, float],
    now: dict[str, float],
    models: tuple[str, str] = ("small", "small"),
) -> CostFactors:
    """Factors that learned the one and then saw the other."""
    factors = CostFactors()
    for _ in range(40):
        factors.learn(numbers(**before), labels(models[0]))
    factors.begin()
    for _ in range(3):
        factors.during(numbers(**now), labels(models[1]))
    return factors


class TestDecomposition:
    @pytest.mark.parametrize(
        ("now", "shares"),
        [
            (run(read=2_000, written=500), {"tokens_per_call": 1.0}),
            (run(read=5_000), {"input_tokens_per_call": 1.0}),
            (run(written=1_000), {"output_tokens_per_call": 1.0}),
            (run(loops=12), {"loops": 1.0}),
            (run(per_loop=3), {"calls_per_loop": 1.0}),
            (run(price=2), {"price": 1.0}),
            (run(loops=8, price=2), {"loops": 0.5, "price": 0.5}),
            (run(loops=8, price=4), {"price": 0.667, "loops": 0.333}),
            (run(loops=2, price=8), {"price": 1.5, "loops": -0.5}),
            (run(loops=4.1, price=4), {"price": 0.982, "other": 0.018}),
        ],
    )
    def test_what_moved_has_the_rise(
        self, now: dict[str, float], shares: dict[str, float]
    ) -> None:
        """One factor alone is all of it; two share it by their logarithms."""
        assert compared(run(), now).shares() == pytest.approx(shares)

    def test_another_model_at_another_price_is_the_model(self) -> None:
        """Both names are in the evidence; a price that moved alone is a price."""
        factors = compared(run(), run(price=10), ("small", "large"))
        assert factors.shares() == {"model": 1.0}
        assert factors.typical()["model"] == ["small", "large"]
        assert "model" not in compared(run(), run(price=10)).typical()

    def test_a_model_that_costs_the_same_is_no_cause(self) -> None:
        """It changed, and explains nothing: the loops do."""
        factors = compared(run(), run(loops=12), ("small", "other"))
        assert factors.shares() == {"loops": 1.0}

    def test_dearer_tools_are_not_taken_for_a_price(self) -> None:
        """Tool cost has no column, but more tool calls for each LLM call tell."""
        factors = compared(run(tools=1), run(tools=20))
        assert factors.shares() == {"tools": 1.0}

    @pytest.mark.parametrize(
        ("missing", "shares"),
        [
            (["loop_count"], {"calls": 0.5, "price": 0.5}),
            (["llm_calls"], {"loops": 0.5, "price": 0.5}),
            (["input_tokens"], {"loops": 0.5, "other": 0.5}),
            (["loop_count", "llm_calls"], {"tokens": 0.5, "price": 0.5}),
            (["loop_count", "llm_calls", "output_tokens"], {}),
        ],
    )
    def test_what_is_not_said_is_left_to_the_rest(
        self, missing: Sequence[str], shares: dict[str, float]
    ) -> None:
        """A factor that sessions lack has no share, and the others keep theirs."""
        before, now = (
            without(each, *missing) for each in (run(), run(loops=8, price=2))
        )
        assert compared(before, now).shares() == pytest.approx(shares)

    def test_a_few_that_say_nothing_do_not_matter(self) -> None:
        """Each factor's mean is over the sessions that say it."""
        factors = CostFactors()
        for number in range(40):
            said = run() if number % 4 else without(run(), "input_tokens")
            factors.learn(numbers(**said), labels())
        factors.begin()
        factors.during(numbers(**run(read=3_000, written=750)), labels())
        assert factors.shares() == {"tokens_per_call": 1.0}

    @pytest.mark.parametrize("now", [run(), run(loops=4.3), run(loops=1)])
    def test_without_a_rise_there_is_nothing_to_explain(
        self, now: dict[str, float]
    ) -> None:
        """What costs as much, or less, has no causes."""
        assert compared(run(), now).shares() == {}

    def test_a_rise_that_chance_makes_is_not_explained(self) -> None:
        """One session says nothing where costs vary so much; thirty of them do."""
        factors = CostFactors()
        for number in range(64):
            factors.learn(numbers(**run(loops=1 if number % 2 else 16)), labels())
        factors.begin()
        factors.during(numbers(**run(loops=32)), labels())
        assert factors.shares() == {}
        for _ in range(30):
            factors.during(numbers(**run(loops=32)), labels())
        assert factors.shares() == {"loops": 1.0}

    def test_one_wild_session_in_ten_makes_the_rise(self) -> None:
        """The dear ones weigh more: a plain mean of logs would hide behind the rest."""
        factors = CostFactors.counted(50)
        for number in range(600):
            loops = 3 if number % 2 else 5
            factors.learn(numbers(**run(loops=loops, read=900 + number % 7)), labels())
        factors.begin()
        for number in range(50):
            loops = 40 if number % 10 == 0 else 4
            factors.during(numbers(**run(loops=loops)), labels())
        assert factors.shares()["loops"] > 0.9

    def test_a_breach_that_flickers_is_one(self) -> None:
        """Begun again before a window has passed, it keeps what it knew."""
        factors = CostFactors.counted(20)
        for _ in range(60):
            factors.learn(numbers(**run()), labels())
        factors.begin()
        for _ in range(20):
            factors.during(numbers(**run(loops=12)), labels())
        factors.learn(numbers(**run(read=9_000)), labels())
        before = factors.typical()["loops"][1]
        factors.begin()
        assert before * 0.95 < factors.typical()["loops"][1] < before

    def test_nothing_is_said_before_anything_is_usual(self) -> None:
        """Ten sessions make out what is usual."""
        factors = CostFactors()
        factors.learn(numbers(**run()), labels())
        factors.begin()
        factors.during(numbers(**run(loops=40)), labels())
        assert (factors.shares(), factors.typical()) == ({}, {})

    def test_what_waits_in_the_window_is_part_of_the_breach(self) -> None:
        """Half of a window was dear before it breached, and is not taken as usual."""
        factors = CostFactors.counted(20)
        for _ in range(60):
            factors.learn(numbers(**run()), labels())
        for _ in range(10):
            factors.learn(numbers(**run(loops=12)), labels())
        factors.begin()
        assert factors.shares() == {"loops": 1.0}
        assert factors.typical()["loops"][0] == 4.0

    @pytest.mark.parametrize("hours", [3, 30, 3_000])
    def test_hours_without_a_session_count(self, hours: int) -> None:
        """Of sums over time they are part of what is usual, however many at once."""
        at_once, one_by_one = CostFactors.timed(8), CostFactors.timed(8)
        silent = numbers()
        for step in (1, 2, 3, 4, 5, 6, 7, 8):
            for factors in (at_once, one_by_one):
                factors.learn(numbers(**run()), labels(), step)
        for step in range(9, 9 + hours):
            one_by_one.learn(silent, labels(), step)
        for factors in (at_once, one_by_one):
            factors.learn(silent, labels(), 9 + hours)
        (*_, first), (*_, second) = at_once.dump(), one_by_one.dump()
        assert list(unpack(first)) == pytest.approx(list(unpack(second)))

    def test_a_new_model_becomes_the_usual_one(self) -> None:
        """After enough healthy sessions it is the old one that is new."""
        factors = CostFactors()
        for model, count in (("old", 100), ("new", 900)):
            for _ in range(count):
                factors.learn(numbers(**run()), labels(model))
        factors.begin()
        factors.during(numbers(**run(price=5)), labels("old"))
        assert factors.typical()["model"] == ["new", "old"]
        factors.begin()
        factors.during(numbers(**run(price=5)), labels("new"))
        assert factors.shares() == {"price": 1.0}


_any = st.one_of(
    st.just(nan),
    st.sampled_from([0.0, 5e-324, 1e-300, 1.0, 3.0, 1e17, 1e200, 1.7e308, inf]),
    st.floats(0, 1e6),
)
_NAMES = tuple(run())
_sessions = st.lists(
    st.tuples(
        st.tuples(*[_any] * len(_NAMES)).map(
            lambda found: numbers(**dict(zip(_NAMES, found, strict=True)))
        ),
        st.sampled_from(["", "small", "large"]),
    ),
    min_size=1,
    max_size=40,
)


def _fed(
    factors: CostFactors, told: Sequence[tuple[list[float], str]], at: int
) -> None:
    for number, (row, model) in enumerate(told):
        if number == at:
            factors.begin()
        if number < at:
            factors.learn(row, labels(model), number // 3)
        else:
            factors.during(row, labels(model))


@settings(max_examples=150, deadline=None)
@given(
    _sessions,
    st.sampled_from([(0, 1, 8), (4, 2, 8), (4, 0, 32)]),
    st.integers(0, 40),
    st.integers(0, 100),
)
def test_shares_are_finite_and_sum_to_one(
    told: list[tuple[list[float], str]],
    shape: tuple[int, int, int],
    at: int,
    crowd: int,
) -> None:
    """Whatever sessions say, and in which order (property)."""
    factors = CostFactors(*shape)
    usual = [(numbers(**run()), "small")] * 20
    _fed(factors, [*usual, *told], 20 + at)
    factors.crowd = crowd
    shares = factors.shares()
    assert all(isfinite(share) for share in shares.values())
    largest = max(map(abs, shares.values()), default=0.0)
    assert not shares or abs(fsum(shares.values()) - 1.0) < 1e-9 * max(1.0, largest)
    assert "Infinity" not in json.dumps(factors.typical(), allow_nan=True)


@settings(max_examples=60, deadline=None)
@given(_sessions, st.integers(0, 40), st.integers(0, 40))
def test_what_was_dumped_goes_on_bit_by_bit(
    told: list[tuple[list[float], str]], at: int, cut: int
) -> None:
    """A restart between any two sessions changes no bit of what follows (property)."""
    makes: list[Callable[[], CostFactors]] = [
        CostFactors,
        lambda: CostFactors.counted(6),
        lambda: CostFactors.timed(7),
    ]
    for make in makes:
        straight = make()
        _fed(straight, told, at)
        first, second = make(), make()
        _fed(first, told[:cut], at)
        row = msgspec.msgpack.encode(first.dump())
        second.load(msgspec.msgpack.decode(row))
        for number, (values, model) in enumerate(told[cut:], start=min(cut, len(told))):
            if number == at:
                second.begin()
            if number < at:
                second.learn(values, labels(model), number // 3)
            else:
                second.during(values, labels(model))
        assert second.dump() == straight.dump()


def _rule(kind: object, **changes: object) -> Rule:
    values = {"by": ("agent",), "min_samples": 10, **changes}
    return make_rule("r", "cost_usd", kind, **values)  # type: ignore[arg-type]


def _story(scene: Scene, usual: int, now: dict[str, float], dear: int) -> Transition:
    """Usual sessions, then dear ones; the first line that says it fires."""
    for number in range(usual):
        tell(scene, number, run())
    for number in range(dear):
        tell(scene, usual + number, now, "large")
    return next(line for line in transitions(scene.said) if line.to_state == "firing")


class TestRules:
    @pytest.mark.parametrize(
        "rule",
        [
            _rule(threshold(0.012)),
            _rule(threshold(0.012), window=Window(samples=20)),
            _rule(Baseline(ratio=1.5), window=Window(samples=20)),
            _rule(
                Baseline(ratio=1.5),
                window=Window(samples=20),
                aggregate=Aggregate.P90,
            ),
            _rule(threshold(0.012), window=Window(span_us=40 * SECOND_US)),
            _rule(Baseline(ratio=1.5), window=Window(span_us=20 * SECOND_US)),
        ],
        ids=["each", "count", "baseline", "p90", "span", "span baseline"],
    )
    def test_a_rule_on_cost_says_why(self, rule: Rule) -> None:
        """From the first line that fires: here, three times as many loops."""
        scene = Scene(rule)
        line = _story(scene, 150, run(loops=12), 40)
        assert line.causes == {"loops": 1.0}
        before, now = line.evidence["loops"]
        assert before == pytest.approx(4)
        assert now > 4

    def test_the_model_is_named_with_what_it_was(self) -> None:
        """Old and new, as the session's labels have them."""
        line = _story(Scene(_rule(threshold(0.05))), 50, run(price=10), 1)
        assert (line.causes, line.evidence["model"]) == (
            {"model": 1.0},
            ["small", "large"],
        )

    def test_more_sessions_make_a_larger_sum(self) -> None:
        """Of a sum over time their number is a cause: nobody's loops have grown."""
        rule = _rule(
            Baseline(ratio=2.0),
            window=Window(span_us=100 * SECOND_US),
            aggregate=Aggregate.SUM,
        )
        scene = Scene(rule)
        for number in range(200):
            tell(scene, number * 5, run())
        for number in range(400):
            tell(scene, 1000 + number, run())
        fired = [line for line in transitions(scene.said) if line.to_state == "firing"]
        assert fired[0].causes == {"sessions": 1.0}

    def test_the_end_says_why_as_well(self) -> None:
        """A resolved line has the causes of the breach that it ends."""
        scene = Scene(_rule(threshold(0.012), window=Window(samples=20)))
        _story(scene, 60, run(loops=12), 40)
        for number in range(40):
            tell(scene, 100 + number, run())
        (line,) = [x for x in transitions(scene.said) if x.to_state == "resolved"]
        assert line.causes == {"loops": 1.0}

    def test_the_next_breach_has_its_own_causes(self) -> None:
        """What the last one was made of is neither usual nor part of it."""
        scene = Scene(_rule(threshold(0.012), window=Window(samples=20)))
        _story(scene, 60, run(loops=12), 40)
        for number in range(60):
            tell(scene, 100 + number, run())
        for number in range(40):
            tell(scene, 200 + number, run(read=5_000))
        fired = [line for line in transitions(scene.said) if line.to_state == "firing"]
        assert [line.causes for line in fired] == [
            {"loops": 1.0},
            {"input_tokens_per_call": 1.0},
        ]

    def test_the_dear_sessions_alone_are_explained(self) -> None:
        """Of a rule on each session the healthy ones between do not count."""
        scene = Scene(_rule(threshold(0.012, 0.05)))
        for number in range(50):
            tell(scene, number, run())
        tell(scene, 50, run(loops=12))
        for number in range(51, 60):
            tell(scene, number, run())
        tell(scene, 60, run(loops=48))
        (_, line) = [x for x in transitions(scene.said) if x.to_state == "firing"]
        assert line.causes == {"loops": 1.0}
        # Four times as dear, the second weighs twice as much.
        assert line.evidence["loops"] == [4.0, round((12 * 48 * 48) ** (1 / 3), 2)]

    @pytest.mark.parametrize(
        "changes",
        [
            {"direction": Direction.DOWN},
            {"aggregate": Aggregate.COUNT, "window": Window(samples=20)},
        ],
    )
    def test_what_is_no_rise_of_cost_asks_no_why(
        self, changes: dict[str, object]
    ) -> None:
        """Too low a cost, and a number of sessions, have no such causes."""
        scene = Scene(_rule(threshold(0.0001), **changes))
        for number in range(60):
            tell(scene, number, run(loops=4 if number < 30 else 0.001))
        assert all(line.causes == {} for line in transitions(scene.said))
        assert any(line.to_state == "firing" for line in transitions(scene.said))


def test_columns_are_where_the_factors_look() -> None:
    """A session's row has them all."""
    assert set(run()) <= COLUMN.keys()
