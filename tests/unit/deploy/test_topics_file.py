"""``deploy/`` agrees with what the workers check."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from streams.kafka.topic_specs import TopicSpec, loopwatch_topics
from streams.settings import read_settings, unknown_settings

DEPLOY = Path(__file__).parents[3] / "deploy"


def _read(name: str) -> Any:
    return YAML(typ="safe", pure=True).load((DEPLOY / name).read_text())


@pytest.mark.parametrize(
    "spec",
    loopwatch_topics(session_partitions=12, partitions=12, replication_factor=3),
    ids=lambda spec: str(spec.name),
)
def test_the_topics_file_says_what_workers_would_create(spec: TopicSpec) -> None:
    """Name, partitions and configuration of each topic."""
    assert {
        "name": spec.name,
        "partitions": spec.partitions,
        "replication_factor": 3,
        "config": dict(spec.config),
    } in _read("topics.yaml")["topics"]


def test_the_topics_file_names_no_other_topic() -> None:
    """Nothing is left in it that no worker uses."""
    named = [topic["name"] for topic in _read("topics.yaml")["topics"]]
    assert named == [spec.name for spec in loopwatch_topics()]


def test_the_composed_workers_read_settings_that_exist() -> None:
    """Every variable with our prefix is one that the settings know."""
    services = _read("compose.yaml")["services"]
    for name in ("worker-1", "worker-2"):
        assert unknown_settings(services[name]["environment"]) == []


def test_the_example_of_production_settings_is_valid(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Every line of it names a setting, and its values are accepted."""
    lines = (DEPLOY / "production.env.example").read_text().splitlines()
    pairs = dict(
        line.split("=", 1) for line in lines if "=" in line and not line.startswith("#")
    )
    ours = {
        name: value for name, value in pairs.items() if name.startswith("LOOPWATCH")
    }
    assert unknown_settings(ours) == []
    for name, value in ours.items():
        monkeypatch.setenv(name, value or "filled-in")
    read_settings()
