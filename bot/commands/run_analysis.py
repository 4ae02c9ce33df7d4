"""A closer look at a run: where its classifier errs, what context is worth to its language model, each task's score."""

import asyncio
from collections.abc import Sequence

from bot.command import Context, action
from bot.errors import UserError
from bot.store.tables import Run
from bot.study import run
from bot.study.catalog import exercise_of
from bot.view import Button, File, Message
from bot.view import action as to
from runner import analysis_pictures as pictures
from runner.analysis import Analysis, Errors, Mistake, Sample
from runner.run_dir import Result, RunDir


async def analysis_buttons(found: Run) -> tuple[Button, ...]:
    """Return the button that leads to a run's analysis, named after what it shows; none where there is none."""
    analysis = await _read(found)
    if analysis is None:
        return ()
    if analysis.positions:
        label = "What context is worth"
    else:
        label = "Where it errs" if len(analysis.errors) == 1 else "Score by task"
    return (Button(label, to("run.analysis", number=found.number)),)


@action("run.analysis")
async def show_analysis(ctx: Context, number: int) -> Message:
    """Look closer at a run that has succeeded."""
    found = await run.find(ctx.session, ctx.group, number)
    analysis = await _analysis_of(found)
    match analysis.errors:
        case ():
            return await _draw_language_model(found, analysis)
        case (errors,):
            return await _draw_errors(found, errors)
        case several:
            return await _draw_heads(found, several)


@action("run.errors")
async def show_errors(ctx: Context, number: int, head: int) -> Message:
    """Look closer at one head of a run."""
    found = await run.find(ctx.session, ctx.group, number)
    heads = (await _analysis_of(found)).errors
    if not 0 <= head < len(heads):
        raise UserError(f"Run {number} has no such task.")
    return await _draw_errors(found, heads[head])


async def _read(found: Run) -> Analysis | None:
    return await asyncio.to_thread(Analysis.of, RunDir(found.run_dir))


async def _analysis_of(found: Run) -> Analysis:
    analysis = await _read(found)
    if analysis is None or found.result is None:
        raise UserError(f"Run {found.number} has nothing to look at closer.", "Runs that have succeeded have it.")
    return analysis


async def _draw_errors(found: Run, errors: Errors) -> Message:
    title = _title(found, "" if errors.head == "label" else errors.head)
    picture = await asyncio.to_thread(pictures.draw_errors, errors, title)
    surest = [f"{place}. {_mistake(each)}" for place, each in enumerate(errors.mistakes, 1)]
    heading = "**What it was surest of, and wrong** (validation split, as the model reads it):"
    return Message(
        "\n".join([heading, *surest]) if surest else "It made no mistake on the validation split.",
        title=f"{title}: where it errs",
        files=(File(f"run-{found.number}-errors.png", picture, alt=pictures.errors_alt(errors)),),
    )


def _mistake(mistake: Mistake) -> str:
    texts = " | ".join(_code(text) for text in mistake.texts)
    return f"said **{mistake.predicted}** ({mistake.confidence:.0%} sure), is **{mistake.true}**: {texts}"


async def _draw_language_model(found: Run, analysis: Analysis) -> Message:
    title = _title(found)
    picture = await asyncio.to_thread(pictures.draw_positions, analysis.positions, title)
    return Message(
        "\n".join(
            ["**What it writes** behind ⟫, given the beginnings of validation files:", *map(_sample, analysis.samples)]
        ),
        title=f"{title}: what context is worth",
        files=(File(f"run-{found.number}-positions.png", picture, alt=pictures.positions_alt(analysis.positions)),),
    )


def _sample(sample: Sample) -> str:
    text = f"{sample.prompt}⟫{sample.written}".replace("```", "` ` `")
    return f"```python\n{text}\n```"


async def _draw_heads(found: Run, heads: Sequence[Errors]) -> Message:
    metric, result = exercise_of(found).metric, Result.model_validate(found.result)
    scores = {each.head: result.also[each.head] for each in heads if each.head in result.also}
    title = _title(found)
    picture = await asyncio.to_thread(pictures.draw_heads, scores, result.head_baselines, metric, title)
    return Message(
        title=f"{title}: score by task",
        buttons=tuple(
            Button(f"Where {each.head} errs", to("run.errors", number=found.number, head=place))
            for place, each in enumerate(heads)
        ),
        files=(
            File(
                f"run-{found.number}-tasks.png", picture, alt=pictures.heads_alt(scores, result.head_baselines, metric)
            ),
        ),
    )


def _title(found: Run, head: str = "") -> str:
    return " · ".join(filter(None, [f"Run {found.number}", found.exercise, head]))


def _code(text: str) -> str:
    """Return a text as code that it cannot end."""
    return f"`{text.replace('`', chr(0x2BC))}`"
