"""Links between the files of `lessons`, which lead somewhere in the repository and nowhere in a chat."""

import re
from collections.abc import Iterator
from pathlib import Path

from lessons.page import blocks, first_line

_LINK = re.compile(r"\[(?P<text>[^\]]+)\]\((?!\w+://)(?P<target>[^)#\s]+)?(?:#[^)\s]*)?\)")
_LESSON = re.compile(r"(?P<topic>\d\d)-[a-z0-9-]+/(?P<number>\d)-(?P<slug>[a-z0-9-]+)\.md$")
_CODE = re.compile(r"(```.*?```|`[^`\n]*`)", re.DOTALL)


def without_links(markdown: str) -> str:
    """Return a text whose links into `lessons` are words: a lesson's number and title, or the link's own text."""
    parts = _CODE.split(markdown)  # code stands at the odd places, and `rows[0](x)` is no link
    return "".join(part if index % 2 else _LINK.sub(_as_words, part) for index, part in enumerate(parts))


def lessons_named(markdown: str) -> tuple[str, ...]:
    """Return the slugs of the lessons that a text links to, in order and each once."""
    targets = (match["target"] or "" for match in _LINK.finditer(_CODE.sub("", markdown)))
    return tuple(dict.fromkeys(found["slug"] for target in targets if (found := _LESSON.search(target))))


def dead_links(markdown: str, base: Path) -> Iterator[tuple[int, str]]:
    """Yield what leads to no file, with its line within the text, counted from 1; `base` is the text's folder."""
    for node in blocks(markdown):
        for link in (each for each in node.walk() if each.type in ("link", "image")):
            target = str(link.attrs.get("href", link.attrs.get("src", ""))).partition("#")[0]
            if target and "://" not in target and not (base / target).exists():
                yield first_line(node), target


def _as_words(match: re.Match[str]) -> str:
    lesson = _LESSON.search(match["target"] or "")
    return f"{int(lesson['topic'])}.{lesson['number']} *{match['text']}*" if lesson else match["text"]
