"""Alembic's entry: runs the migrations on the store's own engine."""

import asyncio

from alembic import context
from sqlalchemy import Connection, text
from sqlmodel import SQLModel

from bot.store import tables  # noqa: F401  (declares the tables)
from bot.store.database import Store


def run(connection: Connection) -> None:
    """Migrate in one transaction; SQLite cannot alter most of a table, so batches copy it."""
    context.configure(
        connection=connection,
        target_metadata=SQLModel.metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=False,  # Moment and SQLModel's strings never compare equal to what a database reports
    )
    if connection.dialect.name == "postgresql":  # SQLite's BEGIN IMMEDIATE keeps a second process out already
        connection.execute(text("SELECT pg_advisory_xact_lock(20261124)"))
    with context.begin_transaction():
        context.run_migrations()


async def main() -> None:
    """Open the store and migrate it."""
    store = Store(context.config.get_main_option("sqlalchemy.url") or "")
    async with store.connect() as connection:
        await connection.run_sync(run)
    await store.close()


asyncio.run(main())
