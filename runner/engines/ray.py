"""The Ray engine: any number of machines, by Ray Jobs. A job's submission id is its id, so a new bot finds it again.

Ray forgets its jobs when its head dies, and they end: they are then `unknown`, and the run's heartbeat tells whether
it lives. Nothing of this process's environment is sent along.
"""

import asyncio
import math
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import requests
from ray.exceptions import RayError
from ray.job_submission import JobDetails, JobSubmissionClient
from ray.job_submission import JobStatus as RayStatus
from ray.util.state import list_nodes

from runner.engines import EngineError, JobStatus, check_job_id, worker
from runner.run_dir import Result, RunDir

STOP_SECONDS = 20  # that Ray waits after SIGTERM; the worker's supervisor needs 5 and a moment
LOOK = 0.1  # seconds between two looks at a job that is being stopped
CREATED = "${RAY_RUNTIME_ENV_CREATE_WORKING_DIR}"  # Ray's name for the folder that it has unpacked

T = TypeVar("T")


@dataclass(frozen=True)
class Share:
    """What a run takes of a cluster: Ray reserves it, and schedules by it."""

    cpus: float = 1
    gpus: float = 0  # a fraction, or several: then torchrun trains on all of them
    memory: int | None = None  # bytes; the worker also holds the run to it

    def runs_on(self, machine: Mapping[str, float]) -> int:
        """Return how many runs a machine with these resources takes at once."""
        wanted = {"CPU": self.cpus, "GPU": self.gpus, "memory": self.memory or 0}
        # A little more than there is counts as there: three thirds are a whole.
        rooms = [math.floor(machine.get(name, 0) / need + 1e-6) for name, need in wanted.items() if need]
        return min(rooms, default=0)


@dataclass(frozen=True)
class Cluster:
    """A Ray cluster, and how its machines run Cohort.

    `wheel` is installed on a cluster that has no Cohort; `environment` is a Ray runtime environment.
    """

    address: str  # of the dashboard: http://HOST:8265
    share: Share = field(default_factory=Share)
    python: str = "python"
    environment: Mapping[str, Any] = field(default_factory=dict)
    wheel: Path | None = None


class RayEngine:
    """Runs jobs on a Ray cluster; `options` are those of the supervisor on its machines."""

    def __init__(self, cluster: Cluster, options: Sequence[str] = ()) -> None:
        self._cluster = cluster
        share = cluster.share
        several = ["--target", "runner.training.several:run"] if share.gpus > 1 else []
        memory = ["--memory", str(share.memory)] if share.memory else []
        self._options = [*memory, *several, *options]
        self._client: JobSubmissionClient | None = None

    async def capacity(self) -> int:
        """Return how many jobs would start now."""
        return await self._ask(self._free)

    async def start(self, job_id: str, run_dir: str) -> None:
        """Submit a job; a second call with the same id does nothing."""
        await self._ask(partial(self._submit, check_job_id(job_id), run_dir))

    async def status(self, job_id: str) -> JobStatus:
        """Return what has become of a job."""
        details = await self._ask(partial(self._details, job_id))
        return JobStatus("unknown") if details is None else await asyncio.to_thread(_status, details)

    async def stop(self, job_id: str) -> None:
        """End a job; returns when its whole process tree is gone, or when it can no longer come to be.

        Ray tells a job that waits only once its turn has come: the result in its run directory keeps it from training.
        """
        details = await self._ask(partial(self._details, job_id))
        if details is None or details.status.is_terminal():
            return
        if details.status is RayStatus.PENDING:
            await asyncio.to_thread(_leave_result, details)
        await self._ask(lambda client: client.stop_job(job_id))
        while True:
            if (await self.status(job_id)).state not in ("pending", "running"):
                return
            await asyncio.sleep(LOOK)

    async def close(self) -> None:
        """Let go of the cluster: it goes on, with its jobs."""

    def _free(self, client: JobSubmissionClient) -> int:
        machines = list_nodes(address=self._cluster.address, filters=[("state", "=", "ALIVE")], detail=True)
        slots = sum(self._cluster.share.runs_on(machine.resources_total) for machine in machines)
        return max(0, slots - sum(not job.status.is_terminal() for job in client.list_jobs() if job.submission_id))

    def _submit(self, job_id: str, run_dir: str, client: JobSubmissionClient) -> None:
        share, line = self._cluster.share, worker.command(self._cluster.python, job_id, run_dir, self._options)
        with TemporaryDirectory(prefix="cohort-") as folder:
            try:
                client.submit_job(
                    submission_id=job_id,
                    metadata={"run_dir": run_dir},
                    entrypoint=f"exec {shlex.join(line)}",
                    entrypoint_num_cpus=share.cpus,
                    entrypoint_num_gpus=share.gpus,
                    entrypoint_memory=share.memory,
                    runtime_env=runtime_environment(self._cluster, Path(folder)),
                )
            except RuntimeError as error:
                if "already exists" not in str(error):
                    raise

    def _details(self, job_id: str, client: JobSubmissionClient) -> JobDetails | None:
        try:
            return client.get_job_info(job_id)
        except RuntimeError as error:
            if "does not exist" in str(error):
                return None
            raise

    async def _ask(self, question: Callable[[JobSubmissionClient], T]) -> T:
        """Put a question to the cluster in a thread; raises EngineError when it cannot be asked."""

        def ask() -> T:
            if self._client is None:
                self._client = JobSubmissionClient(self._cluster.address)
            return question(self._client)

        try:
            return await asyncio.to_thread(ask)
        except (requests.RequestException, ConnectionError, RuntimeError, RayError) as error:
            words = str(error).strip().splitlines() or [type(error).__name__]
            raise EngineError(f"the Ray cluster at {self._cluster.address} does not do it: {words[-1]}") from error


def runtime_environment(cluster: Cluster, folder: Path) -> dict[str, Any]:
    """Return the Ray runtime environment of a job; a wheel is put into `folder`, which Ray uploads once a hash."""
    found = dict(cluster.environment)
    found["env_vars"] = {**found.get("env_vars", {}), "RAY_JOB_STOP_WAIT_TIME_S": str(STOP_SECONDS)}
    if cluster.wheel:
        (folder / cluster.wheel.name).write_bytes(cluster.wheel.read_bytes())
        found |= {"working_dir": str(folder), "pip": [f"{CREATED}/{cluster.wheel.name}[runner]"]}
    return found


def _run_dir(job: JobDetails) -> RunDir:
    return RunDir((job.metadata or {})["run_dir"])


def _leave_result(job: JobDetails) -> None:
    if _run_dir(job).result() is None:
        _run_dir(job).finish(Result(status="cancelled", error="The run was cancelled before it began."))


def _status(job: JobDetails) -> JobStatus:
    match job.status:
        case RayStatus.PENDING:
            return JobStatus("exited" if _run_dir(job).result() else "pending")
        case RayStatus.RUNNING:
            return JobStatus("running")
        case RayStatus.FAILED if job.driver_exit_code is None:  # its machine was lost, or could not be set up
            return JobStatus("unknown")
    code = job.driver_exit_code
    signalled = code is not None and code > worker.SIGNALLED
    return JobStatus("exited", worker.SIGNALLED - code if signalled and code else code)
