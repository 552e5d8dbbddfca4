"""Alertmanager's side: one process, all stories at a time, in real seconds."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import aiohttp
from aiohttp import web

from loopwatch.ports import free_port
from tests.alertmanager.messages import ALSO, MAIN, Message, message, named
from tests.alertmanager.scenarios import Alert, Scenario

FOLDER: Final = "ALERTMANAGER_BIN"
"""The environment variable that names the folder with its two programs."""

_READY_S: Final = 20.0
_LEAD_S: Final = 3.0


def program(name: str) -> Path:
    """One of its programs: ``prometheus-alertmanager`` or ``amtool``."""
    return Path(os.environ[FOLDER], name)


def configuration(scenarios: Sequence[Scenario], port: int) -> dict[str, Any]:
    """Its file, as JSON, which is YAML: for each story a route and two receivers."""
    return {
        "route": {
            "receiver": "nobody",
            "routes": [_route(each) for each in scenarios],
        },
        "inhibit_rules": [
            {
                "source_matchers": _matchers(scenario, inhibit.source),
                "target_matchers": _matchers(scenario, inhibit.target),
                "equal": list(inhibit.equal),
            }
            for scenario in scenarios
            for inhibit in scenario.inhibit
        ],
        "receivers": [
            {"name": "nobody"},
            *(
                {
                    "name": f"{each.name}/{receiver}",
                    "webhook_configs": [
                        {
                            "url": f"http://127.0.0.1:{port}/{each.name}/{receiver}",
                            "send_resolved": True,
                        }
                    ],
                }
                for each in scenarios
                for receiver in (MAIN, ALSO)
            ),
        ],
    }


def _route(scenario: Scenario) -> dict[str, Any]:
    children = []
    if scenario.also is not None:
        name, value = scenario.also
        children = [
            {
                "receiver": f"{scenario.name}/{ALSO}",
                "matchers": [f'{name}="{value}"'],
                "continue": True,
            },
            {"receiver": f"{scenario.name}/{MAIN}"},
        ]
    return {
        "receiver": f"{scenario.name}/{MAIN}",
        "matchers": [f'scenario="{scenario.name}"'],
        "group_by": list(scenario.group_by),
        "group_wait": f"{scenario.wait_s}s",
        "group_interval": f"{scenario.interval_s}s",
        "repeat_interval": f"{scenario.repeat_s}s",
        "routes": children,
    }


def _matchers(scenario: Scenario, match: Mapping[str, str]) -> list[str]:
    return [
        f'scenario="{scenario.name}"',
        *(f'{name}="{value}"' for name, value in match.items()),
    ]


async def told(scenarios: Sequence[Scenario], folder: Path) -> dict[str, list[Message]]:
    """The messages of all stories, each in order."""
    found: dict[str, list[Message]] = {each.name: [] for each in scenarios}
    begin_s = 0.0

    async def hear(request: web.Request) -> web.Response:
        at_s = asyncio.get_running_loop().time() - begin_s
        name, receiver = request.match_info["scenario"], request.match_info["receiver"]
        alerts = (await request.json())["alerts"]
        names = {
            status: [
                named(each["labels"]["alertname"], each["labels"]["severity"])
                for each in alerts
                if each["status"] == status
            ]
            for status in ("firing", "resolved")
        }
        found[name].append(message(at_s, receiver, names["firing"], names["resolved"]))
        return web.Response()

    async with _listening(hear) as port:
        file = folder / "alertmanager.yml"
        file.write_text(json.dumps(configuration(scenarios, port)))
        async with _running(file, folder) as api:
            begin_s = asyncio.get_running_loop().time() + _LEAD_S
            async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as tasks:
                for scenario in scenarios:
                    tasks.create_task(_play(scenario, session, api, begin_s))
    return {name: sorted(messages) for name, messages in found.items()}


@asynccontextmanager
async def _listening(hear: Any) -> AsyncIterator[int]:
    app = web.Application()
    app.router.add_post("/{scenario}/{receiver}", hear)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


@asynccontextmanager
async def _running(file: Path, folder: Path) -> AsyncIterator[str]:
    """It runs while the block does, on the loopback alone; yields its address."""
    port = free_port()
    with (folder / "alertmanager.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            program("prometheus-alertmanager"),
            f"--config.file={file}",
            f"--storage.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--cluster.listen-address=",
            stdout=log,
            stderr=log,
        )
    try:
        await _ready(f"http://127.0.0.1:{port}", process, folder)
        yield f"http://127.0.0.1:{port}/api/v2"
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _ready(
    address: str, process: asyncio.subprocess.Process, folder: Path
) -> None:
    async with asyncio.timeout(_READY_S), aiohttp.ClientSession() as session:
        while True:
            assert process.returncode is None, (folder / "alertmanager.log").read_text()
            with contextlib.suppress(aiohttp.ClientError):
                async with session.get(f"{address}/-/ready") as answer:
                    if answer.ok:
                        return
            await asyncio.sleep(0.05)


async def _play(
    scenario: Scenario, session: aiohttp.ClientSession, api: str, begin_s: float
) -> None:
    """Post what happens in a story, at its time."""
    steps = sorted(_steps(scenario), key=lambda step: step[:2])
    silence = ""
    for at_s, _, path, body in steps:
        await asyncio.sleep(begin_s + at_s - asyncio.get_running_loop().time())
        if path == "expire":
            async with session.delete(f"{api}/silence/{silence}") as answer:
                assert answer.ok, await answer.text()
            continue
        async with session.post(f"{api}/{path}", json=_dated(body)) as answer:
            assert answer.ok, await answer.text()
            if path == "silences":
                silence = (await answer.json())["silenceID"]
    await asyncio.sleep(begin_s + scenario.until_s - asyncio.get_running_loop().time())


def _steps(scenario: Scenario) -> Iterator[tuple[float, int, str, Any]]:
    for quiet in scenario.quiet:
        match = {"scenario": scenario.name, **quiet.match}
        yield (
            quiet.begin_s,
            0,
            "silences",
            {
                "matchers": [
                    {"name": name, "value": value, "isRegex": False, "isEqual": True}
                    for name, value in match.items()
                ],
                "startsAt": 0.0,
                "endsAt": quiet.end_s - quiet.begin_s,
                "createdBy": "ann",
                "comment": "we know",
            },
        )
        if quiet.expired_s is not None:
            yield quiet.expired_s, 0, "expire", None
    for number, alert in enumerate(scenario.alerts, start=1):
        for at_s, body in _posts(scenario, alert):
            yield at_s, number, "alerts", body


def _posts(scenario: Scenario, alert: Alert) -> Iterator[tuple[float, Any]]:
    def labelled(severity: str) -> dict[str, str]:
        labels = {"alertname": alert.name, "scenario": scenario.name, **alert.labels}
        return {**labels, "severity": severity}

    for begin_s, end_s in alert.spans:
        yield begin_s, [{"labels": labelled("warning"), "startsAt": 0.0}]
        if alert.rises_s is not None:
            yield (
                alert.rises_s,
                [
                    {"labels": labelled("warning"), "endsAt": 0.0},
                    {"labels": labelled("critical"), "startsAt": 0.0},
                ],
            )
        if end_s is not None:
            yield end_s, [{"labels": labelled("warning"), "endsAt": 0.0}]


def _dated(body: Any) -> Any:
    """Seconds from now on as its times."""
    if isinstance(body, list):
        return [_dated(each) for each in body]
    now = datetime.now(UTC)
    return {
        name: (now + timedelta(seconds=value)).isoformat()
        if name in ("startsAt", "endsAt")
        else value
        for name, value in body.items()
    }
