"""When things happen: APScheduler's clock, and loops that are woken when something has changed."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from bot.store.database import Store
from bot.study.reminder import remind_due

log = logging.getLogger(__name__)


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
                await asyncio.wait_for(self._woken.wait(), pause)


def scheduler(store: Store, clock: Callable[[], datetime], changed: Callable[[], None]) -> AsyncIOScheduler:
    """Return the scheduler with everything that happens by the clock."""

    async def remind() -> None:
        while True:
            async with store.write() as session:
                reminded = await remind_due(session, clock())
            if not reminded:
                return
            changed()

    clockwork = AsyncIOScheduler(timezone="UTC", job_defaults={"coalesce": True, "misfire_grace_time": None})
    clockwork.add_job(remind, "cron", second=0, id="reminders", next_run_time=clock())
    return clockwork
