"""What is about me: interview, profile, reminders, help, and what I type without a command."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from sqlmodel.ext.asyncio.session import AsyncSession

from bot.command import FAMILIES, Context, Param, Services, action, announcement, command, commands
from bot.commands.learn import answer_drill
from bot.dispatch import find_route
from bot.errors import nearest
from bot.study import drill as drills
from bot.study import interview, leaderboard, reminder, run
from bot.study.membership import learner_of
from bot.view import Button, Edit, Field, Form, Message
from bot.view import action as to
from runner.exercise import exercises


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


@action("say")
async def say(ctx: Context, text: str) -> Message:
    """Take words typed without a command: they belong to the interview, or to the question that is open."""
    if ctx.learner.interview == "asking":
        if word := _WORDS.get(text.strip().lower()):
            reply = await word(ctx)
            return reply.message if isinstance(reply, Edit) else reply
        step = await interview.present(ctx.session, ctx.learner)
        if step.question:
            return await _draw_step(
                ctx, await interview.answer(ctx.session, ctx.learner, step.question.key, text, ctx.now)
            )
    question = await drills.latest_open(ctx.session, ctx.services.curriculum, ctx.learner)
    if question and question.review.id:
        return await answer_drill(ctx, question.review.id, text)
    names = [route.name for route in commands()]
    hint = nearest(text.split(maxsplit=1)[0], names) if text.strip() else ""
    return Message(f"I asked nothing just now, so I kept nothing of that.{hint} `/help` lists what I can do.")


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


async def _timezones(services: Services, partial: str) -> list[str]:
    return reminder.timezones(partial)


@command("reminders", "When I remind you of drills")
async def reminders(
    ctx: Context,
    time: Annotated[str | None, Param("your hour, such as 09:00, or off")] = None,
    timezone: Annotated[str | None, Param("such as Europe/Berlin", complete=_timezones)] = None,
    days: Annotated[str | None, Param("daily, weekdays, or mon,wed,fri")] = None,
) -> Message:
    """Show or change the learner's reminders."""
    at = ctx.learner.reminder_time
    if time:
        at = None if time.lower() in ("off", "none", "never") else reminder.read_time(time)
    if time or timezone or days:
        await reminder.set_reminder(ctx.session, ctx.learner, at, timezone, days, ctx.now)
    return _draw_reminders(ctx)


@action("reminders.daily")
async def remind_daily(ctx: Context, hour: int) -> Message:
    """Set a daily hour, from a button."""
    await reminder.set_reminder(ctx.session, ctx.learner, reminder.read_time(str(hour)), None, "daily", ctx.now)
    return _draw_reminders(ctx)


def _draw_reminders(ctx: Context) -> Message:
    learner = ctx.learner
    zone = learner.timezone or "UTC"
    if learner.reminder_time is None or learner.next_reminder_at is None:
        return Message(f"No reminders. `/reminders time:09:00 timezone:{zone}` sets them.")
    days = "every day" if learner.reminder_days.count(",") == 6 else learner.reminder_days.replace(",", ", ")
    next_one = learner.next_reminder_at.astimezone(ZoneInfo(zone))
    return Message(
        f"I remind you at **{learner.reminder_time:%H:%M}** ({zone}), {days}. "
        f"The next one: {next_one:%A %d %B, %H:%M}. `/reminders time:off` stops them."
    )


@announcement("reminder")
async def draw_reminder(session: AsyncSession, services: Services, subject: str, now: datetime) -> Message:
    """Draw the daily reminder from what is due when it is sent."""
    learner = await learner_of(session, int(subject))
    due = await drills.due_count(session, services.curriculum, learner, now)
    waiting = f"{due} drill{'s are' if due != 1 else ' is'} due" if due else "nothing is due, so there is room"
    return Message(
        f"Hi {learner.name}, {waiting}. Two minutes are enough.",
        buttons=(Button("Drill now", to("drill.next"), "primary"),),
    )


@command("profile", "Your level, runs and reviews")
async def profile(ctx: Context) -> Message:
    """Show what the learner has done."""
    runs = await run.runs_of(ctx.session, ctx.learner)
    rows = [(f"{r.number}", r.exercise, r.status.replace("_", " "), _score(r.exercise, r.score)) for r in runs]
    due = await drills.due_count(ctx.session, ctx.services.curriculum, ctx.learner, ctx.now)
    places = []
    if ctx.group:
        for exercise in exercises().values():
            ranks = await leaderboard.board(ctx.session, ctx.group, exercise)
            places += [f"{exercise.name}: {rank.place}." for rank in ranks if rank.learner.id == ctx.learner.id]
    return Message(
        title=ctx.learner.name,
        fields=(
            ("Level", ctx.learner.level or "not known yet: `/start`"),
            ("Drills due", str(due)),
            ("Ranks", ", ".join(places) or "none yet"),
        ),
        rows=(("Run", "Exercise", "Ended", "Score"), *rows) if rows else (),
    )


def _score(exercise: str, score: float | None) -> str:
    return "" if score is None or exercise not in exercises() else exercises()[exercise].metric.format(score)


def _family(name: str) -> str:
    lines = [f"- `/{route.name}` {route.help}" for route in commands() if route.family == name]
    return "\n".join([f"**{FAMILIES[name]}**", "", *lines])


async def _command_names(services: Services, partial: str) -> list[str]:
    return [route.name for route in commands()]


@command("help", "What I can do")
async def help_(
    ctx: Context, command: Annotated[str | None, Param("about one command", complete=_command_names)] = None
) -> Message:
    """List the commands, or explain one."""
    if command is None:
        return Message(title="What I can do", body="\n\n".join(_family(name) for name in FAMILIES))
    route = find_route(command.lstrip("/"))
    options = [f"- `{o.name}`{'' if o.required else ' (optional)'}: {o.param.help}" for o in route.options]
    return Message(title=f"/{route.name}", body="\n".join([route.help + ".", "", *options]))
