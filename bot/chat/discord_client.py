"""Listens to Discord: what people type, press, fill in and send becomes requests, and is answered where they are."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import discord

from bot.chat.command_line import read_command
from bot.chat.discord_answer import answer
from bot.chat.discord_components import Pressable, read_form, read_press
from bot.chat.discord_post import post, revise
from bot.chat.discord_render import render
from bot.chat.discord_tree import Given, Tree
from bot.command import ROUTES, Route
from bot.delivery import UndeliverableError
from bot.dispatch import Dispatcher, Request, Value
from bot.errors import UserError
from bot.study.membership import Sender
from bot.view import Button, Edit, Form, Message, Refused, Reply, Upload, action

NAME = "discord"
AT_ONCE = 4  # requests worked on; of more, the rest are acknowledged and wait
UPLOAD_LIMIT = 8 * 2**20  # bytes
CONFIGS = (".yaml", ".yml")
HELLO = Message(
    "Thank you for taking me in. `/group setup`, in the channel where results shall go, takes three presses. Then "
    "`/start` gets to know each of you, `/submit` trains a first model, and `/help` shows the rest. I answer commands "
    "and direct messages, and read nothing else.",
    title="Cohort has joined {guild}",
)

log = logging.getLogger(__name__)


def intents() -> discord.Intents:
    """Return what we ask Discord to tell us: servers, and direct messages (whose content needs no privilege)."""
    wanted = discord.Intents.none()
    wanted.guilds = True
    wanted.dm_messages = True
    return wanted


class Client(discord.AutoShardedClient):
    """Cohort's connection to Discord."""

    def __init__(self, dispatch: Dispatcher, shard_count: int | None = None) -> None:
        super().__init__(
            intents=intents(),
            shard_count=shard_count,
            allowed_mentions=discord.AllowedMentions.none(),
            max_messages=None,
            chunk_guilds_at_startup=False,
            member_cache_flags=discord.MemberCacheFlags.none(),
        )
        self._dispatch_request = dispatch
        self._room = asyncio.Semaphore(AT_ONCE)
        self.tree = Tree(self, self._command, self._complete)

    async def setup_hook(self) -> None:
        """Prepare, before Discord tells us of anything."""
        self.add_dynamic_items(Pressable)
        await self.tree.install()

    async def on_press(self, interaction: discord.Interaction) -> None:
        """Answer a button or a menu."""
        name, ids = read_press(interaction)
        await self._answer(interaction, name, {**ids})

    async def on_interaction(self, interaction: discord.Interaction) -> None:
        """Answer a form, here and not by its window, so that it can be sent after a restart."""
        if interaction.type is discord.InteractionType.modal_submit:
            await self._answer(interaction, *read_form(interaction))

    async def on_message(self, message: discord.Message) -> None:
        """Answer a direct message: each config that comes with it, and its words."""
        if message.guild is not None or message.author.bot or message.is_system():
            return
        configs = [file for file in message.attachments if file.filename.lower().endswith(CONFIGS)]
        heard = _request(message.author, f"@{message.author.id}", None)
        for file in configs:
            await self._reply(message, await self._work(replace(heard, route="submit"), {"file": file}))
        if text := message.content.strip():
            await self._reply(message, await self._hear(heard, text))
        elif not configs:
            await self._reply(message, Message("I read words, and configs as `.yaml` files."))

    async def on_guild_join(self, guild: discord.Guild) -> None:
        """Greet whoever added us, once."""
        host = await self._host(guild)
        hello = replace(HELLO, title=HELLO.title.format(guild=guild.name))
        try:
            await post(self, f"@{host}", hello, f"hello:{guild.id}")
        except (UndeliverableError, discord.HTTPException) as error:
            log.warning("no greeting for %s, who added us to %s: %r", host, guild.id, error)

    async def _host(self, guild: discord.Guild) -> int | None:
        """Return who added us, where the server's log may be read; its owner otherwise."""
        if guild.me.guild_permissions.view_audit_log and self.user:
            try:
                async for entry in guild.audit_logs(action=discord.AuditLogAction.bot_add, limit=10):
                    if entry.target and entry.target.id == self.user.id and entry.user_id:
                        return entry.user_id
            except discord.HTTPException as error:
                log.warning("the log of %s cannot be read: %r", guild.id, error)
        return guild.owner_id

    async def _command(self, interaction: discord.Interaction, route: Route, given: Given) -> None:
        await self._answer(interaction, route.name, given)

    async def _complete(self, interaction: discord.Interaction, route: Route, option: str, partial: str) -> list[str]:
        return await self._dispatch_request.complete(self._requested(interaction, route.name), option, partial)

    async def _answer(self, interaction: discord.Interaction, name: str, given: Given) -> None:
        request = self._requested(interaction, name)
        route = ROUTES.get(name)

        async def elsewhere(reply: Message | Edit) -> None:
            await self._answer_elsewhere(interaction, request, reply)

        await answer(
            interaction,
            self._work(request, given),
            _again(name, given),
            elsewhere,
            self._room,
            private=_private(request, route) and not interaction.context.dm_channel,
            slow=route is not None and route.slow,
        )

    async def _work(self, request: Request, given: Mapping[str, str | discord.Attachment]) -> Reply:
        """Fetch the files that came with a request, and dispatch it."""
        try:
            values = {name: await _value(value) for name, value in given.items()}
        except UserError as error:
            return Message(" ".join(filter(None, [str(error), error.hint])))
        reply = await self._dispatch_request(replace(request, values=values))
        return reply.answer if isinstance(reply, Refused) else reply  # Discord's forms close when they are sent

    async def _hear(self, heard: Request, text: str) -> Reply:
        """Take the words of a direct message; a command may be typed as text, too."""
        if not text.startswith("/"):
            return await self._work(replace(heard, route="say"), {"text": text})
        try:
            name, values = read_command(text[1:])
        except UserError as error:
            return Message("\n\n".join(filter(None, [str(error), error.hint])))
        reply = await self._work(replace(heard, route=name), values)
        if isinstance(reply, Form):
            again = _again(name, values)
            return Message(f"**{reply.title}** is a form.", buttons=(again,) if again else ())
        return reply

    async def _reply(self, message: discord.Message, reply: Reply) -> None:
        said = reply.message if isinstance(reply, Edit) else reply
        if isinstance(said, Message):
            for payload in render(said):
                await message.channel.send(**payload.new())

    async def _answer_elsewhere(
        self, interaction: discord.Interaction, request: Request, reply: Message | Edit
    ) -> None:
        """Say what the interaction no longer takes: in the message that was pressed, or to the person."""
        pressed = interaction.message
        try:
            if isinstance(reply, Edit) and pressed and not pressed.flags.ephemeral:
                await revise(self, str(pressed.channel.id), str(pressed.id), reply.message)
            else:
                said = reply.message if isinstance(reply, Edit) else reply
                await post(self, f"@{request.sender.id}", said, f"late:{interaction.id}")
        except (UndeliverableError, discord.HTTPException) as error:
            log.warning("the answer to %s of %s is lost: %r", request.route, request.sender.id, error)

    def _requested(self, interaction: discord.Interaction, route: str) -> Request:
        """Return who asks and where. A server that only the person has added us to counts as a direct message."""
        guild = self.get_guild(interaction.guild_id) if interaction.guild_id else None
        request = _request(interaction.user, f"@{interaction.user.id}", route)
        if guild is None:
            return request
        group = (str(guild.id), guild.name)
        sender = replace(request.sender, admin=interaction.permissions.manage_guild)
        return replace(request, sender=sender, channel=str(interaction.channel_id), group=group, direct=False)


def _request(user: discord.User | discord.Member, channel: str, route: str | None) -> Request:
    sender = Sender(NAME, str(user.id), user.display_name)
    return Request(sender, channel, route or "", direct=True)


def _private(request: Request, route: Route | None) -> bool:
    """Say whether only the asker sees the answer: always so where nobody but they have let us in."""
    return route is None or route.private or request.group is None


def _again(name: str, given: Mapping[str, Any]) -> Button | None:
    """Return a button that asks the same once more; None when a button cannot carry all of it."""
    if not all(isinstance(value, str) for value in given.values()):
        return None
    try:
        return Button("Open it", action(name, **given), "primary")
    except ValueError:
        return None


async def _value(value: str | discord.Attachment) -> Value:
    if isinstance(value, str):
        return value
    if value.size > UPLOAD_LIMIT:
        raise UserError(f"`{value.filename}` has {value.size / 2**20:.0f} MB.", "I take files up to 8 MB.")
    try:
        return Upload(value.filename, await value.read())
    except discord.HTTPException:
        raise UserError(f"Discord did not hand over `{value.filename}`.", "Please send it once more.") from None
