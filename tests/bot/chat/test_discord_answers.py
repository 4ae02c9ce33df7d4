"""Every interaction is acknowledged in time and answered, early or late, here or elsewhere."""

import asyncio
import dataclasses

import pytest
from discord_actor import World, latest, world

from bot.chat import discord_answer
from bot.command import ROUTES, Context, action, command
from bot.view import Button, Edit, Message


@pytest.fixture
def impatient(monkeypatch) -> None:
    """Acknowledge at once what does not answer at once."""
    monkeypatch.setattr(discord_answer, "ACKNOWLEDGE_AFTER", 0.01)


EPHEMERAL = 64


def callbacks(discord: World) -> list[int]:
    return [body["type"] for body in discord.bodies("POST", "/callback")]


@pytest.mark.parametrize("private", [True, False])
async def test_slow_work_is_acknowledged_at_once_in_its_privacy(dispatch, private):
    seen: list[int] = []

    @command("train", "Train", private=private, slow=True)
    async def run(ctx: Context) -> Message:
        seen.append(len(discord.bodies("POST", "/callback")))
        return Message("done")

    async with world(dispatch) as discord:
        ann = discord.member("ann")
        shown = await ann.slash(discord.channel, "train")
        assert (shown.response.content, shown.response.ephemeral) == ("done", private)
        (body,) = discord.bodies("POST", "/callback")
        assert (body["type"], (body.get("data") or {}).get("flags", 0)) == (5, EPHEMERAL if private else 0)


async def test_what_answers_late_is_acknowledged_first(dispatch, impatient):
    @command("think", "Think")
    async def think(ctx: Context) -> Message:
        await asyncio.sleep(0.2)
        return Message("thought", buttons=(Button("More", "more"), Button("Else", "else")))

    @action("more")
    async def more(ctx: Context) -> Edit:
        await asyncio.sleep(0.2)
        return Edit(Message("more"))

    @action("else")
    async def otherwise(ctx: Context) -> Message:
        await asyncio.sleep(0.2)
        return Message("else")

    async with world(dispatch) as discord:
        ann = discord.member("ann")
        shown = await ann.slash(discord.channel, "think")
        assert shown.response.content == "thought"
        said = await ann.click(shown.response, label="Else")
        assert [followup.content for followup in said.followups] == ["else"]
        assert said.followups[0].ephemeral
        await ann.click(shown.response, label="More")
        assert shown.response.content == "more"
        assert callbacks(discord) == [5, 6, 6]


async def test_a_long_answer_goes_on_in_messages_of_the_same_privacy(dispatch):
    @command("long", "Long")
    async def long(ctx: Context) -> Message:
        return Message("word " * 2_000, "Long")

    async with world(dispatch) as discord:
        shown = await discord.member("ann").slash(discord.channel, "long")
        assert len(shown.followups) == 1
        assert shown.followups[0].ephemeral


async def test_an_error_of_ours_is_a_reference_and_no_traceback(dispatch, caplog):
    @command("broken", "Broken")
    async def broken(ctx: Context) -> Message:
        raise ZeroDivisionError("secret")

    async with world(dispatch) as discord:
        shown = await discord.member("ann").slash(discord.channel, "broken")
        assert "in the log as" in shown.response.content
        assert "secret" not in shown.response.content


async def test_an_action_without_words_is_acknowledged(dispatch):
    @command("quiz", "Ask", private=False)
    async def ask(ctx: Context) -> Message:
        return Message("Which?", buttons=(Button("Other", "other"),))

    @command("quiet", "Quiet")
    async def quiet(ctx: Context) -> None:
        return None

    ROUTES["other"] = dataclasses.replace(ROUTES["quiet"], name="other", command=False)
    async with world(dispatch) as discord:
        ann = discord.member("ann")
        assert (await ann.slash(discord.channel, "quiet")).response.content == "Done."
        asked = await ann.slash(discord.channel, "quiz")
        assert (await ann.click(asked.response, label="Other")).acknowledged
        assert asked.response.content == "Which?"


async def test_an_answer_that_discord_does_not_take_comes_by_direct_message(dispatch):

    @command("echo", "Say it again")
    async def run(ctx: Context, number: int) -> Message:
        return Message(f"{number}, again")

    async with world(dispatch) as discord:
        ann = discord.member("ann")
        discord.env.inject_error("POST", "/interactions/*/*/callback", status=500)
        await ann.slash(discord.channel, "echo", number=1)
        assert latest(discord, ann.user.dm_channel).content == "1, again"
        discord.env.backend.interactions.clear()  # the one that nobody could answer


async def test_an_edit_whose_token_is_dead_changes_the_message_itself(dispatch, impatient):
    @action("later")
    async def later(ctx: Context) -> Edit:
        await asyncio.sleep(0.2)
        return Edit(Message("later"))

    @command("ask", "Ask", private=False)
    async def ask(ctx: Context) -> Message:
        return Message("Which?", buttons=(Button("Wait", "later"),))

    async with world(dispatch) as discord:
        ann = discord.member("ann")
        asked = await ann.slash(discord.channel, "ask")
        discord.env.inject_error("PATCH", "/webhooks/*/*/messages/@original", status=404, code=10015)
        await ann.click(asked.response, label="Wait")
        assert asked.response.content == "later"
        assert [sent.path for sent in discord.sent if sent.method == "PATCH"][-1].startswith("/channels/")
