"""How easy prose is to read: Flesch's reading ease of a lesson, and sentences that are too long to hold in mind.

Flesch (1948), A New Readability Yardstick: 206.835 - 1.015 words a sentence - 84.6 syllables a word; plain English has
60 to 70. Code, tables and headings are not prose, and code within a sentence counts as one short word.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from markdown_it.tree import SyntaxTreeNode

from lessons.lesson import Level, Section
from lessons.page import blocks, first_line

# The hardest of 65 lessons had 72, and half had over 81, when these were set: the names of things have many syllables.
EASE: Mapping[Level, int] = {"beginner": 72, "intermediate": 71, "advanced": 70}
# Words of a sentence; one sentence in two hundred was longer, and was taken apart.
LONGEST: Mapping[Level, int] = {"beginner": 36, "intermediate": 38, "advanced": 40}
JUDGED = 8  # words; of fewer Flesch says little

_END = re.compile(r"(?<=[.?!])[\"”)]*\s+")
_WORD = re.compile(r"[A-Za-z]+(?:['’-][A-Za-z]+)*|\d[\d.,]*")
_VOWELS = re.compile(r"[aeiouy]+")
_ABBREVIATION = re.compile(r"\b(e\.g|i\.e|vs|etc|cf|al)\.")
_CODE = "It"  # as a word that may begin a sentence


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of prose, with the line that its paragraph begins on."""

    text: str
    line: int

    @property
    def words(self) -> list[str]:
        """Its words and numbers."""
        return _WORD.findall(self.text)

    @property
    def opening(self) -> str:
        """Its beginning, to find it by."""
        return f"{self.text[:40].rstrip()} …" if len(self.text) > 40 else self.text


def hard_to_read(sections: Iterable[Section], level: Level) -> Iterator[tuple[int, str]]:
    """Yield what is hard to read for a level: the line in the file, and what to mend there."""
    prose = [
        Sentence(found.text, section.line + found.line - 1) for section in sections for found in sentences(section.body)
    ]
    for found in prose:
        if (words := len(found.words)) > LONGEST[level]:
            yield found.line, f'a sentence of {words} words, at most {LONGEST[level]}: "{found.opening}"'
    ease = reading_ease(prose)
    if ease < EASE[level]:
        worst = "; ".join(f'line {found.line} "{found.opening}"' for found in hardest(prose, 3))
        yield 1, f"reading ease {ease:.0f}, at least {EASE[level]} for its level; the hardest: {worst}"


def sentences(markdown: str) -> Iterator[Sentence]:
    """Yield the sentences of a text's paragraphs and lists."""
    for block in blocks(markdown):
        for node in block.walk():
            if node.type == "paragraph":
                for text in _END.split(_ABBREVIATION.sub(r"\1", _spoken(node))):
                    yield Sentence(text.strip(), first_line(node))


def reading_ease(prose: Iterable[Sentence]) -> float:
    """Return Flesch's reading ease: the higher, the easier."""
    counted = [words for sentence in prose if (words := sentence.words)]
    words = [word for each in counted for word in each]
    if not words:
        return 100.0
    return 206.835 - 1.015 * len(words) / len(counted) - 84.6 * sum(map(syllables, words)) / len(words)


def hardest(prose: Iterable[Sentence], most: int) -> list[Sentence]:
    """Return the sentences that are hardest to read, hardest first, of those that are long enough to judge."""
    return sorted((each for each in prose if len(each.words) >= JUDGED), key=lambda each: reading_ease([each]))[:most]


def syllables(word: str) -> int:
    """Count a word's syllables as groups of vowels, less a silent e."""
    word = word.lower()
    silent = word.endswith(("e", "es", "ed")) and not word.endswith(("le", "les", "ted", "ded", "ses", "ces"))
    return max(1, len(_VOWELS.findall(word)) - silent)


def _spoken(node: SyntaxTreeNode) -> str:
    """Return what is read aloud of a paragraph."""
    spoken = {"code_inline": _CODE, "softbreak": " ", "hardbreak": " "}
    return "".join(
        spoken.get(each.type, each.content if each.type == "text" else "") for each in node.walk() if not each.children
    )
