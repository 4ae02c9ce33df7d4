"""Tables for chats that have none: what fits is aligned as code; what is wider is told row by row."""

from collections.abc import Iterator, Sequence
from itertools import zip_longest

from rich.cells import cell_len

WIDEST = 56  # columns of monospace text beside each other on a chat's page; wider ones are cut off or broken

Rows = Sequence[Sequence[str]]


def is_wide(rows: Rows) -> bool:
    """Say whether the aligned rows would be wider than a chat's page."""
    widths = [max(map(cell_len, column)) for column in zip_longest(*rows, fillvalue="")]
    return sum(widths) + 2 * (len(widths) - 1) > WIDEST


def told(rows: Rows, bold: str) -> str:
    """Write each row below the header as its name between marks for bold, with the other cells and headings below it.

    A first column without a heading is a number or the like, and belongs to the name.
    """
    header, *body = rows
    named = 2 if header and not header[0] and len(header) > 2 else 1
    return "\n\n".join("\n".join(_lines(header, row, named, bold)) for row in body)


def _lines(header: Sequence[str], row: Sequence[str], named: int, bold: str) -> Iterator[str]:
    name = " ".join(filter(None, row[:named]))
    yield f"{bold}{name}{bold}" if name else ""
    for heading, cell in zip(header[named:], row[named:], strict=False):
        if cell:
            yield f"{heading}: {cell}" if heading else cell
