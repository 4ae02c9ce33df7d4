"""Looks at engines from outside, for their tests."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from runner.engines import Engine, JobStatus
from runner.engines.local import LocalEngine

Factory = Callable[..., LocalEngine]


def release(run_dir: str) -> None:
    """Let a job that waits for it come to its end."""
    Path(run_dir, "release").touch()


def written(run_dir: str, name: str) -> Any:
    """Return what a job wrote down as JSON."""
    return json.loads(Path(run_dir, name).read_text())


def size(run_dir: str, name: str) -> int:
    """Return a file's size in bytes."""
    return Path(run_dir, name).stat().st_size


async def eventually(holds: Callable[[], object], seconds: float = 60) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(seconds):
        while True:
            if holds():
                return
            await asyncio.sleep(0.02)


async def state(engine: Engine, job: str, *states: str, seconds: float = 60) -> JobStatus:
    """Wait until a job is in one of some states, and return its status."""
    async with asyncio.timeout(seconds):
        while True:
            if (status := await engine.status(job)).state in states:
                return status
            await asyncio.sleep(0.02)


def starts(run_dir: str) -> list[int]:
    """Return the process ids that a job was started with."""
    path = Path(run_dir) / "starts"
    return [int(line) for line in path.read_text().split()] if path.exists() else []


def supervisors(home: Path) -> list[psutil.Process]:
    """Return the processes that serve a home folder."""
    arguments = {"runner.engines.supervisor", str(home)}
    return [p for p in psutil.process_iter(["cmdline"]) if arguments <= set(p.info["cmdline"] or ())]


def alive(pid: int) -> bool:
    """Say whether a process runs; one that has ended may wait a moment longer for init to take note of it."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
