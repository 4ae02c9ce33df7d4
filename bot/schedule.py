"""When things happen: APScheduler's clock, and loops that are woken when something has changed."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime
from functools import partial

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.store.database import Store
from bot.study import group_drill, reminder, season, week
from lessons import Curriculum

log = logging.getLogger(__name__)

UNTIL_WOKEN = 3600.0  # seconds

Due = Callable[[AsyncSession, datetime], Awaitable[int]]  # does what is due; returns how much there was


class Loop:
    """Calls `tick` again and again: at once when woken, otherwise after the pause that the last tick asked for.

    A tick that fails is logged and tried again; the loop goes on.
    """

    def __init__(self, name: str, tick: Callable[[], Awaitable[float]], failed_pause: float = 2.0) -> None:
        self._name = name
        self._tick = tick
        self._failed_pause = failed_pause
        self._woken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._run(), name=self._name)

    def wake(self) -> None:
        """Make the next tick come now."""
        self._woken.set()

    async def stop(self) -> None:
        """End; a tick that is under way is cancelled, and what it had claimed is claimed again later."""
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        while True:
            self._woken.clear()
            try:
                pause = await self._tick()
            except Exception:
                log.exception("%s failed; it is tried again", self._name)
                pause = self._failed_pause
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):  # wait_for of Python 3.11 can swallow a cancellation
                    await self._woken.wait()


class Clockwork:
    """What happens by the clock: APScheduler says when, and loops do it, so that stopping leaves nothing half-way."""

    def __init__(
        self, store: Store, curriculum: Curriculum, clock: Callable[[], datetime], changed: Callable[[], None]
    ) -> None:
        self._store = store
        self._clock = clock
        self._changed = changed
        by_the_minute: dict[str, Due] = {
            "reminders": reminder.remind_due,
            "daily questions": partial(group_drill.ask_due, curriculum=curriculum),
            "their answers": group_drill.reveal_due,
            "weekly summaries": week.sum_up_due,
            "ends of seasons": season.end_due,
        }
        self._loops = [Loop(name, partial(self._do, due)) for name, due in by_the_minute.items()]
        self._scheduler = AsyncIOScheduler(timezone="UTC")
        for loop in self._loops:
            self._scheduler.add_job(loop.wake, "cron", second=0, misfire_grace_time=None)

    def start(self) -> None:
        """Begin, with what came due while nobody was here."""
        for loop in self._loops:
            loop.start()
        self._scheduler.start()

    async def stop(self) -> None:
        """End."""
        self._scheduler.shutdown(wait=False)
        for loop in self._loops:
            await loop.stop()

    async def _do(self, due: Due) -> float:
        """Do a batch of what is due; the next one follows at once."""
        async with self._store.write() as session:
            done = await due(session, self._clock())
        if done:
            self._changed()
        return 0.0 if done else UNTIL_WOKEN
