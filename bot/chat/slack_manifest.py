"""Slack's app manifest, written from the registry: what Slack has to know about Cohort before it runs."""

import io
from typing import Any

from ruamel.yaml import YAML

from bot.chat.slack_delivery import EVENT
from bot.chat.slack_interactions import ASK, SUBMIT
from bot.chat.slack_mrkdwn import COMMAND
from bot.command import ROUTES, commands

USAGE_LIMIT = 1000  # characters of a usage hint
EVENTS = ("app_home_opened", "message.im")
INSTALLATION_EVENTS = ("app_uninstalled", "tokens_revoked")
SCOPES = {
    "channels:history": "find what was said already after a lost answer, in public channels",
    "channels:join": "share pictures in a public channel",
    "chat:write": "answer",
    "chat:write.public": "say results in a public channel without an invitation",
    "commands": f"take {COMMAND} and shortcuts",
    "files:read": "read a config that somebody shares with the bot",
    "files:write": "share configs and learning curves",
    "groups:history": "as channels:history, in private channels that the bot was invited to",
    "im:history": "hear direct messages",
    "im:write": "begin direct messages",
    "metadata.message:read": f"read its own {EVENT} metadata back",
    "users:read": "know names and timezones",
}


def manifest(url: str | None = None, *, many: bool = False) -> str:
    """Return the manifest as YAML: for Socket Mode, or for HTTP below `url` (`https://…`).

    With `many`, any workspace may install the app from `url/slack/install`.
    """
    out = io.StringIO()
    yaml = YAML()
    yaml.width = 120
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.dump(_manifest(url and f"{url.rstrip('/')}/slack", many), out)
    scopes = "".join(f"#   {scope}: {why}\n" for scope, why in SCOPES.items())
    return f"# Written by `cohort manifest slack`. Why each scope:\n{scopes}{out.getvalue()}"


def _manifest(url: str | None, many: bool) -> dict[str, Any]:
    to = {"request_url": f"{url}/events"} if url else {}
    redirects = {"redirect_urls": [f"{url}/oauth_redirect"]} if many else {}
    return {
        "display_information": {
            "name": "Cohort",
            "description": "A study group for people who learn to train models",
            "background_color": "#1f2937",
        },
        "features": {
            "app_home": {
                "home_tab_enabled": True,
                "messages_tab_enabled": True,
                "messages_tab_read_only_enabled": False,
            },
            "bot_user": {"display_name": "Cohort", "always_online": True},
            "shortcuts": _shortcuts(),
            "slash_commands": [_command() | ({"url": f"{url}/events"} if url else {})],
        },
        "oauth_config": {**redirects, "scopes": {"bot": list(SCOPES)}},
        "settings": {
            "event_subscriptions": {**to, "bot_events": [*EVENTS, *(INSTALLATION_EVENTS if many else ())]},
            "interactivity": {"is_enabled": True, **to},
            "org_deploy_enabled": False,
            "socket_mode_enabled": url is None,
            "token_rotation_enabled": many,
        },
    }


def _command() -> dict[str, Any]:
    """Declare the one command; its hint names the first words that it takes, as far as there is room."""
    names = list(dict.fromkeys(route.name.split()[0] for route in commands()))
    hint = " | ".join(names)
    return {
        "command": COMMAND,
        "description": "Learn to train models: lessons, drills and runs",
        "usage_hint": hint if len(hint) <= USAGE_LIMIT else f"{hint[: USAGE_LIMIT - 1]}…",
        "should_escape": False,
    }


def _shortcuts() -> list[dict[str, str]]:
    names = (
        ("Submit a run", "global", SUBMIT),
        ("Submit as a run", "message", SUBMIT),
        ("Ask Cohort", "global", ASK),
        ("Ask Cohort about this", "message", ASK),
    )
    return [
        {"name": name, "type": kind, "callback_id": route, "description": ROUTES[route].help}
        for name, kind, route in names
    ]
