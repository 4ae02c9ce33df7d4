import re
from urllib.parse import parse_qs, urlparse

import discord

import bot.commands  # noqa: F401  (registers the commands)
from bot.chat.discord_client import intents
from bot.chat.discord_manifest import manifest
from bot.command import commands


def test_the_invite_link_asks_for_what_is_explained_and_nothing_else():
    page = manifest()
    link = next(line.strip(" <>") for line in page.splitlines() if "oauth2/authorize" in line)
    asked = parse_qs(urlparse(link).query)
    assert asked["scope"] == ["bot applications.commands"]
    section = page.partition("## Permissions")[2].partition("\n## ")[0]
    explained = [name.lower().replace(" ", "_") for name in re.findall(r"^- \*(.+?)\*: ", section, re.MULTILINE)]
    assert asked["permissions"] == [str(discord.Permissions(**dict.fromkeys(explained, True)).value)]


def test_every_intent_is_explained_and_none_is_privileged():
    page = manifest()
    wanted = intents()
    assert all(f"*{name.replace('_', ' ').title()}*:" in page for name, on in wanted if on)
    assert not any((wanted.members, wanted.presences, wanted.message_content))


def test_every_command_is_listed():
    page = manifest()
    assert all(f"`/{route.name}" in page and route.help in page for route in commands())
