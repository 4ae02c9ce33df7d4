"""Draws messages in a terminal, or as plain text where there is none."""

import io
import re
from pathlib import Path

from PIL import Image
from rich.console import Console, Group, RenderableType
from rich.markdown import Markdown
from rich.padding import Padding
from rich.table import Table
from rich.text import Text
from rich_pixels import Pixels

from bot.view import File, Message

PICTURE_WIDTH = 76  # characters; two pixels stand above each other in one


class Screen:
    """Writes to a rich console; files are kept in a folder and named by their path."""

    def __init__(self, console: Console, files: Path) -> None:
        self._console = console
        self._files = files
        self._shown: dict[int, str] = {}

    def message(self, author: str, place: str, message: Message) -> None:
        """Show one message, with its buttons numbered from 1."""
        self._print(
            Text(),
            Text.assemble((author, "bold cyan"), (f" → {place}", "dim")),
            Padding(Group(*self._parts(message)), (0, 0, 0, 2)),
        )

    def live(self, post: int, message: Message) -> None:
        """Show what has changed in a message that was shown before, as one line."""
        line = " · ".join(filter(None, [message.title, _plain(message.body)]))
        if self._shown.get(post) != line:
            self._shown[post] = line
            self._print(Text(f"  ↻ {line}", style="dim", overflow="fold"))

    def typed(self, author: str, line: str) -> None:
        """Show what somebody typed, for a transcript."""
        self._print(Text(), Text.assemble((f"{author} ▸ ", "bold green"), line))

    def note(self, text: str) -> None:
        """Say something about the terminal itself."""
        self._print(Text(text, style="dim"))

    def _print(self, *parts: RenderableType) -> None:
        """Print at once; rich pads lines to the full width, which a transcript is better without."""
        with self._console.capture() as captured:
            self._console.print(*parts, sep="\n")
        lines = "\n".join(line.rstrip() for line in captured.get().splitlines())
        self._console.file.write(lines + "\n")
        self._console.file.flush()

    def _parts(self, message: Message) -> list[RenderableType]:
        parts: list[RenderableType] = []
        if message.title:
            parts.append(Text(message.title, style="bold"))
        if message.body:
            parts.append(Markdown(message.body))
        if message.fields:
            parts.append(_facts(message.fields))
        if message.rows:
            parts.append(_table(message.rows))
        for file in message.files:
            parts += self._file(file)
        if labels := [button.label for button in message.buttons]:
            parts.append(Text("  ".join(f"[{n}] {label}" for n, label in enumerate(labels, 1)), style="bold yellow"))
        if message.menu:
            options = message.menu.options
            parts.append(Text("\n".join(f"[{len(labels) + n}] {o.label}" for n, o in enumerate(options, 1))))
        return parts

    def _file(self, file: File) -> list[RenderableType]:
        path = self._keep(file)
        if path.suffix != ".png":
            return [Text(f"📎 {path}")]
        caption = Text(f"🖼 {path}" + (f"\n   {file.alt}" if file.alt else ""))
        return [_small(path), caption] if self._console.is_terminal else [caption]

    def _keep(self, file: File) -> Path:
        if file.data is None:
            return Path(file.path or file.name)
        self._files.mkdir(parents=True, exist_ok=True)
        path = self._files / Path(file.name).name
        path.write_bytes(file.data)
        return path


def _facts(fields: tuple[tuple[str, str], ...]) -> Table:
    table = Table.grid(padding=(0, 2))
    for name, value in fields:
        table.add_row(Text(name, style="dim"), Text(value))
    return table


def _table(rows: tuple[tuple[str, ...], ...]) -> Table:
    table = Table(*rows[0], box=None, header_style="dim", padding=(0, 2, 0, 0))
    for row in rows[1:]:
        table.add_row(*map(Text, row))
    return table


def _small(path: Path) -> Pixels:
    with Image.open(io.BytesIO(path.read_bytes())) as picture:
        height = round(picture.height * PICTURE_WIDTH / picture.width)
        pixels: Pixels = Pixels.from_image(picture.convert("RGB"), resize=(PICTURE_WIDTH, height))
    return pixels


def _plain(markdown: str) -> str:
    return re.sub(r"[`*]", "", markdown).replace("\n", " ").strip()
