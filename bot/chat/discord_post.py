"""Posts to Discord outside interactions: into channels and direct messages, for the outbox and for late answers.

A channel is a Discord channel's id, `@` and a person's id for a direct message, or a server's id for the channel in
which the server speaks. A reference is the ids of the Discord messages that a message took, with commas between;
those of a thread stand behind the thread's id and a colon.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import zip_longest

import discord

from bot.chat.discord_render import FILE_LIMIT, Payload, render
from bot.chat.discord_text import shorten
from bot.delivery import UndeliverableError
from bot.view import Message

# Unknown channel, message, user; no access; no permission; closed direct messages; no server in common.
HOPELESS = {10003, 10008, 10013, 50001, 50013, 50007, 50278}
NONCE = 25  # characters
THREAD_EXISTS = 160004
THREAD_NAME = 100  # characters

Place = discord.PartialMessageable | discord.DMChannel


async def post(client: discord.Client, channel: str, message: Message, nonce: str, under: str | None = None) -> str:
    """Say something, in the thread of the message whose reference is `under` if it may have one; return its reference.

    Discord says a nonce of the last minutes once. Raises UndeliverableError when trying again cannot help, and
    discord.py's errors when it can.
    """
    with _hopeless():
        target, limit = await _target(client, channel)
        thread = await _thread(client, target, under, message.title) if under else None
        place = client.get_partial_messageable(thread) if thread else target
        payloads = render(message, file_limit=limit)
        sent = [
            await _send(place, payload, f"{nonce}:{part}", silent=message.silent)
            for part, payload in enumerate(payloads)
        ]
    return f"{thread}:{','.join(sent)}" if thread else ",".join(sent)


async def revise(client: discord.Client, channel: str, reference: str, message: Message) -> None:
    """Replace what was said. It keeps to the Discord messages that it has; one left over shows an ellipsis."""
    with _hopeless():
        target, limit = await _target(client, channel)
        thread, _, said = reference.rpartition(":")
        place = client.get_partial_messageable(int(thread)) if thread else target
        ids = said.split(",")
        payloads = render(message, file_limit=limit, most=len(ids))
        for part, (known, payload) in enumerate(zip_longest(ids, payloads)):
            if known is None:
                await _send(place, payload, f"{reference}:{part}", silent=message.silent)
            else:
                replacement = (payload or Payload("…")).replacement()
                await place.get_partial_message(int(known)).edit(**replacement)


async def _send(place: Place, payload: Payload, nonce: str, *, silent: bool) -> str:
    short = hashlib.sha256(nonce.encode()).hexdigest()[:NONCE]
    return str((await place.send(**payload.new(), nonce=short, silent=silent)).id)


async def _thread(client: discord.Client, target: Place, under: str, name: str) -> int | None:
    """Return the thread of a message, which has the message's id, begun if need be; None where there can be none."""
    channel = client.get_channel(target.id)
    if not isinstance(channel, discord.TextChannel) or not _may_open_threads(channel):
        return None
    parent = int(under.partition(",")[0])
    try:
        await channel.get_partial_message(parent).create_thread(name=shorten(name, THREAD_NAME) or "Details")
    except discord.HTTPException as error:
        if error.code == THREAD_EXISTS:
            return parent
        if error.status >= 500 or error.status == 429:  # it may succeed later
            raise
        return None  # the message is gone, say, or the server has too many threads
    return parent


def _may_open_threads(channel: discord.TextChannel) -> bool:
    may = channel.permissions_for(channel.guild.me)
    return may.create_public_threads and may.send_messages_in_threads and may.read_message_history


async def _target(client: discord.Client, channel: str) -> tuple[Place, int]:
    """Return where to post, and how many bytes a file may have there."""
    if not channel.removeprefix("@").isdecimal():
        raise UndeliverableError(f"{channel!r} is no channel of Discord's")
    if channel.startswith("@"):
        return await client.create_dm(discord.Object(int(channel[1:]))), FILE_LIMIT
    found = client.get_channel(int(channel)) or _home(client.get_guild(int(channel)))
    guild = found.guild if isinstance(found, discord.abc.GuildChannel | discord.Thread) else None
    place = client.get_partial_messageable(found.id if found else int(channel))
    return place, guild.filesize_limit if guild else FILE_LIMIT


def _home(guild: discord.Guild | None) -> discord.TextChannel | None:
    """Return the channel in which a server speaks: the one for system messages, or the first where we may."""
    if guild is None:
        return None
    channels = [guild.system_channel, *guild.text_channels]
    return next((c for c in channels if c and c.permissions_for(guild.me).send_messages), None)


@contextmanager
def _hopeless() -> Iterator[None]:
    try:
        yield
    except discord.HTTPException as error:
        if error.code in HOPELESS:
            raise UndeliverableError(f"Discord: {error.text} ({error.code})") from error
        raise
