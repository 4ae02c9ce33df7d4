"""How often the tutor finds a lesson that answers a question. Run: python -m tests.bench.retrieval [--misses]

The questions of `retrieval_questions.yaml` were written from the lessons' names alone, before anybody looked at the
index. A hash of the question says in which half it is: the method was chosen on the first, the second is held out.
Those of `retrieval_questions_fresh.yaml` were written later, and nothing was ever chosen on them.
"""

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path

from rich.console import Console
from rich.table import Table
from ruamel.yaml import YAML

from bot.study.tutor.meaning import Meaning, key_of, meaning_of, stored, texts_of
from bot.study.tutor.retrieval import Index, index_of
from lessons import curriculum

QUESTIONS = Path(__file__).with_name("retrieval_questions.yaml")
FRESH = Path(__file__).with_name("retrieval_questions_fresh.yaml")
CUTS = (1, 3, 5, 10)
MISSED = 10**6

Questions = Mapping[str, Sequence[str]]


def questions(file: Path = QUESTIONS) -> Questions:
    """Return each question with the slugs of the lessons that answer it."""
    table: Questions = YAML(typ="safe", pure=True).load(file)
    return table


def halves(asked: Questions) -> Iterator[tuple[str, Questions]]:
    """Yield the questions by the half that their hash puts them in."""
    for name, bit in (("for tuning", 0), ("held out", 1)):
        yield name, {key: asked[key] for key in asked if sha256(key.encode()).digest()[-1] % 2 == bit}


def place(index: Index, question: str, slugs: Sequence[str], meaning: Meaning | None = None) -> int:
    """Return at which place a lesson that answers stands, counted from 1; a large number when it is not found."""
    found = [passage.slug for passage in index.search(question, max(CUTS), meaning)]
    return next((place for place, slug in enumerate(found, start=1) if slug in slugs), MISSED)


def main() -> None:
    """Print recall at several cuts, by words and with meaning, and with --misses what was not among the first five."""
    index, meaning = index_of(curriculum()), meaning_of(curriculum())
    asked = questions()
    table = Table("", "questions", "by", *(f"recall@{cut}" for cut in CUTS), box=None)
    for name, part in (("all", asked), *halves(asked), ("fresh", questions(FRESH))):
        for by, near in (("words", None), ("words and meaning", meaning)):
            places = [place(index, question, slugs, near) for question, slugs in part.items()]
            shares = (f"{sum(at <= cut for at in places) / len(places):.3f}" for cut in CUTS)
            table.add_row(name, f"{len(part)}", by, *shares)
    Console(width=100).print(table)
    _cost(index, meaning, asked)
    if "--misses" in sys.argv:
        _misses(index, meaning, asked | questions(FRESH))


def _cost(index: Index, meaning: Meaning | None, asked: Questions) -> None:
    texts = [text for _, text in texts_of(curriculum())]
    vectors = stored()
    print(f"{len(index.passages)} passages; {sum(key_of(text) in vectors for text in texts)} of {len(texts)} vectors")
    for by, near in (("words", None), ("words and meaning", meaning)):
        began = time.thread_time()
        for question in asked:
            index.search(question, meaning=near)
        print(f"a search by {by} takes {(time.thread_time() - began) / len(asked) * 1000:.1f} ms of one core")


def _misses(index: Index, meaning: Meaning | None, asked: Questions) -> None:
    for question, slugs in asked.items():
        if (at := place(index, question, slugs, meaning)) > 5:
            found = ", ".join(passage.slug for passage in index.search(question, meaning=meaning))
            print(f"- {question} → {found}; want {', '.join(slugs)}, at {at if at < MISSED else 'none'}")


if __name__ == "__main__":
    main()
