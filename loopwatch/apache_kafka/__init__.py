"""A real Apache Kafka (KRaft, one node) on this machine, for tests and benchmarks."""

from loopwatch.apache_kafka.jars import KafkaUnavailableError
from loopwatch.apache_kafka.server import ApacheKafka, KafkaStartError

__all__ = ["ApacheKafka", "KafkaStartError", "KafkaUnavailableError"]
