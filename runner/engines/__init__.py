"""Engines: where runs run. An engine starts and stops processes; what they do stands in the run directory."""

from dataclasses import dataclass
from typing import Literal, Protocol


class EngineError(Exception):
    """An engine cannot do what it was asked; the message is a sentence that says why."""


@dataclass(frozen=True, slots=True)
class JobStatus:
    """What an engine knows of a job; `code` is the exit code (negative: the signal) once it has exited."""

    state: Literal["pending", "running", "exited", "unknown"]
    code: int | None = None


class Engine(Protocol):
    """Starts training processes somewhere. The job's id is chosen by the caller and is unique for ever."""

    async def capacity(self) -> int:
        """Return how many jobs it would start now."""

    async def start(self, job_id: str, run_dir: str) -> None:
        """Start `python -m runner RUN_DIR`; a second call with the same id does nothing."""

    async def status(self, job_id: str) -> JobStatus:
        """Return what has become of a job."""

    async def stop(self, job_id: str) -> None:
        """End a job; returns when its whole process tree is gone."""
