"""What the tests of several chats share."""

from collections.abc import AsyncIterator

import pytest

from bot.command import ROUTES
from bot.dispatch import Dispatcher
from bot.store.database import Store


@pytest.fixture
async def dispatch(tmp_path, clock) -> AsyncIterator[Dispatcher]:
    """A dispatcher with a real store, and no commands but a test's own."""
    kept = dict(ROUTES)
    ROUTES.clear()
    store = Store(f"sqlite+aiosqlite:///{tmp_path / 'cohort.db'}")
    await store.migrate()
    yield Dispatcher(store, None, clock, lambda: None)
    await store.close()
    ROUTES.clear()
    ROUTES.update(kept)
