"""The interview, drawn."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated

from sqlmodel.ext.asyncio.session import AsyncSession

from bot.command import Context, Param, Services, action, announcement, command
from bot.study import interview
from bot.study.membership import learner_of
from bot.view import Button, Edit, Field, Form, Message
from bot.view import action as to


@command("start", "Meet me: a few questions, one at a time, by direct message")
async def start(ctx: Context, again: Annotated[bool, Param("forget my answers and begin anew")] = False) -> Message:
    """Begin the interview, or go on where it was left; from a channel it moves to direct messages."""
    step = await interview.start(ctx.session, ctx.learner, again=again)
    if ctx.direct:
        return await _draw_step(ctx, step)
    await interview.invite(ctx.session, ctx.learner, ctx.now)
    return Message(
        "I have sent you a direct message; let's talk there. If none comes, your direct messages are closed to me.",
        buttons=(Button("Ask me here instead", to("interview.here")),),
    )


@announcement("interview")
async def draw_invitation(session: AsyncSession, services: Services, subject: str, now: datetime) -> Message:
    """Draw the question where the interview stands, for a direct message."""
    learner = await learner_of(session, int(subject))
    return _draw_question(await interview.present(session, learner), typed_here=True)


@action("interview.here")
async def ask_here(ctx: Context) -> Message:
    """Go on where the learner is: only they see it, and what they want to type goes into a form."""
    return await _draw_step(ctx, await interview.start(ctx.session, ctx.learner))


@action("interview.words")
async def ask_words(ctx: Context, question: str) -> Form:
    """Open a form for an answer in one's own words, where typed words are not heard."""
    return Form(
        "In your own words", to("interview.answer", question=question), (Field("choice", "Your answer", "long"),)
    )


@action("interview.answer")
async def answer(ctx: Context, question: str, choice: str) -> Edit:
    """Take a pressed answer."""
    return Edit(await _draw_step(ctx, await interview.answer(ctx.session, ctx.learner, question, choice, ctx.now)))


@action("interview.skip")
async def skip(ctx: Context) -> Edit:
    """Skip the present question."""
    return Edit(await _draw_step(ctx, await interview.skip(ctx.session, ctx.learner, ctx.now)))


@action("interview.back")
async def back(ctx: Context) -> Edit:
    """Ask the last question again."""
    return Edit(await _draw_step(ctx, await interview.back(ctx.session, ctx.learner)))


@action("interview.why")
async def why(ctx: Context) -> Message:
    """Say what a question is good for."""
    step = await interview.present(ctx.session, ctx.learner)
    return Message(step.question.why if step.question else "We are through; there is nothing left to ask.")


@action("interview.stop")
async def stop(ctx: Context) -> Message:
    """Leave the interview for now."""
    await interview.pause(ctx.session, ctx.learner)
    return Message("As you like; nothing is lost. `/start` goes on where we are.")


_WORDS: dict[str, Callable[[Context], Awaitable[Message | Edit]]] = {
    "skip": skip,
    "back": back,
    "why": why,
    "why do you ask?": why,
    "stop": stop,
}


async def hear_interview(ctx: Context, text: str) -> Message | None:
    """Take typed words as an answer, while the interview is asking."""
    if ctx.learner.interview != "asking":
        return None
    if word := _WORDS.get(text.strip().lower()):
        reply = await word(ctx)
        return reply.message if isinstance(reply, Edit) else reply
    step = await interview.present(ctx.session, ctx.learner)
    if step.question is None:
        return None
    return await _draw_step(ctx, await interview.answer(ctx.session, ctx.learner, step.question.key, text, ctx.now))


async def _draw_step(ctx: Context, step: interview.Step) -> Message:
    if step.question is None:
        return await _summary(ctx, step.reflection)
    return _draw_question(step, typed_here=ctx.direct)


def _draw_question(step: interview.Step, *, typed_here: bool) -> Message:
    question = step.question
    if question is None:
        return Message("We are through; there is nothing left to ask.")
    buttons = [Button(c.label, to("interview.answer", question=question.key, choice=c.value)) for c in question.choices]
    if not typed_here:
        buttons.append(Button("In my own words", to("interview.words", question=question.key)))
    buttons += [Button("Skip", to("interview.skip")), Button("Why do you ask?", to("interview.why"))]
    if step.number > 1:
        buttons.append(Button("Back", to("interview.back")))
    hint = "*Press one, or say it in your own words.*" if question.choices else ""
    return Message(
        title=f"Question {step.number} of {len(interview.QUESTIONS)}",
        body="\n\n".join(filter(None, [step.reflection, question.text, hint])),
        buttons=tuple(buttons),
    )


async def _summary(ctx: Context, reflection: str) -> Message:
    given = await interview.answers(ctx.session, ctx.learner)
    said = [(interview.about(key), a.text or a.value or "") for key, a in given.items() if key != "name"]
    first = ctx.services.curriculum.lessons[0]
    return Message(
        title=f"That's all I wanted to know, {ctx.learner.name}",
        body=f"{reflection}\n\nI take you for **{ctx.learner.level}** until your answers say otherwise. "
        "Start with a lesson, or submit your first run with `/submit`; I'll read its curve with you.".strip(),
        fields=tuple(said),
        buttons=(
            Button(f"Lesson: {first.title}", to("lesson.open", slug=first.slug), "primary"),
            Button("Remind me daily at 9:00", to("reminders.daily", hour=9)),
            Button("At 18:00", to("reminders.daily", hour=18)),
        ),
    )
