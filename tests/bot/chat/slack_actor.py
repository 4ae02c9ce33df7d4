"""Slack for tests: the fake workspace with our real adapter in it, and people who use it as they would."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bot.chat.on_slack import OneTeam, SlackChat
from bot.chat.slack_interactions import Dispatch
from tests.slack_server import APP_TOKEN, BOT_TOKEN, SIGNING_SECRET, Person, Post, SlackServer, words
from tests.slack_server.limits import problems_of_message, problems_of_view
from tests.slack_server.state import BOT_USER, Channel

CHECKED = ("chat.postMessage", "chat.postEphemeral", "chat.update", "response_url")


@dataclass
class World:
    """A workspace with one channel, and Cohort in it."""

    slack: SlackServer
    chat: SlackChat
    channel: Channel

    def person(self, name: str) -> Person:
        """Return a new person; Ann is an admin of the workspace."""
        user = self.slack.person(name.capitalize(), "UTC", admin=name == "ann")
        return Person(self.slack, user, self.channel)

    async def settled(self, shown: int) -> None:
        """Wait until something new is shown, and nothing more is to come."""
        await self.slack.more_than(shown)
        await self.chat.idle()

    def check(self) -> None:
        """Fail on anything that Slack would not take."""
        messages = [body for method, body in self.slack.calls if method in CHECKED]
        views = [body["view"] for method, body in self.slack.calls if method in ("views.open", "views.publish")]
        found = [problem for body in messages for problem in problems_of_message(body)]
        assert found + [problem for view in views for problem in problems_of_view(view)] == []
        assert all(body.get("unfurl_links") is False for body in self.slack.called("chat.postMessage"))


def connect(slack: SlackServer, dispatch: Dispatch, *, http: bool = False) -> SlackChat:
    """Build our side of a fake Slack, for Socket Mode or for HTTP."""
    keys = {"signing_secret": SIGNING_SECRET} if http else {"app_token": APP_TOKEN}
    team = OneTeam(BOT_TOKEN, slack.api)
    return SlackChat(dispatch, team, **keys, base_url=slack.api, host="127.0.0.1", port=0)


@asynccontextmanager
async def world(dispatch: Dispatch, *, http: bool = False, patience: float = 3.0) -> AsyncIterator[World]:
    """Start Cohort in a Slack of its own; at the end, everything that was sent is checked."""
    async with SlackServer(patience) as slack:
        chat = connect(slack, dispatch, http=http)
        await chat.start()
        slack.app_url = chat.url if http else None
        found = World(slack, chat, slack.channel("lab"))
        yield found
        await chat.stop()
        found.check()


class SlackActor:
    """A person on Slack. `/x y` is typed as `/cohort x y`, and a command that is shown to them reads back as `/x y`.

    A bare `/` is `/cohort /`, because `/cohort` alone asks for help.
    """

    def __init__(self, world: World, name: str) -> None:
        self._world = world
        self.person = world.person(name)
        self._seen: dict[str, int] = {}  # edits of each message, by its timestamp

    async def do(self, line: str, form: Mapping[str, str] | None = None) -> str:
        if line == "[Fix it]" and self.person.modal:  # on Slack, a form with mistakes is still open
            return await self._fill_in(form)
        shown = self._world.slack.shown
        if line.startswith("/"):
            await self.person.command(line.removeprefix("/") or "/")
        elif line.startswith("["):
            try:
                await self.person.press(line[1:-1])
            except LookupError:  # it stands in a menu
                await self.person.choose(line[1:-1])
        else:
            await self.person.say(line)
        await self._world.settled(shown)
        if self.person.modal:
            return await self._fill_in(form)
        return await self.news()

    async def _fill_in(self, form: Mapping[str, str] | None) -> str:
        if form is None:
            self.person.leave()
            return "Left; nothing was sent."
        shown = self._world.slack.shown
        acknowledged = await self.person.fill_in(form)
        if errors := acknowledged.get("errors"):
            return "\n".join(errors.values())
        await self._world.settled(shown)
        return await self.news()

    async def news(self) -> str:
        return "\n".join(self._read(post) for post in self.person.sees() if self._is_new(post))

    def _is_new(self, post: Post) -> bool:
        before = self._seen.get(post.ts, -1)
        self._seen[post.ts] = post.edits
        return post.user == BOT_USER and post.edits > before

    def _read(self, post: Post) -> str:
        files = [f"{file.name} {file.alt}" for file in post.files]
        return "\n".join([words(post.blocks) or post.body["text"], *files]).replace("/cohort ", "/")
