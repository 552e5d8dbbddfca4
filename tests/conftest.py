"""Brokers for tests, and the order in which tests run."""

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from loopwatch.apache_kafka import ApacheKafka, KafkaUnavailableError
from loopwatch.broker import BrokerUnavailableError, EmbeddedBroker

_TESTS = Path(__file__).parent
_ORDER = ("unit", "", "demo", "kafka")

# The same examples in every run: what a change breaks must not depend on luck, and how
# fast examples are made says nothing on a busy machine. To look for new ones:
# pytest --hypothesis-profile explore
settings.register_profile(
    "same",
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("explore", settings.get_profile("same"), derandomize=False)
settings.load_profile("same")

# A proxy for the wide world must not see what tests send to this machine.
for _name in ("http_proxy", "https_proxy", "all_proxy"):
    os.environ.pop(_name, None)
    os.environ.pop(_name.upper(), None)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs Apache Kafka, and run what takes seconds first.

    Last of all such hooks and with a stable sort, so that within a folder the
    shuffled order stays.
    """
    for item in items:
        if _folder(item) == "kafka":
            item.add_marker("kafka")
    items.sort(key=lambda item: _ORDER.index(_folder(item)))


def _folder(item: pytest.Item) -> str:
    """Return the folder under tests/ that a test lives in, if it has a place."""
    if not item.path.is_relative_to(_TESTS):
        return ""
    folder = item.path.relative_to(_TESTS).parts[0]
    return folder if folder in _ORDER else ""


def _start(data_dir: Path | None = None, **options: Any) -> ApacheKafka:
    """Start an Apache Kafka; without one here, skip or (where required) fail."""
    kafka = ApacheKafka(data_dir, **options)
    missing = None
    try:
        kafka.start()
    except KafkaUnavailableError as error:
        missing = str(error)
    finally:
        if not kafka.running:
            kafka.close()
    if missing and os.environ.get("REQUIRE_KAFKA") == "1":
        pytest.fail(f"REQUIRE_KAFKA=1, but: {missing}", pytrace=False)
    if missing:
        pytest.skip(missing)
    return kafka


@pytest.fixture(scope="session")
def kafka() -> Iterator[ApacheKafka]:
    """The Apache Kafka that all tests of a run share; take ``topic_prefix`` along."""
    with _start() as shared:
        yield shared


@pytest.fixture(scope="session")
def secure_kafka() -> Iterator[ApacheKafka]:
    """An Apache Kafka that also listens for SASL_SSL, shared by a run."""
    with _start(tls_and_sasl=True) as shared:
        yield shared


@pytest.fixture
def apache_kafka() -> Iterator[Callable[..., ApacheKafka]]:
    """Start Apache Kafkas of the test's own; it takes what ``ApacheKafka`` takes.

    For tests that kill, pause or configure a broker; all others share ``kafka``.
    """
    with ExitStack() as started:
        yield lambda *args, **options: started.enter_context(_start(*args, **options))


@pytest.fixture
def topic_prefix() -> str:
    """A beginning for names of topics and groups that no other test uses."""
    return f"t{secrets.token_hex(4)}."


@pytest.fixture
def embedded_broker() -> Iterator[EmbeddedBroker]:
    """An embedded broker with nothing in it."""
    try:
        broker = EmbeddedBroker()
        broker.start()
    except BrokerUnavailableError as error:
        pytest.skip(str(error))
    with broker:
        yield broker
