"""Writes deploy/discord.md from the registry: how Cohort is added to Discord, what it asks for and why."""

import discord

from bot.chat.discord_client import intents
from bot.command import Route, commands

SCOPES = ("bot", "applications.commands")
WHY = {
    "view_channel": "to speak in a channel at all",
    "send_messages": "results, drills and reminders that nobody asked for just now",
    "create_public_threads": "the details of a run, in a thread under its result",
    "read_message_history": "to begin that thread at the result",
    "send_messages_in_threads": "to speak in it, and in a thread that is a group's results channel",
    "embed_links": "titles, facts and pictures",
    "attach_files": "configs and training curves",
}
INTENTS = {
    "guilds": "the servers it is in, so that a group has a name and a channel",
    "dm_messages": "what people write to it directly; Discord gives their content without a privilege",
}
PAGE = """\
# Cohort on Discord

<!-- Written by `cohort manifest discord`; a test says when it is stale. -->

1. In the [developer portal](https://discord.com/developers/applications) make an application. Under *Bot*, copy its
   token into `COHORT_DISCORD_TOKEN`; leave all three privileged intents off. Under *Installation*, allow both user
   and guild installs.
2. Start Cohort: `pip install 'cohort[discord]'`, then `cohort serve`. It tells Discord its commands by itself.
3. Open this link with your application's id in it, and choose a server:

   <{link}>

   People can also add Cohort to their own account and use it anywhere; it then answers only them.

## Permissions ({bits})

{permissions}

With *View Audit Log* as well, Cohort greets whoever added it; without it, the server's owner.

## Intents (none is privileged)

{intents}

Cohort does not read channels: it hears commands, presses, forms and direct messages.

## Commands

{commands}
"""


def permissions() -> discord.Permissions:
    """Return what Cohort asks for when it is added to a server."""
    return discord.Permissions(**dict.fromkeys(WHY, True))


def manifest() -> str:
    """Return deploy/discord.md."""
    return PAGE.format(
        link=discord.utils.oauth_url("APPLICATION_ID", permissions=permissions(), scopes=SCOPES),
        bits=permissions().value,
        permissions=_listed(WHY),
        intents=_listed({name: INTENTS[name] for name, wanted in intents() if wanted}),
        commands="\n".join(map(_line, commands())),
    )


def _listed(reasons: dict[str, str]) -> str:
    return "\n".join(f"- *{name.replace('_', ' ').title()}*: {why}" for name, why in reasons.items())


def _line(route: Route) -> str:
    options = [option.name if option.required else f"[{option.name}]" for option in route.options]
    seen = "only the asker sees the answer" if route.private else "everybody in the channel sees the answer"
    return f"- `{' '.join([f'/{route.name}', *options])}`: {route.help} ({seen})"
