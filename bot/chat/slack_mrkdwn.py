"""CommonMark as Slack's mrkdwn, in pieces that fit a block; a code fence is closed and opened again across a cut.

mrkdwn cannot escape `*`, `_` or `~`: in plain words they may come out as formatting. Only `&`, `<` and `>`, which
could become mentions and links, are escaped.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from itertools import chain, zip_longest

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode
from rich.cells import cell_len

from bot.chat.table import is_wide, told
from bot.command import commands

COMMAND = "/cohort"  # the one slash command; our commands are its first words
SECTION = 3000  # characters in a section's text
FENCE = "```"
MARKS = {"strong": "*", "em": "_", "s": "~"}

_parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])


def escape(text: str) -> str:
    """Make a text mean itself."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def unescape(text: str) -> str:
    """Return what a person typed from what Slack sends: links and mentions become their words."""
    words = re.sub(r"<(?:[^|<>]*\|)?([^<>]*)>", r"\1", text)
    return words.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def native(text: str) -> str:
    """Write a command as it is typed here: `/submit match` becomes `/cohort submit match`."""
    word = text.removeprefix("/").split(" ", 1)[0]
    known = text.startswith("/") and any(route.name.split()[0] == word for route in commands())
    return f"{COMMAND} {text[1:]}" if known else text


def sections(body: str, limit: int = SECTION) -> list[str]:
    """Return a CommonMark text as mrkdwn, in pieces of at most `limit` characters."""
    found: list[str] = []
    for block in SyntaxTreeNode(_parser.parse(body)).children:
        for piece in cut(_block(block, limit), limit):
            if found and len(found[-1]) + 2 + len(piece) <= limit:
                found[-1] += f"\n\n{piece}"
            elif piece.strip():
                found.append(piece)
    return found


def inline(text: str) -> str:
    """Return a short CommonMark text as one line of mrkdwn."""
    return " ".join(_block(block, SECTION) for block in SyntaxTreeNode(_parser.parse(text)).children)


def fenced(text: str) -> str:
    """Return a text as a code block; backticks in it cannot end it."""
    code = escape(text.rstrip()).replace(FENCE, "`\u200b`\u200b`")
    return f"{FENCE}\n{code}\n{FENCE}"


def table(rows: Sequence[Sequence[str]]) -> str:
    """Return plain rows aligned in a code block; what would be wider than the page is told row by row."""
    return told([[escape(cell) for cell in row] for row in rows], "*") if is_wide(rows) else fenced(aligned(rows))


def aligned(rows: Iterable[Sequence[str]]) -> str:
    """Return a table's rows with its columns aligned, as wide characters are wide."""
    columns = [[cell.replace("\n", " ") for cell in column] for column in zip_longest(*rows, fillvalue="")]
    widths = [max(map(cell_len, column)) for column in columns]
    lines = zip(*columns, strict=True)
    return "\n".join(
        "  ".join(cell + " " * (width - cell_len(cell)) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def cut(text: str, limit: int) -> list[str]:
    """Cut mrkdwn into pieces at line ends, or within a line that is too long; fences are closed and reopened."""
    if len(text) <= limit:
        return [text]
    room = limit - 2 * (len(FENCE) + 1)  # a fence opened again before, and closed after
    found: list[str] = []
    piece, inside = "", False
    for line in chain.from_iterable(_cut_line(line, room) for line in text.split("\n")):
        if piece and len(piece) + 1 + len(line) > room:
            found.append(f"{piece}\n{FENCE}" if inside else piece)
            piece = FENCE if inside else ""
        piece = f"{piece}\n{line}" if piece else line
        inside ^= line == FENCE
    return [*found, piece]


def _cut_line(line: str, limit: int) -> list[str]:
    """Cut at a space, or anywhere but within an escaped character."""
    pieces = []
    while len(line) > limit:
        end = line.rfind(" ", limit // 2, limit) + 1 or limit
        if (start := line.rfind("&", end - 4, end)) > 0 and ";" not in line[start:end]:
            end = start
        pieces.append(line[:end])
        line = line[end:]
    return [*pieces, line]


def _block(node: SyntaxTreeNode, limit: int) -> str:
    match node.type:
        case "fence" | "code_block":
            return fenced(node.content)
        case "heading":
            return f"*{_plain(node)}*"
        case "bullet_list" | "ordered_list":
            return _list(node, limit)
        case "blockquote":
            return "\n".join(f"> {line}" for line in _blocks(node, limit).split("\n"))
        case "table":
            rows = [row for part in node.children for row in part.children]
            plain = [[_plain(cell, str) for cell in row.children] for row in rows]
            if not is_wide(plain):
                return fenced(aligned(plain))
            return told([["".join(map(_inline, cell.children)) for cell in row.children] for row in rows], "*")
        case "hr":
            return "———"
        case "paragraph":
            text = "".join(map(_inline, node.children))
            return text if len(text) <= limit else _plain(node)  # a cut could fall between a mark and its end
        case _:
            return _blocks(node, limit)


def _blocks(node: SyntaxTreeNode, limit: int) -> str:
    return "\n".join(_block(child, limit) for child in node.children)


def _list(node: SyntaxTreeNode, limit: int) -> str:
    start = int(node.attrs.get("start", 1))
    ordered = node.type == "ordered_list"
    items = [_blocks(item, limit) for item in node.children]
    return "\n".join(_indented(f"{n}." if ordered else "•", item) for n, item in enumerate(items, start))


def _indented(bullet: str, item: str) -> str:
    """Set a list's item off; code in it keeps its own margin."""
    first, *rest = item.split("\n")
    lines, inside = [f"{bullet} {first}" if first != FENCE else f"{bullet}\n{FENCE}"], first == FENCE
    for line in rest:
        lines.append(line if inside or line == FENCE else f"    {line}")
        inside ^= line == FENCE
    return "\n".join(lines)


def _inline(node: SyntaxTreeNode) -> str:
    match node.type:
        case "inline":
            return "".join(map(_inline, node.children))
        case "strong" | "em" | "s":
            return f"{MARKS[node.type]}{''.join(map(_inline, node.children))}{MARKS[node.type]}"
        case "code_inline":
            return f"`{escape(native(node.content).replace('`', 'ˋ'))}`"
        case "link" | "image":
            return _link(node)
        case _:
            return _plain(node)


def _link(node: SyntaxTreeNode) -> str:
    url, words = str(node.attrs.get("href") or node.attrs.get("src")), _plain(node)
    if not url.startswith(("https://", "http://", "mailto:")):
        return words
    return f"<{escape(url).replace('|', '%7C')}|{words or escape(url)}>"


def _plain(node: SyntaxTreeNode, write: Callable[[str], str] = escape) -> str:
    """Return a node's words without any marks."""
    match node.type:
        case "text" | "code_inline":
            return write(native(node.content) if node.type == "code_inline" else node.content)
        case "softbreak":
            return " "
        case "hardbreak":
            return "\n"
        case _:
            return "".join(_plain(child, write) for child in node.children)
