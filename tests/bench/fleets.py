"""The fleets of the incidents benchmark: where it is, and its fleets on disk."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import Final

from detectors.identity import series_key
from streams.events.session import decode_session

ROOT: Final = Path(__file__).parents[2]
CACHE: Final = ROOT / ".bench"
"""Fleets are kept here between runs; git does not see them."""

DEV_SEEDS: Final = (11, 12, 13, 15)


class MissingError(Exception):
    """Something the benchmark needs is not on this machine; the text says what."""


def benchmark_folder() -> Path:
    """Where the incidents benchmark is: ``INCIDENTS``, else ``../shared/incidents``.

    Raises:
        MissingError: It is not there.
    """
    asked = os.environ.get("INCIDENTS") or str(ROOT.parent / "shared" / "incidents")
    folder = Path(asked)
    for name in ("generate.py", "score.py"):
        if not (folder / name).is_file():
            raise MissingError(
                f"no {name} in {asked}: this benchmark needs the folder of labelled"
                " incidents; name it, make ... INCIDENTS=/path/to/incidents"
            )
    return folder


def scorer(folder: Path) -> ModuleType:
    """The benchmark's own ``score.py``."""
    spec = importlib.util.spec_from_file_location("incidents", folder / "score.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def fleet(
    seed: int, *, healthy: bool = False, under: Path = CACHE, name: str = ""
) -> Path:
    """The folder of a fleet, made if it is not there yet.

    Args:
        seed: Decides everything about it.
        healthy: The same fleet without incidents.
        under: Where fleets are kept.
        name: Of its folder; default: by seed and the version of the generator.
    """
    source = benchmark_folder() / "generate.py"
    version = sha256(source.read_bytes()).hexdigest()[:8]
    kind = "healthy" if healthy else "fleet"
    folder = under / (name or f"{kind}-{version}-{seed}")
    if (folder / "labels.json").is_file():
        return folder
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, str(source), "--seed", str(seed), "--out", str(part)]
    subprocess.run(
        [*command, *(["--healthy"] if healthy else [])],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    part.rename(folder)
    return folder


def values_by_series(folder: Path) -> dict[bytes, list[tuple[float, ...]]]:
    """The sessions of each agent and task type, in order of arrival, each id once.

    A session is its numbers, in the order of ``COLUMNS``.
    """
    found: dict[bytes, list[tuple[float, ...]]] = {}
    for session in _sessions(folder):
        found.setdefault(session[0], []).append(session[1])
    return found


def _sessions(folder: Path) -> Iterator[tuple[bytes, tuple[float, ...]]]:
    seen: set[str] = set()
    with (folder / "sessions.jsonl").open("rb") as stream:
        for line in stream:
            session = decode_session(line, (1.0, 10.0), None)
            if session.session_id in seen:
                continue
            seen.add(session.session_id)
            names = ("agent", "task_type")
            key = series_key({name: session.label(name) for name in names})
            yield key, session.values
