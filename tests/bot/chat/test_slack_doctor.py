"""What the doctor sees of Slack, in the fake one."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from bot.chat import slack_doctor
from bot.chat.slack_manifest import SCOPES
from bot.check import Check
from bot.settings import Settings
from bot.store.tables import Group
from tests.slack_server import APP_TOKEN, BOT_TOKEN, SIGNING_SECRET, TEAM, Fault, SlackServer


@pytest.fixture
async def slack() -> AsyncIterator[SlackServer]:
    async with SlackServer() as slack:
        slack.scopes = set(SCOPES)
        yield slack


async def look(slack: SlackServer, *groups: Group, **changes: Any) -> list[Check]:
    keys = {"slack_bot_token": BOT_TOKEN, "slack_app_token": APP_TOKEN} | changes
    return await slack_doctor.examine(Settings(**keys, slack_api_url=slack.api), groups)


def group(channel: str, team: str = TEAM) -> Group:
    return Group(chat="slack", external_id=team, name="Study Group", results_channel=f"{team}:{channel}")


async def test_all_is_well(slack):
    channel = slack.channel("results").id
    assert await look(slack, group(channel), group("C9", team="T-other")) == [
        Check("Slack", True, "the token is cohort's in Study Group"),
        Check("Slack scopes", True, f"all {len(SCOPES)}"),
        Check("Slack way in", True, "Socket Mode"),
        Check("Slack, Study Group", True, f"Cohort is in {channel}"),
    ]


async def test_a_refused_bot_token_is_not_repeated(slack):
    (found,) = await look(slack, slack_bot_token="xoxb-wrong")
    assert (found.ok, found.found) == (False, "the bot's token is refused: invalid_auth")
    assert "COHORT_SLACK_BOT_TOKEN" in found.fix
    assert "xoxb-wrong" not in str(found)


async def test_a_slack_that_is_away_is_told_from_a_refused_token(unused_tcp_port):
    settings = Settings(slack_bot_token=BOT_TOKEN, slack_api_url=f"http://127.0.0.1:{unused_tcp_port}/api/")
    (found,) = await slack_doctor.examine(settings, [])
    assert (found.ok, found.found) == (False, "cannot be asked: ClientConnectorError")


async def test_missing_scopes_are_named_with_what_they_are_for(slack):
    slack.scopes.remove("files:write")
    found = (await look(slack))[1]
    assert (found.ok, found.found) == (False, f"lacking: files:write ({SCOPES['files:write']})")
    assert "cohort manifest slack" in found.fix


async def test_needless_scopes_are_named(slack):
    slack.scopes.add("admin")
    found = (await look(slack))[1]
    assert (found.ok, found.found) == (None, "more than Cohort needs: admin")


async def test_a_refused_app_token_is_told_from_the_bots(slack):
    found = (await look(slack, slack_app_token="xapp-wrong"))[2]
    assert (found.ok, found.found) == (False, "the app token is refused: invalid_auth")
    assert "connections:write" in found.fix


@pytest.mark.parametrize(("secret", "ok"), [(SIGNING_SECRET, None), (None, False)])
async def test_without_an_app_token_a_signing_secret_is_needed(slack, secret, ok):
    assert (await look(slack, slack_app_token=None, slack_signing_secret=secret))[2].ok is ok


@pytest.mark.parametrize(("private", "ok"), [(False, None), (True, False)])
async def test_a_channel_without_cohort_in_it_says_how_to_invite_it(slack, private, ok):
    channel = slack.channel("results", private=private, with_bot=False).id
    found = (await look(slack, group(channel)))[-1]
    assert found.ok is ok
    assert "/invite @Cohort" in found.fix


async def test_a_channel_that_cannot_be_read_says_why(slack):
    slack.fail("conversations.history", Fault("missing_scope"))
    found = (await look(slack, group(slack.channel("results").id)))[-1]
    assert found.ok is False
    assert "missing_scope" in found.found
