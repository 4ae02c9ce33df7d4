"""The built-in chat's server: its channels are rows of our own store, and terminals and pages are windows onto them."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pydantic import BaseModel, ConfigDict
from sqlalchemy import update
from sqlmodel import col, select

from bot.store.database import Store, insert_new
from bot.store.tables import Post
from bot.view import Message

NAME = "local"
OVERLAP = timedelta(seconds=5)  # a transaction may commit after a later one; look back that far


class _Stored(BaseModel):
    model_config = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")

    message: Message


@dataclass(frozen=True, slots=True)
class Posted:
    """One message as a window sees it; a higher revision than before is an edit."""

    id: int
    channel: str
    author: str
    message: Message
    revision: int
    at: datetime


class BuiltInChat:
    """Keeps messages. Channels are `#group`, or `@learner` for direct messages."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def send(
        self, channel: str, message: Message, nonce: str, under: str | None = None, *, author: str = "Cohort"
    ) -> str:
        """Post a message once for each nonce; return its id.

        A channel here is one column without threads: what is said under a message would only stand in the way, and is
        left out. What it tells can be asked for.
        """
        if under:
            return ""
        post = Post(channel=channel, nonce=nonce, author=author, message=_dump(message))
        async with self._store.write() as session:
            await insert_new(session, post)
            return str((await session.exec(select(Post.id).where(Post.nonce == nonce))).one())

    async def edit(self, channel: str, reference: str, message: Message) -> None:
        """Replace a message."""
        statement = (
            update(Post)
            .where(col(Post.id) == int(reference), col(Post.channel) == channel)
            .values(message=_dump(message), revision=Post.revision + 1, updated_at=datetime.now(UTC))
        )
        async with self._store.write() as session:
            await session.exec(statement)

    async def since(self, channels: list[str], moment: datetime) -> list[Posted]:
        """Return what was posted or edited in some channels since shortly before a moment, oldest first."""
        news = select(Post).where(col(Post.channel).in_(channels), col(Post.updated_at) >= moment - OVERLAP)
        async with self._store.read() as session:
            return [_posted(post) for post in await session.exec(news.order_by(col(Post.id)))]

    async def latest(self, channels: list[str], limit: int) -> list[Posted]:
        """Return the last messages of some channels, oldest first."""
        last = select(Post).where(col(Post.channel).in_(channels)).order_by(col(Post.id).desc()).limit(limit)
        async with self._store.read() as session:
            return [_posted(post) for post in reversed((await session.exec(last)).all())]


def _dump(message: Message) -> bytes:
    return _Stored(message=message).model_dump_json().encode()


def _posted(post: Post) -> Posted:
    assert post.id is not None  # noqa: S101  (read from the store)
    return Posted(
        post.id,
        post.channel,
        post.author,
        _Stored.model_validate_json(post.message).message,
        post.revision,
        post.updated_at,
    )
