"""The supervisor's jobs: a queue, a slot for each run that may train at once, and a fork server that is warm."""

import asyncio
import logging
import multiprocessing
import os
import shutil
import signal
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerProcess

import psutil

from runner.engines import EngineError, JobStatus, child, processes
from runner.engines.job import Claim, Job, JobFolder
from runner.engines.limits import Limits
from runner.engines.mirror import Mirror
from runner.run_dir import Result, RunDir

log = logging.getLogger(__name__)

GRACE = 5.0  # seconds that a run has for its result after SIGTERM
LOOK = 1.0  # seconds between two looks at what a run uses
_NOT_STARTED = "The runner could not start a process for this run; its supervisor.log says why."
MIRROR_PAUSE = 1.0  # seconds between two copies to object storage
STORAGE_PATIENCE = 600.0  # seconds that an ended job waits for its storage
SERVER_LOST = 255  # exit code that multiprocessing reports when the fork server died


@dataclass(slots=True)
class _Running:
    """A job's process: forked by this supervisor, or adopted from the one before (then `process` is None)."""

    claim: Claim
    process: ForkServerProcess | None
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    known: list[psutil.Process] = field(default_factory=list)

    @property
    def exit_code(self) -> int | None:
        """Return the exit code, or None while there is none or when nobody can know it."""
        if self.process is None or self.process.pid != self.claim.pid or self.process.exitcode == SERVER_LOST:
            return None
        return self.process.exitcode


class Pool:
    """Runs jobs, `slots` at once and the others in turn; a job that was ever started is never started again."""

    def __init__(
        self, folder: JobFolder, *, slots: int, devices: Sequence[str], target: str, preload: str, limits: Limits
    ) -> None:
        self._folder = folder
        self._slots = slots
        self._devices = devices
        self._target = target
        self._limits = limits
        self._context = multiprocessing.get_context("forkserver")
        # This module too: multiprocessing imports the supervisor's main module, and so this one, into every fork.
        self._context.set_forkserver_preload(["runner.engines.pool", preload])
        self._jobs: dict[str, Job] = {}
        self._waiting: deque[Job] = deque()
        self._running: dict[str, _Running] = {}
        self._watches: set[asyncio.Task[None]] = set()
        self._warm = False

    def recover(self) -> None:
        """Go on where a supervisor before stopped: adopt what runs, queue what was never begun."""
        for job in self._folder.jobs():
            self._jobs[job.id] = job
            if job.ended:
                continue
            if claim := self._folder.claim_of(job.id):
                adopted = _Running(claim, None)
                adopted.wake.set()  # it may have ended meanwhile
                self._watch(job, adopted)
            else:
                self._waiting.append(job)

    async def warm_up(self) -> None:
        """Start the fork server, then the jobs that wait; returns when it has imported everything."""
        await asyncio.to_thread(self._first_fork)
        self._warm = True
        self._fill()

    @property
    def capacity(self) -> int:
        """Return how many more jobs would start now."""
        return max(0, self._slots - len(self._running) - len(self._waiting))

    def start(self, job_id: str, run_dir: str) -> None:
        """Start a job, or queue it; does nothing for a job that it knows. Raises EngineError for a bad URL."""
        if job_id in self._jobs:
            return
        job = Job(id=job_id, run_dir=run_dir)
        try:
            self._folder.log(job)
        except (ValueError, ImportError) as error:
            raise EngineError(f"{run_dir!r} cannot be a run directory: {error}") from None
        self._folder.write(job)
        self._jobs[job_id] = job
        self._waiting.append(job)
        self._fill()

    def status(self, job_id: str) -> JobStatus:
        """Return what has become of a job."""
        job = self._jobs.get(job_id)
        if job is None or (job.ended and job.code is None):
            return JobStatus("unknown")
        if job.ended:
            return JobStatus("exited", job.code)
        return JobStatus("running" if job_id in self._running else "pending")

    async def stop(self, job_id: str, grace: float = GRACE) -> None:
        """End a job, after `grace` seconds by force; returns when its whole process tree is gone."""
        job = self._jobs.get(job_id)
        if job and job in self._waiting:
            self._waiting.remove(job)
            self._record(job, -signal.SIGTERM)
        while running := self._running.get(job_id):  # again, if it was so young that it could not be found yet
            await asyncio.to_thread(processes.stop, running.claim.pid, self._folder.mark(job_id), grace)
            running.wake.set()
            await asyncio.sleep(0.02)

    async def close(self, grace: float = GRACE) -> None:
        """End all jobs."""
        await asyncio.gather(*(self.stop(job.id) for job in [*self._waiting]))
        await asyncio.gather(*(self.stop(job_id, grace) for job_id in [*self._running]))

    def _first_fork(self) -> None:
        """Start a process that does nothing: it comes when the fork server has imported everything."""
        began = time.monotonic()
        try:
            first = self._context.Process(target=time.sleep, args=(0,))
            first.start()
            first.join()
        except (OSError, EOFError):
            log.exception("the fork server cannot be started")
        log.info("warm after %.1f s", time.monotonic() - began)

    def _fill(self) -> None:
        """Give free slots to those who wait; while the server warms up all wait, and can be stopped at once."""
        while self._warm and self._waiting and len(self._running) < self._slots:
            job = self._waiting.popleft()
            try:
                self._fork(job)
            except (OSError, EOFError):
                log.exception("cannot fork job %s", job.id)
                self._record(job, child.NOT_RUN)
                with suppress(OSError):
                    self._tidy(job, Result(status="failed", error=_NOT_STARTED))

    def _fork(self, job: Job) -> None:
        taken = {running.claim.slot for running in self._running.values()}
        slot = next(number for number in range(self._slots) if number not in taken)
        device = self._devices[slot % len(self._devices)] if self._devices else None
        order = child.Order(job, self._folder.folder, slot, device, self._target, self._limits)
        process = self._context.Process(target=child.main, args=(order,), name=job.id)
        process.start()
        running = _Running(Claim(pid=process.pid or 0, slot=slot), process)
        _wake_at_exit(process, running.wake)
        self._watch(job, running)

    def _watch(self, job: Job, running: _Running) -> None:
        self._running[job.id] = running
        watch = asyncio.create_task(self._follow(job, running))
        self._watches.add(watch)
        watch.add_done_callback(self._watches.discard)

    async def _follow(self, job: Job, running: _Running) -> None:
        """Hold a job to its limits until it has exited, then clear up after it and pass its slot on."""
        broken, mirror = None, self._folder.mirror(job)
        mirroring = asyncio.create_task(_keep_up(mirror)) if mirror else None
        while broken is None and await self._runs_on(job, running):
            with suppress(OSError):  # its directory may vanish under us
                broken = await asyncio.to_thread(self._look, job, running)
        if mirroring:
            mirroring.cancel()
        await asyncio.to_thread(processes.kill, self._folder.mark(job.id), running.known)
        if running.process:
            await asyncio.to_thread(running.process.join, GRACE)  # the fork server tells the code a moment later
        code = running.exit_code
        try:
            finished = await asyncio.to_thread(self._tidy, job, broken)
            code = 0 if finished and code is None else code
        except OSError:
            log.exception("cannot clear up after job %s", job.id)
        if mirror:
            await self._hand_over(job, mirror)
        self._record(job, code)
        del self._running[job.id]
        self._fill()

    async def _runs_on(self, job: Job, running: _Running) -> bool:
        """Wait until a job exits, but no longer than until the next look; say whether it still runs."""
        with suppress(TimeoutError):
            await asyncio.wait_for(running.wake.wait(), LOOK)
        running.wake.clear()
        running.claim = self._folder.claim_of(job.id) or running.claim
        young = running.process is not None and running.process.exitcode is None
        return young or processes.is_alive(running.claim.pid, self._folder.mark(job.id))

    def _look(self, job: Job, running: _Running) -> Result | None:
        running.known = processes.of_job(self._folder.mark(job.id))
        return self._limits.broken_by(running.claim, self._folder.work(job), running.known)

    def _tidy(self, job: Job, broken: Result | None) -> bool:
        """Leave a run's folder as a run would have left it itself; say whether it has a result."""
        output, folder = self._folder.log(job), self._folder.work(job)
        run_dir = RunDir(str(folder))
        if output.exists() and output.stat().st_size > self._limits.log:
            os.truncate(output, self._limits.log)
        for scratch in folder.glob("cohort-*"):
            shutil.rmtree(scratch, ignore_errors=True)
        if broken and run_dir.result() is None:
            run_dir.finish(broken)
        return run_dir.result() is not None

    async def _hand_over(self, job: Job, mirror: Mirror) -> None:
        """Copy what a job has left to its run directory, again and again while the storage does not take it."""
        deadline = time.monotonic() + STORAGE_PATIENCE
        while not await _copied(mirror, ended=True):
            if time.monotonic() > deadline:
                log.error("job %s keeps its files in %s: its storage took none", job.id, self._folder.work(job))
                return
            await asyncio.sleep(MIRROR_PAUSE)
        await asyncio.to_thread(shutil.rmtree, self._folder.work(job), ignore_errors=True)

    def _record(self, job: Job, code: int | None) -> None:
        self._jobs[job.id] = job.model_copy(update={"ended": True, "code": code})
        self._folder.write(self._jobs[job.id])
        log.info("job %s ended with code %s", job.id, code)


async def _keep_up(mirror: Mirror) -> None:
    while True:
        await _copied(mirror, ended=False)
        await asyncio.sleep(MIRROR_PAUSE)


async def _copied(mirror: Mirror, *, ended: bool) -> bool:
    try:
        await asyncio.to_thread(mirror.push, ended=ended)
    except Exception as error:  # each storage has errors of its own
        log.warning("a run directory does not take what its job wrote: %r", error)
        return False
    return True


def _wake_at_exit(process: ForkServerProcess, wake: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()

    def on_exit() -> None:
        loop.remove_reader(process.sentinel)
        wake.set()

    loop.add_reader(process.sentinel, on_exit)
