"""The interview, drawn."""

import re
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated

from sqlmodel.ext.asyncio.session import AsyncSession

from bot.command import Context, Param, Services, action, announcement, command
from bot.store.tables import Reading
from bot.study import interview, plan
from bot.study.interview_questions import BY_KEY, QUESTIONS
from bot.study.interview_words import plain
from bot.study.membership import learner_of
from bot.study.tutor import readings
from bot.view import Button, Edit, Field, Form, Menu, Message, Option
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
    """Draw where the interview stands, for a direct message."""
    learner = await learner_of(session, int(subject))
    step = await interview.present(session, learner)
    if step.question:
        return _draw_question(step, typed_here=True)
    return _draw_summary(await interview.answers(session, learner), learner.name, learner.level, "")


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
    """Take an answer, pressed or from a form."""
    return Edit(await _answer(ctx, question, choice))


async def _answer(ctx: Context, question: str, said: str) -> Message:
    step = await interview.answer(ctx.session, ctx.learner, question, said, ctx.now)
    await readings.hand_over_answer(ctx.session, ctx.learner, ctx.group, question, ctx.services.tutor, ctx.now)
    return await _draw_step(ctx, step)


@announcement("interview.understood")
async def draw_understood(session: AsyncSession, services: Services, subject: str, now: datetime) -> Message | None:
    """Say what an answer was taken for, once the model has read it."""
    reading = await session.get(Reading, int(subject))
    question = BY_KEY.get(reading.question or "") if reading else None
    choice = question.choice((reading.found or {}).get("value")) if reading and question else None
    if reading is None or question is None or choice is None:
        return None
    return Message(
        f"“{interview.in_short(reading.words)}”: I take that as **{choice.label}**. {choice.reflection}",
        buttons=(Button("Not quite", to("interview.again", choice=question.key)),),
        silent=True,
    )


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


@action("interview.change")
async def change(ctx: Context) -> Message:
    """Ask which answer is to be changed."""
    options = tuple(Option(question.about, question.key) for question in QUESTIONS)
    return Message("Which one?", menu=Menu(to("interview.again"), options, "Choose a question"))


@action("interview.again")
async def ask_again(ctx: Context, choice: str) -> Message:
    """Ask one question alone once more."""
    return await _draw_step(ctx, await interview.ask_again(ctx.session, ctx.learner, choice))


@action("interview.confirm")
async def confirm(ctx: Context) -> Message:
    """Take the summary as right, and say how it can go on."""
    await interview.confirm(ctx.session, ctx.learner)
    path = await plan.path(ctx.session, ctx.services.curriculum, ctx.learner)
    buttons = [Button("Take the placement test", to("placement.begin"), "primary")]
    if path.next:
        lesson = path.next.lesson
        buttons.append(Button(f"Start with {lesson.title}", to("lesson.open", slug=lesson.slug)))
    buttons += [Button(f"Remind me daily at {hour}:00", to("reminders.daily", hour=hour)) for hour in (9, 18)]
    return Message(
        f"From what you say I would start you as **{ctx.learner.level}**, but people misjudge themselves in both "
        "directions. The placement test takes about ten minutes and saves you the lessons that you don't need; "
        "*not sure* is a fine answer in it. Or start at once: `/plan` shows your path, and it moves with you.",
        title=f"Welcome, {ctx.learner.name}",
        buttons=tuple(buttons),
    )


_WORDS: dict[str, Callable[[Context], Awaitable[Message | Edit]]] = {
    r"skip( (it|this|that))?|next|pass|überspringen|weiter|passe|saltar|跳过": skip,
    r"(go )?back|zurück|atrás|retour|返回": back,
    r"why( do you (ask|want to know))?( that| this)?|warum|por qué|pourquoi|为什么": why,
    r"stop|later|not now|quit|exit|cancel|pause|stopp|später|luego|plus tard|停": stop,
}
_CONFIRMING = (
    r"(yes|yep|yeah|ok|okay|right|correct|perfect|looks (good|right)|that'?s (right|correct|it|me)"
    r"|ja|stimmt|passt|si|sí|oui|对|是|👍)( please| thanks| danke)?"
)
_CHANGING = r"change\b(?: (?:the |my )?(?P<what>.+))?|no|nope|(?:something|not quite|that'?s not|that is not).*"


async def hear_interview(ctx: Context, text: str) -> Message | None:
    """Take typed words as an answer, while the interview is asking."""
    if ctx.learner.interview != "asking":
        return None
    if text.lstrip().startswith("/"):
        return Message("That looks like a command, so I don't take it as your answer. The question is still open.")
    said = text.strip().rstrip("?.! ").lower()
    step = await interview.present(ctx.session, ctx.learner)
    if step.question is None:
        return await _hear_at_the_end(ctx, said)
    if step.question.key != "name" or said in ("skip", "back", "why", "stop", "why do you ask"):
        for pattern, act in _WORDS.items():
            if re.fullmatch(pattern, said):
                reply = await act(ctx)
                return reply.message if isinstance(reply, Edit) else reply
    return await _answer(ctx, step.question.key, text)


async def _hear_at_the_end(ctx: Context, said: str) -> Message | None:
    """Take a yes or a wish for a change to the summary; any other words are not for the interview."""
    if re.fullmatch(_CONFIRMING, said):
        return await confirm(ctx)
    if said == "back":
        return (await back(ctx)).message
    if found := re.fullmatch(_CHANGING, said):
        what = plain(found["what"] or "")
        named = next((question for question in QUESTIONS if what and plain(question.about) in what), BY_KEY.get(what))
        return await ask_again(ctx, named.key) if named else await change(ctx)
    return None


async def _draw_step(ctx: Context, step: interview.Step) -> Message:
    if step.question is None:
        given = await interview.answers(ctx.session, ctx.learner)
        return _draw_summary(given, ctx.learner.name, ctx.learner.level, step.reflection)
    return _draw_question(step, typed_here=ctx.direct)


def _draw_question(step: interview.Step, *, typed_here: bool) -> Message:
    question = step.question
    if question is None:
        return Message("We are through; there is nothing left to ask.")
    buttons = [Button(c.label, to("interview.answer", question=question.key, choice=c.value)) for c in question.choices]
    if not typed_here:
        buttons.append(Button("In my own words", to("interview.words", question=question.key)))
    buttons += [
        Button("Leave it as it was" if step.before else "Skip", to("interview.skip")),
        Button("Why do you ask?", to("interview.why")),
    ]
    if step.number > 1:
        buttons.append(Button("Back", to("interview.back")))
    buttons.append(Button("Stop for now", to("interview.stop")))
    before = f"You said: {interview.in_short(step.before)}" if step.before else ""
    hint = "*Press one, or say it in your own words.*" if question.choices else ""
    return Message(
        title=f"Question {step.number} of {len(QUESTIONS)}",
        body="\n\n".join(filter(None, [step.reflection, question.text, before, hint])),
        buttons=tuple(buttons),
    )


def _draw_summary(given: interview.Answers, name: str, level: str | None, reflection: str) -> Message:
    told = [said for said in given.values() if said.value != interview.SKIPPED]
    skipped = [BY_KEY[said.question].about.lower() for said in given.values() if said not in told]
    left = f"We skipped: {', '.join(skipped)}." if skipped else ""
    return Message(
        title=f"That's all I wanted to know, {name}",
        body="\n\n".join(filter(None, [reflection, "This is what I understood. Is it right?", left])),
        fields=tuple((BY_KEY[said.question].about, interview.understood(said)) for said in told),
        buttons=(
            Button("That's right", to("interview.confirm"), "primary"),
            Button("Change something", to("interview.change")),
        ),
    )
