"""What topics must be like, and what is said of wrong ones."""

from collections.abc import Iterable

import pytest

from streams.kafka.topic_checks import partition_problems, policy_problems, topic_notes
from streams.kafka.topics import TopicNames, TopicSpec, loopwatch_topics

STATE = {"loopwatch.parents", "loopwatch.detect-state", "loopwatch.notify-state"}


def by_name(specs: Iterable[TopicSpec]) -> dict[str, TopicSpec]:
    """Return the specs by their topics' names."""
    return {spec.name: spec for spec in specs}


def right() -> dict[str, int]:
    """Return partition counts with which nothing is wrong."""
    return {spec.name: spec.partitions for spec in loopwatch_topics()}


def test_the_topics_are_those_of_the_contract() -> None:
    """By default the names and partition counts are the documented ones."""
    assert right() == {
        "agent.sessions": 8,
        "loopwatch.observations": 8,
        "loopwatch.transitions": 2,
        "loopwatch.deadletter": 1,
        "loopwatch.control": 1,
        "loopwatch.parents": 1,
        "loopwatch.detect-state": 8,
        "loopwatch.notify-state": 1,
    }


def test_only_state_is_compacted() -> None:
    """State keeps the last row of a key; logs are kept for some days instead."""
    specs = loopwatch_topics()
    assert {spec.name for spec in specs if spec.compacted} == STATE
    for spec in specs:
        assert ("retention.ms" in spec.config) == (
            spec.name not in STATE | {"agent.sessions"}
        )


def test_every_topic_takes_a_block() -> None:
    """Blocks and rows of up to 4 MiB fit into every topic."""
    limits = {spec.config["max.message.bytes"] for spec in loopwatch_topics()}
    assert limits == {str(4 * 1024 * 1024)}


def test_names_follow_the_prefix() -> None:
    """Another prefix renames all topics but the one that agents write to."""
    names = TopicNames.under("team-a.", sessions="agents")
    specs = by_name(loopwatch_topics(names))
    assert all(name == "agents" or name.startswith("team-a.") for name in specs)
    assert specs["team-a.detect-state"].same_partitions_as == "team-a.observations"
    assert TopicNames.under() == TopicNames()


@pytest.mark.parametrize(("replicas", "in_sync"), [(1, None), (2, None), (3, "2")])
def test_three_replicas_mean_two_acknowledgements(
    replicas: int, in_sync: str | None
) -> None:
    """With three replicas an acknowledged write survives the loss of a broker."""
    for spec in loopwatch_topics(replication_factor=replicas):
        assert spec.config.get("min.insync.replicas") == in_sync


def test_right_topics_raise_no_problem() -> None:
    """Topics as they are created pass every check, without a note."""
    specs = loopwatch_topics()
    configs = {spec.name: dict(spec.config) for spec in specs}
    assert not list(partition_problems(specs, right()))
    assert not list(policy_problems(specs, configs))
    assert not list(topic_notes(specs, right(), configs))


def test_state_must_match_the_observations() -> None:
    """State and observations need the same number, whatever the setting says."""
    specs = loopwatch_topics(partitions=8)
    fitting = right() | {"loopwatch.observations": 16, "loopwatch.detect-state": 16}
    assert not list(partition_problems(specs, fitting))
    (problem,) = partition_problems(specs, right() | {"loopwatch.observations": 16})
    assert problem.startswith(
        "topic loopwatch.detect-state has 8 partitions, expected 16, as many as "
        "loopwatch.observations"
    )
    assert "delete loopwatch.detect-state" in problem


@pytest.mark.parametrize(
    ("topic", "found", "expected", "remedy"),
    [
        ("loopwatch.transitions", 1, 2, "--partitions 2"),
        ("loopwatch.transitions", 4, 2, "delete loopwatch.transitions"),
        ("loopwatch.control", 4, 1, "delete loopwatch.control"),
        ("loopwatch.parents", 4, 1, "delete loopwatch.parents"),
        ("loopwatch.notify-state", 4, 1, "delete loopwatch.notify-state"),
    ],
)
def test_fixed_numbers_of_partitions_are_held_to(
    topic: str, found: int, expected: int, remedy: str
) -> None:
    """A topic with a fixed number says what was found, expected, and to be done."""
    (problem,) = partition_problems(loopwatch_topics(), right() | {topic: found})
    assert problem.startswith(f"topic {topic} has {found} partition")
    assert f"expected exactly {expected}" in problem
    assert remedy in problem


@pytest.mark.parametrize("topic", ["agent.sessions", "loopwatch.deadletter"])
def test_other_numbers_of_partitions_are_noted(topic: str) -> None:
    """Where any number works, another than the setting's is a note."""
    counts = right() | {topic: 3}
    assert not list(partition_problems(loopwatch_topics(), counts))
    (note,) = topic_notes(loopwatch_topics(), counts, {})
    assert note.startswith(f"topic {topic} has 3 partitions already")


@pytest.mark.parametrize("topic", sorted(STATE))
@pytest.mark.parametrize("policy", ["delete", "compact,delete", ""])
def test_state_that_forgets_is_refused(topic: str, policy: str) -> None:
    """A state topic that is not purely compacted is refused by name."""
    (problem,) = policy_problems(
        loopwatch_topics(), {topic: {"cleanup.policy": policy}}
    )
    assert problem.startswith(f"topic {topic} has cleanup.policy={policy}, expected c")
    assert "--add-config cleanup.policy=compact" in problem


def test_a_compacted_log_is_refused() -> None:
    """Transitions of which only the last of a key stays are refused."""
    configs = {"loopwatch.transitions": {"cleanup.policy": "compact"}}
    (problem,) = policy_problems(loopwatch_topics(), configs)
    assert "expected delete" in problem


def test_the_users_own_topic_is_theirs() -> None:
    """How the sessions' topic is cleaned up is not our business."""
    configs = {"agent.sessions": {"cleanup.policy": "compact,delete"}}
    assert not list(policy_problems(loopwatch_topics(), configs))


def test_a_small_message_limit_is_noted() -> None:
    """A topic that refuses large messages is named, with the limit to set."""
    configs = {"loopwatch.observations": {"max.message.bytes": "1048588"}}
    (note,) = topic_notes(loopwatch_topics(), right(), configs)
    assert note.startswith("topic loopwatch.observations has max.message.bytes=1048588")
    assert note.endswith("set it to 4194304")
