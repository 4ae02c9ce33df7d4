"""The interview: who is this learner, what do they want and what do they have. One question at a time.

The answers are the state: the next question is the first that has none or is to be asked once more, so it can be left
and resumed anywhere. An answer that is asked again keeps its old words until there are new ones.
"""

import re
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import CursorResult, delete, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.errors import UserError
from bot.store import outbox
from bot.store.database import insert_new
from bot.store.tables import Answer, Learner
from bot.study import background
from bot.study.hardware import read_hardware
from bot.study.interview_questions import BY_KEY, QUESTIONS, Choice, Question, read_rows

SKIPPED = "skipped"
ASKED_AGAIN = "asked again"
ANSWER_LIMIT = 1_000  # characters
NAME_LIMIT = 40
QUOTE_LIMIT = 120
SMALL_GB = 8
SMALL_DEVICE = "Tight but real: small models train on it, and accumulation and LoRA stretch it."

Answers = dict[str, Answer]  # by question, in the interview's order


@dataclass(frozen=True, slots=True)
class Step:
    """Where the interview stands: the reflection of the last answer and the next question, or None at the end.

    `before` is what was answered the last time, where the question is asked again.
    """

    question: Question | None
    number: int
    reflection: str = ""
    before: str = ""


async def start(session: AsyncSession, learner: Learner, *, again: bool = False) -> Step:
    """Begin, or go on where it was left; `again` forgets the answers and begins anew."""
    if again:
        await session.exec(delete(Answer).where(col(Answer.learner_id) == learner.id))
    return await _next(session, learner)


async def present(session: AsyncSession, learner: Learner) -> Step:
    """Return where the interview stands, and change nothing."""
    given = await answers(session, learner)
    question = next((each for each in QUESTIONS if each.key not in given or _is_open(given[each.key])), None)
    if question is None:
        return Step(None, len(QUESTIONS) + 1)
    before = given[question.key].text if question.key in given else ""
    return Step(question, QUESTIONS.index(question) + 1, before=before)


async def answer(session: AsyncSession, learner: Learner, key: str, text: str, now: datetime) -> Step:
    """Take the answer to one question, pressed or typed. Raises UserError when it is not the one being asked."""
    question = await _asked(session, learner, key)
    text = text.replace("\0", "").strip()
    if not text:
        raise UserError("That was empty.", "A word or two is enough, or skip it.")
    choice = question.read(text)
    if choice and text == choice.value:  # pressed, not typed
        text = choice.label
    await _store(session, learner, key, text, choice.value if choice else None, now)
    if key == "name":
        learner.name = read_name(text)
    return await _next(session, learner, _reflect(learner, question, text, choice))


async def understand(session: AsyncSession, learner: Learner, key: str, text: str, value: str) -> bool:
    """Take an answer that the rules could not place for one of the choices, unless it was changed meanwhile."""
    unplaced = (col(Answer.learner_id) == learner.id, col(Answer.question) == key)
    unchanged = (col(Answer.text) == text, col(Answer.value).is_(None))
    placed: CursorResult[Any] = await session.exec(update(Answer).where(*unplaced, *unchanged).values(value=value))
    if placed.rowcount and (await present(session, learner)).question is None:
        await _conclude(session, learner)
    return placed.rowcount == 1


async def skip(session: AsyncSession, learner: Learner, now: datetime) -> Step:
    """Leave the present question as it is, unanswered or with the answer it had, and go on."""
    step = await present(session, learner)
    if step.question is None:
        return await _next(session, learner)
    if step.before:
        choice = step.question.read(step.before)
        await _store(session, learner, step.question.key, step.before, choice.value if choice else None, now)
        return await _next(session, learner, "We leave it as it was.")
    await _store(session, learner, step.question.key, "", SKIPPED, now)
    return await _next(session, learner, "Skipped; we can come back to it.")


async def back(session: AsyncSession, learner: Learner) -> Step:
    """Ask the question before the present one again."""
    step = await present(session, learner)
    last = len(QUESTIONS) if step.question is None else QUESTIONS.index(step.question)
    if last == 0:
        return await _next(session, learner, "This is the first one; there is nothing before it.")
    return await ask_again(session, learner, QUESTIONS[last - 1].key)


async def ask_again(session: AsyncSession, learner: Learner, key: str) -> Step:
    """Ask one question once more, whatever else is answered. Raises UserError for a question that there is not."""
    if key not in BY_KEY:
        raise UserError("That question is no longer part of the interview.", "`/start` goes on with it.")
    mine = update(Answer).where(col(Answer.learner_id) == learner.id, col(Answer.question) == key)
    await session.exec(mine.values(value=ASKED_AGAIN))
    return await _next(session, learner, "Of course, once more.")


async def confirm(session: AsyncSession, learner: Learner) -> None:
    """Close the interview: the summary is right. Raises UserError while a question is open."""
    if (await present(session, learner)).question:
        raise UserError("There is still a question open.", "`/start` shows it.")
    learner.interview = "done"
    session.add(learner)


async def invite(session: AsyncSession, learner: Learner, now: datetime) -> None:
    """Ask the present question by direct message."""
    key = f"interview:{learner.id}:{now.timestamp()}"
    await outbox.tell(session, learner, key=key, kind="interview", subject=str(learner.id), at=now)


async def pause(session: AsyncSession, learner: Learner) -> None:
    """Stop asking; nothing is lost."""
    learner.interview = "paused"
    session.add(learner)


async def answers(session: AsyncSession, learner: Learner) -> Answers:
    """Return what was answered, by question and in the interview's order."""
    rows = await session.exec(
        select(Answer).where(Answer.learner_id == learner.id).execution_options(populate_existing=True)
    )
    found = {row.question: row for row in rows}
    return {question.key: found[question.key] for question in QUESTIONS if question.key in found}


def understood(said: Answer) -> str:
    """Return an answer as the learner gave it, with what it was taken for where that is not the same."""
    words = in_short(said.text)
    question = BY_KEY[said.question]
    if question.key == "name" and words:
        return read_name(said.text)
    choice = question.choice(said.value)
    if choice is None or choice.label == said.text:
        return words
    return f"{words} ({_heard(question, said.text, choice)})"


def in_short(text: str) -> str:
    """Return somebody's words on one line that is not too long."""
    words = " ".join(text.split())
    return words if len(words) <= QUOTE_LIMIT else f"{words[: QUOTE_LIMIT - 1]}…"


def read_name(text: str) -> str:
    """Take the name out of what people say instead of just their name."""
    said = re.sub(_GREETING, "", text.strip(), flags=re.IGNORECASE)
    said = re.sub(_INTRODUCTION, "", said, flags=re.IGNORECASE)
    said = re.split(r"[,;(!?\n]|(?<=\w{3})\.\s|\s[-–—]\s|\s:|\bplease\b|\bbut\b", said.strip(" ,.!"), maxsplit=1)[0]
    words = [word for word in said.split() if word.isprintable()]
    return " ".join(words)[:NAME_LIMIT].strip(" .,!@#`*") or "friend"


_GREETING = r"^(?:(?:hi|hey|hello|hallo|hola|salut|bonjour|moin|你好)(?: there| everyone)?[,!. ]*)+"
_INTRODUCTION = (
    r"^(?:i am called|i am|i'm|i’m|im|my name is|my name's|(?:you can |people |friends |just )*call me|it's|it is|name's|"
    r"ich bin|ich hei(?:ß|ss)e|mein name ist|me llamo|soy|mi nombre es|je m'appelle|je suis|moi c'est)\s+|^(?:我叫|我是)"
)


def _is_open(said: Answer) -> bool:
    return said.value == ASKED_AGAIN


async def _asked(session: AsyncSession, learner: Learner, key: str) -> Question:
    """Return the question that is being asked, if it is this one."""
    if key not in BY_KEY:
        raise UserError("That question is no longer part of the interview.", "`/start` goes on with it.")
    question = (await present(session, learner)).question
    if question is None or question.key != key:
        raise _answered_already()
    return question


async def _store(
    session: AsyncSession, learner: Learner, key: str, text: str, value: str | None, now: datetime
) -> None:
    """Keep an answer. Raises UserError when another device has answered in the same moment."""
    row = Answer(learner_id=learner.id, question=key, text=text[:ANSWER_LIMIT], value=value, answered_at=now)
    if await insert_new(session, row):
        return
    asked_again = update(Answer).where(
        col(Answer.learner_id) == learner.id, col(Answer.question) == key, col(Answer.value) == ASKED_AGAIN
    )
    stored: CursorResult[int] = await session.exec(
        asked_again.values(text=row.text, value=row.value, answered_at=row.answered_at)
    )
    if stored.rowcount == 0:
        raise _answered_already()


def _answered_already() -> UserError:
    return UserError("You have answered that one already.", "`/start` shows where we are.")


async def _next(session: AsyncSession, learner: Learner, reflection: str = "") -> Step:
    """Go on to the question that is next; after the last one, draw the conclusions and wait for the learner's yes."""
    step = await present(session, learner)
    if step.question or learner.interview != "done":
        learner.interview = "asking"
    if step.question is None:
        await _conclude(session, learner)
    session.add(learner)
    return replace(step, reflection=reflection)


async def _conclude(session: AsyncSession, learner: Learner) -> None:
    """Draw goal and level from all answers."""
    known = background.of(await answers(session, learner))
    learner.goal = known.goal or learner.goal
    if learner.ability is None:  # a test knows better
        learner.level = known.level
    session.add(learner)


def _reflect(learner: Learner, question: Question, text: str, choice: Choice | None) -> str:
    """Say in a word how an answer was understood."""
    if question.key == "name":
        return f"Good to meet you, {learner.name}."
    if choice is None:
        return "I can't put that in a box, so I keep it in your words."
    if text == choice.label:
        return choice.reflection
    found = read_hardware(text) if question.key == "hardware" else None
    comment = SMALL_DEVICE if found and 0 < found.memory_gb <= SMALL_GB else choice.reflection
    return f"**{_heard(question, text, choice)}.** {comment}"


def _heard(question: Question, text: str, choice: Choice) -> str:
    """Return what an answer was taken for, as exactly as the rules know it."""
    if question.key == "hardware" and (found := read_hardware(text)) and found.words:
        return found.words
    if question.key == "dataset_size" and (rows := read_rows(text)):
        return f"{rows:,} rows"
    return choice.label
