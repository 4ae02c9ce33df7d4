"""Discord: a chat like the others, from the outside. `start` connects, `stop` leaves, `send` and `edit` deliver."""

import asyncio
import logging
from functools import partial

import discord

from bot.chat.discord_client import NAME, Client
from bot.chat.discord_post import post, revise
from bot.dispatch import Dispatcher
from bot.errors import UserError
from bot.view import Message

__all__ = ["NAME", "DiscordChat"]

RETRY = 15.0  # seconds between two attempts to log in

log = logging.getLogger(__name__)


class DiscordChat:
    """Cohort on Discord, in any number of servers; `shard_count` is Discord's to choose by default."""

    def __init__(self, dispatch: Dispatcher, token: str, shard_count: int | None = None) -> None:
        self._make_client = partial(Client, dispatch, shard_count)
        self.client = self._make_client()
        self._token = token
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Connect, and stay connected in the background. Raises UserError when Discord refuses the token."""
        connected = await self._log_in()
        self._task = asyncio.create_task(self._stay(connected), name="discord")

    async def stop(self) -> None:
        """Leave."""
        if self._task is None:
            return
        self._task.cancel()  # discord.py can lose this while a connection breaks: closing ends it then
        if not self.client.is_closed():
            await self.client.close()
        await asyncio.wait({self._task})

    async def send(self, channel: str, message: Message, nonce: str, under: str | None = None) -> str:
        """Say something in a channel, in the thread of a message there, or to `@<user id>`; return its reference."""
        self._check_connected()
        return await post(self.client, channel, message, nonce, under)

    async def edit(self, channel: str, reference: str, message: Message) -> None:
        """Replace what was said."""
        self._check_connected()
        await revise(self.client, channel, reference, message)

    async def _stay(self, connected: bool) -> None:
        try:
            while not connected:
                await asyncio.sleep(RETRY)
                connected = await self._log_in()
            await self.client.connect()  # discord.py reconnects by itself
        except Exception:
            log.exception("Discord is left; restart Cohort to come back")

    async def _log_in(self) -> bool:
        if self.client.is_closed():  # a client connects only once
            self.client = self._make_client()
        try:
            await self.client.login(self._token)
        except discord.LoginFailure:
            await self.client.close()
            raise UserError("Discord refuses the bot's token.", "Copy it anew from the developer portal.") from None
        except (OSError, discord.HTTPException) as error:
            log.warning("Discord cannot be reached: %r", error)
            await self.client.close()
            return False
        return True

    def _check_connected(self) -> None:
        if not self.client.is_ready():
            raise ConnectionError("not connected to Discord yet")
