"""Sessions on SQLite or PostgreSQL, and the migrations."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, CursorResult, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlmodel import SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.errors import UserError

BUSY_TIMEOUT_MS = 30_000


class Store:
    """Opens sessions. One unit of work is one `async with`: it commits at its end, or rolls back on an error."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._engine = _create_engine(url)
        # SQLite must know at BEGIN that a transaction will write: taking the write lock later, after a read,
        # fails at once with "database is locked" instead of waiting.
        self._writer = self._engine.execution_options(writes=True)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncSession]:
        """Open a session that commits."""
        async with AsyncSession(self._writer, expire_on_commit=False) as session, session.begin():
            yield session

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """Open a session that sees one moment and changes nothing."""
        async with AsyncSession(self._engine, expire_on_commit=False) as session:
            yield session

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[AsyncConnection]:
        """Open a bare connection in a writing transaction, for the migrations."""
        async with self._writer.begin() as connection:
            yield connection

    async def migrate(self, revision: str = "head") -> None:
        """Bring the tables up to date."""
        await asyncio.to_thread(migrate, self.url, revision)

    @property
    def engine(self) -> AsyncEngine:
        """The engine, for a library that keeps tables of its own here."""
        return self._engine

    @property
    def is_sqlite(self) -> bool:
        """Whether the store is an embedded file."""
        return self.url.startswith("sqlite")

    async def check_migrated(self) -> None:
        """Raise UserError when the tables are of another version than this code's."""
        async with self._engine.connect() as connection:
            found = await connection.run_sync(lambda sync: MigrationContext.configure(sync).get_current_revision())
        wanted = ScriptDirectory.from_config(_alembic(self.url)).get_current_head()
        if found != wanted:
            raise UserError(
                f"The database is at version {found or 'none'}, and this Cohort needs {wanted}.",
                "Run `cohort db upgrade`.",
            )

    async def close(self) -> None:
        """Close every connection."""
        await self._engine.dispose()


async def insert_new(session: AsyncSession, row: SQLModel) -> bool:
    """Insert a row unless a unique key says that it is there already; return whether it was new."""
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    statement = dialect.insert(type(row)).values(row.model_dump(exclude_none=True)).on_conflict_do_nothing()
    inserted: CursorResult[Any] = await session.exec(statement)
    return inserted.rowcount == 1


async def insert_all_new(session: AsyncSession, table: type[SQLModel], rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows at once, less those that a unique key says are there already."""
    if rows:
        dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
        connection = await session.connection()
        await connection.execute(dialect.insert(table).on_conflict_do_nothing(), rows)


def _create_engine(url: str) -> AsyncEngine:
    if not url.startswith("sqlite"):
        return create_async_engine(url, pool_pre_ping=True, pool_size=10, max_overflow=10)
    engine = create_async_engine(url, connect_args={"timeout": BUSY_TIMEOUT_MS / 1000})
    event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver must not begin transactions by its own rules
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def migrate(url: str, revision: str = "head") -> None:
    """Run the migrations up to `revision`; blocks, and must not be called on a running event loop."""
    command.upgrade(_alembic(url), revision)


def _alembic(url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", "bot.store:migrations")
    config.set_main_option("path_separator", "os")
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    return config
