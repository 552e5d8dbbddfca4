"""What a new series borrows is what its peers agree on."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.kinds.plans import Plan
from detectors.normal.facets import facets
from detectors.peers.lineage import Lineage
from detectors.peers.parents import (
    MOST_LENT,
    MOST_PARENTS,
    Normal,
    Parent,
    Parents,
    Part,
    Prior,
    Shares,
    Sums,
    prior_of,
)
from detectors.rules import Drift
from detectors.rules import rule as make_rule

MEANS = st.lists(st.floats(-50, 50), min_size=3, max_size=30)


def _sums(means: Sequence[float], variance: float = 1.0) -> Sums:
    total = Sums()
    for mean in means:
        total = total.plus(Sums.of(Normal(mean, variance, mean, 0.0)))
    return total


class TestPrior:
    """How much is borrowed."""

    def test_two_peers_are_too_few(self) -> None:
        """Nothing is known of how far they lie apart."""
        assert prior_of(_sums([1.0, 1.0])) is None
        assert prior_of(_sums([1.0, 1.0, 1.0])) is not None

    def test_peers_that_agree_are_believed(self) -> None:
        """As if ten sessions had been seen, and never more."""
        prior = prior_of(_sums([2.0] * 40))
        assert prior == Prior(Normal(2.0, 1.0, 2.0, 0.0), MOST_LENT)

    def test_peers_that_differ_are_not(self) -> None:
        """Where a series is three deviations from the next, one session tells more."""
        prior = prior_of(_sums([0.0, 3.0, 6.0, 9.0, 12.0]))
        assert prior is not None
        assert prior.sessions < 0.1

    @given(MEANS)
    def test_few_peers_are_believed_less_than_many(self, means: list[float]) -> None:
        """The spread between them is hardly known."""
        few, many = prior_of(_sums(means)), prior_of(_sums(means * 4))
        assert few is not None
        assert many is not None
        assert few.sessions <= many.sessions + 1e-9

    @pytest.mark.parametrize("series", [5, 6, 8])
    def test_series_of_one_peer_count_for_half(self, series: int) -> None:
        """Where several may be of one, fewer agree than there seem to be."""
        loose = prior_of(_sums([1.0] * series), close=False)
        close = prior_of(_sums([1.0] * series))
        assert loose is not None
        assert close is not None
        assert loose.sessions < close.sessions
        assert prior_of(_sums([1.0] * 4), close=False) is None

    @given(MEANS, st.floats(-1000, 1000))
    def test_it_moves_with_its_peers(self, means: list[float], by: float) -> None:
        """What is borrowed lies in the middle of them, wherever they are."""
        here = prior_of(_sums(means))
        there = prior_of(_sums([mean + by for mean in means]))
        assert here is not None
        assert there is not None
        assert there.normal.mean == pytest.approx(here.normal.mean + by, abs=1e-6)
        assert there.sessions == pytest.approx(here.sessions, rel=1e-3)


class TestParents:
    """What a partition has heard."""

    def test_what_is_heard_replaces_what_was(self) -> None:
        """Nothing is added up twice."""
        parents = Parents()
        parents.hear([Part("all", _sums([1.0] * 5))])
        parents.hear([Part("all", _sums([3.0] * 5))])
        prior = parents.prior([Parent("all", close=True)])
        assert prior is not None
        assert prior.normal.mean == 3.0

    def test_a_parent_without_series_is_forgotten(self) -> None:
        """Its series are gone."""
        parents = Parents()
        parents.hear([Part("all", _sums([1.0] * 5))])
        parents.hear([Part("all", Sums())])
        assert parents.prior([Parent("all", close=True)]) is None
        assert parents.dump() == []

    def test_the_nearest_with_enough_peers_lends(self) -> None:
        """One that has too few is passed over."""
        parents = Parents()
        parents.hear([Part("near", _sums([1.0] * 2)), Part("far", _sums([5.0] * 9))])
        asked = [Parent("near", close=True), Parent("far", close=False)]
        prior = parents.prior(asked)
        assert prior is not None
        assert prior.normal.mean == 5.0
        parents.hear([Part("near", _sums([1.0] * 3))])
        prior = parents.prior(asked)
        assert prior is not None
        assert prior.normal.mean == 1.0

    def test_only_what_a_rule_may_ask_for_is_kept(self) -> None:
        """A rule that is gone leaves nothing behind, nor do too many parents."""
        parents = Parents(lambda key: key.startswith("cost"))
        parents.hear(
            Part(f"{name}{number}", _sums([1.0] * 3))
            for number in range(2 * MOST_PARENTS)
            for name in ("cost", "gone")
        )
        assert len(parents.dump()) == MOST_PARENTS
        again = Parents()
        again.load(parents.dump())
        assert again.dump() == parents.dump()


class TestShares:
    """What the series of a partition say."""

    def test_they_are_added_up_by_parent(self) -> None:
        """Two series of one kind, one of them of another as well."""
        shares = Shares()
        one, two = Normal(1.0, 0.5, 1.0, 0.0), Normal(3.0, 0.5, 3.0, 0.0)
        shares.change({}, {"all": one, "x": one})
        shares.change({}, {"all": two})
        assert shares.take_news() == [
            Part("all", Sums(2.0, 4.0, 10.0, 1.0, 4.0, 0.0)),
            Part("x", Sums(1.0, 1.0, 1.0, 0.5, 1.0, 0.0)),
        ]
        assert shares.take_news() == []

    def test_what_hardly_moves_is_no_news(self) -> None:
        """But what adds up is."""
        shares, last = Shares(), Normal(1.0, 1.0, 1.0, 0.0)
        shares.change({}, {"all": last})
        assert shares.take_news()
        told = 0
        for step in range(10):
            moved = last._replace(mean=1.0 + 0.04 * (step + 1))
            shares.change({"all": last}, {"all": moved})
            told += len(shares.take_news())
            last = moved
        assert told == 3

    def test_a_series_that_is_forgotten_takes_its_share_along(self) -> None:
        """The last of them leaves a parent without series."""
        shares, one = Shares(), Normal(0.1, 0.3, 7.0, 0.2)
        shares.change({}, {"all": one})
        shares.change({}, {"all": one})
        assert shares.take_news()
        shares.change({"all": one}, {})
        (part,) = shares.take_news()
        assert part.sums.series == 1.0
        assert part.sums.mean == pytest.approx(0.1)
        shares.change({"all": one}, {})
        assert shares.take_news() == [Part("all", Sums())]


class TestLineage:
    """Whom a series borrows from."""

    @staticmethod
    def _parents(metric: str, facet: int, model: str = "m") -> list[tuple[str, bool]]:
        plan = Plan(make_rule("r", metric, Drift()), 0)
        lineage = Lineage(plan, facets(plan.rule.metric, plan.sign))
        labels = [("agent", "a"), ("task_type", "t")]
        return [
            ("/".join(key.split("\x1f")[3:]), close)
            for key, close in lineage.parents(facet, labels, model)
        ]

    def test_the_first_label_is_taken_off_again_and_again(self) -> None:
        """From the other agents of a task type down to everything."""
        assert self._parents("tool_error_rate", 0) == [
            ("task_type=t", True),
            ("", False),
        ]

    def test_a_model_decides_what_a_task_costs(self) -> None:
        """So the same task on the same model is nearest, where a model is known."""
        assert self._parents("cost_usd", 0) == [
            ("task_type=t/model=m", True),
            ("task_type=t", True),
            ("", False),
        ]
        assert self._parents("cost_usd", 0, "")[0] == ("task_type=t", True)

    def test_a_price_is_that_of_a_model_alone(self) -> None:
        """Nothing is borrowed from those that run on another one."""
        assert self._parents("cost_usd", 1) == [
            ("task_type=t/model=m", True),
            ("model=m", False),
        ]
        assert self._parents("cost_usd", 1, "") == []
