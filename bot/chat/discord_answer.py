"""Answers an interaction: acknowledged within Discord's three seconds whatever the work, and said elsewhere if late."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

import discord

from bot.chat.discord_components import dialog
from bot.chat.discord_render import render
from bot.view import Button, Edit, Form, Message, Reply

ACKNOWLEDGE_AFTER = 0.1  # seconds; Discord gives up after 3, and a crowd's come one after another

log = logging.getLogger(__name__)

Elsewhere = Callable[[Message | Edit], Awaitable[None]]


async def answer(
    interaction: discord.Interaction,
    work: Awaitable[Reply],
    again: Button | None,
    elsewhere: Elsewhere,
    room: asyncio.Semaphore,
    *,
    private: bool,
    slow: bool,
) -> None:
    """Do the work and show its reply.

    Slow work, and all work while there is no `room`, is acknowledged at once, and other work when it takes longer
    than it should: a form can only be opened by an interaction that was not acknowledged yet. A form that came too
    late becomes `again`, a button that opens it. When Discord no longer takes an answer (its token lives for 15
    minutes), it is said elsewhere.
    """
    if slow or room.locked():
        await _acknowledge(interaction, private)
    async with room:
        doing = asyncio.ensure_future(work)
        if not interaction.response.is_done():
            await asyncio.wait({doing}, timeout=ACKNOWLEDGE_AFTER)
            if not doing.done():
                await _acknowledge(interaction, private)
        reply = await doing
    if isinstance(reply, Form) and (interaction.response.is_done() or _is_form(interaction)):
        reply = _late(reply, again)
    try:
        await _show(interaction, reply, private)
    except discord.HTTPException as error:
        log.warning("interaction %s could not be answered: %r", interaction.id, error)
        if isinstance(reply, Message | Edit):
            await elsewhere(reply)


def _is_form(interaction: discord.Interaction) -> bool:
    return interaction.type is discord.InteractionType.modal_submit  # Discord opens no form upon a form


async def _acknowledge(interaction: discord.Interaction, private: bool) -> None:
    try:
        await interaction.response.defer(ephemeral=private, thinking=interaction.message is None)
    except discord.HTTPException as error:
        log.warning("interaction %s could not be acknowledged: %r", interaction.id, error)


def _late(form: Form, again: Button | None) -> Message:
    if again is None:
        return Message(f"**{form.title}** could not be opened. Please try once more.")
    return Message(f"**{form.title}** is ready.", buttons=(again,))


async def _show(interaction: discord.Interaction, reply: Reply, private: bool) -> None:
    match reply:
        case Form():
            await interaction.response.send_modal(dialog(reply))
        case Edit(message) if interaction.message:
            await _edit(interaction, message, private=interaction.message.flags.ephemeral)
        case Edit(message) | (Message() as message):
            await _say(interaction, message, private)
        case None:
            await _nothing(interaction)


async def _say(interaction: discord.Interaction, message: Message, private: bool) -> None:
    for payload in render(message, file_limit=interaction.filesize_limit):
        if interaction.response.is_done():
            await interaction.followup.send(**payload.new(), ephemeral=private)
        else:
            await interaction.response.send_message(**payload.new(), ephemeral=private)


async def _edit(interaction: discord.Interaction, message: Message, *, private: bool) -> None:
    first, *others = render(message, file_limit=interaction.filesize_limit)
    if interaction.response.is_done():
        await interaction.edit_original_response(**first.replacement())
    else:
        await interaction.response.edit_message(**first.replacement())
    for payload in others:
        await interaction.followup.send(**payload.new(), ephemeral=private)


async def _nothing(interaction: discord.Interaction) -> None:
    """End an interaction without words; a command has to be answered by some."""
    if interaction.message:
        if not interaction.response.is_done():
            await interaction.response.defer()
    else:
        await _say(interaction, Message("Done."), private=True)
