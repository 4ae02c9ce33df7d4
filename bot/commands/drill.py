"""Drills: a question, its hints, and what is to be said about an answer."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Annotated

from sqlmodel.ext.asyncio.session import AsyncSession

from bot.command import Context, Param, Services, action, announcement, command
from bot.commands.learn import find_lesson, lesson_names
from bot.commands.options import draw_options, letter_buttons
from bot.commands.placement import offer_calibration
from bot.errors import UserError
from bot.store.tables import Reading
from bot.study import appeal, memory, plan, streak
from bot.study import drill as drills
from bot.study.tutor import readings
from bot.view import Button, Edit, Field, Form, Message, Refused, Reply
from bot.view import action as to
from lessons import Drill, Lesson, Verdict

SAID_LIMIT = 120  # characters of an answer that are repeated
WHY = {
    "new": "New to you",
    "due": "Due today, before it fades",
    "practice": "Practice",
    "run": "Because of what your last run showed",
    "open": "Still open",
}
HOW = {
    "choice": "Press a letter.",
    "several": "More than one may be right: answer with letters, such as `a c`.",
    "number": "Answer with a number.",
    "order": "Answer with the letters in their right order, such as `b a c`.",
    "spot": "Answer with the number of the line that is wrong.",
    "output": "Answer with what it prints.",
    "short": "Answer in a few words.",
}


@command("drill", "Answer what is due now")
async def drill(
    ctx: Context, topic: Annotated[str | None, Param("only this lesson", complete=lesson_names)] = None
) -> Message:
    """Show the next due drill, or say when the next one comes."""
    return await _ask(ctx, find_lesson(ctx, topic) if topic else None)


@action("drill.lesson")
async def drill_lesson(ctx: Context, slug: str) -> Message:
    """Drill one lesson, from a button."""
    return await _ask(ctx, find_lesson(ctx, slug))


@action("drill.next")
async def drill_next(ctx: Context) -> Message:
    """Ask the next question, from a button."""
    return await _ask(ctx, None)


@action("drill.answer")
async def answer(ctx: Context, review: int, choice: str) -> Reply:
    """Take a pressed or filled-in answer and explain it."""
    answered = await _check(ctx, review, choice)
    if isinstance(answered, Message):
        return Edit(answered)
    reply = Edit(_draw_checked(answered, choice))
    verdict = answered.verdict
    return reply if verdict.understood else Refused(reply, (("choice", verdict.explanation),))


@announcement("drill.marked")
async def draw_marked(session: AsyncSession, services: Services, subject: str, now: datetime) -> Message | None:
    """Draw what the model's mark made of a short answer."""
    reading = await session.get(Reading, int(subject))
    if reading is None or reading.review_id is None or not reading.found:
        return None
    verdict = Verdict(**reading.found)
    answered = await drills.answered(session, services.curriculum, reading.review_id, verdict)
    return _draw_checked(answered, reading.words) if answered else None


@action("drill.form")
async def answer_form(ctx: Context, review: int) -> Form:
    """Ask for an answer that has to be typed."""
    question = await drills.open_review(ctx.session, ctx.services.curriculum, ctx.learner, review)
    field = Field("choice", HOW[question.drill.kind], "short")
    return Form("Your answer", to("drill.answer", review=review), (field,))


@action("drill.hint")
async def hint(ctx: Context, review: int) -> Edit:
    """Give the next hint, under the question."""
    return Edit(draw_question(await drills.hint(ctx.session, ctx.services.curriculum, ctx.learner, review)))


@action("drill.give_up")
async def give_up(ctx: Context, review: int) -> Edit:
    """Show the answer."""
    answered = await drills.give_up(ctx.session, ctx.services.curriculum, ctx.learner, review, ctx.now)
    await streak.note_activity(ctx.session, ctx.learner, ctx.now)
    return Edit(_draw_checked(answered, ""))


@action("drill.appeal")
async def appeal_answer(ctx: Context, review: int) -> Message:
    """Believe a learner whose answer was marked wrong."""
    found, lesson, _ = await appeal.appeal(ctx.session, ctx.services.curriculum, ctx.learner, review, ctx.now)
    return Message(
        "Fair enough: I mark free answers by rules, and rules miss things. It counts as passed now, and your group's "
        f"admins can read it, so that the drill gets mended. For comparison, my answer was: {_expected(found)}",
        buttons=_onward(lesson),
    )


async def hear_drill(ctx: Context, text: str) -> Message | None:
    """Take typed words as the answer to the question that is open, if one is."""
    question = await drills.latest_open(ctx.session, ctx.services.curriculum, ctx.learner)
    if question is None:
        return None
    answered = await _check(ctx, question.review.id, text)
    return answered if isinstance(answered, Message) else _draw_checked(answered, text)


async def _check(ctx: Context, review: int, given: str) -> drills.Answered | Message:
    """Mark an answer, or give it to the model, which takes some seconds, and say so."""
    question = await drills.open_review(ctx.session, ctx.services.curriculum, ctx.learner, review)
    if await readings.is_being_read(ctx.session, review):
        raise UserError("I am still reading your answer to this one.", "It takes a few seconds.")
    limits = ctx.services.tutor
    if await readings.hand_over_short(ctx.session, ctx.learner, ctx.group, question, given, limits, ctx.now):
        body = f"{question.drill.question}\n\nYou said {said(given)}. Let me read that; I tell you in a moment."
        return Message(body, title=question.lesson.title)
    answered = await drills.answer(ctx.session, ctx.services.curriculum, ctx.learner, review, given, ctx.now)
    if answered.verdict.understood:
        await streak.note_activity(ctx.session, ctx.learner, ctx.now)
    return answered


async def _ask(ctx: Context, lesson: Lesson | None) -> Message:
    curriculum = ctx.services.curriculum

    async def to_begin(known: Collection[str]) -> Sequence[Lesson]:
        path = await plan.path(ctx.session, curriculum, ctx.learner)
        return path.to_drill(curriculum, known)

    question = await drills.next_question(ctx.session, curriculum, ctx.learner, lesson, to_begin, ctx.now)
    if question:
        return draw_question(question)
    return await _after_the_last(ctx)


def draw_question(question: drills.Question, note: str = "") -> Message:
    """Draw a drill with the hints given so far: options stand in the body as A, B, C, with letters on the buttons."""
    drill = question.drill
    total = len(drill.hints)
    hints = [
        f"**Hint{f' {number} of {total}' if total > 1 else ''}.** {text}"
        for number, text in enumerate(drill.hints[: question.review.hints], start=1)
    ]
    return Message(
        title=f"{question.lesson.title} · {WHY[question.reason]}",
        body="\n\n".join(filter(None, [note, drill.question, draw_options(drill), *hints, f"*{HOW[drill.kind]}*"])),
        buttons=tuple(_buttons(question)),
    )


def _buttons(question: drills.Question) -> list[Button]:
    drill, review = question.drill, f"{question.review.id}"
    buttons = [Button("Answer", to("drill.form", review=review), "primary")]
    if drill.kind == "choice":
        buttons = letter_buttons(drill, "drill.answer", review=review)
    if question.review.hints < len(drill.hints):
        buttons.append(Button("Next hint" if question.review.hints else "Hint", to("drill.hint", review=review)))
    else:
        buttons.append(Button("Show the answer", to("drill.give_up", review=review)))
    return buttons


def _draw_checked(answered: drills.Answered, given: str) -> Message:
    question, verdict = answered.question, answered.verdict
    if not verdict.understood or answered.due_at is None:
        return draw_question(question, note=verdict.explanation)
    again = f"You'll see this again {_when(answered.due_at, answered.day)}."
    options = draw_options(question.drill, marked=True)
    onward = _onward(question.lesson)
    if appeal.may_appeal(question, verdict, given):
        onward = (*onward, Button("I think I was right", to("drill.appeal", review=f"{question.review.id}")))
    return Message(
        title=question.lesson.title,
        body="\n\n".join(filter(None, [question.drill.question, options, *_explain(answered, given), again])),
        buttons=onward,
    )


def _explain(answered: drills.Answered, given: str) -> list[str]:
    """Explain the answer that was given, and the right one."""
    drill, verdict = answered.question.drill, answered.verdict
    if verdict.right:
        model = f"In my words: {drill.answer}" if drill.kind == "short" else ""
        return [f"**Right.** {verdict.explanation}", model]
    right = f"The answer is {_expected(drill)}"
    if not given.strip():
        return [f"**Next time, then.** {right}", drill.explanation]
    about_it = verdict.explanation if verdict.explanation != drill.explanation else ""
    return [f"**Not quite.** You said {said(given)}. {about_it}".rstrip(), right, drill.explanation]


def _expected(drill: Drill) -> str:
    expected = f"{drill.answer}"
    if drill.kind == "output":
        return f"\n\n```\n{expected}\n```" if "\n" in expected else f"`{expected}`."
    return expected if expected.endswith((".", "?")) else f"{expected}."


def said(given: str) -> str:
    """Repeat an answer safely: short, on one line, without marks that a chat would act on."""
    words = " ".join("".join(c if c.isprintable() else " " for c in given).split())
    words = words.replace("`", "'").replace("@", "@\u200b")
    return f"“{words if len(words) <= SAID_LIMIT else words[: SAID_LIMIT - 1] + '…'}”"


def _onward(lesson: Lesson) -> tuple[Button, ...]:
    return (
        Button("Next drill", to("drill.next"), "primary"),
        Button("Read the lesson", to("lesson.open", slug=lesson.slug)),
    )


async def _after_the_last(ctx: Context) -> Message:
    """Put the day's calibration item, or say when the next drill comes."""
    due_at = await drills.next_due_at(ctx.session, ctx.services.curriculum, ctx.learner, ctx.now)
    if due_at is None:
        return Message("Nothing to drill yet: read a lesson first.", buttons=(Button("My plan", to("plan.show")),))
    if item := await offer_calibration(ctx):
        return item
    comes = _when(due_at, memory.drill_day(ctx.now, ctx.learner))
    return Message(f"Nothing is due. The next one comes {comes}; go and train something until then.")


def _when(due: datetime, day: datetime) -> str:
    days = (due - day).days
    return "later today" if days < 1 else "tomorrow" if days == 1 else f"in {days} days"
