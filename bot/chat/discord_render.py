"""Draws a message as Discord shows it: one payload a Discord message, within the limits that Discord publishes.

A few plain words are said as words; whatever has a title, facts or a picture becomes an embed. What does not fit in
one message goes on in the next; what would take more than a few is attached as a file. No word is lost.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import discord

from bot.chat import discord_components as components
from bot.chat.discord_text import shorten, split, table, to_discord
from bot.view import File, Message

CONTENT, TITLE, DESCRIPTION, EMBEDS_TOTAL, EMBEDS = 2_000, 256, 4_096, 6_000, 10
FIELDS, FIELD_NAME, FIELD_VALUE, FIELDS_TOTAL = 25, 256, 1_024, 1_600  # the total leaves room for title and text
FILES, ALT = 10, 1_024
FILE_LIMIT = discord.utils.DEFAULT_FILE_SIZE_LIMIT_BYTES
MESSAGES = 5  # more in a row are a flood, and an app that only a user installed may follow up 5 times
SHORT_FACT = 40  # characters; shorter facts stand side by side

COLOUR = 0xE8A33D  # reads on dark and on light
_PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".webp")


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that fits, under a name that Discord leaves as it is."""

    name: str
    data: bytes
    alt: str = ""


@dataclass(slots=True)
class Payload:
    """One Discord message."""

    content: str = ""
    embeds: list[discord.Embed] = field(default_factory=list)
    files: list[Attachment] = field(default_factory=list)
    rows: list[components.Row] = field(default_factory=list)

    def new(self) -> dict[str, Any]:
        """Return the arguments of a send; needs a running loop."""
        view = {"view": components.view(self.rows)} if self.rows else {}
        return {"content": self.content or None, "embeds": self.embeds, "files": self._files(), **view}

    def replacement(self) -> dict[str, Any]:
        """Return the arguments of an edit that leaves nothing of what was there."""
        view = components.view(self.rows) if self.rows else None
        return {"content": self.content or None, "embeds": self.embeds, "attachments": self._files(), "view": view}

    def _files(self) -> list[discord.File]:
        return [discord.File(BytesIO(file.data), file.name, description=file.alt or None) for file in self.files]


def render(message: Message, *, file_limit: int = FILE_LIMIT, most: int = MESSAGES) -> list[Payload]:
    """Draw a message as one payload or several; files over `file_limit` bytes are named in words.

    Its words take at most `most` messages; files and buttons that Discord has no room for in those take further ones.
    """
    rows, long_labels = components.rows_of(message)
    files, refused = _read(message.files, file_limit)
    text = _text(message, [*(f"- {label}" for label in long_labels), *refused])
    pieces = split(text, DESCRIPTION)
    note = ""
    if len(pieces) > most:
        files = [Attachment("message.md", text.encode()), *files]
        pieces, note = pieces[:most], "The whole of it is in message.md."
    pictures = [file for file in files if file.name.lower().endswith(_PICTURES)]
    files = [*pictures[:1], *(file for file in files if file not in pictures[:1])]  # it must come with its embed
    facts = _facts(message)
    if message.title or facts or pictures or len(text) > CONTENT:
        payloads = _pack(_embeds(message.title, pieces, facts, pictures[0].name if pictures else None))
    else:
        payloads = [Payload(text)]
    payloads[-1].content = payloads[-1].content or note
    _attach(payloads, files, file_limit)
    _add_rows(payloads, rows)
    if payloads == [Payload()]:
        return [Payload("…")]
    return payloads


def _text(message: Message, notes: Sequence[str]) -> str:
    """Return everything that is said in the description."""
    facts = () if _facts(message) else message.fields
    parts = [
        f"**{message.title}**" if len(message.title) > TITLE else "",
        to_discord(message.body),
        "\n".join(f"**{name}**: {value}" for name, value in facts),
        table(message.rows) if message.rows else "",
        "\n".join(notes),
    ]
    return "\n\n".join(filter(None, parts))


def _facts(message: Message) -> tuple[tuple[str, str], ...]:
    """Return the fields that Discord can show as fields; none, if not all of them fit."""
    fits = all(len(name) <= FIELD_NAME and len(value) <= FIELD_VALUE for name, value in message.fields)
    total = sum(len(name) + len(value) for name, value in message.fields)
    return message.fields if fits and len(message.fields) <= FIELDS and total <= FIELDS_TOTAL else ()


def _embeds(
    title: str, pieces: Sequence[str], facts: Sequence[tuple[str, str]], picture: str | None
) -> list[discord.Embed]:
    embeds = [discord.Embed(description=piece or None, colour=COLOUR) for piece in pieces or [""]]
    embeds[0].title = shorten(title, TITLE) or None
    for name, value in facts:
        embeds[-1].add_field(name=name or "\u200b", value=value or "\u200b", inline=len(value) <= SHORT_FACT)
    if picture:
        embeds[-1].set_image(url=f"attachment://{picture}")
    return embeds


def _pack(embeds: Iterable[discord.Embed]) -> list[Payload]:
    """Put as many embeds into each message as it holds."""
    payloads: list[Payload] = []
    for embed in embeds:
        last = payloads[-1] if payloads else None
        if last and len(last.embeds) < EMBEDS and sum(map(len, last.embeds)) + len(embed) <= EMBEDS_TOTAL:
            last.embeds.append(embed)
        else:
            payloads.append(Payload(embeds=[embed]))
    return payloads


def _read(files: Iterable[File], limit: int) -> tuple[list[Attachment], list[str]]:
    """Read files; return those that fit, and a sentence about each of the others."""
    kept: list[Attachment] = []
    refused = []
    for file in files:
        try:
            size = len(file.data) if file.data is not None else Path(file.path or "").stat().st_size
            data = b"" if size > limit else file.data if file.data is not None else Path(file.path or "").read_bytes()
        except OSError:
            refused.append(f"`{file.name}` can no longer be read. {file.alt}".strip())
            continue
        if size > limit:
            refused.append(f"`{file.name}` has {size / 2**20:.1f} MB: more than Discord takes here. {file.alt}".strip())
        else:
            name = _name(file.name, {attachment.name for attachment in kept})
            kept.append(Attachment(name, data, shorten(file.alt, ALT)))
    return kept, refused


def _name(name: str, taken: set[str]) -> str:
    """Return a name that Discord keeps as it is: it replaces what is not plain, and an embed must name it exactly."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "_", name)[-100:].lstrip("._") or "file"
    number = next(n for n in range(1, len(taken) + 2) if _numbered(plain, n) not in taken)
    return _numbered(plain, number)


def _numbered(name: str, number: int) -> str:
    return name if number == 1 else f"{number}-{name}"


def _attach(payloads: list[Payload], files: Sequence[Attachment], limit: int) -> None:
    """Attach files to the last message, as many as it takes, and the others to further ones."""
    for file in files:
        last = payloads[-1]
        if len(last.files) == FILES or sum(len(other.data) for other in last.files) + len(file.data) > limit:
            payloads.append(Payload())
        payloads[-1].files.append(file)


def _add_rows(payloads: list[Payload], rows: Sequence[components.Row]) -> None:
    first, *others = components.batches(rows, components.ROWS) or [()]
    payloads[-1].rows = list(first)
    payloads += [Payload("More choices:", rows=list(more)) for more in others]
