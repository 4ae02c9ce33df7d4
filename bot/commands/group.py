"""What a group shares: the leaderboard, and what its admins set."""

from datetime import datetime
from typing import Annotated

from sqlmodel.ext.asyncio.session import AsyncSession

from bot.command import Context, Param, Services, action, announcement, command
from bot.errors import UserError
from bot.store.tables import Delivery, Group
from bot.study import group_setup, leaderboard
from bot.view import Button, Edit, Message
from bot.view import action as to
from runner.exercise import Exercise, exercises

EXERCISE = Param("which exercise", choices=tuple(exercises()))


@command("leaderboard", "Who trains best", private=False)
async def show_leaderboard(ctx: Context, exercise: Annotated[str, EXERCISE] = "match") -> Message:
    """Show a group's ranks, and how far it is to the next place."""
    chosen = exercises()[exercise]
    return draw_board(ctx, chosen, await leaderboard.board(ctx.session, _group(ctx), chosen))


def _group(ctx: Context) -> Group:
    if ctx.group is None:
        raise UserError("You are in no group yet.", "Ask in a group's channel.")
    return ctx.group


def draw_board(ctx: Context, exercise: Exercise, ranks: list[leaderboard.Rank]) -> Message:
    """Draw ranks as a table, with the asker's distance to the next place."""
    if not ranks:
        return Message(f"Nobody has a score on {exercise.name} yet. `/submit {exercise.name}` gets the first.")
    rows = [
        (
            f"{rank.place}",
            rank.learner.name,
            exercise.metric.format(rank.score),
            f"run {rank.run.number}",
            f"{rank.runs}",
        )
        for rank in ranks
    ]
    return Message(
        title=f"Leaderboard · {exercise.name} · {exercise.metric.name} on the hidden test",
        body=_distance(ctx, exercise, ranks),
        rows=(("", "Who", "Score", "With", "Runs"), *rows),
    )


def _distance(ctx: Context, exercise: Exercise, ranks: list[leaderboard.Rank]) -> str:
    own = next((rank for rank in ranks if rank.learner.id == ctx.learner.id), None)
    above = [rank for rank in ranks if own and rank.place < own.place]
    if own is None:
        return ""
    if not above:
        return "You lead."
    gap = exercise.metric.difference(above[-1].score, own.score)
    return f"You are {gap} behind {above[-1].learner.name}."


@command("group show", "What this group has set", admin=True)
async def show_group(ctx: Context) -> Message:
    """Show a group's settings."""
    return _draw_group(_group(ctx))


def _draw_group(group: Group) -> Message:
    where = f"channel `{group.results_channel}`" if group.results_channel else "where each run is submitted"
    return Message(
        title=group.name,
        fields=(("Results go to", where), ("Runs a learner and day", f"{group.runs_per_day}")),
        buttons=(Button("Change it", to("group.setup")),),
    )


@command("group setup", "Set this group up, in three presses", admin=True)
async def set_up(ctx: Context) -> Message:
    """Begin the set-up."""
    return _where()


@action("group.setup", admin=True)
async def set_up_again(ctx: Context) -> Message:
    """Begin the set-up, from a button."""
    return _where()


def _where() -> Message:
    return Message(
        "Where shall results and records be posted?",
        title="Set-up · 1 of 3",
        buttons=(
            Button("In this channel", to("group.results", where="here"), "primary"),
            Button("Where each run is submitted", to("group.results", where="anywhere")),
        ),
    )


@action("group.results", admin=True)
async def set_results(ctx: Context, where: str) -> Edit:
    """Set where results go, and ask the next question."""
    channel = ctx.channel if where == "here" else None
    await group_setup.set_results_channel(ctx.session, _group(ctx), ctx.learner, channel)
    quotas = (5, 20, 100)
    return Edit(
        Message(
            "How many runs may a learner submit in a day?",
            title="Set-up · 2 of 3",
            buttons=tuple(Button(f"{runs}", to("group.quota", runs=runs)) for runs in quotas),
        )
    )


@action("group.quota", admin=True)
async def set_quota(ctx: Context, runs: int) -> Edit:
    """Set the quota, and ask the last question."""
    await group_setup.set_quota(ctx.session, _group(ctx), ctx.learner, runs)
    return Edit(
        Message(
            "Shall I introduce myself here?",
            title="Set-up · 3 of 3",
            buttons=(
                Button("Yes, say hello", to("group.hello", say="yes"), "primary"),
                Button("No, thanks", to("group.hello", say="no")),
            ),
        )
    )


@action("group.hello", admin=True)
async def finish_setup(ctx: Context, say: str) -> Edit:
    """Say hello if wanted, and show what is set."""
    if say == "yes":
        await group_setup.say_hello(ctx.session, _group(ctx), ctx.channel, ctx.now)
    return Edit(_draw_group(_group(ctx)))


@command("group quota", "How many runs a learner may submit in a day", admin=True)
async def quota(ctx: Context, runs: Annotated[int, Param("runs in 24 hours")]) -> Message:
    """Set the quota."""
    await group_setup.set_quota(ctx.session, _group(ctx), ctx.learner, runs)
    return _draw_group(_group(ctx))


@announcement("group.hello")
async def draw_hello(session: AsyncSession, services: Services, subject: str, now: datetime) -> Message:
    """Introduce Cohort to a group."""
    return Message(
        "I teach training with Hugging Face: short lessons, drills before you forget, and real runs. "
        "`/start` tells me who you are, `/submit` trains a config, `/leaderboard` says who trains best.",
        title="Hello, I'm Cohort",
    )


@announcement("group.dead_channel")
async def draw_dead_channel(session: AsyncSession, services: Services, subject: str, now: datetime) -> Message:
    """Tell an admin that a channel takes no messages."""
    delivery = await session.get_one(Delivery, int(subject))
    group = await session.get_one(Group, delivery.group_id)
    return Message(
        f"I cannot post in channel `{delivery.channel}` of {group.name}: it is gone, or I may not speak there. "
        "Results go to where each run is submitted, until `/group setup` names another channel."
    )
