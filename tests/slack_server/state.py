"""What a workspace of the fake Slack holds: people, channels, messages, files, views."""

import asyncio
import itertools
import time
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

TEAM, TEAM_NAME = "T0COHORT", "Study Group"
BOT_USER, BOT_ID = "U0BOT", "B0BOT"
BOT_TOKEN, APP_TOKEN, SIGNING_SECRET = "xoxb-test", "xapp-test", "8f742231b10e8888abcd99yyyzzz85a5"

CLIENT_ID, CLIENT_SECRET, CODE = "1.2", "client-secret", "code-from-slack"


class SlackError(Exception):
    """An answer with `ok: false`; its text is Slack's error code."""

    def __init__(self, code: str, details: list[str] | None = None) -> None:
        super().__init__(code)
        self.details = details or []


@dataclass
class User:
    id: str
    name: str
    timezone: str = "Europe/Berlin"
    admin: bool = False


@dataclass
class Post:
    """A message. One with `only_for` is ephemeral: that person alone sees it, and no method can find it."""

    channel: str
    ts: str
    user: str
    body: Json
    thread: str | None = None
    only_for: str | None = None
    files: list["File"] = field(default_factory=list)
    edits: int = 0

    @property
    def blocks(self) -> list[Json]:
        return self.body.get("blocks") or []


@dataclass
class Channel:
    id: str
    name: str
    private: bool = False
    archived: bool = False
    members: set[str] = field(default_factory=set)
    posts: list[Post] = field(default_factory=list)

    @property
    def direct(self) -> bool:
        return self.id.startswith("D")


@dataclass
class File:
    id: str
    name: str
    data: bytes = b""
    length: int = 0
    alt: str = ""
    user: str = BOT_USER


@dataclass
class Trigger:
    """What lets an app open a modal: for three seconds, and once."""

    user: str
    until: float


@dataclass
class ResponseUrl:
    """What lets an app answer an interaction: for half an hour, five times."""

    channel: str
    user: str
    pressed: Post | None
    until: float
    uses: int = 5


@dataclass
class View:
    """A modal that is open in front of somebody."""

    id: str
    user: str
    body: Json


@dataclass(frozen=True)
class Fault:
    """What goes wrong with a call: an error code, a 429, or an answer that is lost after the work is done."""

    code: str = ""
    retry_after: int | None = None
    lost: bool = False


class Workspace:
    """One workspace, and the clock that its time limits go by."""

    def __init__(self) -> None:
        self.users: dict[str, User] = {}
        self.channels: dict[str, Channel] = {}
        self.files: dict[str, File] = {}
        self.views: dict[str, View] = {}
        self.homes: dict[str, Json] = {}
        self.triggers: dict[str, Trigger] = {}
        self.response_urls: dict[str, ResponseUrl] = {}
        self.faults: dict[str, list[Fault]] = {}
        self.tokens = {BOT_TOKEN}  # of the bot, valid now
        self.scopes: set[str] = set()  # of the bot's token, as its answers name them
        self.refresh_token = ""
        self.token_seconds = 12 * 3600
        self.calls: list[tuple[str, Json]] = []
        self.shown = 0  # grows with whatever people see
        self._numbers = itertools.count(1)
        self._skipped = 0.0
        self._changed = asyncio.Event()

    def now(self) -> float:
        return time.time() + self._skipped

    def advance(self, seconds: float) -> None:
        self._skipped += seconds

    def new_id(self, prefix: str) -> str:
        return f"{prefix}{next(self._numbers):08d}"

    def fail(self, method: str, *faults: Fault) -> None:
        """Make the next calls of a method go wrong."""
        self.faults.setdefault(method, []).extend(faults)

    def called(self, method: str) -> list[Json]:
        """Return the arguments of all calls of a method."""
        return [body for name, body in self.calls if name == method]

    def person(self, name: str, timezone: str = "Europe/Berlin", *, admin: bool = False) -> User:
        user = User(self.new_id("U"), name, timezone, admin)
        self.users[user.id] = user
        return user

    def channel(self, name: str, *, private: bool = False, with_bot: bool = True) -> Channel:
        channel = Channel(
            self.new_id("G" if private else "C"), name, private, members={BOT_USER} if with_bot else set()
        )
        self.channels[channel.id] = channel
        return channel

    def direct(self, user: str) -> Channel:
        """Return the direct messages between somebody and the bot."""
        both = {user, BOT_USER}
        known = (channel for channel in self.channels.values() if channel.direct and channel.members == both)
        if found := next(known, None):
            return found
        channel = Channel(self.new_id("D"), user, private=True, members=both)
        self.channels[channel.id] = channel
        return channel

    def share(self, user: str, name: str, data: bytes) -> File:
        """Put a file of somebody's where the bot may read it."""
        file = File(self.new_id("F"), name, data, len(data), user=user)
        self.files[file.id] = file
        return file

    def post(self, channel: Channel, user: str, body: Json, **more: Any) -> Post:
        post = Post(channel.id, f"{int(self.now())}.{next(self._numbers):06d}", user, body, **more)
        channel.posts.append(post)
        if user == BOT_USER:
            self.changed()
        return post

    def find(self, channel: Channel, ts: str) -> Post:
        """Return a message that is not ephemeral."""
        for post in channel.posts:
            if post.ts == ts and post.only_for is None:
                return post
        raise SlackError("message_not_found")

    def seen_by(self, user: str) -> list[Post]:
        """Return all that somebody sees, oldest first."""
        posts = [post for channel in self.channels.values() for post in channel.posts if _reads(user, channel)]
        return sorted((post for post in posts if post.only_for in (None, user)), key=lambda post: post.ts)

    def changed(self) -> None:
        self.shown += 1
        self._changed.set()

    async def more_than(self, shown: int, seconds: float = 20) -> None:
        """Wait until people have seen something new."""
        async with asyncio.timeout(seconds):
            while self.shown <= shown:
                self._changed.clear()
                await self._changed.wait()


def _reads(user: str, channel: Channel) -> bool:
    return user in channel.members if channel.direct else True
