"""Many workspaces: installed through OAuth, with tokens that are renewed, until they are revoked."""

from collections.abc import AsyncIterator
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from bot.chat.on_slack import InstalledTeams, SlackChat
from bot.delivery import UndeliverableError
from bot.dispatch import Request
from bot.view import Message, Reply
from tests.slack_server import SIGNING_SECRET, TEAM, Person, SlackServer, words
from tests.slack_server.state import CLIENT_ID, CLIENT_SECRET, CODE


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    found = create_async_engine(database_url)
    yield found
    await found.dispose()


@pytest.fixture
async def slack() -> AsyncIterator[SlackServer]:
    async with SlackServer() as server:
        yield server


async def answer(request: Request) -> Reply:
    return Message(f"hello {request.sender.name}")


@pytest.fixture
async def chat(slack: SlackServer, engine: AsyncEngine) -> AsyncIterator[SlackChat]:
    teams = InstalledTeams(engine, CLIENT_ID, CLIENT_SECRET, slack.api)
    found = SlackChat(answer, teams, signing_secret=SIGNING_SECRET, base_url=slack.api, host="127.0.0.1", port=0)
    await found.start()
    slack.app_url = found.url
    yield found
    await found.stop()


async def install(chat: SlackChat, code: str = CODE, cookie: bool = True) -> int:
    """Do what a browser does; return the last page's status."""
    base = chat.url.removesuffix("/events")
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as browser:
        async with browser.get(f"{base}/install") as page:
            text, given = await page.text(), page.headers["Set-Cookie"].split(";")[0]
        link = next(part for part in text.split('"') if part.startswith("https://slack.com/oauth"))
        state = parse_qs(urlsplit(link).query)["state"][0]
        headers = {"Cookie": given} if cookie else {}
        back = {"code": code, "state": state}
        async with browser.get(f"{base}/oauth_redirect", params=back, headers=headers) as page:
            return page.status


async def test_a_workspace_that_installs_us_is_answered_and_told_things(slack: SlackServer, chat: SlackChat):
    assert await install(chat) == 200
    ann = Person(slack, slack.person("Ann"), slack.channel("lab"))
    await ann.command("help")
    await chat.idle()
    assert words(ann.sees()[-1].blocks) == "hello Ann"
    await chat.send(f"@{TEAM}:{ann.user.id}", Message("a reminder"), "k")
    assert words(ann.direct.posts[-1].blocks) == "a reminder"


async def test_an_installation_that_somebody_else_began_is_refused(slack: SlackServer, chat: SlackChat):
    assert await install(chat, cookie=False) == 400
    assert await install(chat, code="guess") == 401
    assert slack.tokens == {"xoxb-test"}


async def test_who_has_not_installed_us_is_not_answered(slack: SlackServer, chat: SlackChat):
    ann = Person(slack, slack.person("Ann"), slack.channel("lab"))
    await ann.command("help")
    assert "not installed" in ann.sees()[-1].body["text"]
    with pytest.raises(UndeliverableError, match="not installed in T9"):
        await chat.send("T9:C1", Message("x"), "k")


async def test_a_token_is_renewed_before_it_expires(slack: SlackServer, chat: SlackChat):
    slack.token_seconds = 3600  # less than what is left when it is renewed
    assert await install(chat) == 200
    first = slack.tokens
    channel = slack.channel("lab")
    slack.token_seconds = 12 * 3600
    for key in "ab":
        await chat.send(f"{TEAM}:{channel.id}", Message(key), key)
    assert slack.tokens.isdisjoint(first)
    assert [words(post.blocks) for post in channel.posts] == ["a", "b"]
    assert len(slack.called("oauth.v2.access")) == 2


async def test_a_workspace_that_uninstalls_us_is_forgotten(slack: SlackServer, chat: SlackChat):
    assert await install(chat) == 200
    ann = Person(slack, slack.person("Ann"), slack.channel("lab"))
    await ann.event({"type": "app_uninstalled"})
    with pytest.raises(UndeliverableError):
        while True:  # slack_bolt forgets in the background
            await chat.send(f"{TEAM}:{ann.channel.id}", Message("x"), "k")
