"""Words for Discord: its dialect of Markdown, tables as monospace blocks, and long texts in pieces.

Discord shows every line end, so lines that CommonMark joins are joined here; it knows no tables, no indented code,
no headings below the third level and no pictures in the text.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest

from discord.utils import escape_markdown
from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode
from rich.cells import cell_len

from bot.chat.table import is_wide, told

FENCE_ROOM = 48  # characters kept free in a piece, to close a code fence and to open it again

_PARSER = MarkdownIt("commonmark").enable("table")
_SOFT_BREAK = re.compile(r"(?<!  )(?<!\\)\n")
_HARD_BREAK = re.compile(r"(?: {2,}|\\)\n")
_PICTURE = re.compile(r"!(\[[^\]]*\]\()")
_FENCE = re.compile(r"```(?!.*```)")


def to_discord(markdown: str) -> str:
    """Write CommonMark (with tables) in Discord's dialect."""
    return "\n\n".join(_blocks(SyntaxTreeNode(_PARSER.parse(markdown)).children))


def _blocks(nodes: Iterable[SyntaxTreeNode]) -> list[str]:
    return [_block(node) for node in nodes]


def _block(node: SyntaxTreeNode) -> str:
    match node.type:
        case "heading":
            level = int(node.tag[1:])
            return f"{'#' * level} {_text(node)}" if level <= 3 else f"**{_text(node)}**"
        case "fence" | "code_block":
            return code(node.content, node.info.split()[0] if node.info.split() else "")
        case "bullet_list":
            return "\n".join(_item(item, "- ") for item in node.children)
        case "ordered_list":
            first = int(node.attrs.get("start", 1))
            return "\n".join(_item(item, f"{number}. ") for number, item in enumerate(node.children, first))
        case "blockquote":
            return "\n".join(f"> {line}" for line in "\n\n".join(_blocks(node.children)).split("\n"))
        case "table":
            rows = [[_text(cell) for cell in row.children] for part in node.children for row in part.children]
            plain = [[_plain(cell) for cell in row] for row in rows]
            return told(rows, "**") if is_wide(plain) else table(plain)
        case "hr":
            return "───"
        case "html_block":
            return node.content.rstrip("\n")
        case _:
            return _text(node)


def _item(item: SyntaxTreeNode, marker: str) -> str:
    """Write a list's item; its further blocks are indented, except code, which Discord shows as it stands."""
    blocks = _blocks(item.children)
    rest = [block if block.startswith("```") else _indent(block) for block in blocks[1:]]
    head = blocks[0] if blocks else ""
    first = f"\n{head}" if head.startswith("```") else _indent(head).removeprefix("  ")
    return "\n".join([marker + first, *rest])


def _indent(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.split("\n"))


def _text(node: SyntaxTreeNode) -> str:
    """Return a block's words as they were written, their lines joined as CommonMark joins them."""
    written = node.children[0].content if node.children else node.content
    joined = _HARD_BREAK.sub("\n", _SOFT_BREAK.sub(" ", written))
    return _PICTURE.sub(r"\1", joined)


def _plain(text: str) -> str:
    return text.replace("`", "").replace("**", "")


def code(text: str, language: str = "") -> str:
    """Fence code; a fence within it is broken by a character that is not seen."""
    inner = text.rstrip("\n").replace("```", "`\u200b``")
    return f"```{language[:20]}\n{inner}\n```"


def table(rows: Sequence[Sequence[str]]) -> str:
    """Align rows in a monospace block, a line under the first; wide characters count as two columns.

    What would be wider than the page is told row by row.
    """
    cells = [[" ".join(cell.split()) for cell in row] for row in rows]
    if is_wide(cells):
        return told([[escape_markdown(cell) for cell in row] for row in cells], "**")
    widths = [max(map(cell_len, column)) for column in zip_longest(*cells, fillvalue="")]
    lines = [_row(row, widths) for row in cells]
    rule = "─" * max(map(cell_len, lines), default=0)
    return code("\n".join([*lines[:1], rule, *lines[1:]]))


def _row(row: Sequence[str], widths: Sequence[int]) -> str:
    padded = (cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=False))
    return "  ".join(padded).rstrip()


def shorten(text: str, limit: int) -> str:
    """Cut a text to `limit` characters, at a word if it can be, and say so by an ellipsis."""
    if len(text) <= limit:
        return text
    return next(_cut(text, limit - 1)).rstrip() + "…"


def split(text: str, limit: int) -> list[str]:
    """Cut a text into pieces of at most `limit` characters, at a line's end, else at a word's, else anywhere.

    A code fence that a cut falls into is closed and opened again.
    """
    pieces: list[str] = []
    lines: list[str] = []
    fence = ""  # the line that opened the fence we are in
    for line in _lines(text, limit):
        closes = bool(fence) and line == "```"
        if lines and not closes and sum(map(len, lines)) + len(lines) + len(line) > limit - len("\n```"):
            pieces.append("\n".join([*lines, "```"] if fence else lines))
            lines = [fence] if fence else []
        lines.append(line)
        if _FENCE.match(line.lstrip(" >")):
            fence = "" if fence else line
    return [piece for piece in [*pieces, "\n".join(lines)] if piece.strip()]


def _lines(text: str, limit: int) -> Iterator[str]:
    for line in text.split("\n"):
        yield from _cut(line, limit - FENCE_ROOM)


def _cut(line: str, width: int) -> Iterator[str]:
    while len(line) > width:
        space = line.rfind(" ", width // 2, width)
        end = space + 1 if space >= 0 else width
        yield line[:end]
        line = line[end:]
    yield line
