"""Forms on Discord: opened in time or offered by a button, and sent whenever people like."""

import asyncio

import pytest
from discord_actor import world

from bot.chat import discord_answer
from bot.command import Context, action, command
from bot.errors import UserError
from bot.view import Button, Field, Form, Menu, Message, Option, Refused, Reply, Upload


@pytest.fixture
def impatient(monkeypatch) -> None:
    """Acknowledge at once what does not answer at once."""
    monkeypatch.setattr(discord_answer, "ACKNOWLEDGE_AFTER", 0.01)


def form() -> None:
    """Register a command that opens a form of every kind of field, and what takes it."""
    fields = (
        Field("name", "What shall I call you, now that we have met and I would like to know?"),
        Field("config", "Config", "long", "lr: 1\n"),
        Field("task", "Task", "choice", "b", (Option("A", "a"), Option("B", "b"))),
        Field("file", "File", "file", required=False),
    )

    @command("form", "Fill in")
    async def opens(ctx: Context) -> Form:
        return Form("Tell me", "form.send:number=3", fields)

    @action("form.send")
    async def takes(ctx: Context, number: int, name: str, config: str, task: str, file: Upload | None = None) -> Reply:
        if name == "nobody":
            raise UserError("Nobody is no name.", "Try another.")
        if name == "x":
            return Refused(Message("One letter is no name.", buttons=(Button("Fix it", "form"),)), (("name", "short"),))
        return Message(repr((number, name, config, task, file and (file.name, file.data))))


FILLED = {"name": "Ann", "config": "lr: 2", "task": ["a"]}


async def test_a_form_brings_the_ids_and_what_was_filled_in(dispatch):
    form()
    async with world(dispatch) as discord:
        ann = discord.member("ann")
        opened = await ann.slash(discord.channel, "form")
        config = opened.modal["components"][1]["component"]
        assert config["value"] == "lr: 1\n"
        sent = await ann.submit_modal(opened, {**FILLED, "file": ("c.yaml", b"lr: 3")})
        assert sent.response.content == "(3, 'Ann', 'lr: 2', 'a', ('c.yaml', b'lr: 3'))"
        assert sent.ephemeral


async def test_a_form_may_be_sent_after_a_restart_and_by_two_people_at_once(dispatch):
    form()
    async with world(dispatch) as discord:
        ann, bo = discord.member("ann"), discord.member("bo")
        anns, bos = await ann.slash(discord.channel, "form"), await bo.slash(discord.channel, "form")
        await discord.restart(dispatch)
        assert "'Bo'" in (await bo.submit_modal(bos, {**FILLED, "name": "Bo"})).response.content
        assert "'Ann'" in (await ann.submit_modal(anns, FILLED)).response.content


async def test_a_forms_mistake_is_a_message(dispatch):
    form()
    async with world(dispatch) as discord:
        ann = discord.member("ann")
        opened = await ann.slash(discord.channel, "form")
        sent = await ann.submit_modal(opened, {**FILLED, "name": "nobody"})
        assert sent.response.content == "Nobody is no name.\n\nTry another."


async def test_a_form_that_is_refused_is_answered_with_a_way_to_mend_it(dispatch):
    form()
    async with world(dispatch) as discord:
        ann = discord.member("ann")
        opened = await ann.slash(discord.channel, "form")
        sent = await ann.submit_modal(opened, {**FILLED, "name": "x"})
        assert sent.response.content == "One letter is no name."
        assert (await ann.click(sent.response, label="Fix it")).modal["title"] == "Tell me"


async def test_a_form_that_comes_late_is_offered_by_a_button(dispatch, impatient):
    @command("slowform", "Fill in")
    async def opens(ctx: Context, exercise: str) -> Form:
        if len(waits) < 1:
            waits.append(await asyncio.sleep(0.2))
        return Form(f"Tell me of {exercise}", "form.send", (Field("name", "Name"),))

    waits: list[None] = []
    async with world(dispatch) as discord:
        ann = discord.member("ann")
        late = await ann.slash(discord.channel, "slowform", exercise="match")
        assert late.modal is None
        assert "Tell me of match" in late.response.content
        discord_answer.ACKNOWLEDGE_AFTER = 5.0
        opened = await ann.click(late.response, label="Open it")
        assert opened.modal["title"] == "Tell me of match"


async def test_nothing_is_kept_in_memory_of_buttons_menus_and_forms(dispatch):
    form()

    @command("quiz", "Ask")
    async def quiz(ctx: Context) -> Message:
        return Message("?", buttons=(Button("A", "a"),), menu=Menu("b", (Option("first", "1"),)))

    async with world(dispatch) as discord:
        ann = discord.member("ann")
        await ann.slash(discord.channel, "quiz")
        await ann.submit_modal(await ann.slash(discord.channel, "form"), FILLED)
        await ann.slash(discord.channel, "form")
        assert discord.chat.client.persistent_views == []
        assert discord.chat.client._connection._view_store._modals == {}
