"""Posts to Discord outside interactions: into channels and direct messages, for the outbox and for late answers.

A channel is a Discord channel's id, `@` and a person's id for a direct message, or a server's id for the channel in
which the server speaks. A reference is the ids of the Discord messages that a message took, with commas between.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import zip_longest

import discord

from bot.chat.discord_render import FILE_LIMIT, Payload, render
from bot.delivery import UndeliverableError
from bot.view import Message

# Unknown channel, message, user; no access; no permission; closed direct messages; no server in common.
HOPELESS = {10003, 10008, 10013, 50001, 50013, 50007, 50278}
NONCE = 25  # characters


async def post(client: discord.Client, channel: str, message: Message, nonce: str) -> str:
    """Say something and return its reference. Discord says a nonce of the last minutes once.

    Raises UndeliverableError when trying again cannot help, and discord.py's errors when it can.
    """
    with _hopeless():
        target, limit = await _target(client, channel)
        payloads = render(message, file_limit=limit)
        sent = [await _send(target, payload, f"{nonce}:{part}") for part, payload in enumerate(payloads)]
    return ",".join(sent)


async def revise(client: discord.Client, channel: str, reference: str, message: Message) -> None:
    """Replace what was said. It keeps to the Discord messages that it has; one left over shows an ellipsis."""
    with _hopeless():
        target, limit = await _target(client, channel)
        ids = reference.split(",")
        payloads = render(message, file_limit=limit, most=len(ids))
        for part, (known, payload) in enumerate(zip_longest(ids, payloads)):
            if known is None:
                await _send(target, payload, f"{reference}:{part}")
            else:
                replacement = (payload or Payload("…")).replacement()
                await target.get_partial_message(int(known)).edit(**replacement)


async def _send(target: discord.PartialMessageable | discord.DMChannel, payload: Payload, nonce: str) -> str:
    short = hashlib.sha256(nonce.encode()).hexdigest()[:NONCE]
    return str((await target.send(**payload.new(), nonce=short)).id)


async def _target(client: discord.Client, channel: str) -> tuple[discord.PartialMessageable | discord.DMChannel, int]:
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
