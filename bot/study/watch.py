"""Watches over runs: starts what is next, takes in what running ones report, and ends what has ended.

Everything it knows is in the store and in the run directories, so it may be killed at any moment, and several
may run at once: each step is a conditional UPDATE that only one of them wins.
"""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import update
from sqlmodel import col, select

from bot.store.database import Store
from bot.store.tables import Run
from bot.study import badge, coach, drill, fair_queue, leaderboard, run_source, runners
from bot.study.catalog import exercise_of, of_run, own_of
from bot.study.run import announce, move, note_news
from bot.study.runners import ACTIVE, Host
from runner.config import ConfigError, parse
from runner.engines import Engine, EngineError, JobStatus
from runner.history import History
from runner.run_dir import Event, Note, Result, RunDir, Start, Step

log = logging.getLogger(__name__)

PATIENCE = 1.0  # seconds that a look waits for one run's directory before it goes on without it
READERS = 16  # run directories that may hang at once before others wait for them
PRESENCE = timedelta(seconds=15)  # between two signs that a runner is there
STALE = timedelta(seconds=60)  # a heartbeat comes every 2 s; the start of a cold process takes up to 10
STALE_ELSEWHERE = 2 * STALE  # of another runner's run: its own watch is to judge first
GRACE = timedelta(seconds=60)  # the training process ends itself at its time limit; this is for one that hangs


@dataclass(frozen=True, slots=True)
class Observation:
    """What a run directory said, when it was looked at."""

    events: list[Event]
    offset: int
    last_beat: datetime | None
    result: Result | None


def observe(run: Run) -> Observation:
    """Read what is new in a run's directory; blocks. The result is read first: events before it are then all there."""
    run_dir = RunDir(run.run_dir)
    result = run_dir.result()
    events, offset = run_dir.events(run.event_offset)
    return Observation(events, offset, run_dir.last_beat(), result)


class RunWatch:
    """Moves every run on by one step each time `tick` is called, and starts runs on one host's engine.

    There may be one for each machine that trains. Each follows all runs, so that none is forgotten with its machine,
    but only a run's own host starts it, stops it, or asks its engine.
    """

    def __init__(self, store: Store, engine: Engine, clock: Callable[[], datetime], host: Host) -> None:
        self._store = store
        self._engine = engine
        self._clock = clock
        self._host = host
        self._warm = False
        self._present_at: datetime | None = None
        self._mine: set[str] = set()
        self._signs: dict[str, tuple[object, datetime]] = {}
        self._steps: dict[str, asyncio.Task[None]] = {}
        self._readers = ThreadPoolExecutor(READERS, "run directory")  # its own: what hangs there holds up nothing else
        self.slots = 1  # runs that train at once, on all hosts together

    async def warm_up(self) -> None:
        """Have the engine ready before the first run needs it."""
        await self._engine.capacity()
        self._warm = True

    async def tick(self) -> bool:
        """Look at everything once; return whether any run is active."""
        for begin in (self._be_present, self._start_next):
            try:
                await begin()
            except EngineError as error:  # the runs that it has started are looked after all the same
                log.warning("nothing is started: %s", error)
        active = await self._active()
        steps = {job_id(run): partial(self._follow, run) for run in active}
        self._signs = {job: sign for job, sign in self._signs.items() if job in steps}
        mine = {job_id(run) for run in active if run.runner == self._host.name}
        gone, self._mine = self._mine - mine, mine
        # Another watch ended or requeued these, perhaps because we were cut off: they must not go on here.
        await self._side_by_side(steps | {job: partial(self._let_go, job) for job in gone})
        return bool(active)

    async def close(self) -> None:
        """Let go of what is under way; it is taken up again at the next start."""
        for step in self._steps.values():
            step.cancel()
        self._readers.shutdown(wait=False, cancel_futures=True)

    async def _let_go(self, job: str) -> None:
        try:
            await self._engine.stop(job)
        except EngineError:
            self._mine.add(job)  # again at the next look
            raise

    async def _side_by_side(self, steps: Mapping[str, Callable[[], Awaitable[None]]]) -> None:
        """Begin each step unless its last one hangs, and wait for them, but not long for one that hangs."""
        for job, step in steps.items():
            if job not in self._steps:
                self._steps[job] = asyncio.create_task(self._try(job, step), name=job)
        if self._steps:
            await asyncio.wait(self._steps.values(), timeout=PATIENCE)

    async def _try(self, job: str, step: Callable[[], Awaitable[None]]) -> None:
        try:
            await step()
        except Exception:  # one broken run directory must not stop the others
            log.exception("cannot follow job %s", job)
        finally:
            del self._steps[job]

    async def _active(self) -> Sequence[Run]:
        async with self._store.read() as session:  # ix_run_status
            return (await session.exec(select(Run).where(col(Run.status).in_(ACTIVE)))).all()

    async def _be_present(self) -> None:
        """Note from time to time that this host is there, and how many runs it takes, once it is warm."""
        now = self._clock()
        if not self._warm:
            return
        if self._present_at and now - self._present_at < PRESENCE:
            return
        own = sum(run.runner == self._host.name for run in await self._active())
        slots = await self._engine.capacity() + own
        async with self._store.write() as session:
            await runners.be_present(session, self._host, slots, now)
            self.slots = max(1, sum(runner.slots for runner in await runners.present(session, now)))
        self._present_at = now

    async def _start_next(self) -> None:
        async with self._store.read() as session:
            waiting = await fair_queue.waiting(session)
        if not waiting:
            return
        room, self._warm = await self._engine.capacity(), True
        for run in waiting[:room]:
            now = self._clock()
            ours = {"runner": self._host.name, "devices": self._host.share}
            async with self._store.write() as session:
                claimed = await move(session, run, "starting", now=now, started_at=now, **ours)
            if claimed:
                await self._start(run)

    async def _start(self, run: Run) -> None:
        async with self._store.read() as session:
            inputs = await run_source.inputs(session, run)
        await asyncio.to_thread(RunDir(run.run_dir).create, run.config, inputs, own_of(run))
        await self._engine.start(job_id(run), run.run_dir)

    async def _follow(self, run: Run) -> None:
        mine = run.runner == self._host.name
        if run.cancel_requested_at and mine:
            await self._engine.stop(job_id(run))
        seen = await asyncio.get_running_loop().run_in_executor(self._readers, observe, run)
        await self._take_in(run, seen)
        silent = self._silence(run, seen)
        if seen.result:
            await self._finish(run, seen.result)
        elif run.cancel_requested_at and (mine or silent > STALE_ELSEWHERE):
            await self._finish(run, Result(status="cancelled", error="Stopped on request."))
        elif mine:
            await self._check_alive(run, seen, silent)
        elif silent > STALE_ELSEWHERE:
            await self._lost(run, JobStatus("unknown"))

    def _silence(self, run: Run, seen: Observation) -> timedelta:
        """Return how long a run has shown no new sign of life, by our clock: its machine's may be wrong."""
        now, sign = self._clock(), (seen.last_beat, run.event_offset)
        if self._signs.get(job_id(run), (None, now))[0] != sign:
            self._signs[job_id(run)] = (sign, now)
        return now - max(run.started_at or now, self._signs[job_id(run)][1])

    async def _take_in(self, run: Run, seen: Observation) -> None:
        """Store the progress that new events tell of."""
        if not seen.events:
            return
        now = self._clock()
        values: dict[str, object] = {"event_offset": seen.offset}
        for event in seen.events:
            match event:
                case Start():
                    values |= {"status": "running", "started_at": now, "total_steps": event.total_steps}
                    values |= {"step": event.resumed_at, "resumed_at": event.resumed_at}
                case Note():
                    values |= {"note": event.text}
                case Step():
                    values |= {"step": event.step, "loss": event.loss if math.isfinite(event.loss) else None}
        unseen = (
            col(Run.id) == run.id,
            col(Run.event_offset) == run.event_offset,
            col(Run.status).in_(ACTIVE),
        )
        async with self._store.write() as session:
            taken = await session.exec(update(Run).where(*unseen).values(**values))
            if taken.rowcount:
                await note_news(session, run, now)
        run.status = str(values.get("status", run.status))
        run.event_offset = seen.offset

    async def _check_alive(self, run: Run, seen: Observation, silent: timedelta) -> None:
        """Tell a run that is at work from one that is lost, hangs or has died without a word."""
        now = self._clock()
        job = await self._status(run)
        limit = timedelta(seconds=exercise_of(run).budget.seconds)
        if now - (run.started_at or now) > limit + GRACE:
            await self._engine.stop(job_id(run))
            await self._finish(run, Result(status="timed_out", error=f"It went on for over {limit.seconds // 60} min."))
        elif job.state == "exited":
            result = await asyncio.to_thread(RunDir(run.run_dir).result)  # written between our two looks?
            await (self._finish(run, result) if result else self._lost(run, job))
        elif job.state == "unknown" and run.status == "starting" and seen.last_beat is None:
            await self._start(run)  # we were killed between the claim and the start
        elif silent > STALE and job.state != "pending":
            try:
                await self._engine.stop(job_id(run))
            except EngineError as error:
                log.warning("run %s is silent, and cannot be stopped: %s", run.id, error)
            await self._lost(run, job)

    async def _status(self, run: Run) -> JobStatus:
        try:
            return await self._engine.status(job_id(run))
        except EngineError as error:
            log.warning("nothing is known of run %s: %s", run.id, error)
            return JobStatus("unknown")

    async def _lost(self, run: Run, job: JobStatus) -> None:
        """Queue a run again, once, when the machine lost it; otherwise say plainly that it failed."""
        now = self._clock()
        died = job.state == "exited" and job.code is not None and job.code >= 0
        if run.attempt > 1 or died:
            await self._finish(run, Result(status="failed", error=_last_words(job)))
            return
        async with self._store.write() as session:
            await move(session, run, "queued", now=now, attempt=run.attempt + 1, started_at=None, step=0, loss=None)

    async def _finish(self, run: Run, result: Result) -> None:
        """End a run: score, record, findings, drills and announcements, all in one transaction."""
        now = self._clock()
        findings = await asyncio.to_thread(_diagnose, run, result)
        async with self._store.write() as session:
            record = await leaderboard.record(session, run, result)
            ended = await move(
                session,
                run,
                result.status,
                now=now,
                finished_at=now,
                score=result.test,
                data_hash=result.data_hash,
                result=result.model_dump(mode="json"),
                error=result.error,
                record=record,
                findings=[finding.as_json() for finding in findings],
            )
            if not ended:
                return
            self._mine.discard(job_id(run))
            await runners.tell_if_idle(session, run.group_id, now)
            await badge.award_run(session, run, result, record, findings, now)
            if run.sweep_id:  # the sweep speaks for its runs, and a fault that was tried on purpose wants no drill
                return
            await announce(session, run, "result", now)
            await announce(session, run, "detail", now)
            for finding in findings:
                await drill.want(session, run.learner_id, finding.lesson, run.id, now)


def job_id(run: Run) -> str:
    """Return the engine's name for a run's present attempt."""
    return f"{run.id}.{run.attempt}"


def _diagnose(run: Run, result: Result) -> list[coach.Finding]:
    history = History.of(RunDir(run.run_dir).events()[0])
    try:
        return coach.diagnose(history, parse(run.config, of_run(run)).config, result, of_run(run))
    except ConfigError:  # accepted by an older version with other rules; its end still counts
        log.warning("run %s has a config that is no longer valid; no findings", run.id)
        return []


def _last_words(job: JobStatus) -> str:
    if job.code is not None and job.code < 0:
        return (
            "The training process was killed twice; most often the machine had run out of memory. Try a smaller batch."
        )
    if job.code is not None:
        return f"The training process ended with exit code {job.code} and no result; `/run logs` shows its last words."
    return (
        "The machine lost this run twice. Nothing is wrong with your config as far as we know; submit it again later."
    )
