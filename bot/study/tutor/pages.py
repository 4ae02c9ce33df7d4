"""A long text in pages: whole blocks of Markdown, so that no code is cut."""

from lessons.page import blocks, first_line, last_line

PAGE = 1_800  # characters


def pages(text: str, room: int = PAGE) -> list[str]:
    """Return the pages of a CommonMark text; a block that is longer than a page is a page."""
    lines = text.splitlines()
    found: list[str] = []
    for node in blocks(text):
        block = "\n".join(lines[first_line(node) - 1 : last_line(node)])
        if found and len(found[-1]) + len(block) + 2 <= room:
            found[-1] += f"\n\n{block}"
        else:
            found.append(block)
    return found
