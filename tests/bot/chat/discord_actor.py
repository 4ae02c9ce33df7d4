"""Discord for tests: simcord's server, with our real client, and people who use it as they would."""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import discord
import simcord
from discord_limits import Sent, problems
from simcord.backend.errors import OptionError, SetupError
from simcord.http import client as transport
from simcord.results import ResponseMessage

from bot.chat.command_line import read_command
from bot.chat.on_console import read_file
from bot.chat.on_discord import DiscordChat
from bot.command import CommandOption
from bot.dispatch import Dispatcher, find_route
from bot.errors import UserError
from bot.view import Upload


@dataclass
class World:
    """A Discord with one server, one channel in it, and Cohort."""

    env: simcord.Env
    chat: DiscordChat
    guild: Any
    channel: Any
    admins: Any
    sent: list[Sent] = field(default_factory=list)

    def member(self, name: str) -> Any:
        """Return a new member; Ann may manage the server."""
        roles = [self.admins] if name == "ann" else []
        return self.guild.add_member(self.env.create_user(name, global_name=name.capitalize()), roles=roles)

    async def restart(self, dispatch: Dispatcher) -> None:
        """Let a new process take over."""
        self.chat = DiscordChat(dispatch, "token", shard_count=1)
        await self.env.restart_bot(self.chat.client)

    def bodies(self, method: str, path: str) -> list[Any]:
        """Return what was sent to a path, written as the end of it."""
        return [sent.body for sent in self.sent if sent.method == method and sent.path.endswith(path)]

    def check(self) -> None:
        """Fail on anything that Discord would not take, and on a person who was left waiting."""
        assert [problem for sent in self.sent for problem in problems(sent)] == []
        waiting = [
            record for record in self.env.backend.interactions.values() if record.loading or not record.responded
        ]
        assert not waiting


@asynccontextmanager
async def world(dispatch: Dispatcher, **options: Any) -> AsyncIterator[World]:
    """Start Cohort in a Discord of its own; at the end, everything that was sent is checked."""
    chat = DiscordChat(dispatch, "token", shard_count=1)
    sent: list[Sent] = []
    with patch.object(transport.router, "dispatch", _recorder(sent, transport.router.dispatch)):
        async with simcord.run(chat.client, settle_timeout=20, **options) as env:
            guild = env.create_guild("Lab")
            admins = guild.create_role("admins", permissions=discord.Permissions(manage_guild=True))
            found = World(env, chat, guild, guild.create_text_channel("general"), admins, sent)
            await env.settle()
            yield found
            found.check()


def _recorder(sent: list[Sent], dispatch: Callable[..., Any]) -> Callable[..., Any]:
    def record(backend: Any, method: str, path: str, **request: Any) -> Any:
        files = request.get("files") or []
        sent.append(Sent(method, path, request.get("json"), tuple(len(file.fp.getbuffer()) for file in files)))
        return dispatch(backend, method, path, **request)

    return record


class DiscordActor:
    """A person on Discord. What the client would not let them send as a command, they type to Cohort instead."""

    def __init__(self, world: World, name: str) -> None:
        self._world = world
        self._member = world.member(name)
        self._dm = self._member.user.dm_channel
        self._seen: dict[int, str] = {}

    async def do(self, line: str, form: Mapping[str, str] | None = None) -> str:
        self._look()
        try:
            if line.startswith("/"):
                return await self._command(line[1:], form)
            if line.startswith("[") and line.endswith("]"):
                return await self._press(line[1:-1], form)
            return await self._say(line)
        except UserError as error:  # what the client says by itself
            return f"{error} {error.hint}"

    async def news(self) -> str:
        await self._world.env.settle()
        return self._look()

    async def _command(self, line: str, form: Mapping[str, str] | None) -> str:
        try:
            name, typed = read_command(line)
            options = {o.name: _option(o, typed[o.name]) for o in find_route(name).options if o.name in typed}
            result = await self._member.slash(self._world.channel, name, **options)
        except (UserError, OptionError, SetupError, ValueError) as error:  # also: the client does not show it
            if isinstance(error, UserError) and "no file" in str(error):
                raise
            return await self._say(f"/{line}")
        return await self._answered(result, form)

    async def _press(self, label: str, form: Mapping[str, str] | None) -> str:
        for message in reversed(self._messages()):
            shown = ResponseMessage(self._world.env, message)
            actor = self._member.user if message.channel_id == self._dm.id else self._member
            for part in (part for row in message.components for part in row["components"]):
                chosen = [option["value"] for option in part.get("options", ()) if option["label"] == label]
                if part.get("label") == label:
                    return await self._answered(await actor.click(shown, custom_id=part["custom_id"]), form)
                if chosen:
                    return await self._answered(await actor.select(shown, chosen, custom_id=part["custom_id"]), form)
        raise UserError(f"No message here has a button {label}.")

    async def _say(self, text: str) -> str:
        for start in range(0, len(text), 2_000):  # the client lets nobody send more at once
            await self._member.send_dm(text[start : start + 2_000])
        return self._look()

    async def _answered(self, result: Any, form: Mapping[str, str] | None) -> str:
        if result.modal is None:
            return self._look()
        if form is None:
            return "Left; nothing was sent."
        fields = [label["component"] for label in result.modal["components"]]
        filled = {part["custom_id"]: form.get(part["custom_id"], part.get("value") or "") for part in fields}
        actor = self._member if result._interaction.guild_id else self._member.user
        return await self._answered(await actor.submit_modal(result, filled), None)

    def _messages(self) -> list[Any]:
        """Return the bot's messages that this person can see, oldest first."""
        backend = self._world.env.backend
        found = [m for place in (self._world.channel.id, self._dm.id) for m in _in_channel(backend, place)]
        return sorted((m for m in found if self._can_see(m)), key=lambda message: message.id)

    def _can_see(self, message: Any) -> bool:
        backend = self._world.env.backend
        if message.author_id != backend.bot_user.id:
            return False
        if not message.is_ephemeral:
            return True
        return (message.interaction_metadata or {}).get("user", {}).get("id") == str(self._member.id)

    def _look(self) -> str:
        """Return what is new or has changed since the last look."""
        news = []
        for message in self._messages():
            words = "\n".join(words_of(message))
            if self._seen.get(message.id) != words:
                self._seen[message.id] = words
                news.append(words)
        return "\n".join(news)


def latest(discord: World, channel: Any) -> Any:
    """Return the last message of a channel, as Discord's server keeps it."""
    return _in_channel(discord.env.backend, channel.id)[-1]


def _in_channel(backend: Any, channel_id: int) -> list[Any]:
    return list(backend.messages.get(channel_id, {}).values())


def words_of(message: Any) -> Iterator[str]:
    """Return all that a Discord message says."""
    yield message.content
    for embed in message.embeds:
        yield from (embed.get("title") or "", embed.get("description") or "")
        for fact in embed.get("fields") or []:
            yield from (fact["name"], fact["value"])
    for file in message.attachments:
        yield from (file["filename"], file.get("description") or "")
    for part in (part for row in message.components for part in row["components"]):
        yield from (part.get("label") or "", part.get("placeholder") or "")
        for option in part.get("options", ()):
            yield from (option["label"], option.get("description") or "")


def _option(option: CommandOption, typed: str) -> Any:
    if option.type is Upload:
        upload = read_file(typed)
        return upload.name, upload.data
    if option.type is bool:
        return typed == "true"
    return option.type(typed)
