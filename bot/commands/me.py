"""What is about me: profile, help, and what I type without a command."""

from typing import Annotated

from bot.command import FAMILIES, Context, Param, Services, action, command, commands
from bot.commands.interview import hear_interview
from bot.commands.learn import hear_drill
from bot.dispatch import find_route
from bot.errors import nearest
from bot.study import drill as drills
from bot.study import leaderboard, run
from bot.view import Message
from runner.exercise import exercises


@action("say")
async def say(ctx: Context, text: str) -> Message:
    """Take words typed without a command: they belong to the first of these that has asked something."""
    for listen in (hear_interview, hear_drill):
        if reply := await listen(ctx, text):
            return reply
    names = [route.name for route in commands()]
    hint = nearest(text.split(maxsplit=1)[0], names) if text.strip() else ""
    return Message(f"I asked nothing just now, so I kept nothing of that.{hint} `/help` lists what I can do.")


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


def _family(heading: str) -> str:
    lines = [f"- `/{route.name}` {route.help}" for route in commands() if route.family == heading]
    return "\n".join([f"**{heading}**", "", *lines])


async def _command_names(services: Services, partial: str) -> list[str]:
    return [route.name for route in commands()]


@command("help", "What I can do")
async def help_(
    ctx: Context, command: Annotated[str | None, Param("about one command", complete=_command_names)] = None
) -> Message:
    """List the commands, or explain one."""
    if command is None:
        return Message(title="What I can do", body="\n\n".join(map(_family, dict.fromkeys(FAMILIES.values()))))
    route = find_route(command.lstrip("/"))
    options = [f"- `{o.name}`{'' if o.required else ' (optional)'}: {o.param.help}" for o in route.options]
    return Message(title=f"/{route.name}", body="\n".join([route.help + ".", "", *options]))
