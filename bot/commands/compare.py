"""Two runs side by side, and one run to take along."""

import asyncio
from typing import Annotated, Any

from bot.command import Context, Param, command
from bot.errors import UserError
from bot.store.tables import Run
from bot.study import run
from bot.study.catalog import exercise_of, of_run
from bot.study.membership import learner_of
from bot.view import File, Message
from runner import comparison
from runner.comparison import Named
from runner.config import parse
from runner.history import History
from runner.run_dir import Result, RunDir


@command("run compare", "Two runs side by side, with what differs in their configs")
async def compare(
    ctx: Context,
    number: Annotated[int, Param("a run's number")],
    other: Annotated[int, Param("the number of the run to compare it with")],
) -> Message:
    """Show scores, the configs' difference and the curves of two runs of one exercise."""
    if number == other:
        raise UserError(f"Run {number} is the same as itself.", "Name two different runs.")
    first = await run.find(ctx.session, ctx.group, number)
    second = await run.find(ctx.session, ctx.group, other)
    if first.exercise != second.exercise:
        raise UserError(
            f"Run {number} trained on {first.exercise} and run {other} on {second.exercise}: their scores say nothing "
            "of each other.",
            "Compare runs of one exercise.",
        )
    names = [f"{each.number} {(await learner_of(ctx.session, each.learner_id)).name}" for each in (first, second)]
    return Message(
        title=f"Run {number} and run {other} · {first.exercise}",
        body=_apart(first, second),
        rows=(("", f"Run {number}", f"Run {other}"), *_scores(first, second), *run.difference(first, second)),
        files=await _curves(names, first, second),
    )


def _apart(first: Run, second: Run) -> str:
    metric = exercise_of(first).metric
    if first.score is None or second.score is None:
        return "One of them has no score."
    gap = metric.difference(first.score, second.score)
    if abs(first.score - second.score) < metric.tie:
        return f"They are {gap} apart, which chance alone may explain: call it a tie."
    better = first if metric.better(first.score, second.score) else second
    return f"Run {better.number} is {gap} better."


def _scores(first: Run, second: Run) -> list[tuple[str, str, str]]:
    metric = exercise_of(first).metric
    results = [Result.model_validate(each.result) if each.result else None for each in (first, second)]

    def row(name: str, *values: Any) -> tuple[str, str, str]:
        return (name, *("-" if value is None else str(value) for value in values))  # type: ignore[return-value]

    shown = [metric.format(each.score) if each.score is not None else None for each in (first, second)]
    return [
        row("Hidden test", *shown),
        row("Steps", *(each and each.steps for each in results)),
        row("Seconds", *(each and round(each.train_seconds) for each in results)),
    ]


async def _curves(names: list[str], *runs: Run) -> tuple[File, ...]:
    metric = exercise_of(runs[0]).metric

    def read() -> File | None:
        found = [Named(name, History.of(RunDir(r.run_dir).events()[0])) for name, r in zip(names, runs, strict=True)]
        if not all(each.history.steps for each in found):
            return None
        picture = comparison.draw_comparison(found, " and ".join(f"run {name}" for name in names), metric)
        return File("comparison.png", picture, alt=comparison.alt_text(found, metric))

    file = await asyncio.to_thread(read)
    return (file,) if file else ()


@command("run share", "A run's config, result and model card as files")
async def share(ctx: Context, number: Annotated[int, Param("the run's number")]) -> Message:
    """Pack what somebody needs to read a run and to do it again."""
    found = await run.find(ctx.session, ctx.group, number)
    if found.status != "succeeded" or found.result is None:
        raise UserError(f"Run {number} has no result to share.", "A run can be shared when it has succeeded.")
    learner = await learner_of(ctx.session, found.learner_id)
    title = f"run {number} · {found.exercise} · {learner.name}"
    return Message(
        "The config, the result with versions and seed, and a model card as the Hub shows it.",
        title=f"Share {title}",
        files=await asyncio.to_thread(_pack, found, title),
    )


def _pack(found: Run, title: str) -> tuple[File, ...]:
    from runner.model_card import model_card  # a second, and few ask for it

    result = Result.model_validate(found.result)
    files = {
        f"run-{found.number}.yaml": found.config,
        f"run-{found.number}.json": result.model_dump_json(indent=2),
        "README.md": model_card(parse(found.config, of_run(found)).config, result, title, of_run(found)),
    }
    return tuple(File(name, text.encode()) for name, text in files.items())
