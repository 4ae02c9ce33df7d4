"""The placement test and the day's random item, drawn."""

import asyncio
import re
from datetime import timedelta
from typing import Annotated

import numpy as np

from bot.command import Context, Param, Services, action, command
from bot.commands import placement_picture
from bot.commands.options import draw_options, letter_buttons
from bot.errors import UserError, nearest
from bot.study import calibration, placement
from bot.study import drill as drills
from bot.view import Button, Edit, Field, File, Form, Message, Refused, Reply
from bot.view import action as to
from lessons import Drill, Topic

UNSURE = "not sure"
HOW = {"choice": "Press a letter.", "output": "Answer with exactly what it prints."}
LISTENING = timedelta(hours=1)  # for the random item, which nobody asked for; its buttons work all day
_STOP = re.compile(r"stop|pause|quit|later|not now", re.IGNORECASE)
INTRODUCTION = (
    "This finds where your lessons should start. There is no clock and no grade, and I stop as soon as I know enough, "
    "after a dozen questions or so. **Not sure** costs you nothing; a lucky guess sends you to lessons that are too "
    "hard."
)
MEANING = {
    "beginner": "We start at topic 1. You will run your first fine-tuning within the first lessons, and know why it "
    "works by topic 4.",
    "intermediate": "The fundamentals are yours: topics 1 to 4 count as known, and your plan starts at topic 5, where "
    "runs get longer, larger and worth tuning.",
    "advanced": "Fine-tuning is routine for you: topics 1 to 8 count as known, and your plan starts at topic 9, with "
    "adapters, many GPUs and methods of your own.",
}


async def _topic_names(services: Services, partial: str) -> list[str]:
    return [topic.slug for topic in services.curriculum.topics]


@command("placement", "A short test that finds your level, or spares you a topic that you know")
async def placement_test(
    ctx: Context, topic: Annotated[str | None, Param("test out of this topic", complete=_topic_names)] = None
) -> Message:
    """Begin the test, or go on with the one that was left."""
    return await _start(ctx, _find_topic(ctx, topic) if topic else None)


@action("placement.begin")
async def begin(ctx: Context) -> Message:
    """Begin the test of everything, from a button."""
    return await _start(ctx, None)


@action("placement.topic")
async def begin_topic(ctx: Context, topic: str) -> Message:
    """Begin the test of one topic, from a button."""
    return await _start(ctx, _find_topic(ctx, topic))


@action("placement.answer")
async def answer(ctx: Context, response: int, choice: str) -> Reply:
    """Take a pressed or filled-in answer and ask the next question."""
    step = await _take(ctx, response, choice)
    reply = Edit(await _draw(ctx, step))
    if isinstance(step, placement.Question) and step.note:
        return Refused(reply, (("choice", step.note),))
    return reply


@action("placement.form")
async def answer_form(ctx: Context, response: int) -> Form:
    """Ask for an answer that has to be typed."""
    return Form("What does it print?", to("placement.answer", response=response), (_field(),))


@action("placement.stop")
async def stop(ctx: Context) -> Edit:
    """Leave the test for now."""
    await placement.stop(ctx.session, ctx.learner)
    return Edit(
        Message("As you like; your answers are kept. Begin the same test within two weeks, and it goes on from here.")
    )


@action("placement.choose")
async def choose(ctx: Context, test: int, level: str) -> Message:
    """Take the learner's choice between two levels."""
    await placement.choose_level(ctx.session, ctx.services.curriculum, ctx.learner, test, level)
    return Message(f"Then **{level}** it is. {MEANING[level]}", buttons=_onward())


@action("calibration.answer")
async def answer_item(ctx: Context, response: int, choice: str) -> Reply:
    """Take the answer to the day's random item."""
    item = await _take_item(ctx, response, choice)
    reply = Edit(_draw_item(item))
    return Refused(reply, (("choice", item.note),)) if item.note else reply


@action("calibration.form")
async def item_form(ctx: Context, response: int) -> Form:
    """Ask for the answer to the day's random item that has to be typed."""
    return Form("What does it print?", to("calibration.answer", response=response), (_field(),))


async def offer_calibration(ctx: Context) -> Message | None:
    """Put the day's random item, after the last drill; None when there is none for this learner today."""
    item = await calibration.calibration_item(
        ctx.session, ctx.services.curriculum, ctx.learner, ctx.now, np.random.default_rng()
    )
    return _draw_item(item) if item else None


async def hear_placement(ctx: Context, text: str) -> Message | None:
    """Take typed words as the answer to the item that is open, unless a drill was asked after it."""
    question = await placement.latest_open(ctx.session, ctx.services.curriculum, ctx.learner)
    if question is None or text.startswith("/"):
        return None
    drill = await drills.latest_open(ctx.session, ctx.services.curriculum, ctx.learner)
    if drill and drill.review.asked_at > question.response.asked_at:
        return None
    if question.response.placement_id is None:
        if ctx.now - question.response.asked_at > LISTENING:
            return None
        return _draw_item(await _take_item(ctx, question.response.id, text))
    if _STOP.fullmatch(text.strip(" .!")):
        return (await stop(ctx)).message
    return await _draw(ctx, await _take(ctx, question.response.id, text))


def _find_topic(ctx: Context, name: str) -> Topic:
    """Return a topic by number, slug or title; raises UserError with the nearest."""
    topics = ctx.services.curriculum.topics
    wanted = name.strip().casefold()
    for topic in topics:
        if wanted in (str(topic.number), topic.slug, topic.title.casefold()):
            return topic
    close = nearest(name, [topic.slug for topic in topics])
    raise UserError(f"There is no topic `{name[:60]}`.{close}", "`/lesson` lists them; a topic's number is enough.")


async def _start(ctx: Context, topic: Topic | None) -> Message:
    curriculum = ctx.services.curriculum
    return await _draw(
        ctx, await placement.start(ctx.session, curriculum, ctx.learner, topic, ctx.now, np.random.default_rng())
    )


async def _take(ctx: Context, response: int, given: str) -> placement.Step:
    curriculum = ctx.services.curriculum
    return await placement.answer(
        ctx.session, curriculum, ctx.learner, response, given, ctx.now, np.random.default_rng()
    )


async def _take_item(ctx: Context, response: int, given: str) -> calibration.RandomItem:
    return await calibration.answer_item(ctx.session, ctx.services.curriculum, ctx.learner, response, given, ctx.now)


async def _draw(ctx: Context, step: placement.Step) -> Message:
    match step:
        case placement.Question():
            return _draw_question(step)
        case placement.TopicResult():
            return _draw_topic_result(step)
        case placement.Result():
            return await draw_result(step)


def _draw_question(question: placement.Question) -> Message:
    what = f"Testing out of {question.topic.title}" if question.topic else "Placement"
    introduction = INTRODUCTION if question.number == 1 and question.topic is None else ""
    return Message(
        title=f"{what} · question {question.number} of {question.limit} at most",
        body=_body(question.drill, question.note or introduction),
        buttons=(*_answers(question.drill, "placement", question.response.id), Button("Stop", to("placement.stop"))),
    )


def _body(drill: Drill, note: str) -> str:
    return "\n\n".join(filter(None, [note, drill.question, draw_options(drill), f"*{HOW[drill.kind]}*"]))


def _answers(drill: Drill, route: str, response: int) -> list[Button]:
    """Return a button for each answer; what has to be typed goes into a form."""
    buttons = [Button("Answer", to(f"{route}.form", response=response), "primary")]
    if drill.options:
        buttons = letter_buttons(drill, f"{route}.answer", response=response)
    return [*buttons, Button("Not sure", to(f"{route}.answer", response=response, choice=UNSURE))]


def _field() -> Field:
    return Field("choice", "Exactly as it prints", "long")


async def draw_result(found: placement.Result) -> Message:
    """Draw a level with what it means, or the two to choose between, and the picture."""
    picture = await asyncio.to_thread(placement_picture.draw, found)
    file = File("placement.png", picture, alt=placement_picture.alt_text(found))
    if not found.choice:
        body = f"I am {found.probability:.0%} sure of that after {found.asked} questions. {MEANING[found.level]}"
        return Message(body, title=f"Your level: {found.level}", buttons=_onward(), files=(file,))
    low, high = found.choice
    return Message(
        f"After {found.asked} questions you are between the two, and you know yourself better than {found.asked} "
        f"questions do.\n\n**{low.capitalize()}**: {MEANING[low]}\n\n**{high.capitalize()}**: {MEANING[high]}"
        f"\n\nI would start you as {found.level}; which is it?",
        title=f"{low.capitalize()} or {high}: your choice",
        buttons=tuple(
            Button(level.capitalize(), to("placement.choose", test=found.placement.id, level=level))
            for level in found.choice
        ),
        files=(file,),
    )


def _draw_topic_result(found: placement.TopicResult) -> Message:
    title = found.topic.title
    if found.passed:
        lessons = len(found.topic.lessons)
        return Message(
            f"You know this. The {lessons} lessons of {title} count as tested out, and your plan has moved on. "
            "They stay open to you, and so do their drills.",
            title=f"{title}: tested out",
            buttons=_onward(),
        )
    first = found.topic.lessons[0]
    return Message(
        f"Not all of it is there yet after {found.asked} questions, so its lessons stay in your plan. "
        "You will be quicker through them than most.",
        title=f"{title}: worth your time",
        buttons=(Button(f"Open {first.title}", to("lesson.open", slug=first.slug), "primary"), *_onward()[1:]),
    )


def _draw_item(item: calibration.RandomItem) -> Message:
    if item.response.answered_at is None:
        return Message(
            title="One more, picked at random",
            body=_body(
                item.drill,
                item.note or "It moves nothing of yours: your answer tells me how hard the question is for people.",
            ),
            buttons=tuple(_answers(item.drill, "calibration", item.response.id)),
        )
    match item.response.right:
        case True:
            said = "**Right**, and thank you."
        case False:
            said = "**Not this time**, and thank you."
        case None:
            said = "Honest answers are the useful ones; thank you."
    return Message(
        f"{said} The next one comes tomorrow.",
        buttons=(Button("Its lesson", to("lesson.open", slug=item.drill.lesson)), Button("My plan", to("plan.show"))),
    )


def _onward() -> tuple[Button, ...]:
    return (Button("My plan", to("plan.show"), "primary"), Button("A drill", to("drill.next")))
