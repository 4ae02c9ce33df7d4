"""Where the console's lines come from: a person at a terminal, or a script on standard input.

A script's lines are what a person would type, and two more: `!wait TEXT [SECONDS]` waits until TEXT is shown, and
`# …` is a comment. A form reads the lines that follow, one a field; a long field ends with a line `.`.
"""

import asyncio
import io
import re
import sys
from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import IO

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion, PathCompleter
from prompt_toolkit.document import Document
from prompt_toolkit.formatted_text import HTML
from prompt_toolkit.patch_stdout import patch_stdout
from rich.console import Console

from bot.chat.built_in import BuiltInChat
from bot.chat.console_screen import Screen
from bot.chat.on_console import Conversation
from bot.command import Route, commands
from bot.dispatch import Dispatcher, Request
from bot.errors import UserError
from bot.study.membership import Sender
from bot.view import Field, Upload

PLAIN_WIDTH = 100
LEAVE = ("/quit", "/exit", "/bye")
HELLO = "This is #{group}. /start begins, /help lists the commands, /quit leaves."


class SlashCompleter(Completer):
    """Completes command names, option names and values, and paths for files."""

    def __init__(self, dispatch: Dispatcher, template: Request) -> None:
        self._dispatch = dispatch
        self._template = template
        self._paths = PathCompleter(expanduser=True)

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        """Satisfy the base class; prompt_toolkit asks the asynchronous one."""
        return ()

    async def get_completions_async(
        self, document: Document, complete_event: CompleteEvent
    ) -> AsyncGenerator[Completion, None]:
        """Complete the word before the cursor."""
        text = document.text_before_cursor
        if not text.startswith("/"):
            return
        for route in commands():
            if route.name.startswith(text[1:]):
                yield Completion(route.name, -len(text) + 1, display_meta=route.help)
        for completion in await self._arguments(text[1:], complete_event):
            yield completion

    async def _arguments(self, line: str, event: CompleteEvent) -> list[Completion]:
        route = max((r for r in commands() if line.startswith(r.name + " ")), key=lambda r: len(r.name), default=None)
        if route is None:
            return []
        word = line.rpartition(" ")[2]
        name, colon, partial = word.partition(":")
        named = next((o for o in route.options if colon and o.name == name), None)
        if named is None:
            names = [Completion(f"{o.name}:", -len(word), display_meta=o.param.help) for o in route.options]
            values = await self._values_in_order(route, line.removeprefix(route.name).split(" ")[1:])
            return [completion for completion in [*values, *names] if completion.text.startswith(word)]
        if named.type is Upload:
            return list(self._paths.get_completions(Document(partial), event))
        return await self._values(route, named.name, partial)

    async def _values_in_order(self, route: Route, words: list[str]) -> list[Completion]:
        """Complete a value whose option is given by its place."""
        place = len(words) - 1
        return await self._values(route, route.options[place].name, words[-1]) if place < len(route.options) else []

    async def _values(self, route: Route, option: str, partial: str) -> list[Completion]:
        words = await self._dispatch.complete(replace(self._template, route=route.name), option, partial)
        return [Completion(value, -len(partial)) for value in words]


async def interactive(dispatch: Dispatcher, chat: BuiltInChat, sender: Sender, group: str, files: Path) -> None:
    """Chat at a terminal until the person leaves."""
    session: PromptSession[str] = PromptSession()

    async def ask(field: Field) -> str | None:
        label = HTML("<b>{}</b>{}").format(field.label, " (Esc, then Enter, sends)\n" if field.kind == "long" else ": ")
        with suppress(EOFError, KeyboardInterrupt):
            said = await session.prompt_async(
                label, default=field.value, multiline=field.kind == "long", completer=None
            )
            return None if said.strip() == "/cancel" else said
        return None

    with patch_stdout(raw=True):
        screen = Screen(Console(force_terminal=True), files)
        conversation = Conversation(dispatch, chat, sender, group, screen, ask)
        request = Request(sender, conversation.channels[0], "", group=(conversation.channels[0], group))
        completer = SlashCompleter(dispatch, request)
        screen.note(HELLO.format(group=group))
        await conversation.history()
        following = asyncio.create_task(conversation.follow())
        try:
            while True:
                line = await session.prompt_async(f"{sender.id} ▸ ", completer=completer, multiline=False)
                if line.strip() in LEAVE:
                    return
                await conversation.say(line)
        except (EOFError, KeyboardInterrupt):
            return
        finally:
            following.cancel()


class Tee(io.TextIOBase, IO[str]):
    """Writes to standard output, and keeps what was shown since the last line that was typed."""

    shown = ""

    def write(self, text: str) -> int:
        """Write text."""
        self.shown += text
        return sys.stdout.write(text)

    def flush(self) -> None:
        """Let a reader at the other end of a pipe see it now."""
        sys.stdout.flush()


class Script:
    """Plays lines as one person, writing a plain transcript; keeps what was shown, for `!wait`."""

    def __init__(self, dispatch: Dispatcher, chat: BuiltInChat, sender: Sender, group: str, files: Path) -> None:
        self._lines: Iterator[str] = iter(())
        self._tee = Tee()
        console = Console(file=self._tee, width=PLAIN_WIDTH, color_system=None, force_terminal=False)
        self._screen = Screen(console, files)
        self._conversation = Conversation(dispatch, chat, sender, group, self._screen, self._ask)

    async def play(self, lines: Iterator[str]) -> None:
        """Play lines to their end, or until one leaves. What was posted before is not shown again."""
        await self._conversation.catch_up(show=False)
        self._lines = lines
        for line in lines:
            if line.strip() in LEAVE:
                return
            await self._play(line.rstrip("\n"))

    async def _play(self, line: str) -> None:
        if line.startswith("#") or not line.strip():
            return
        if line.startswith("!wait "):
            await self._wait(line.removeprefix("!wait "))
            return
        if line.startswith("!"):
            raise UserError(f"`{line[:40]}` is no line of a script.", "Did you mean `!wait TEXT [SECONDS]`?")
        self._tee.shown = ""
        self._screen.typed(self._conversation.sender.id, line)
        await self._conversation.say(line)

    async def _wait(self, wanted: str) -> None:
        match = re.fullmatch(r"(.*?)(?: (\d+))?", wanted)
        text, seconds = (match[1], int(match[2] or 60)) if match else (wanted, 60)
        try:
            async with asyncio.timeout(seconds):
                while text not in self._tee.shown:
                    await self._conversation.catch_up()
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise UserError(f"Waited {seconds} s for `{text}`, and it was not shown.") from None

    async def _ask(self, field: Field) -> str | None:
        """Read a field from the script: one line, or for a long one all lines up to a `.`."""
        given = []
        for line in self._lines:
            text = line.rstrip("\n")
            if text.strip() == "/cancel":
                return None
            if field.kind == "long" and text == ".":
                break
            given.append(text)
            if field.kind != "long":
                break
        else:
            return None  # the script ended in the middle of a form
        said = "\n".join(given) or field.value
        self._screen.typed(self._conversation.sender.id, said)
        return said
