"""Looks at Cohort's place on Discord, by its HTTP interface alone: the token, the intents, the permissions."""

import asyncio
from collections.abc import Sequence

import discord
from discord.abc import GuildChannel

from bot.chat.discord_client import intents
from bot.chat.discord_manifest import WHY
from bot.check import Check
from bot.store.tables import Group

SERVERS_SHOWN = 5
PRIVILEGED = {
    "Presence": ("gateway_presence", "gateway_presence_limited"),
    "Server Members": ("gateway_guild_members", "gateway_guild_members_limited"),
    "Message Content": ("gateway_message_content", "gateway_message_content_limited"),
}
INVITE = "`cohort manifest discord` has the link that adds it."


def api() -> str:
    """Return a URL of Discord's that anyone may ask for."""
    return f"{discord.http.Route.BASE}/gateway"


async def examine(token: str, groups: Sequence[Group]) -> list[Check]:
    """Log in without connecting, and look; `groups` are those with a channel for results."""
    client = discord.Client(intents=intents())
    try:
        await client.login(token)
        me = str(client.user)
        places = await asyncio.gather(*(_channel(client, group) for group in groups))
        return [
            Check("Discord", True, f"the token is {me}'s"),
            _intents(client),
            await _servers(client),
            *places,
        ]
    except discord.LoginFailure:
        fix = "Copy it anew from the developer portal, under Bot, into COHORT_DISCORD_TOKEN."
        return [Check("Discord", False, "the token is refused", fix)]
    except (OSError, discord.HTTPException) as error:
        found = f"cannot be asked: {type(error).__name__}"
        return [Check("Discord", False, found, "Can this machine reach discord.com? Is Discord up?")]
    finally:
        await client.close()


def _intents(client: discord.Client) -> Check:
    """Say which privileged intents are on; Cohort wants none of them."""
    assert client.application  # noqa: S101  # logged in
    flags = client.application.flags
    on = [name for name, bits in PRIVILEGED.items() if any(getattr(flags, bit) for bit in bits)]
    wanted = ", ".join(name for name, value in intents() if value)
    if on:
        fix = "Turn them off in the developer portal, under Bot: Cohort needs none of them."
        return Check("Discord intents", None, f"privileged and on: {', '.join(on)}", fix)
    return Check("Discord intents", True, f"{wanted}; none is privileged")


async def _servers(client: discord.Client) -> Check:
    names = [guild.name async for guild in client.fetch_guilds(limit=None, with_counts=False)]
    if not names:
        return Check("Discord servers", None, "in none yet", INVITE)
    more = f" and {len(names) - SERVERS_SHOWN} more" if len(names) > SERVERS_SHOWN else ""
    return Check("Discord servers", True, f"in {len(names)}: {', '.join(names[:SERVERS_SHOWN])}{more}")


async def _channel(client: discord.Client, group: Group) -> Check:
    """Compare what we may do in a group's channel for results with what we ask for."""
    name = f"Discord, {group.name}"
    try:
        guild = await client.fetch_guild(int(group.external_id), with_counts=False)
    except (discord.Forbidden, discord.NotFound):
        return Check(name, False, "Cohort is not in this server", INVITE)
    try:
        channel = await guild.fetch_channel(int(group.results_channel or 0))
        lacking = await _lacking(client, guild, channel)
    except (discord.Forbidden, discord.NotFound, discord.InvalidData):
        return Check(name, False, "the channel for results cannot be seen", "Let Cohort view it, or choose another.")
    if lacking:
        fix = f"Give Cohort's role these permissions in #{channel.name}."
        return Check(name, False, f"in #{channel.name}, Cohort lacks {', '.join(lacking)}", fix)
    return Check(name, True, f"results go to #{channel.name}")


async def _lacking(client: discord.Client, guild: discord.Guild, channel: GuildChannel | discord.Thread) -> list[str]:
    assert client.user  # noqa: S101  # logged in
    member = await guild.fetch_member(client.user.id)
    is_thread = isinstance(channel, discord.Thread)
    place = await guild.fetch_channel(channel.parent_id) if isinstance(channel, discord.Thread) else channel
    needless = "send_messages" if is_thread else "send_messages_in_threads"
    may = place.permissions_for(member)
    return [name.replace("_", " ").title() for name in WHY if name != needless and not getattr(may, name)]
