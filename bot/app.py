"""The only place that knows everything: builds Cohort from its settings, starts it and stops it, in order."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Self

import bot.commands  # noqa: F401  (registers the commands)
from bot.chat.built_in import NAME as BUILT_IN
from bot.chat.built_in import BuiltInChat
from bot.command import Services
from bot.delivery import Chat, Outbox
from bot.dispatch import Dispatcher
from bot.schedule import Clockwork, Loop
from bot.settings import Settings
from bot.store.database import Store
from bot.study.watch import RunWatch
from lessons import curriculum
from runner.engines.local import LocalEngine

ACTIVE_PAUSE = 0.3  # seconds between two looks at a run that trains
IDLE_PAUSE = 2.0


def utc_now() -> datetime:
    """Return the present."""
    return datetime.now(UTC)


class App:
    """Cohort, running: `async with App(settings) as app`.

    The runner's supervisor and its runs go on when the app stops, unless `keep_runner` is false.
    """

    def __init__(
        self, settings: Settings, clock: Callable[[], datetime] = utc_now, *, keep_runner: bool = True
    ) -> None:
        settings.home.mkdir(parents=True, exist_ok=True)
        self._keep_runner = keep_runner
        self.store = Store(settings.database)
        self.engine = LocalEngine(settings.home / "runner", settings.slots)
        self.built_in = BuiltInChat(self.store)
        chats: dict[str, Chat] = {BUILT_IN: self.built_in}
        services = Services(curriculum(), settings.runs, lambda: self._watch.slots)
        self.dispatch = Dispatcher(self.store, services, clock, self._changed)
        self._outbox = Outbox(self.store, services, chats, clock)
        self._watch = RunWatch(self.store, self.engine, clock)
        self._sending = Loop("outbox", self._send)
        self._watching = Loop("run watch", self._look)
        self._clockwork = Clockwork(self.store, clock, self._changed)

    async def __aenter__(self) -> Self:
        """Start: tables first, then what writes to them, then what sends."""
        if self.store.is_sqlite:
            await self.store.migrate()
        else:
            await self.store.check_migrated()
        self._watching.start()
        self._sending.start()
        self._clockwork.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop, in the opposite order."""
        await self._clockwork.stop()
        await self._watching.stop()
        await self._sending.stop()
        if self._keep_runner:
            await self.engine.close()
        else:
            await self.engine.shutdown()
        await self.store.close()

    async def warm_up(self) -> None:
        """Start the runner before the first run needs it; it takes seconds to import what training needs."""
        await self.engine.capacity()

    def _changed(self) -> None:
        self._watching.wake()
        self._sending.wake()

    async def _look(self) -> float:
        active = await self._watch.tick()
        self._sending.wake()
        return ACTIVE_PAUSE if active else IDLE_PAUSE

    async def _send(self) -> float:
        sent = await self._outbox.tick()
        return 0.0 if sent else 0.5
