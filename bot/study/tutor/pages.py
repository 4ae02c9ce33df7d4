"""A long text in pages: whole blocks of Markdown; code that is longer than a page is closed and opened again."""

from collections.abc import Iterator

from markdown_it.tree import SyntaxTreeNode

from lessons.page import blocks, first_line, last_line

PAGE = 1_800  # characters


def pages(text: str, room: int = PAGE) -> list[str]:
    """Return the pages of a CommonMark text; a block that is longer than a page, and is no code, is a page."""
    found: list[str] = []
    for part in _parts(text, room):
        if found and len(found[-1]) + len(part) + 2 <= room:
            found[-1] += f"\n\n{part}"
        else:
            found.append(part)
    return found


def _parts(text: str, room: int) -> Iterator[str]:
    lines = text.splitlines()
    for node in blocks(text):
        block = lines[first_line(node) - 1 : last_line(node)]
        if node.type == "fence" and sum(map(len, block)) + len(block) > room:
            yield from _cut(node, block, room)
        else:
            yield "\n".join(block)


def _cut(fence: SyntaxTreeNode, block: list[str], room: int) -> Iterator[str]:
    """Yield the code of a fence in pieces that fit a page, each a fence of its own; no line is cut."""
    opening, closing = block[0], fence.markup
    room -= len(opening) + len(closing) + 2
    kept: list[str] = []
    for line in fence.content.splitlines():
        if kept and sum(map(len, kept)) + len(kept) + len(line) > room:
            yield "\n".join([opening, *kept, closing])
            kept = []
        kept.append(line)
    yield "\n".join([opening, *kept, closing])
