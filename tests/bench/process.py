"""Processes of their own for what is measured."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import msgspec

from tests.bench.alone import Asked, Told
from tests.bench.figures import read_as


async def output_of(module: str, *arguments: str) -> str:
    """Run a module of the benchmark to its end; what it printed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
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
