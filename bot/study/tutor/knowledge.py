"""What the tutor knows about a question: the learner who asks and nobody else, the run it is about, and the lessons."""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import cache
from threading import Lock

from sqlmodel.ext.asyncio.session import AsyncSession

from bot.store.tables import Learner, Run, Turn
from bot.study import learner_state
from bot.study.catalog import of_turn
from bot.study.learner_state import LearnerState
from bot.study.tutor.context import Data, Past
from bot.study.tutor.meaning import meaning_of
from bot.study.tutor.retrieval import Passage, guide_index, index_of
from bot.study.tutor.turns import HISTORY, history
from bot.study.tutor.words import terms
from lessons import Curriculum, Term, glossary
from runner.catalog import PACKAGED, Catalog
from runner.config import ConfigError, parse
from runner.history import History
from runner.run_dir import RunDir

CURVE_POINTS = 12
MEANINGS = 2  # of terms that a question names
_MAKING = Lock()  # the indices are made once, however many ask at first
LAST_QUESTIONS = 2  # a follow-up is about what was asked before


async def of(
    session: AsyncSession, curriculum: Curriculum, turn: Turn, now: datetime
) -> tuple[list[Data], list[Past], str | None]:
    """Return what is quoted to the model, the most important first, the last turns, and the config that it is about."""
    learner = await session.get_one(Learner, turn.learner_id)
    state = await learner_state.load(session, curriculum, learner, now)
    past = (await history(session, learner))[-HISTORY:]
    run = await session.get(Run, turn.run_id) if turn.run_id else None
    if run is not None and run.learner_id != learner.id:  # nobody else's, whatever the row says
        run = None
    about = [*await _of_run(run), *_of_config(turn.config, await of_turn(session, turn))]
    asked_before = " ".join(each.question for each in past[-LAST_QUESTIONS:])
    passages = await find(curriculum, turn.question) or await find(curriculum, asked_before)
    if run and run.findings:
        passages = [*_lesson_of(curriculum, run), *passages]
    before = [Data("what was said before", learner.tutor_summary)] if learner.tutor_summary else []
    data = [*about, Data("the learner", "\n".join(_described(state))), *before]
    data += [Data("glossary", each) for each in meanings(curriculum, turn.question)]
    data += map(_excerpt, passages)
    base = turn.config or (run.config if run else None)
    return data, [Past(each.question, each.answer) for each in past], base


async def find(curriculum: Curriculum, question: str) -> list[Passage]:
    """Return the passages that fit a question best: of five lessons, best first, and of one guide."""
    return await asyncio.to_thread(_found, curriculum, question)


def _found(curriculum: Curriculum, question: str) -> list[Passage]:
    with _MAKING:
        lessons, meaning, guides = index_of(curriculum), meaning_of(curriculum), guide_index()
    return [*lessons.search(question, meaning=meaning), *guides.search(question, 1)]


def meanings(curriculum: Curriculum, question: str) -> list[str]:
    """Return the glossary's entries of the terms that a question names, the longest first, with the lessons' marks."""
    said = f" {' '.join(terms(question))} "
    named = [entry for spelling, entry in _entries() if f" {spelling} " in said]
    named.sort(key=lambda entry: -len(entry.term))
    return [
        f"**{entry.term}**: {entry.meaning} [{', '.join(curriculum.lesson(slug).id for slug in entry.lessons)}]"
        for entry in named[:MEANINGS]
    ]


@cache
def _entries() -> list[tuple[str, Term]]:
    """Return the glossary's entries with their terms as they stand in a question."""
    spelled = ((" ".join(terms(entry.term)), entry) for entry in glossary())
    return [(spelling, entry) for spelling, entry in spelled if spelling]


async def knows(curriculum: Curriculum, text: str) -> bool:
    """Say whether some words are likely to be about training models."""
    return (await asyncio.to_thread(index_of, curriculum)).knows(text)


def first_pages(curriculum: Curriculum, marks: Sequence[str]) -> list[Passage]:
    """Return where each of some marks begins; what does not exist is left out."""
    first: dict[str, Passage] = {}
    for index in (index_of(curriculum), guide_index()):
        for passage in index.passages:
            first.setdefault(passage.mark, passage)
    return [first[mark] for mark in marks if mark in first]


def marks(curriculum: Curriculum) -> set[str]:
    """Return everything that can be cited."""
    return {passage.mark for index in (index_of(curriculum), guide_index()) for passage in index.passages}


def _excerpt(passage: Passage) -> Data:
    return Data(
        f"{'lesson' if passage.of_lesson else 'guide'} {passage.mark}",
        f"{passage.title}, {passage.section}\n\n{passage.text}",
    )


def _lesson_of(curriculum: Curriculum, run: Run) -> list[Passage]:
    """Return the part about what goes wrong from the lesson that the run's first finding names."""
    lesson = curriculum.lesson((run.findings or [])[0]["lesson"])
    passages = (each for each in index_of(curriculum).passages if each.slug == lesson.slug)
    return [passage for passage in passages if passage.section == "When it goes wrong"]


def _described(state: LearnerState) -> Iterator[str]:
    """Describe a learner without their name."""
    needs = state.background.requirements
    yield f"level: {state.level or state.background.level}"
    yield f"goal: {state.goal or state.background.goal or 'not said'}; target: {needs.target_words or 'not said'}"
    yield f"hardware: {needs.hardware.words or 'not said'}; data: {needs.dataset_size or 'not said'}"
    weak = [f"{topic.title} ({topic.right} of {topic.answered} right)" for topic in state.weak_topics]
    yield f"weak topics: {', '.join(weak) or 'none known'}; drills due: {state.due}"
    steps = [f"[{step.lesson.id}] {step.lesson.title}, {step.lesson.minutes} min" for step in state.next]
    yield f"next lessons: {'; '.join(steps) or 'none left'}"
    for run in state.runs:
        found = run.findings[0]["what"] if run.findings else "nothing found"
        score = "" if run.score is None else f", score {run.score:.3f}"
        yield f"run {run.number}: {run.exercise}, {run.status}{score}; {found}"


async def _of_run(run: Run | None) -> list[Data]:
    if run is None:
        return []
    curve = await asyncio.to_thread(_curve, run.run_dir)
    found = [f"{each['what']} {each['evidence']} Try {each['change']}" for each in run.findings or []]
    return [
        Data(f"config of run {run.number}", run.config),
        Data(f"curve of run {run.number}, {run.status}", curve or "nothing was logged"),
        Data("what the coach found", "\n".join(found) or "nothing"),
    ]


def _curve(run_dir: str) -> str:
    """Write a run's curve as a few rows of numbers."""
    past = History.of(RunDir(run_dir).events()[0])
    every = max(1, len(past.steps) // CURVE_POINTS)
    rows = [f"step {at.step}: loss {at.loss:.4f}, learning rate {at.learning_rate:.1e}" for at in past.steps[::every]]
    evals = [f"evaluation at step {at.step}: loss {at.loss:.4f}, score {at.score:.4f}" for at in past.evals]
    return "\n".join([*rows, *evals])


def _of_config(config: str | None, catalog: Catalog) -> list[Data]:
    if config is None:
        return []
    found = "\n".join(looked_over(config, catalog))
    return [Data("config", config), Data("what the checker says about it", found or "nothing")]


def looked_over(config: str, catalog: Catalog = PACKAGED) -> list[str]:
    """Return everything that is wrong with a config, or what is suspicious about one that would train."""
    try:
        return [str(warning) for warning in parse(config, catalog).warnings]
    except ConfigError as error:
        return [str(problem) for problem in error.problems]
