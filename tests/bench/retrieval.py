"""How often the tutor's index finds a lesson that answers a question. Run: python -m tests.bench.retrieval [--misses]

The questions were written from the lessons' names alone, before anybody looked at the index. Every second one is held
out: weights and words were chosen on the others.
"""

import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from ruamel.yaml import YAML

from bot.study.tutor.retrieval import Index, index_of
from lessons import curriculum

QUESTIONS = Path(__file__).with_name("retrieval_questions.yaml")
CUTS = (1, 3, 5, 10)

Questions = Mapping[str, Sequence[str]]


def questions() -> Questions:
    """Return each question with the slugs of the lessons that answer it, as far as those are written."""
    written = {lesson.slug for lesson in curriculum().lessons}
    table: Questions = YAML(typ="safe", pure=True).load(QUESTIONS)
    return {question: slugs for question, slugs in table.items() if written & set(slugs)}


def place(index: Index, question: str, slugs: Sequence[str]) -> int:
    """Return at which place a lesson that answers stands, counted from 1; a large number when it is not found."""
    found = [passage.slug for passage in index.search(question, max(CUTS))]
    return next((place for place, slug in enumerate(found, start=1) if slug in slugs), 10**6)


def main() -> None:
    """Print recall at several cuts for both halves, and with --misses what was not among the first five."""
    began = time.perf_counter()
    index = index_of(curriculum())
    built = time.perf_counter() - began
    asked = questions()
    began = time.perf_counter()
    places = {question: place(index, question, slugs) for question, slugs in asked.items()}
    took = (time.perf_counter() - began) / len(asked)
    table = Table("", "questions", *(f"recall@{cut}" for cut in CUTS), box=None)
    ranked = list(places.values())
    for name, part in (("all", ranked), ("for tuning", ranked[::2]), ("held out", ranked[1::2])):
        table.add_row(name, f"{len(part)}", *(f"{sum(p <= cut for p in part) / len(part):.3f}" for cut in CUTS))
    Console().print(table)
    print(f"{len(index.passages)} passages indexed in {built:.2f} s; a search takes {took * 1000:.1f} ms")
    if "--misses" in sys.argv:
        for question, at in places.items():
            if at > 5:
                print(f"- {question} → {', '.join(p.slug for p in index.search(question))}; want {asked[question]}")


if __name__ == "__main__":
    main()
