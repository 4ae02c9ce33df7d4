"""Engines: where runs run. An engine starts and stops processes; what they do stands in the run directory."""

import re
from dataclasses import dataclass
from typing import Literal, Protocol


class EngineError(Exception):
    """An engine cannot do what it was asked; the message is a sentence that says why."""


@dataclass(frozen=True, slots=True)
class JobStatus:
    """What an engine knows of a job; `code` is the exit code (negative: the signal) once it has exited.

    There may be no code for a job that was stopped.
    """

    state: Literal["pending", "running", "exited", "unknown"]
    code: int | None = None


_JOB_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


def check_job_id(job_id: str) -> str:
    """Return a job's id. Raises EngineError for one that could be a path, or more than a word of a command line."""
    if not _JOB_ID.fullmatch(job_id):
        raise EngineError(f"{job_id[:80]!r} is not a job id: 1 to 64 letters, digits, '.', '_' and '-'")
    return job_id


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

    async def close(self) -> None:
        """Let go; jobs go on."""
