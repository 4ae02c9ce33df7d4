"""Lessons and drills."""

from datetime import datetime
from typing import Annotated

from bot.command import Context, Param, Services, action, command
from bot.errors import UserError
from bot.study import drill as drills
from bot.view import Button, Edit, Field, File, Form, Message, Refused, Reply
from bot.view import action as to
from lessons import Lesson, UnknownLesson

LETTERS = "abcdefghijklmnopqrstuvwxyz"
WHY = {
    "new": "New to you",
    "due": "Due today, before it fades",
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


async def _lesson_names(services: Services, partial: str) -> list[str]:
    return [lesson.slug for lesson in services.curriculum.lessons]


def find_lesson(ctx: Context, name: str) -> Lesson:
    """Return a lesson by slug, number or title; raises UserError with the nearest."""
    try:
        return ctx.services.curriculum.lesson(name)
    except UnknownLesson as unknown:
        raise UserError(str(unknown), "`/lesson` alone lists them.") from None


@command("lesson", "Read a lesson")
async def lesson(
    ctx: Context, topic: Annotated[str | None, Param("which lesson", complete=_lesson_names)] = None
) -> Message:
    """Show a lesson's first page, or the list of lessons."""
    return _page(find_lesson(ctx, topic), 0) if topic else _contents(ctx)


@action("lesson.open")
async def open_lesson(ctx: Context, slug: str) -> Message:
    """Open a lesson from a button elsewhere."""
    return _page(find_lesson(ctx, slug), 0)


@action("lesson.page")
async def turn_page(ctx: Context, slug: str, page: int) -> Edit:
    """Turn to a page, in place."""
    found = find_lesson(ctx, slug)
    if not 0 <= page < len(found.sections):
        raise UserError("That lesson has changed since; this page is gone.", f"`/lesson {slug}` opens it anew.")
    return Edit(_page(found, page))


def _contents(ctx: Context) -> Message:
    rows = [
        (lesson.id, lesson.title, lesson.level, f"{lesson.minutes} min") for lesson in ctx.services.curriculum.lessons
    ]
    buttons = [
        Button(lesson.title, to("lesson.open", slug=lesson.slug)) for lesson in ctx.services.curriculum.lessons[:5]
    ]
    return Message(title="Lessons", rows=(("", "Lesson", "Level", "Time"), *rows), buttons=tuple(buttons))


def _page(lesson: Lesson, page: int) -> Message:
    section = lesson.sections[page]
    last = page == len(lesson.sections) - 1
    turns = [
        Button("Back", to("lesson.page", slug=lesson.slug, page=page - 1)) if page else None,
        Button(
            f"Next: {lesson.sections[page + 1].title}",
            to("lesson.page", slug=lesson.slug, page=page + 1),
            "primary",
        )
        if not last
        else Button("Drill it", to("drill.lesson", slug=lesson.slug), "primary"),
    ]
    config = lesson.try_it if last else None
    return Message(
        title=f"{lesson.id} {lesson.title} · {section.title} ({page + 1}/{len(lesson.sections)})",
        body=section.body,
        buttons=tuple(button for button in turns if button),
        files=(File(f"{lesson.slug}.yaml", config.encode()),) if config else (),
    )


@command("drill", "Answer what is due now")
async def drill(
    ctx: Context, topic: Annotated[str | None, Param("only this lesson", complete=_lesson_names)] = None
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
    reply = Edit(_draw_checked(ctx, answered, choice))
    verdict = answered.verdict
    return reply if verdict.understood else Refused(reply, (("choice", verdict.explanation),))


@action("drill.form")
async def answer_form(ctx: Context, review: int) -> Form:
    """Ask for an answer that has to be typed."""
    question = await drills.open_review(ctx.session, ctx.services.curriculum, ctx.learner, review)
    field = Field("choice", HOW[question.drill.kind], "short")
    return Form("Your answer", to("drill.answer", review=review), (field,))


@action("drill.hint")
async def hint(ctx: Context, review: int) -> Message:
    """Give a hint."""
    _, text = await drills.hint(ctx.session, ctx.services.curriculum, ctx.learner, review)
    return Message(f"**Hint.** {text}" if text else "That was my last hint. Take a guess: wrong answers teach, too.")


async def hear_drill(ctx: Context, text: str) -> Message | None:
    """Take typed words as the answer to the question that is open, if one is."""
    question = await drills.latest_open(ctx.session, ctx.services.curriculum, ctx.learner)
    if question is None:
        return None
    return _draw_checked(ctx, await _check(ctx, question.review.id, text), text)


async def _check(ctx: Context, review: int, given: str) -> drills.Answered:
    return await drills.answer(ctx.session, ctx.services.curriculum, ctx.learner, review, given, ctx.now)


def _draw_checked(ctx: Context, answered: drills.Answered, given: str) -> Message:
    if not answered.verdict.understood:
        return draw_question(answered.question, note=answered.verdict.explanation)
    return _draw_answered(ctx, answered, given)


async def _ask(ctx: Context, lesson: Lesson | None) -> Message:
    question = await drills.next_question(ctx.session, ctx.services.curriculum, ctx.learner, lesson, ctx.now)
    if question:
        return draw_question(question)
    return _nothing_due(await drills.next_due_at(ctx.session, ctx.services.curriculum, ctx.learner), ctx.now)


def draw_question(question: drills.Question, note: str = "") -> Message:
    """Draw a drill: options stand in the body as A, B, C, with letters on the buttons."""
    drill, review = question.drill, question.review
    options = "\n".join(
        f"**{letter.upper()}.** {option.text}  " for letter, option in zip(LETTERS, drill.options, strict=False)
    )
    body = "\n\n".join(filter(None, [note, drill.question, options, f"*{HOW[drill.kind]}*"]))
    buttons: list[Button] = []
    if drill.kind == "choice":
        letters = LETTERS[: len(drill.options)]
        buttons += [Button(x.upper(), to("drill.answer", review=str(review.id), choice=x)) for x in letters]
    else:
        buttons.append(Button("Answer", to("drill.form", review=str(review.id)), "primary"))
    if drill.hints:
        buttons.append(Button("Hint", to("drill.hint", review=str(review.id))))
    return Message(title=f"{question.lesson.title} · {WHY[question.reason]}", body=body, buttons=tuple(buttons))


def _draw_answered(ctx: Context, answered: drills.Answered, given: str) -> Message:
    verdict, question = answered.verdict, answered.question
    head = "**Right.**" if verdict.right else f"**Not quite.** You said {given.strip()[:60]}; it is {verdict.expected}."
    again = f"You'll see this again {_when(answered.due_at, ctx.now)}." if answered.due_at else ""
    return Message(
        title=question.lesson.title,
        body="\n\n".join(filter(None, [question.drill.question, head, verdict.explanation, again])),
        buttons=(
            Button("Next drill", to("drill.next"), "primary"),
            Button("Read the lesson", to("lesson.open", slug=question.lesson.slug)),
        ),
    )


def _nothing_due(due_at: datetime | None, now: datetime) -> Message:
    if due_at is None:
        return Message("Nothing to drill yet: read a lesson first.", buttons=())
    return Message(f"Nothing is due. The next one comes {_when(due_at, now)}; go and train something until then.")


def _when(moment: datetime, now: datetime) -> str:
    days = (moment.date() - now.date()).days
    return "later today" if days < 1 else "tomorrow" if days == 1 else f"in {days} days"
