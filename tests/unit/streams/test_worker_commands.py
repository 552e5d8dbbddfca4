"""``loopwatch worker`` and ``loopwatch status``: wrong usage is said at once."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from loopwatch.cli import build
from loopwatch.ports import free_port
from streams.settings import Settings

STATUS: dict[str, Any] = {
    "host": "here",
    "pid": 7,
    "up_s": 60,
    "ready": True,
    "counts": {"sessions": 12, "dead_letters": 0},
    "groups": {
        "loopwatch-score": {
            "lag": {"agent.sessions": {"0": 3, "1": 4}},
            "series": 5,
            "clocks": {"0": 1_760_000_000_000_000, "1": None},
            "open_alerts": 1,
            "alerts": [
                {
                    "alert_id": "7d1e5f0c7b9a4e2f8c31",
                    "state": "firing",
                    "severity": "critical",
                    "rule": "dear",
                    "labels": {"agent": "a"},
                    "since_us": 1_760_000_000_000_000,
                }
            ],
        }
    },
}


@pytest.fixture(autouse=True)
def only_what_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start from an environment without our variables."""
    for name in Settings.model_fields:
        monkeypatch.delenv(f"LOOPWATCH_{name.upper()}", raising=False)


def call(*arguments: str) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(build(arguments), arguments)


@contextmanager
def endpoint(status: dict[str, Any]) -> Iterator[str]:
    """A web endpoint that tells this."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/status" else 404)
            self.end_headers()
            self.wfile.write(json.dumps(status).encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def test_status_tells_what_matters() -> None:
    """Lag, series, event time and open alerts, in lines for people."""
    with endpoint(STATUS) as url:
        result = call("status", "--url", url)
    assert result.exit_code == 0
    for said in (
        "worker here (process 7): ready, up 60 s",
        "12 sessions",
        "agent.sessions: 2 partitions, lag 7",
        "series: 5",
        "not every source partition is known yet",
        "firing     critical dear {agent=a} since 2025-10-09T08:53:20Z, alert 7d1e5f0c",
    ):
        assert said in result.stdout


def test_status_tells_which_alerts_flap() -> None:
    """How many, and of each how often it has begun or ended since when."""
    group = STATUS["groups"]["loopwatch-score"]
    (calm,) = group["alerts"]
    said = {"number": 1, "changes": 7, "since": "2025-10-09T08:00:00Z", "within_s": 60}
    alerts = [calm | {"flapping": said}, calm | {"flapping": None}]
    flapping = group | {"open_alerts": 2, "flapping": 1, "alerts": alerts}
    with endpoint(STATUS | {"groups": {"loopwatch-score": flapping}}) as url:
        lines = call("status", "--url", url).stdout.splitlines()
    assert "  open alerts: 2, 1 of them flapping" in lines
    (one,) = [line for line in lines if "flapping:" in line]
    assert ", flapping: 7 changes since 2025-10-09T08:00:00Z, alert 7d1e5f0c" in one
    with endpoint(STATUS) as url:
        assert "flapping" not in call("status", "--url", url).stdout


def test_status_tells_how_many_series_there_may_be() -> None:
    """And that sessions of others are not watched."""
    (score,) = STATUS["groups"].values()
    groups = {"score": score | {"series_limit": 5, "turned_away": 3}}
    with endpoint(STATUS | {"groups": groups}) as url:
        said = call("status", "--url", url).stdout
    assert "series: 5 of at most 5\n" in said
    assert "sessions of new series that found no place: 3; the log says which" in said


def test_status_tells_of_a_file_that_was_refused() -> None:
    """That it is not in force, since when, and what is wrong with it where."""
    configuration = {
        "file": "loopwatch.yaml",
        "digest": "0123456789abcdef0123456789abcdef",
        "since_s": 1_760_000_000,
        "refused": None,
    }
    with endpoint(STATUS | {"configuration": configuration}) as url:
        good = call("status", "--url", url).stdout
    assert "loopwatch.yaml as read 2025-10-09T08:53:20Z (0123456789ab)" in good
    assert "NOT" not in good
    faults = [f"loopwatch.yaml:{n}:1: wrong" for n in range(1, 31)]
    configuration["refused"] = {"at_s": 1_760_000_060, "faults": faults}
    with endpoint(STATUS | {"configuration": configuration}) as url:
        bad = call("status", "--url", url).stdout
    assert "NOT as it is now: read 2025-10-09T08:54:20Z and refused" in bad
    assert "loopwatch.yaml:20:1: wrong\n  and 10 more faults" in bad


def test_status_tells_of_receivers_that_are_gone() -> None:
    """What they are owed, whether they will be told it, and what to do if not."""
    deliver = {
        "lag": {},
        "active": True,
        "told_open": 1,
        "queued": 0,
        "receivers": {"team": {"sent": 2, "owed": 0}},
        "gone": {
            "old": {"alerts": 2, "told": True},
            "on-call": {"alerts": 1, "told": False},
        },
    }
    with endpoint(STATUS | {"groups": {"loopwatch-deliver": deliver}}) as url:
        said = call("status", "--url", url).stdout
    assert "old is gone from the file, and is owed the end of 2 alerts: it is" in said
    assert "of 1 alert: put it back, or `loopwatch status --forgive on-call`" in said


def test_status_for_programs() -> None:
    """As the worker tells it, and exit 1 while it is not ready."""
    with endpoint(STATUS | {"ready": False}) as url:
        result = call("status", "--url", url, "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["groups"] == STATUS["groups"]


def test_status_without_a_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody answers: exit 1, with the address that was asked."""
    port = free_port()
    monkeypatch.setenv("LOOPWATCH_WEB_PORT", str(port))
    result = call("status")
    assert result.exit_code == 1
    assert f"no worker answers on http://127.0.0.1:{port}" in result.stderr


def test_a_wrong_file_starts_no_worker(tmp_path: Path) -> None:
    """Every fault of the file, exit 2."""
    file = tmp_path / "loopwatch.yaml"
    file.write_text("version: 1\nrules: [{name: x, metric: nothing}]\n")
    result = call("worker", "-c", str(file))
    assert result.exit_code == 2
    assert f"{file}:2:" in result.stderr


def test_an_unset_secret_starts_no_worker(tmp_path: Path) -> None:
    """What check only warns of ends a worker, by name."""
    file = tmp_path / "loopwatch.yaml"
    file.write_text(
        "version: 1\n"
        "rules: [{name: x, metric: cost_usd, threshold: 1}]\n"
        "receivers: [{name: a, webhook: {url: '${NOT_SET_ANYWHERE}'}}]\n"
        "route: {receiver: a}\n"
    )
    result = call("worker", "-c", str(file))
    assert result.exit_code == 2
    assert "NOT_SET_ANYWHERE" in result.stderr


def test_a_wrong_setting_starts_no_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The variable is named, exit 2; one that nobody reads is a warning."""
    file = tmp_path / "loopwatch.yaml"
    file.write_text("version: 1\nrules: [{name: x, metric: cost_usd, threshold: 1}]\n")
    monkeypatch.setenv("LOOPWATCH_TOPIC_PARTITIONS", "many")
    monkeypatch.setenv("LOOPWATCH_LOGLEVEL", "debug")
    result = call("worker", "-c", str(file))
    assert result.exit_code == 2
    assert "error: LOOPWATCH_TOPIC_PARTITIONS" in result.stderr
    assert "did you mean LOOPWATCH_LOG_LEVEL?" in result.stderr


def test_a_wait_that_is_no_duration(tmp_path: Path) -> None:
    """The option is named, exit 2."""
    result = call("worker", "-c", str(tmp_path / "x.yaml"), "--wait", "soon")
    assert result.exit_code == 2
    assert "--wait" in result.stderr
