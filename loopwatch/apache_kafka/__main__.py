"""Run Apache Kafka in the foreground: ``python -m loopwatch.apache_kafka``."""

import argparse
import signal
import sys
from pathlib import Path

from loopwatch.apache_kafka.jars import KafkaUnavailableError, default_folder
from loopwatch.apache_kafka.server import ApacheKafka, KafkaStartError


def main() -> int:
    """Run until Ctrl-C or SIGTERM; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m loopwatch.apache_kafka", description=__doc__
    )
    parser.add_argument("--port", type=int, default=9092)
    parser.add_argument("--data", type=Path, default=default_folder() / "data")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    kafka = ApacheKafka(arguments.data, port=arguments.port, quick_start=False)
    try:
        _say("Apache Kafka is starting (the first time, its jars are fetched) ...")
        kafka.start()
        _say(
            f"Apache Kafka serves on {kafka.bootstrap_servers}, data in "
            f"{kafka.data_dir}. Ctrl-C stops it."
        )
        code = kafka.wait()
    except (KafkaUnavailableError, KafkaStartError) as error:
        _say(f"error: {error}")
        return 1
    except KeyboardInterrupt:
        _say("Apache Kafka is stopping ...")
        kafka.stop()
        return 0
    _say(f"error: Apache Kafka ended with code {code}:\n{kafka.log_tail()}")
    return 1


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)  # noqa: T201  what a user reads


if __name__ == "__main__":
    sys.exit(main())
