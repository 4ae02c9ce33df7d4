"""The part of a passage that answers a question: its best paragraph and what follows, or a table's fitting rows."""

from collections.abc import Sequence

from bot.study.tutor.retrieval import Passage
from bot.study.tutor.words import terms
from lessons.links import without_links
from lessons.page import blocks, first_line, last_line

ROWS = 3  # of a table


def excerpt(passage: Passage, question: str, room: int) -> str:
    """Return at most about `room` characters of a passage, whole paragraphs of it, from the one that fits best."""
    wanted = set(terms(question))
    parts = [_narrowed(part, wanted) for part in _parts(without_links(passage.text))]
    if not parts:
        return ""
    best = max(range(len(parts)), key=lambda at: (_fit(parts[at], wanted), -at))
    kept, length = [parts[best]], len(parts[best])
    for part in parts[best + 1 :]:
        length += len(part)
        if length > room and not kept[-1].endswith(":"):  # what it announces belongs to it
            break
        kept.append(part)
    before = "…\n\n" if best else ""
    return before + "\n\n".join(kept)


def _parts(text: str) -> list[str]:
    """Split Markdown into its top-level blocks."""
    lines = text.splitlines()
    return ["\n".join(lines[first_line(node) - 1 : last_line(node)]).strip() for node in blocks(text)]


def _fit(part: str, wanted: set[str]) -> float:
    """Weigh how many of the wanted terms a part has; prose explains more than code does."""
    found = len(wanted.intersection(terms(part)))
    return found * (0.5 if part.startswith("```") else 1.0)


def _narrowed(part: str, wanted: set[str]) -> str:
    """Keep of a table the header and the rows that fit best, in their order."""
    lines = part.splitlines()
    if not part.startswith("|") or len(lines) < 3 + ROWS:
        return part
    return "\n".join([*lines[:2], *_best_rows(lines[2:], wanted)])


def _best_rows(rows: Sequence[str], wanted: set[str]) -> list[str]:
    ranked = sorted(range(len(rows)), key=lambda at: (-_fit(rows[at], wanted), at))
    return [rows[at] for at in sorted(ranked[:ROWS])]
