"""Direct messages on Discord, and the greeting of whoever adds Cohort to a server."""

from typing import Any

from discord_actor import World, latest, world
from simcord.backend import serializers
from simcord.results import ResponseMessage

from bot.command import Context, action, command
from bot.view import Field, Form, Message, Reply, Upload


def heard() -> list[Any]:
    """Register what takes direct messages, and return what it took."""
    taken: list[Any] = []

    @action("say")
    async def say(ctx: Context, text: str) -> Message:
        taken.append((text, ctx.direct, ctx.channel))
        return Message(f"heard {text}")

    @command("submit", "Submit")
    async def submit(ctx: Context, file: Upload | None = None, exercise: str = "match") -> Reply:
        if file is None:
            return Form("Submit", "submit.form", (Field("config", "Config", "long"),))
        taken.append((file.name, file.data))
        return Message(f"took {file.name}")

    return taken


async def test_words_in_a_direct_message_are_heard_and_those_in_a_channel_are_not(dispatch):
    taken = heard()
    async with world(dispatch) as discord:
        ann = discord.member("ann")
        await ann.send(discord.channel, "hello all")
        await ann.send_dm("hello Cohort")
        assert taken == [("hello Cohort", True, f"@{ann.id}")]
        assert latest(discord, ann.user.dm_channel).content == "heard hello Cohort"


async def test_direct_messages_come_without_the_privilege_to_read_messages(dispatch):
    taken = heard()
    import discord as library

    async with world(dispatch, approved_intents=library.Intents.default()) as discord:
        assert not discord.chat.client.intents.message_content
        await discord.member("ann").send_dm("hello")
        assert taken[0][0] == "hello"


async def dm(discord: World, person: Any, text: str, *files: tuple[str, bytes]) -> str:
    channel = person.user.dm_channel
    await person.send_dm(text, attachments=discord.env.backend.store_attachments(channel.id, files))
    return str(latest(discord, channel).content)


async def test_configs_in_a_direct_message_are_submitted(dispatch):
    taken = heard()
    async with world(dispatch) as discord:
        ann = discord.member("ann")
        assert await dm(discord, ann, "", ("a.yaml", b"1"), ("B.YML", b"2")) == "took B.YML"
        assert taken == [("a.yaml", b"1"), ("B.YML", b"2")]
        assert await dm(discord, ann, "and this", ("c.yml", b"3")) == "heard and this"
        assert await dm(discord, ann, "", ("holiday.png", b"4")) == "I read words, and configs as `.yaml` files."


async def test_a_file_that_is_too_large_is_not_fetched(dispatch):
    taken = heard()
    async with world(dispatch) as discord:
        said = await dm(discord, discord.member("ann"), "", ("a.yaml", bytes(9 * 2**20)))
        assert "9 MB" in said
        assert taken == []


async def test_a_command_may_be_typed_to_me_and_its_form_opens_by_a_button(dispatch):
    heard()

    @command("echo", "Say it again")
    async def run(ctx: Context, number: int) -> Message:
        return Message(f"{number}, again")

    async with world(dispatch) as discord:
        ann = discord.member("ann")
        assert await dm(discord, ann, "/echo 3") == "3, again"
        assert "Did you mean echo?" in await dm(discord, ann, "/ecko 3")
        assert "is a form" in await dm(discord, ann, "/submit exercise:library")
        offered = ResponseMessage(discord.env, latest(discord, ann.user.dm_channel))
        opened = await ann.user.click(offered, label="Open it")
        assert opened.modal["title"] == "Submit"


async def joined(discord: World, guild: Any) -> None:
    """Tell of a server as Discord does when somebody has just added us; simcord only tells of those known before."""
    backend = discord.env.backend
    payload = dict(serializers.guild_create_payload(backend, backend.get_guild(guild.id)))
    del payload["unavailable"]
    backend.emit("GUILD_CREATE", payload)
    await discord.env.settle()


async def test_whoever_added_me_is_greeted_once(dispatch):
    async with world(dispatch) as discord:
        backend = discord.env.backend
        ann = discord.member("ann")
        guild = discord.env.create_guild("New")
        backend.record_audit_log(guild.id, 28, target_id=backend.bot_user.id, user_id=ann.id)
        await joined(discord, guild)
        (greeting,) = backend.messages[ann.user.dm_channel.id].values()
        assert greeting.embeds[0]["title"] == "Cohort has joined New"
        assert "/help" in greeting.embeds[0]["description"]
        await discord.restart(dispatch)
        assert len(backend.messages[ann.user.dm_channel.id]) == 1


async def test_where_the_log_may_not_be_read_the_owner_is_greeted_and_closed_messages_are_borne(dispatch, caplog):
    async with world(dispatch) as discord:
        owner = discord.env.create_user("owner")
        discord.env.inject_error("GET", "/guilds/*/audit-logs", status=403, code=50013)
        await joined(discord, discord.env.create_guild("New", owner=owner))
        assert len(discord.env.backend.messages[owner.dm_channel.id]) == 1
        discord.env.inject_error("POST", "/channels/*/messages", status=403, code=50007)
        await joined(discord, discord.env.create_guild("Newer", owner=owner))
        assert len(discord.env.backend.messages[owner.dm_channel.id]) == 1
        assert "no greeting" in caplog.text
