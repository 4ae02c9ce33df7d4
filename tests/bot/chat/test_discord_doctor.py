"""What the doctor sees of Discord, over real sockets."""

from collections.abc import AsyncIterator

import discord
import pytest
from aiohttp.test_utils import TestServer
from discord_rest import CHANNEL, GUILD, HIDDEN, THREAD, DiscordRest

from bot.chat import discord_doctor
from bot.chat.discord_manifest import permissions
from bot.check import Check
from bot.store.tables import Group


@pytest.fixture
async def rest(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[DiscordRest]:
    rest = DiscordRest()
    rest.may = permissions()
    async with TestServer(rest.app()) as server:
        monkeypatch.setattr(discord.http.Route, "BASE", str(server.make_url("")).rstrip("/"))
        yield rest


def group(channel: str = CHANNEL, guild: str = GUILD) -> Group:
    return Group(chat="discord", external_id=guild, name="Lab", results_channel=channel)


async def look(rest: DiscordRest, *groups: Group) -> list[Check]:
    return await discord_doctor.examine(rest.token, groups)


async def test_all_is_well(rest):
    assert await look(rest, group(), group(THREAD)) == [
        Check("Discord", True, "the token is cohort's"),
        Check("Discord intents", True, "guilds, dm_messages; none is privileged"),
        Check("Discord servers", True, "in 1: Lab"),
        Check("Discord, Lab", True, "results go to #results"),
        Check("Discord, Lab", True, "results go to #results"),
    ]


async def test_a_refused_token_is_not_repeated(rest):
    (found,) = await discord_doctor.examine("a-wrong-token", [])
    assert found.ok is False
    assert "COHORT_DISCORD_TOKEN" in found.fix
    assert "a-wrong-token" not in str(found)


async def test_a_discord_that_is_away_is_told_from_a_refused_token(monkeypatch, unused_tcp_port):
    monkeypatch.setattr(discord.http.Route, "BASE", f"http://127.0.0.1:{unused_tcp_port}")
    (found,) = await discord_doctor.examine("token", [])
    assert (found.ok, found.found) == (False, "cannot be asked: ClientConnectorError")


async def test_needless_privileged_intents_are_named(rest):
    rest.flags = discord.ApplicationFlags(gateway_presence=True, gateway_message_content_limited=True)
    found = (await look(rest))[1]
    assert (found.ok, found.found) == (None, "privileged and on: Presence, Message Content")
    assert "Turn them off" in found.fix


@pytest.mark.parametrize(
    ("channel", "missing", "found"),
    [
        (CHANNEL, {"attach_files": False, "send_messages_in_threads": False}, "lacks Attach Files"),
        (CHANNEL, {"view_channel": False}, "lacks View Channel"),
        (THREAD, {"send_messages_in_threads": False}, "lacks Send Messages In Threads"),
    ],
)
async def test_missing_permissions_are_named(rest, channel, missing, found):
    rest.may.update(**missing)
    check = (await look(rest, group(channel)))[-1]
    assert check.ok is False
    assert found in check.found
    assert "#results" in check.fix


async def test_a_channel_that_cannot_be_seen_and_a_server_that_was_left(rest):
    checks = await look(rest, group(HIDDEN), group(guild="99"))
    assert [(check.ok, check.found) for check in checks[-2:]] == [
        (False, "the channel for results cannot be seen"),
        (False, "Cohort is not in this server"),
    ]


async def test_it_says_how_to_be_added_when_it_is_in_no_server(rest):
    rest.guilds = []
    found = (await look(rest))[2]
    assert (found.ok, found.found) == (None, "in none yet")
    assert "cohort manifest discord" in found.fix
