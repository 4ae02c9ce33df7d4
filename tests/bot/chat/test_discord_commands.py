"""Slash commands on Discord: the tree that the registry makes, and what reaches the dispatcher."""

from typing import Annotated

from discord_actor import world

from bot.command import ROUTES, Context, Param, command
from bot.view import Message, Upload


def echo() -> None:
    """Register a command that repeats all that reached it."""

    @command("echo", "Say it again")
    async def run(
        ctx: Context,
        number: Annotated[int, Param("how many")],
        share: float = 0.5,
        loud: bool = False,
        colour: Annotated[str, Param("which", choices=("red", "green"))] = "red",
        file: Upload | None = None,
    ) -> Message:
        group = ctx.group.name if ctx.group else None
        return Message(repr((number, share, loud, colour, file and (file.name, file.data), group, ctx.direct)))


async def test_options_arrive_with_their_types_and_files_with_their_bytes(dispatch):
    echo()
    async with world(dispatch) as discord:
        ann = discord.member("ann")
        file = ("my.yaml", b"exercise: match")
        shown = await ann.slash(discord.channel, "echo", number=7, share=0.25, loud=True, colour="green", file=file)
        assert shown.response.content == f"(7, 0.25, True, 'green', {file}, 'Lab', False)"
        assert shown.ephemeral


async def test_choices_are_fixed_when_few_and_completed_when_many(dispatch):
    async def lessons(ctx: Context, partial: str) -> list[str]:
        return [f"lesson-{n}" for n in range(60)] + ["lesson-" + "x" * 200]

    many = tuple(f"choice-{n}" for n in range(30))

    @command("pick", "Pick")
    async def run(
        ctx: Context,
        few: Annotated[str, Param("few", choices=("a", "b"))] = "a",
        more: Annotated[str, Param("more", choices=many)] = "choice-1",
        lesson: Annotated[str, Param("lesson", complete=lessons)] = "",
    ) -> Message:
        return Message("picked")

    async with world(dispatch) as discord:
        ann = discord.member("ann")
        (sent,) = discord.bodies("PUT", "/commands")
        few = sent[0]["options"][0]
        assert ([choice["value"] for choice in few["choices"]], few.get("autocomplete", False)) == (["a", "b"], False)
        found = await ann.autocomplete(discord.channel, "pick", "lesson", "SON-5")
        assert [choice["value"] for choice in found] == ["lesson-5", *(f"lesson-{n}" for n in range(50, 60))]
        assert len(await ann.autocomplete(discord.channel, "pick", "lesson", "")) == 25
        assert len(await ann.autocomplete(discord.channel, "pick", "more", "choice")) == 25


async def test_a_name_of_two_words_is_a_group(dispatch):
    for name in ("run show", "run cancel"):

        @command(name, f"About {name}")
        async def run(ctx: Context, number: int, name: str = name) -> Message:
            return Message(f"{name} {number}")

    async with world(dispatch) as discord:
        ann = discord.member("ann")
        shown = await ann.slash(discord.channel, "run cancel", number=3)
        assert shown.response.content == "run cancel 3"
        (sent,) = discord.bodies("PUT", "/commands")
        assert (sent[0]["name"], sent[0]["description"]) == ("run", "run: show, cancel")


async def test_commands_are_told_to_discord_only_when_they_changed(dispatch):
    echo()
    async with world(dispatch) as discord:
        await discord.restart(dispatch)
        assert len(discord.bodies("PUT", "/commands")) == 1

        @command("new", "New")
        async def run(ctx: Context) -> Message:
            return Message("new")

        await discord.restart(dispatch)
        assert len(discord.bodies("PUT", "/commands")) == 2
        shown = await discord.member("ann").slash(discord.channel, "new")
        assert shown.response.content == "new"


async def test_privacy_is_the_routes_and_a_direct_message_needs_none(dispatch):
    @command("mine", "Mine")
    async def mine(ctx: Context) -> Message:
        return Message(f"for you, in {ctx.channel}")

    @command("ours", "Ours", private=False)
    async def ours(ctx: Context) -> Message:
        return Message(f"for all, in {ctx.channel}")

    async with world(dispatch) as discord:
        ann = discord.member("ann")
        assert (await ann.slash(discord.channel, "mine")).ephemeral
        shown = await ann.slash(discord.channel, "ours")
        assert not shown.ephemeral
        assert shown.response.content == f"for all, in {discord.channel.id}"
        shown = await ann.user.slash("mine")
        assert not shown.ephemeral
        assert shown.response.content == f"for you, in @{ann.id}"


async def test_the_real_registry_makes_a_tree_that_discord_takes():
    import bot.commands  # noqa: F401

    async with world(None) as discord:
        (sent,) = discord.bodies("PUT", "/commands")
        names = {command["name"] for command in sent}
        assert names == {route.name.split()[0] for route in ROUTES.values() if route.command}
