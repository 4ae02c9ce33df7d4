"""The outbox's loop: draws what is due, says it in its chat, edits it when there is news, and tries again.

A chat that is down delays words; it never loses any. Words are said once: a delivery's key is also the nonce by
which a chat recognises what it has been told already.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Protocol

from bot.command import ANNOUNCEMENTS, Services
from bot.store import outbox
from bot.store.database import Store
from bot.store.tables import Delivery
from bot.study.group_setup import report_dead_channel
from bot.view import Message

log = logging.getLogger(__name__)


class UndeliverableError(Exception):
    """A chat says that trying again cannot help: the channel is gone, or the bot may not speak there."""


class Chat(Protocol):
    """What delivery needs of a chat."""

    async def send(self, channel: str, message: Message, nonce: str, under: str | None = None) -> str:
        """Say something; a nonce that was said already is not said again. Returns the message's reference.

        With `under`, the reference of another message, it is said in that one's thread; a chat or a channel without
        threads says it as it sees fit.
        """

    async def edit(self, channel: str, reference: str, message: Message) -> None:
        """Replace a message."""


class Outbox:
    """Sends what is due, each time `tick` is called."""

    def __init__(
        self, store: Store, services: Services, chats: Mapping[str, Chat], clock: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._services = services
        self._chats = chats
        self._clock = clock

    async def tick(self) -> int:
        """Deliver what is due now, channels side by side; return how many deliveries were tried."""
        now = self._clock()
        async with self._store.read() as session:
            due = await outbox.due(session, list(self._chats), now)
        if not due:
            return 0
        async with self._store.write() as session:
            claimed = await outbox.claim(session, due, now)
        await asyncio.gather(*map(self._deliver, claimed))
        return len(claimed)

    async def _deliver(self, delivery: Delivery) -> None:
        try:
            reference = await self._say(delivery)
        except Exception as error:
            final = isinstance(error, UndeliverableError)
            log.warning("delivery %s failed%s: %r", delivery.key, " for good" if final else "", error)
            async with self._store.write() as session:
                await outbox.failed(session, delivery, repr(error)[:500], self._clock(), final=final)
                if final and not delivery.under and not delivery.reference:  # not only a thread or a message is gone
                    await report_dead_channel(session, delivery, self._clock())
        else:
            async with self._store.write() as session:
                await outbox.sent(session, delivery, reference, self._clock())

    async def _say(self, delivery: Delivery) -> str:
        draw = ANNOUNCEMENTS.get(delivery.kind)
        if draw is None:
            raise UndeliverableError(f"nothing draws {delivery.kind}")
        async with self._store.read() as session:
            message = await draw(session, self._services, delivery.subject, self._clock())
            under = await outbox.reference(session, delivery.under) if delivery.under else None
        if message is None:  # there is nothing left to say
            return delivery.reference or ""
        chat = self._chats[delivery.chat]
        if delivery.reference:
            await chat.edit(delivery.channel, delivery.reference, message)
            return delivery.reference
        return await chat.send(delivery.channel, message, delivery.key, under)
