"""Discord's command tree, made from the registry: a command added there needs no line here."""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import discord
from discord import app_commands

from bot.chat.discord_text import shorten
from bot.command import CommandOption, Route, commands
from bot.view import Upload

ABOUT, CHOICES, CHOICE = 100, 25, 100

Given = dict[str, str | discord.Attachment]
Run = Callable[[discord.Interaction, Route, Given], Awaitable[None]]
Complete = Callable[[discord.Interaction, Route, str, str], Awaitable[list[str]]]

MANAGE = discord.Permissions(manage_guild=True)  # who sees an admin's command; a server may set it otherwise


class Tree(app_commands.CommandTree[Any]):
    """Every command of the registry, wherever Discord can show it: in servers, direct messages and group chats."""

    def __init__(self, client: discord.Client, run: Run, complete: Complete) -> None:
        super().__init__(
            client,
            allowed_contexts=app_commands.AppCommandContext(guild=True, dm_channel=True, private_channel=True),
            allowed_installs=app_commands.AppInstallationType(guild=True, user=True),
        )
        self._run = run
        self._complete = complete
        for route in commands():
            parent, _, name = route.name.rpartition(" ")
            self._home(parent).add_command(self._command(route, name))

    def _home(self, parent: str) -> "Tree | app_commands.Group":
        """Return where a command belongs: the group that the first word of its name makes, or the tree."""
        if not parent:
            return self
        found = self.get_command(parent)
        if isinstance(found, app_commands.Group):
            return found
        members = {r.name.removeprefix(f"{parent} "): r for r in commands() if r.name.startswith(f"{parent} ")}
        group = app_commands.Group(
            name=parent,
            description=shorten(f"{parent}: {', '.join(members)}", ABOUT),
            default_permissions=MANAGE if all(route.admin for route in members.values()) else None,
        )
        self.add_command(group)
        return group

    def _command(self, route: Route, name: str) -> app_commands.Command[Any, ..., Any]:
        async def callback(interaction: discord.Interaction, **given: Any) -> None:
            await self._run(interaction, route, {key: _typed(v) for key, v in given.items() if v is not None})

        vars(callback)["__signature__"] = _signature(route.options)
        about = {o.name: shorten(o.param.help, ABOUT) for o in route.options if o.param.help}
        app_commands.describe(**about)(callback)
        app_commands.choices(**{o.name: _choices(o.param.choices) for o in route.options if _fixed(o)})(callback)
        completing = [
            option for option in route.options if option.param.is_completed or len(option.param.choices) > CHOICES
        ]
        app_commands.autocomplete(**{o.name: self._completer(route, o.name) for o in completing})(callback)
        made: app_commands.Command[Any, ..., Any] = app_commands.Command(
            name=name, description=shorten(route.help, ABOUT), callback=callback
        )
        made.default_permissions = MANAGE if route.admin and route.name == name else None
        return made

    def _completer(self, route: Route, option: str) -> Any:
        async def complete(interaction: discord.Interaction, current: str) -> list[app_commands.Choice[str]]:
            return _choices(await self._complete(interaction, route, option, current))

        return complete

    async def install(self) -> bool:
        """Tell Discord of the commands if they differ from those it knows; return whether they did.

        Discord counts registrations (200 new ones a day), and clients reload their commands after one.
        """
        ours = [command.to_dict(self) for command in self.get_commands()]
        # As Discord sends them: discord.py 2.7 misreads the contexts of the commands that it fetches.
        theirs = await self.client.http.get_global_commands(self.client.application_id or 0)
        if _shape(ours) == _shape(theirs):
            return False
        await self.sync()
        return True

    async def on_error(self, interaction: discord.Interaction, error: app_commands.AppCommandError, /) -> None:
        """Explain what a person sees of an update; everything else is logged."""
        outdated = (app_commands.CommandNotFound, app_commands.CommandSignatureMismatch)
        if isinstance(error, outdated) and not interaction.response.is_done():
            words = "My commands have just changed. Reload Discord (Ctrl+R, or restart the app) and try again."
            await interaction.response.send_message(words, ephemeral=True)
        else:
            await super().on_error(interaction, error)


def _signature(options: tuple[CommandOption, ...]) -> inspect.Signature:
    """Write the signature from which discord.py reads a command's options."""
    kinds: Mapping[type, Any] = {Upload: discord.Attachment}
    interaction = inspect.Parameter(
        "interaction", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=discord.Interaction
    )
    typed = []
    for option in options:
        kind = kinds.get(option.type, option.type)
        default = inspect.Parameter.empty if option.required else None
        annotation = kind if option.required else kind | None
        typed.append(
            inspect.Parameter(option.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        )
    return inspect.Signature([interaction, *typed])


def _fixed(option: CommandOption) -> bool:
    return 0 < len(option.param.choices) <= CHOICES and not option.param.is_completed


def _choices(words: tuple[str, ...] | list[str]) -> list[app_commands.Choice[str]]:
    fitting = [word for word in words if 0 < len(word) <= CHOICE]
    return [app_commands.Choice(name=word, value=word) for word in fitting[:CHOICES]]


def _typed(value: Any) -> str | discord.Attachment:
    """Return a value as it would be typed; the dispatcher reads it again."""
    if isinstance(value, discord.Attachment):
        return value
    return str(value).lower() if isinstance(value, bool) else str(value)


def _shape(payload: Any) -> Any:
    """Reduce commands to what people see of them, in an order that does not matter to Discord."""
    if isinstance(payload, list):
        shapes = [_shape(item) for item in payload]
        return sorted(shapes, key=repr) if all(isinstance(item, int) for item in shapes) else shapes
    if not isinstance(payload, dict):
        return payload
    seen = ("name", "value", "description", "type", "required", "autocomplete", "choices", "options")
    return {key: _shape(payload[key]) for key in (*seen, "contexts", "integration_types") if payload.get(key)}
