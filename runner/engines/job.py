"""A job's records on disk, from which a supervisor that was killed goes on where it stopped."""

import hashlib
import os
import time
from pathlib import Path

from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from runner.engines.mirror import Mirror


class Job(BaseModel):
    """One job as the supervisor knows it; `code` is None when it ended while nobody watched."""

    model_config = ConfigDict(frozen=True)

    id: str
    run_dir: str
    submitted: float = Field(default_factory=time.time, description="seconds since the epoch")
    ended: bool = False
    code: int | None = None


class Claim(BaseModel):
    """What a job's process says of itself before it does anything else: whoever claims first is the job."""

    model_config = ConfigDict(frozen=True)

    pid: int
    slot: int
    started: float = Field(default_factory=time.time, description="seconds since the epoch")


class JobFolder:
    """`ID.json` is a job, `ID.pid` the claim of its process, `ID.work` its folder if its run directory is none."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def jobs(self) -> list[Job]:
        """Return every job there ever was, in the order in which they were submitted."""
        return sorted(map(_read_job, self.folder.glob("*.json")), key=lambda job: job.submitted)

    def write(self, job: Job) -> None:
        """Record a job; a reader sees the old record or the new, never a part."""
        partial = self.folder / f"{job.id}.partial"
        partial.write_text(job.model_dump_json(), encoding="utf-8")
        partial.replace(self.folder / f"{job.id}.json")

    def claim(self, job_id: str, claim: Claim) -> bool:
        """Say that a process is the job; returns False when another process was first."""
        mine = self.folder / f"{job_id}.{claim.pid}"
        mine.write_text(claim.model_dump_json(), encoding="utf-8")
        try:
            os.link(mine, self.folder / f"{job_id}.pid")  # a link appears whole, and only once
        except FileExistsError:
            return False
        finally:
            mine.unlink()
        return True

    def claim_of(self, job_id: str) -> Claim | None:
        """Return who claimed a job, or None when it never began."""
        path = self.folder / f"{job_id}.pid"
        try:
            return Claim.model_validate_json(path.read_bytes()) if path.exists() else None
        except ValidationError:
            return Claim(pid=0, slot=0)  # lost in a power failure, and with it the process

    def mark(self, job_id: str) -> str:
        """Return what a job's processes are found by; no other job on this machine has it."""
        return f"{hashlib.blake2b(os.fsencode(self.folder), digest_size=8).hexdigest()}:{job_id}"

    def work(self, job: Job) -> Path:
        """Return the folder that a job works in: its run directory, or one that is mirrored to it."""
        return local_folder(job.run_dir) or self.folder / f"{job.id}.work"

    def mirror(self, job: Job) -> Mirror | None:
        """Return what carries a job's folder to object storage; None where its run directory is a folder."""
        return None if local_folder(job.run_dir) else Mirror(self.work(job), job.run_dir)

    def log(self, job: Job) -> Path:
        """Return the file that a job's output goes to."""
        return self.work(job) / "log.txt"


def _read_job(path: Path) -> Job:
    try:
        return Job.model_validate_json(path.read_bytes())
    except ValidationError:  # lost in a power failure; that there was such a job is known from the name
        return Job(id=path.name.removesuffix(".json"), run_dir="", ended=True)


def local_folder(url: str) -> Path | None:
    """Return a run directory's path on this machine, or None when it is in object storage."""
    fs, path = url_to_fs(url)
    return Path(path) if isinstance(fs, LocalFileSystem) else None
