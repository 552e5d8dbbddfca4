"""Processes of their own for what is measured."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Final

import msgspec

from tests.bench.alone import Asked, Told
from tests.bench.figures import read_as

PEER: Final = Path(".bench/peer/bin/python")
"""Where ``make bench`` installs what the worker is measured against."""


async def output_of(
    module: str, *arguments: str, python: str | Path = sys.executable
) -> str:
    """Run a module of the benchmark to its end; what it printed."""
    process = await asyncio.create_subprocess_exec(
        python,
        "-m",
        f"tests.bench.{module}",
        *arguments,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return output.decode()


async def alone(asked: Asked) -> Told:
    """A worker's work without Kafka."""
    return read_as(Told, await output_of("alone", msgspec.json.encode(asked).decode()))
