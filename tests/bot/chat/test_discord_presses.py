"""Buttons and menus on Discord work whenever they were sent, and whatever they do."""

from discord_actor import world

from bot.command import ROUTES, Context, action, command
from bot.view import Button, Edit, Menu, Message, Option


def quiz() -> None:
    """Register a command with buttons and a menu, and what they do."""

    @command("quiz", "Ask", private=False)
    async def ask(ctx: Context) -> Message:
        menu = Menu("pick:card=4", (Option("first", "1"), Option("second", "2")))
        return Message("Which?", buttons=(Button("A", "press:card=3,choice=a"), Button("Other", "other")), menu=menu)

    @action("press")
    async def press(ctx: Context, card: int, choice: str) -> Edit:
        return Edit(Message(f"card {card}: {choice}, by {ctx.learner.name}"))

    @action("pick")
    async def pick(ctx: Context, card: int, choice: str) -> Edit:
        return Edit(Message(f"card {card}: {choice}"))

    @action("other")
    async def other(ctx: Context) -> Message:
        return Message("another")


async def test_a_button_replaces_its_message_also_after_a_restart(dispatch):
    quiz()
    async with world(dispatch) as discord:
        ann, bo = discord.member("ann"), discord.member("bo")
        asked = await ann.slash(discord.channel, "quiz")
        await discord.restart(dispatch)
        await bo.click(asked.response, label="A")
        assert asked.response.content == "card 3: a, by Bo"
        assert asked.response.components == []


async def test_a_button_that_says_something_new_leaves_its_message(dispatch):
    quiz()
    async with world(dispatch) as discord:
        ann = discord.member("ann")
        asked = await ann.slash(discord.channel, "quiz")
        other = await ann.click(asked.response, label="Other")
        assert (other.response.content, other.ephemeral) == ("another", True)
        assert asked.response.content == "Which?"


async def test_a_menus_choice_reaches_its_action_also_after_a_restart(dispatch):
    quiz()
    async with world(dispatch) as discord:
        ann = discord.member("ann")
        asked = await ann.slash(discord.channel, "quiz")
        await discord.restart(dispatch)
        await ann.select(asked.response, ["2"])
        assert asked.response.content == "card 4: 2"


async def test_a_button_that_became_an_option_does_what_it_would_have_done(dispatch):
    @command("many", "Many")
    async def many(ctx: Context) -> Message:
        return Message("Which?", buttons=tuple(Button(f"label {n}", f"press:card={n}") for n in range(40)))

    @action("press")
    async def press(ctx: Context, card: int) -> Edit:
        return Edit(Message(f"card {card}"))

    async with world(dispatch) as discord:
        ann = discord.member("ann")
        asked = await ann.slash(discord.channel, "many")
        await ann.select(asked.response, ["press:card=39"])
        assert asked.response.content == "card 39"


async def test_the_second_of_two_buttons_that_do_the_same_works(dispatch):
    quiz()

    @command("twice", "Twice")
    async def twice(ctx: Context) -> Message:
        return Message("Which?", buttons=(Button("one", "other"), Button("two", "other")))

    async with world(dispatch) as discord:
        ann = discord.member("ann")
        asked = await ann.slash(discord.channel, "twice")
        assert (await ann.click(asked.response, label="two")).response.content == "another"


async def test_a_press_that_nothing_answers_any_more_gets_a_sentence(dispatch):
    quiz()
    async with world(dispatch) as discord:
        ann = discord.member("ann")
        asked = await ann.slash(discord.channel, "quiz")
        del ROUTES["press"]
        shown = await ann.click(asked.response, label="A")
        assert "There is no command `/press`" in shown.response.content
        assert shown.ephemeral
