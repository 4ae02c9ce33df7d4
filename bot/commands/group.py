"""What a group shares: the leaderboard."""

from typing import Annotated

from bot.command import Context, Param, command
from bot.errors import UserError
from bot.study import leaderboard
from bot.view import Message
from runner.exercise import Exercise, exercises

EXERCISE = Param("which exercise", choices=tuple(exercises()))


@command("leaderboard", "Who trains best", private=False)
async def show_leaderboard(ctx: Context, exercise: Annotated[str, EXERCISE] = "match") -> Message:
    """Show a group's ranks, and how far it is to the next place."""
    if ctx.group is None:
        raise UserError("You are in no group yet.", "Ask in a group's channel.")
    chosen = exercises()[exercise]
    return draw_board(ctx, chosen, await leaderboard.board(ctx.session, ctx.group, chosen))


def draw_board(ctx: Context, exercise: Exercise, ranks: list[leaderboard.Rank]) -> Message:
    """Draw ranks as a table, with the asker's distance to the next place."""
    if not ranks:
        return Message(f"Nobody has a score on {exercise.name} yet. `/submit {exercise.name}` gets the first.")
    rows = [
        (
            f"{rank.place}",
            rank.learner.name,
            exercise.metric.format(rank.run.score or 0),
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
    gap = exercise.metric.difference(above[-1].run.score or 0, own.run.score or 0)
    return f"You are {gap} behind {above[-1].learner.name}."
