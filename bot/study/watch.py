"""Watches over runs: starts what is next, takes in what running ones report, and ends what has ended.

Everything it knows is in the store and in the run directories, so it may be killed at any moment, and several
may run at once: each step is a conditional UPDATE that only one of them wins.
"""

import asyncio
import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import update
from sqlmodel import col, select

from bot.store import outbox
from bot.store.database import Store
from bot.store.tables import Run
from bot.study import badge, coach, drill, fair_queue, leaderboard
from bot.study.catalog import exercise_of, of_run, own_of
from bot.study.run import ACTIVE, announce, move
from runner.config import ConfigError, parse
from runner.engines import Engine, JobStatus
from runner.history import History
from runner.run_dir import Event, Note, Result, RunDir, Start, Step

log = logging.getLogger(__name__)

STALE = timedelta(seconds=60)  # a heartbeat comes every 2 s; the start of a cold process takes up to 10
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
    """Moves every run on by one step each time `tick` is called."""

    def __init__(self, store: Store, engine: Engine, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._engine = engine
        self._clock = clock
        self.slots = 1  # runs that train at once, as far as the engine has shown

    async def tick(self) -> bool:
        """Look at everything once; return whether any run is active."""
        await self._start_next()
        active = await self._active()
        for run in active:
            try:
                await self._follow(run)
            except Exception:  # one broken run directory must not stop the others
                log.exception("cannot follow run %s", run.id)
        return bool(active)

    async def _active(self) -> Sequence[Run]:
        async with self._store.read() as session:  # ix_run_status
            return (await session.exec(select(Run).where(col(Run.status).in_(ACTIVE)))).all()

    async def _start_next(self) -> None:
        async with self._store.read() as session:
            waiting = await fair_queue.waiting(session)
        if not waiting:
            return
        room = await self._engine.capacity()
        self.slots = max(1, room + len(await self._active()))
        for run in waiting[:room]:
            now = self._clock()
            async with self._store.write() as session:
                claimed = await move(session, run, "starting", now=now, started_at=now)
            if claimed:
                await self._start(run)

    async def _start(self, run: Run) -> None:
        await asyncio.to_thread(RunDir(run.run_dir).create, run.config, own_of(run))
        await self._engine.start(job_id(run), run.run_dir)

    async def _follow(self, run: Run) -> None:
        if run.cancel_requested_at:
            await self._engine.stop(job_id(run))
        seen = await asyncio.to_thread(observe, run)
        await self._take_in(run, seen)
        if seen.result:
            await self._finish(run, seen.result)
        elif run.cancel_requested_at:
            await self._finish(run, Result(status="cancelled", error="Stopped on request."))
        else:
            await self._check_alive(run, seen)

    async def _take_in(self, run: Run, seen: Observation) -> None:
        """Store the progress that new events tell of."""
        if not seen.events:
            return
        now = self._clock()
        values: dict[str, object] = {"event_offset": seen.offset}
        for event in seen.events:
            match event:
                case Start():
                    values |= {"status": "running", "started_at": now, "total_steps": event.total_steps, "step": 0}
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
                await outbox.news(session, f"run:{run.id}:status", now)
        run.status = str(values.get("status", run.status))
        run.event_offset = seen.offset

    async def _check_alive(self, run: Run, seen: Observation) -> None:
        """Tell a run that is at work from one that is lost, hangs or has died without a word."""
        now = self._clock()
        started = run.started_at or now
        job = await self._engine.status(job_id(run))
        limit = timedelta(seconds=exercise_of(run).budget.seconds)
        if now - started > limit + GRACE:
            await self._engine.stop(job_id(run))
            await self._finish(run, Result(status="timed_out", error=f"It went on for over {limit.seconds // 60} min."))
        elif job.state == "exited":
            result = await asyncio.to_thread(RunDir(run.run_dir).result)  # written between our two looks?
            await (self._finish(run, result) if result else self._lost(run, job))
        elif job.state == "unknown" and run.status == "starting" and seen.last_beat is None:
            await self._start(run)  # we were killed between the claim and the start
        elif now - max(started, seen.last_beat or started) > STALE and job.state != "pending":
            await self._engine.stop(job_id(run))
            await self._lost(run, job)

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
            await announce(session, run, "result", now)
            await announce(session, run, "detail", now)
            await badge.award_run(session, run, result, record, findings, now)
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
