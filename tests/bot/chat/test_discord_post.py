"""What the outbox says on Discord: sent once, edited in place, given up only when trying again cannot help."""

import discord
import pytest
from discord_actor import World, world

from bot.chat.on_discord import DiscordChat
from bot.delivery import UndeliverableError
from bot.view import File, Message


def texts(discord: World, channel: int) -> list[str]:
    return [
        message.content or "".join(embed["description"] for embed in message.embeds)
        for message in discord.env.backend.messages[channel].values()
    ]


async def test_a_message_is_sent_and_edited_in_place():
    async with world(None) as discord:
        channel = str(discord.channel.id)
        reference = await discord.chat.send(channel, Message("step 1"), "run.status:1")
        await discord.chat.edit(channel, reference, Message("step 2"))
        assert texts(discord, discord.channel.id) == ["step 2"]


async def test_a_restarted_bot_edits_what_the_one_before_it_said():
    async with world(None) as discord:
        channel = str(discord.channel.id)
        reference = await discord.chat.send(channel, Message("step 1"), "run.status:1")
        await discord.restart(None)
        await discord.chat.edit(channel, reference, Message("step 2"))
        assert texts(discord, discord.channel.id) == ["step 2"]


async def test_every_part_carries_its_own_nonce_and_the_same_words_the_same_one():
    async with world(None) as discord:
        channel = str(discord.channel.id)
        for _ in range(2):
            await discord.chat.send(
                channel, Message("word " * 2_000, "Long"), "a key that is much longer than Discord's"
            )
        await discord.chat.send(channel, Message("other"), "another key")
        nonces = [body["nonce"] for body in discord.bodies("POST", f"/channels/{channel}/messages")]
        assert nonces[:2] == nonces[2:4]
        assert len(set(nonces)) == 3
        assert all(body["enforce_nonce"] for body in discord.bodies("POST", f"/channels/{channel}/messages"))


async def test_a_person_is_reached_by_direct_message():
    async with world(None) as discord:
        ann = discord.member("ann")
        reference = await discord.chat.send(f"@{ann.id}", Message("2 drills are due"), "reminder:1")
        await discord.chat.edit(f"@{ann.id}", reference, Message("1 drill is due"))
        assert texts(discord, ann.user.dm_channel.id) == ["1 drill is due"]


DETAIL = Message("every finding", "Run 1 · match · Ann: " + "details " * 20)


async def test_a_message_under_another_opens_its_thread_and_is_edited_there():
    async with world(None) as discord:
        channel = str(discord.channel.id)
        result = await discord.chat.send(channel, Message("81 %"), "run:1:result")
        first = await discord.chat.send(channel, DETAIL, "run:1:detail", result)
        await discord.chat.edit(channel, first, Message("all findings"))
        assert texts(discord, discord.channel.id)[0] == "81 %"
        assert texts(discord, int(result)) == ["all findings"]
        (begun,) = discord.bodies("POST", f"/messages/{result}/threads")
        assert len(begun["name"]) <= 100
        assert begun["name"].startswith("Run 1 · match · Ann: details")


async def test_a_thread_that_exists_is_used_again():
    async with world(None) as discord:
        channel = str(discord.channel.id)
        result = await discord.chat.send(channel, Message("81 %"), "run:1:result")
        await discord.chat.send(channel, DETAIL, "run:1:detail", result)
        discord.env.inject_error("POST", "/channels/*/messages/*/threads", status=400, code=160004)
        await discord.restart(None)
        reference = await discord.chat.send(channel, Message("more"), "another", result)
        assert texts(discord, int(result))[-1] == "more"
        assert reference.startswith(f"{result}:")


@pytest.mark.parametrize("missing", ["create_public_threads", "send_messages_in_threads", "read_message_history"])
async def test_without_a_permission_for_threads_it_is_said_in_the_channel(missing):
    async with world(None) as place:
        denied = discord.PermissionOverwrite(**{missing: False})
        quiet = place.guild.create_text_channel("quiet", overwrites={place.env.bot.user: denied})
        await place.env.settle()
        result = await place.chat.send(str(quiet.id), Message("81 %"), "run:1:result")
        reference = await place.chat.send(str(quiet.id), Message("details"), "run:1:detail", result)
        await place.chat.edit(str(quiet.id), reference, Message("all details"))
        assert texts(place, quiet.id) == ["81 %", "all details"]


async def test_where_no_thread_can_be_it_is_said_in_the_channel():
    async with world(None) as discord:
        ann = discord.member("ann")
        result = await discord.chat.send(f"@{ann.id}", Message("81 %"), "run:1:result")
        await discord.chat.send(f"@{ann.id}", Message("details"), "run:1:detail", result)
        assert texts(discord, ann.user.dm_channel.id) == ["81 %", "details"]
        channel = str(discord.channel.id)
        await discord.chat.send(channel, Message("of a message that is gone"), "run:2:detail", "12345")
        assert texts(discord, discord.channel.id) == ["of a message that is gone"]


async def test_a_fault_of_discords_while_a_thread_is_opened_is_raised_so_that_it_is_tried_again():
    async with world(None) as place:
        channel = str(place.channel.id)
        result = await place.chat.send(channel, Message("81 %"), "run:1:result")
        place.env.inject_error("POST", "/channels/*/messages/*/threads", status=500)
        with pytest.raises(discord.HTTPException):
            await place.chat.send(channel, Message("details"), "run:1:detail", result)
        await place.chat.send(channel, Message("details"), "run:1:detail", result)
        assert texts(place, int(result)) == ["details"]


async def test_a_silent_message_notifies_nobody():
    async with world(None) as place:
        channel = str(place.channel.id)
        await place.chat.send(channel, Message("step 1", silent=True), "run:1:status")
        await place.chat.send(channel, Message("81 %"), "run:1:result")
        silent, loud = place.bodies("POST", f"/channels/{channel}/messages")
        assert discord.MessageFlags._from_value(silent["flags"]).suppress_notifications
        assert not discord.MessageFlags._from_value(loud.get("flags") or 0).suppress_notifications


async def test_a_servers_id_means_the_channel_where_we_may_speak():
    async with world(None) as discord:
        await discord.chat.send(str(discord.guild.id), Message("hello"), "1")
        assert texts(discord, discord.channel.id) == ["hello"]


async def test_an_edit_keeps_to_the_messages_that_it_has():
    async with world(None) as discord:
        channel = str(discord.channel.id)
        long, longer = Message("word " * 1_500, "Long"), Message("word " * 3_000, "Longer")
        reference = await discord.chat.send(channel, long, "1")
        assert len(texts(discord, discord.channel.id)) == 2
        await discord.chat.edit(channel, reference, Message("short"))
        assert texts(discord, discord.channel.id) == ["short", "…"]
        await discord.chat.edit(channel, reference, longer)
        messages = list(discord.env.backend.messages[discord.channel.id].values())
        assert len(messages) == 2
        (whole,) = messages[-1].attachments
        assert discord.env.backend.cdn.get(whole["url"]).decode().count("word") == 3_000


async def test_an_edit_replaces_files():
    async with world(None) as discord:
        channel = str(discord.channel.id)
        reference = await discord.chat.send(channel, Message("a", files=(File("a.txt", b"a"),)), "1")
        await discord.chat.edit(channel, reference, Message("b", files=(File("b.txt", b"b"),)))
        (message,) = discord.env.backend.messages[discord.channel.id].values()
        assert [file["filename"] for file in message.attachments] == ["b.txt"]


@pytest.mark.parametrize("code", [10003, 50001, 50007, 50013])
async def test_what_cannot_be_helped_is_given_up(code):
    async with world(None) as discord:
        status = 404 if code == 10003 else 403
        discord.env.inject_error("POST", "/channels/*/messages", status=status, code=code)
        with pytest.raises(UndeliverableError, match=str(code)):
            await discord.chat.send(str(discord.channel.id), Message("hello"), "1")


async def test_a_channel_that_is_closed_to_us_and_one_that_never_was_are_given_up():
    async with world(None) as place:
        me = place.env.bot.user
        closed = place.guild.create_text_channel(
            "closed", overwrites={me: discord.PermissionOverwrite(send_messages=False)}
        )
        for channel in (str(closed.id), "123456789", "#lab"):
            with pytest.raises(UndeliverableError):
                await place.chat.send(channel, Message("hello"), channel)


async def test_a_message_that_somebody_deleted_is_not_edited_for_ever():
    async with world(None) as discord:
        channel = str(discord.channel.id)
        reference = await discord.chat.send(channel, Message("step 1"), "1")
        discord.env.backend.delete_message(discord.channel.id, int(reference))
        with pytest.raises(UndeliverableError, match="10008"):
            await discord.chat.edit(channel, reference, Message("step 2"))


async def test_a_fault_of_discords_is_raised_so_that_it_is_tried_again():
    async with world(None) as place:
        place.env.inject_error("POST", "/channels/*/messages", status=500)
        with pytest.raises(discord.HTTPException):
            await place.chat.send(str(place.channel.id), Message("hello"), "1")
        await place.chat.send(str(place.channel.id), Message("hello"), "1")
        assert texts(place, place.channel.id) == ["hello"]


async def test_before_the_connection_stands_words_wait():
    with pytest.raises(ConnectionError):
        await DiscordChat(None, "token").send("1", Message("hello"), "1")
