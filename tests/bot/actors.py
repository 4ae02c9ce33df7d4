"""People for the scenarios: an actor does what a person does in one chat, and returns the words that they then see.

Lines are written as on the console: `/command options`, `[Button]`, anything else is said by direct message.
"""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from rich.console import Console

from bot.app import App
from bot.chat.built_in import NAME as BUILT_IN
from bot.chat.console_screen import Screen
from bot.chat.on_console import Conversation
from bot.study.membership import Sender
from bot.view import Field


class Actor(Protocol):
    """One person in one chat."""

    async def do(self, line: str, form: Mapping[str, str] | None = None) -> str:
        """Type or press something, fill in the form that opens (None: leave it), and return what is shown."""

    async def news(self) -> str:
        """Return what was posted unasked since the last look."""


class ConsoleActor:
    """A person at a console."""

    def __init__(self, app: App, name: str, files: Path, group: str = "lab") -> None:
        self._out = io.StringIO()
        screen = Screen(Console(file=self._out, width=200, color_system=None), files)
        sender = Sender(BUILT_IN, name, name.capitalize(), "UTC", admin=name == "ann")
        self._conversation = Conversation(app.dispatch, app.built_in, sender, group, screen, self._ask)
        self._form: Mapping[str, str] | None = None

    async def do(self, line: str, form: Mapping[str, str] | None = None) -> str:
        self._form = form
        await self._conversation.say(line)
        return self._read()

    async def news(self) -> str:
        await self._conversation.catch_up()
        return self._read()

    async def _ask(self, field: Field) -> str | None:
        return None if self._form is None else self._form.get(field.name, field.value)

    def _read(self) -> str:
        text = self._out.getvalue()
        self._out.seek(0)
        self._out.truncate()
        return text
