"""The console: a chat in a terminal. Buttons are numbered choices, forms are prompts, files are paths.

What can be typed: `/submit match my.yaml` is a command; `2` presses the second button of the last message, and
`[Cancel]` the button with that label; anything else is said to Cohort by direct message.
"""

import asyncio
import difflib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.chat.built_in import BuiltInChat, Posted
from bot.chat.command_line import read_command
from bot.chat.console_screen import Screen
from bot.dispatch import Dispatcher, Request, Value, find_route
from bot.errors import UserError
from bot.study.membership import Sender
from bot.view import Button, Edit, Field, Form, Menu, Message, Refused, Reply, Upload, action, read_action

FILE_LIMIT = 8 * 2**20  # bytes read from a path that somebody names
POLL = 0.25  # seconds
EDITS_EVERY = timedelta(seconds=5)

Ask = Callable[[Field], Awaitable[str | None]]  # None: they left the form


class Conversation:
    """One person's window onto the built-in chat: what they type goes to Cohort, what is posted comes back."""

    def __init__(
        self, dispatch: Dispatcher, chat: BuiltInChat, sender: Sender, group: str, screen: Screen, ask: Ask
    ) -> None:
        self._dispatch = dispatch
        self._chat = chat
        self.sender = sender
        self._group = group
        self._screen = screen
        self._ask = ask
        self._pressable: list[tuple[Button, ...]] = []  # of each message shown, the newest last
        self._revisions: dict[int, int] = {}
        self._edited: dict[int, Posted] = {}  # edits not shown yet
        self._edits_shown_at = datetime.now(UTC)
        self._since = datetime.now(UTC)

    @property
    def channels(self) -> list[str]:
        """What this person can read: their group's channel and their direct messages."""
        return [f"#{self._group}", f"@{self.sender.id}"]

    async def say(self, line: str) -> None:
        """Do what a typed line means, and show the answer."""
        line = line.strip()
        try:
            if line.startswith("/"):
                await self._command(line[1:])
            elif button := self._button(line):
                await self._press(button)
            elif line:
                await self._answer(self._request("say", {"text": line}))
        except UserError as error:
            self._show(Message("\n\n".join(filter(None, [str(error), error.hint]))))

    async def catch_up(self, show: bool = True) -> None:
        """Show what was posted or edited since the last look."""
        now = datetime.now(UTC)
        for post in await self._chat.since(self.channels, self._since):
            seen = self._revisions.get(post.id, 0)
            self._revisions[post.id] = post.revision
            if show and post.revision > seen:
                self._show_post(post, edited=seen > 0)
        self._since = now
        if now - self._edits_shown_at > EDITS_EVERY:
            self._show_edits(now)

    async def history(self, limit: int = 4) -> None:
        """Show the last messages, when a window opens."""
        for post in await self._chat.latest(self.channels, limit):
            self._revisions[post.id] = post.revision
            self._show_post(post, edited=False)

    async def follow(self) -> None:
        """Show what is posted, for as long as the window is open."""
        while True:
            await self.catch_up()
            await asyncio.sleep(POLL)

    def _show_post(self, post: Posted, *, edited: bool) -> None:
        if edited:
            self._edited[post.id] = post
        else:
            self._screen.message(post.author, post.channel, post.message)
            self._remember(post.message)

    def _show_edits(self, now: datetime) -> None:
        """Show the latest state of what was edited. A terminal cannot change a line above, so not every edit.

        What only moves on in silence takes one line.
        """
        for post in self._edited.values():
            if post.message.silent:
                self._screen.live(post.id, post.message)
            else:
                self._show_post(post, edited=False)
        self._edited.clear()
        self._edits_shown_at = now

    async def _command(self, line: str) -> None:
        name, typed = read_command(line)
        uploads = {option.name for option in find_route(name).options if option.type is Upload}
        values: dict[str, Value] = {
            key: await asyncio.to_thread(read_file, value) if key in uploads else value for key, value in typed.items()
        }
        await self._answer(self._request(name, values))

    def _button(self, line: str) -> Button | None:
        """Find the button that a number or a label in brackets means."""
        if line.isdecimal() and self._pressable:
            buttons = self._pressable[-1]
            return buttons[int(line) - 1] if 0 < int(line) <= len(buttons) else None
        if line.startswith("[") and line.endswith("]"):
            labelled = (b for buttons in reversed(self._pressable) for b in buttons if b.label == line[1:-1])
            if found := next(labelled, None):
                return found
            raise UserError(f"No message here has a button {line[:60]}.")
        return None

    async def _press(self, button: Button) -> None:
        name, ids = read_action(button.action)
        await self._answer(self._request(name, dict(ids)))

    async def _answer(self, request: Request) -> None:
        reply = await self._dispatch(request)
        if isinstance(reply, Form):
            await self._fill_in(reply)
        else:
            await self._reply(request, reply)

    async def _reply(self, request: Request, reply: Reply) -> None:
        answer = reply.answer if isinstance(reply, Refused) else reply
        message = answer.message if isinstance(answer, Edit) else answer
        if not isinstance(message, Message):
            return
        if find_route(request.route).private:
            self._show(message)
        else:
            nonce = f"reply:{self.sender.id}:{datetime.now(UTC).timestamp()}"
            await self._chat.send(self.channels[0], message, nonce)
            await self.catch_up()

    async def _fill_in(self, form: Form) -> None:
        self._screen.note(f"\n{form.title} (/cancel leaves it)")
        name, ids = read_action(form.action)
        values: dict[str, Value] = dict(ids)
        for field in form.fields:
            value = await self._ask(field)
            if value is None:
                self._screen.note("Left; nothing was sent.")
                return
            if value:
                values[field.name] = await asyncio.to_thread(read_file, value) if field.kind == "file" else value
        await self._answer(self._request(name, values))

    def _show(self, message: Message) -> None:
        self._screen.message("Cohort", self.sender.id, message)
        self._remember(message)

    def _remember(self, message: Message) -> None:
        if buttons := (*message.buttons, *_choices(message.menu)):
            self._pressable.append(buttons)

    def _request(self, route: str, values: dict[str, Value]) -> Request:
        """Return a request: in a terminal, typed words are always heard, and a run's messages go to the group."""
        return Request(self.sender, self.channels[0], route, values, (self.channels[0], self._group), direct=True)


def _choices(menu: Menu | None) -> list[Button]:
    if menu is None:
        return []
    name, ids = read_action(menu.action)
    return [Button(option.label, action(name, **ids, choice=option.value)) for option in menu.options]


def read_file(name: str) -> Upload:
    """Read a file that somebody names; raises UserError when there is none, with the nearest name beside it."""
    path = Path(name).expanduser()
    if path.is_dir():
        raise UserError(f"`{name}` is a folder.", "Name a file in it.")
    try:
        with path.open("rb") as file:
            return Upload(path.name, file.read(FILE_LIMIT))
    except FileNotFoundError:
        beside = [other.name for other in path.parent.iterdir()] if path.parent.is_dir() else []
        near = difflib.get_close_matches(path.name, beside, n=1)
        raise UserError(f"There is no file `{name}`." + (f" Did you mean {near[0]}?" if near else "")) from None
    except OSError as error:
        raise UserError(f"`{name}` cannot be read: {error.strerror}.") from None
