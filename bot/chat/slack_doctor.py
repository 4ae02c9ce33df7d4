"""Looks at Cohort's place on Slack: the tokens, the scopes, the channels for results."""

import asyncio
from collections.abc import Sequence

from aiohttp import ClientError
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.chat.slack_manifest import SCOPES
from bot.chat.slack_workspace import code
from bot.check import Check
from bot.settings import Settings
from bot.store.tables import Group

REINSTALL = "Update the app with `cohort manifest slack`, then install it anew in the workspace."


async def examine(settings: Settings, groups: Sequence[Group]) -> list[Check]:
    """Ask Slack about our tokens; `groups` are those with a channel for results."""
    assert settings.slack_bot_token  # noqa: S101  # the caller's condition
    client = AsyncWebClient(settings.slack_bot_token.get_secret_value(), base_url=settings.slack_api_url)
    try:
        try:
            identity = await client.auth_test()
        except SlackApiError as error:
            fix = "COHORT_SLACK_BOT_TOKEN begins with xoxb-, and is on the app's page OAuth & Permissions."
            return [Check("Slack", False, f"the bot's token is refused: {code(error)}", fix)]
        ours = [group for group in groups if group.external_id == identity["team_id"]]
        return [
            Check("Slack", True, f"the token is {identity['user']}'s in {identity['team']}"),
            _scopes(identity),
            await _way_in(client, settings),
            *await asyncio.gather(*(_channel(client, group) for group in ours)),
        ]
    except (ClientError, OSError, ValueError) as error:
        found = f"cannot be asked: {type(error).__name__}"
        return [Check("Slack", False, found, "Can this machine reach slack.com? Are the tokens copied whole?")]


def _scopes(identity: AsyncSlackResponse) -> Check:
    """Compare the scopes that the token has with the manifest's."""
    has = {scope.strip() for scope in identity.headers.get("x-oauth-scopes", "").split(",")} - {""}
    if lacking := sorted(SCOPES.keys() - has):
        why = "; ".join(f"{scope} ({SCOPES[scope]})" for scope in lacking)
        return Check("Slack scopes", False, f"lacking: {why}", REINSTALL)
    if needless := sorted(has - SCOPES.keys()):
        return Check("Slack scopes", None, f"more than Cohort needs: {', '.join(needless)}", REINSTALL)
    return Check("Slack scopes", True, f"all {len(SCOPES)}")


async def _way_in(client: AsyncWebClient, settings: Settings) -> Check:
    """Check how Slack reaches us: a socket that we open, or HTTP, which only Slack can try."""
    if settings.slack_app_token is None:
        if settings.slack_signing_secret:
            return Check("Slack way in", None, "HTTP; whether the signing secret is right shows with the first command")
        fix = "Set COHORT_SLACK_APP_TOKEN for Socket Mode, or COHORT_SLACK_SIGNING_SECRET for HTTP."
        return Check("Slack way in", False, "there is none", fix)
    try:
        await client.apps_connections_open(app_token=settings.slack_app_token.get_secret_value())
    except SlackApiError as error:
        fix = "COHORT_SLACK_APP_TOKEN begins with xapp-, has the scope connections:write, and Socket Mode is on."
        return Check("Slack way in", False, f"the app token is refused: {code(error)}", fix)
    return Check("Slack way in", True, "Socket Mode")


async def _channel(client: AsyncWebClient, group: Group) -> Check:
    """Read a channel for results, which only members may; unlike asking about it, that needs no further scope."""
    channel = (group.results_channel or "").rpartition(":")[2]
    name = f"Slack, {group.name}"
    try:
        await client.conversations_history(channel=channel, limit=1)
    except SlackApiError as error:
        match code(error):
            case "not_in_channel":
                found = f"Cohort is not in {channel} yet; it joins when it has a picture to share"
                return Check(name, None, found, "`/invite @Cohort` there does it now.")
            case "channel_not_found":
                found = f"{channel} is private without Cohort in it, or is gone"
                return Check(name, False, found, "`/invite @Cohort` there, or choose another channel.")
            case other:
                return Check(name, False, f"{channel} cannot be read: {other}", REINSTALL)
    return Check(name, True, f"Cohort is in {channel}")
