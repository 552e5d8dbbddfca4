"""The route tree reaches whom Alertmanager's would."""

from typing import Any

from alerts.routes import Route
from alerts.routing import matchable, matched_routes, subscriptions
from detectors.matchers import Matchers, equal, parse_matcher


def _when(position: int, receiver: str, *matchers: str, **more: Any) -> Route:
    match = Matchers(tuple(parse_matcher(text) for text in matchers))
    return Route(position, receiver, match, **more)


def _reached(root: Route, **labels: str) -> list[str]:
    return [route.receiver for route in matched_routes(root, labels)]


class TestTree:
    def test_the_root_takes_what_no_child_matches(self) -> None:
        """Where no child matches, the node itself counts."""
        root = Route(0, "all", routes=(_when(1, "a", 'agent="x"'),))
        assert _reached(root, agent="y") == ["all"]

    def test_the_root_matches_everything(self) -> None:
        """A match written at the root cannot keep an alert out."""
        root = Route(0, "all", Matchers((equal("agent", "x"),)))
        assert _reached(root, agent="y") == ["all"]

    def test_the_first_matching_child_wins(self) -> None:
        """Later siblings are not asked."""
        root = Route(0, "all", routes=(_when(1, "a"), _when(2, "b")))
        assert _reached(root) == ["a"]

    def test_continue_lets_later_siblings_match(self) -> None:
        """With ``continue`` the next siblings are asked too, and the root is not."""
        root = Route(0, "all", routes=(_when(1, "a", go_on=True), _when(2, "b")))
        assert _reached(root) == ["a", "b"]

    def test_a_continue_that_nothing_follows_leaves_one(self) -> None:
        """The parent does not count once a child matched."""
        root = Route(
            0, "all", routes=(_when(1, "a", go_on=True), _when(2, "b", 'x="1"'))
        )
        assert _reached(root) == ["a"]

    def test_depth_comes_first(self) -> None:
        """A matching grandchild is reached before the child's next sibling."""
        inner = _when(1, "a", 'x="1"', routes=(_when(2, "aa", 'y="1"'),), go_on=True)
        root = Route(0, "all", routes=(inner, _when(3, "b")))
        assert _reached(root, x="1", y="1") == ["aa", "b"]
        assert _reached(root, x="1") == ["a", "b"]

    def test_a_continue_deep_in_the_tree_ends_with_its_parent(self) -> None:
        """``continue`` of a grandchild does not let its parent's siblings match."""
        inner = _when(1, "a", routes=(_when(2, "aa", go_on=True),))
        root = Route(0, "all", routes=(inner, _when(3, "b")))
        assert _reached(root) == ["aa"]

    def test_a_missing_label_equals_the_empty_one(self) -> None:
        """``task_type=""`` matches an alert without a task type."""
        root = Route(0, "all", routes=(_when(1, "a", 'task_type=""'),))
        assert _reached(root) == ["a"]
        assert _reached(root, task_type="refund") == ["all"]

    def test_patterns_are_anchored(self) -> None:
        """``acme`` is not matched by ``acm``."""
        root = Route(0, "all", routes=(_when(1, "a", 'tenant=~"acm"'),))
        assert _reached(root, tenant="acme") == ["all"]


class TestSubscriptions:
    def test_a_receiver_reached_twice_is_told_once(self) -> None:
        """The times of the first route in the tree's order hold."""
        root = Route(
            0,
            "all",
            routes=(
                _when(1, "a", go_on=True, group_wait_us=1),
                _when(2, "b", go_on=True),
                _when(3, "a", group_wait_us=2),
            ),
        )
        found = subscriptions(root, {})
        assert [(route.receiver, route.group_wait_us) for route in found] == [
            ("a", 1),
            ("b", 10_000_000),
        ]


class TestMatchable:
    def test_reserved_names_and_labels_can_be_matched(self, scene: Any) -> None:
        """Rule, metric, severity and kind stand beside the line's own labels."""
        labels = matchable(scene.line(1, "firing", severity="critical"))
        assert labels == {
            "agent": "support",
            "task_type": "refund",
            "rule": "session-cost",
            "metric": "cost_usd",
            "severity": "critical",
            "kind": "threshold",
        }
