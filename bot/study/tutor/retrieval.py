"""Finds the passages that answer a question: BM25 over sections, titles with the glossary's entries, and drills.

Where the encoder is installed, a second order by what the question means is fused with that by its words.

`python -m tests.bench.retrieval` measures how often the right lesson is among the first five.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

import bm25s
import numpy as np

from bot.study.tutor.meaning import Meaning
from bot.study.tutor.words import terms
from lessons import Curriculum, glossary, guides

FOUND = 5
K1, B = 1.2, 0.75  # Robertson and Zaragoza (2009)
# A drill asks in a learner's words, but about one detail; chosen on the half of the questions that is for tuning.
ABOUT_WEIGHT, DRILL_WEIGHT = 1.0, 0.5
RANK = 60  # of reciprocal rank fusion (Cormack, Clarke and Büttcher, 2009)

Scores = np.ndarray[tuple[int], np.dtype[np.float32]]


@dataclass(frozen=True, slots=True)
class Passage:
    """A section of a lesson or a guide. `mark` cites the whole, such as 6.3 or G2; `place` finds the section in it."""

    mark: str
    slug: str
    title: str
    section: str
    place: str
    text: str

    @property
    def of_lesson(self) -> bool:
        """Whether it is a lesson's, and no guide's."""
        return not self.mark.startswith("G")

    @property
    def name(self) -> str:
        """What it is called where it is quoted."""
        return f"{self.mark} {self.title} · {self.section}"


class Index:
    """Passages, ready to be searched; `about` and `asked` are further words that lead to a mark."""

    def __init__(
        self,
        passages: Sequence[Passage],
        about: Iterable[tuple[str, str]] = (),
        asked: Iterable[tuple[str, str]] = (),
    ) -> None:
        self.passages = passages
        self._marks = list(dict.fromkeys(passage.mark for passage in passages))
        self._text = _Field(self._marks, [(each.mark, f"{each.title} {each.section} {each.text}") for each in passages])
        self._about = _Field(self._marks, list(about))
        self._asked = _Field(self._marks, list(asked))

    def search(self, question: str, most: int = FOUND, meaning: Meaning | None = None) -> list[Passage]:
        """Return the passages that fit best, one of each lesson or guide, best first; none when no word is known.

        `meaning` ranks the same marks. It alone finds nothing: everything is near to something.
        """
        wanted = terms(question)
        if not wanted or not self.passages:
            return []
        by_passage = self._text.scores(wanted)
        total = self._text.best(by_passage)
        total += ABOUT_WEIGHT * self._about.best(self._about.scores(wanted))
        total += DRILL_WEIGHT * self._asked.best(self._asked.scores(wanted))
        if meaning and total.any():
            total = _reciprocal(total) + _reciprocal(meaning.scores(question))
        ranked = [int(place) for place in np.argsort(-total, kind="stable")[:most] if total[place] > 0]
        return [self.passages[self._text.best_of(place, by_passage)] for place in ranked]

    def knows(self, question: str) -> bool:
        """Say whether a question has enough words of the field to be one about it."""
        wanted = set(terms(question))
        known = sum(self._about.has(term) for term in wanted)
        names = any("_" in term and self._text.has(term) for term in wanted)  # zero_grad, say
        return names or known >= 2 or (known == 1 and len(wanted) == 1)


class _Field:
    """Texts that lead to marks, and what BM25 says of each."""

    def __init__(self, marks: Sequence[str], texts: Sequence[tuple[str, str]]) -> None:
        places = {mark: place for place, mark in enumerate(marks)}
        self._marks = len(marks)
        self._owners = np.array([places[mark] for mark, _ in texts], dtype=np.int64)
        split = [terms(text) for _, text in texts]
        self._known = {term for each in split for term in each}
        self._bm25 = bm25s.BM25(k1=K1, b=B)
        if self._known:
            self._bm25.index(split, show_progress=False)

    def has(self, term: str) -> bool:
        return term in self._known

    def scores(self, wanted: Sequence[str]) -> Scores:
        known = [term for term in wanted if term in self._known]
        if not known:
            return np.zeros(len(self._owners), dtype=np.float32)
        return np.asarray(self._bm25.get_scores(known), dtype=np.float32)

    def best(self, scores: Scores) -> Scores:
        """Return each mark's best score."""
        best = np.zeros(self._marks, dtype=np.float32)
        np.maximum.at(best, self._owners, scores)
        return best

    def best_of(self, mark: int, scores: Scores) -> int:
        """Return which of a mark's texts has the best score."""
        own = np.flatnonzero(self._owners == mark)
        return int(own[np.argmax(scores[own])])


def _reciprocal(scores: Scores) -> Scores:
    """Return 1 / (RANK + rank) of each score."""
    ranks = np.empty(len(scores), dtype=np.float32)
    ranks[np.argsort(-scores, kind="stable")] = np.arange(1, len(scores) + 1)
    return np.asarray(1 / (RANK + ranks), dtype=np.float32)


@cache
def index_of(curriculum: Curriculum) -> Index:
    """Return the index of the lessons; the first call takes a second, the next ones nothing."""
    passages = [
        Passage(lesson.id, lesson.slug, lesson.title, section.title, str(page), section.body)
        for lesson in curriculum.lessons
        for page, section in enumerate(lesson.sections)
    ]
    meanings = defaultdict(list)
    for entry in glossary():
        for slug in entry.lessons:
            meanings[slug].append(f"{entry.term}: {entry.meaning}")
    about = [(each.id, " ".join((each.title, each.topic_title, *meanings[each.slug]))) for each in curriculum.lessons]
    asked = [
        (lesson.id, " ".join((drill.question, *(option.text for option in drill.options), drill.explanation)))
        for lesson in curriculum.lessons
        for drill in lesson.drills
        if not drill.placement
    ]
    return Index(passages, about, asked)


@cache
def guide_index() -> Index:
    """Return the index of the guides."""
    return Index(
        [
            Passage(f"G{guide.number}", guide.name, guide.title, section.title, section.anchor, section.body)
            for guide in guides()
            for section in guide.sections
        ],
        [(f"G{guide.number}", f"{guide.title} {guide.about}") for guide in guides()],
    )
