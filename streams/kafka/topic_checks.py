"""Whether existing topics are as they must be, in sentences for who must act."""

from collections.abc import Iterable, Mapping

from streams.kafka.topic_specs import CLEANUP_POLICY, MAX_MESSAGE_BYTES, TopicSpec


def partition_problems(
    specs: Iterable[TopicSpec], counts: Mapping[str, int]
) -> Iterable[str]:
    """Tell which topics have a number of partitions that cannot work.

    Args:
        specs: what the topics must be like.
        counts: their actual numbers of partitions.
    """
    for spec in specs:
        found = counts[spec.name]
        leader = spec.same_partitions_as
        if leader is not None and found != counts[leader]:
            yield (
                f"topic {spec.name} has {found} partitions, expected {counts[leader]}, "
                f"as many as {leader}: a series' state is kept in the partition of its "
                f"observations. Stop all workers and delete {spec.name}; it is created "
                "anew at the next start, and baselines are learned again"
            )
        elif leader is None and spec.exact and found != spec.partitions:
            remedy = (
                f"add the missing ones (kafka-topics.sh --alter --topic {spec.name} "
                f"--partitions {spec.partitions})"
                if found < spec.partitions and not spec.compacted
                else f"stop all workers and delete {spec.name}; it is created anew at "
                "the next start"
            )
            yield (
                f"topic {spec.name} has {_partitions(found)}, expected exactly "
                f"{spec.partitions}: {remedy}"
            )


def policy_problems(
    specs: Iterable[TopicSpec], configs: Mapping[str, Mapping[str, str]]
) -> Iterable[str]:
    """Tell which topics would lose what must stay.

    Args:
        specs: what the topics must be like.
        configs: their configurations, as far as they are known.
    """
    for spec in specs:
        expected = spec.config.get(CLEANUP_POLICY)
        # A broker that tells only what was set says nothing of the default.
        found = configs.get(spec.name, {}).get(CLEANUP_POLICY)
        if expected is None or found is None or found == expected:
            continue
        why = (
            "rows of state must stay until a newer one replaces them"
            if spec.compacted
            else "each of its records counts, not only the last of a key"
        )
        yield (
            f"topic {spec.name} has {CLEANUP_POLICY}={found}, expected {expected}: {why}. "
            f"Change it (kafka-configs.sh --alter --entity-type topics --entity-name "
            f"{spec.name} --add-config {CLEANUP_POLICY}={expected})"
        )


def topic_notes(
    specs: Iterable[TopicSpec],
    counts: Mapping[str, int],
    configs: Mapping[str, Mapping[str, str]],
) -> Iterable[str]:
    """Tell what differs from the settings and works nevertheless.

    Args:
        specs: what the topics must be like.
        counts: their actual numbers of partitions.
        configs: their configurations, as far as they are known.
    """
    for spec in specs:
        found = counts[spec.name]
        if spec.same_partitions_as is None and found != spec.partitions:
            yield (
                f"topic {spec.name} has {_partitions(found)} already; the setting, "
                f"{spec.partitions}, is for a new one"
            )
        limit = configs.get(spec.name, {}).get(MAX_MESSAGE_BYTES)
        wanted = spec.config.get(MAX_MESSAGE_BYTES)
        if limit and wanted and int(limit) < int(wanted):
            yield (
                f"topic {spec.name} has {MAX_MESSAGE_BYTES}={limit}, and larger messages are "
                f"refused: set it to {wanted}"
            )


def _partitions(count: int) -> str:
    return "1 partition" if count == 1 else f"{count} partitions"
