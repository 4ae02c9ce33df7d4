"""Runs: submit a config, follow it, and hear what its curve says."""

import asyncio
from datetime import datetime, timedelta
from typing import Annotated

from sqlmodel.ext.asyncio.session import AsyncSession

from bot.command import Context, Param, Services, action, announcement, command
from bot.commands.group import EXERCISE
from bot.errors import UserError
from bot.store.tables import Run
from bot.study import fair_queue, run
from bot.study.membership import learner_of
from bot.view import Button, Field, File, Form, Message, Reply, Upload
from bot.view import action as to
from runner import curves
from runner.config import ConfigError, template
from runner.exercise import exercises
from runner.history import History
from runner.run_dir import Result, RunDir

SHOWN_PROBLEMS = 12
BAR = 20  # characters


@command("submit", "Train a config on the group's runner")
async def submit(
    ctx: Context,
    exercise: Annotated[str | None, EXERCISE] = None,
    file: Annotated[Upload | None, Param("your config, a YAML file")] = None,
) -> Reply:
    """Take a config as a file, or open a form with a template to fill in."""
    if file is None:
        return _form(template(exercise or "match"))
    return await _submit(ctx, file.data)


@action("submit.form")
async def submit_form(ctx: Context, config: str) -> Message:
    """Take a config from the form."""
    return await _submit(ctx, config)


@action("submit.mend")
async def mend(ctx: Context) -> Form:
    """Open the form again with the config that was refused."""
    if not ctx.learner.draft:
        raise UserError("There is no config waiting to be mended.", "`/submit` opens a fresh one.")
    return _form(ctx.learner.draft)


@command("template", "A config to start from, as a file")
async def send_template(ctx: Context, exercise: Annotated[str, EXERCISE] = "match") -> Message:
    """Send an exercise's starter config."""
    name = f"{exercise}.yaml"
    return Message(
        f"Change one thing at a time, then `/submit` it: {exercises()[exercise].summary}",
        title=exercises()[exercise].title,
        files=(File(name, template(exercise).encode()),),
        buttons=(Button("Submit as it is", to("submit.template", exercise=exercise), "primary"),),
    )


@action("submit.template")
async def submit_template(ctx: Context, exercise: str) -> Message:
    """Submit an exercise's starter config unchanged."""
    if exercise not in exercises():
        raise UserError(f"There is no exercise {exercise[:30]} any more.")
    return await _submit(ctx, template(exercise))


def _form(config: str) -> Form:
    return Form("Submit a run", "submit.form", (Field("config", "Config (YAML)", "long", config),))


async def _submit(ctx: Context, source: str | bytes) -> Message:
    if ctx.group is None:
        raise UserError(
            "A run belongs to a group, and you are in none yet.", "Say `/submit` in a group's channel once."
        )
    channel = ctx.group.results_channel or ctx.channel
    try:
        submitted = await run.submit(
            ctx.session, ctx.learner, ctx.group, source, channel=channel, runs=ctx.services.runs, now=ctx.now
        )
    except ConfigError as error:
        return _refused(ctx, source, error)
    ctx.learner.draft = None
    ctx.session.add(ctx.learner)
    new = submitted.run
    notes = "\n".join(f"- {warning}" for warning in submitted.warnings)
    return Message(
        title=f"Run {new.number} is in",
        body=await _expectation(ctx, new) + (f"\n\nWorth a second look:\n{notes}" if notes else ""),
        buttons=(Button("Cancel", to("run.cancel", number=new.number), "danger"),),
    )


def _refused(ctx: Context, source: str | bytes, error: ConfigError) -> Message:
    """Keep what was refused, so that it can be mended, and say everything that is wrong with it."""
    problems = error.problems
    text = source if isinstance(source, str) else source.decode(errors="ignore")
    readable = len(text) <= 4_000 and "\0" not in text
    ctx.learner.draft = text if readable else None
    ctx.session.add(ctx.learner)
    lines = [f"- {problem}" for problem in problems[:SHOWN_PROBLEMS]]
    if more := len(problems) - SHOWN_PROBLEMS:
        lines += [f"- and {more} more"] if more > 0 else []
    return Message(
        title=f"That config would not train: {len(problems)} thing{'s' if len(problems) > 1 else ''} to mend",
        body="\n".join(lines),
        buttons=(Button("Fix it", to("submit.mend"), "primary"),) if readable else (),
    )


async def _expectation(ctx: Context, new: Run) -> str:
    place = await fair_queue.place(ctx.session, new)
    wait = await fair_queue.expected_start(ctx.session, new, ctx.services.slots(), ctx.now)
    if wait == timedelta():
        return "It starts now."
    when = f"about {_duration(wait)} from now" if wait else "when the runs before it are done"
    return f"Place {place} in the queue; it starts {when}."


@command("run show", "One run: what it did and why")
async def show(ctx: Context, number: Annotated[int, Param("the run's number")]) -> Message:
    """Show a run's page."""
    found = await run.find(ctx.session, ctx.group, number)
    if found.status in run.ENDED:
        return await draw_result(ctx.session, ctx.services, found.id, ctx.now)
    return await draw_status(ctx.session, ctx.services, found.id, ctx.now)


@command("run cancel", "Stop one of your runs")
async def cancel_command(ctx: Context, number: Annotated[int, Param("the run's number")]) -> Message:
    """Cancel a run by number."""
    return await cancel(ctx, number)


@action("run.cancel")
async def cancel(ctx: Context, number: int) -> Message:
    """Cancel a run, from a button."""
    state = await run.cancel(ctx.session, ctx.learner, await run.find(ctx.session, ctx.group, number), ctx.now)
    return Message(f"Run {number} is cancelled." if state == "cancelled" else f"Run {number} is being stopped.")


@command("run logs", "The last words of a run's log")
async def logs(ctx: Context, number: Annotated[int, Param("the run's number")]) -> Message:
    """Show the end of a run's log."""
    text = await run.log_tail(await run.find(ctx.session, ctx.group, number))
    return (
        Message(f"Run {number} has printed nothing yet.") if not text.strip() else _code(f"Log of run {number}", text)
    )


@command("run config", "The config a run used, with every default")
async def config(ctx: Context, number: Annotated[int, Param("the run's number")]) -> Message:
    """Show a run's complete config."""
    found = await run.find(ctx.session, ctx.group, number)
    return Message(
        title=f"Config of run {number}",
        files=(File(f"run-{number}.yaml", found.config.encode()),),
        body=_block(found.config),
    )


def _code(title: str, text: str) -> Message:
    return Message(title=title, body=_block(text))


def _block(text: str) -> str:
    return f"```\n{text.strip().replace('```', '` ` `')}\n```"


@announcement("run.status")
async def draw_status(session: AsyncSession, services: Services, subject: str, now: datetime) -> Message:
    """Draw a run's live status from what the store knows now."""
    found = await session.get_one(Run, subject)
    learner = await learner_of(session, found.learner_id)
    title = f"Run {found.number} · {found.exercise} · {learner.name}"
    button = Button("Cancel", to("run.cancel", number=found.number), "danger")
    match found.status:
        case "queued":
            place = await fair_queue.place(session, found)
            again = " The machine lost it, so it starts once more." if found.attempt > 1 else ""
            return Message(f"Waiting, place {place} in the queue.{again}", title, buttons=(button,))
        case "starting":
            return Message(found.note or "Starting: loading the model and the data.", title, buttons=(button,))
        case "running":
            return Message(_progress(found, now), title, buttons=(button,))
        case _:
            return Message(_ending(found), title)


def _progress(found: Run, now: datetime) -> str:
    if found.step and found.step >= found.total_steps:
        return f"All {found.total_steps} steps are done; measuring the result."
    share = found.step / found.total_steps if found.total_steps else 0.0
    bar = "█" * round(share * BAR) + "░" * (BAR - round(share * BAR))
    loss = f" · loss {found.loss:.3f}" if found.loss is not None else ""
    left = ""
    if found.started_at and found.step:
        left = f" · {_duration((now - found.started_at) * ((1 - share) / share))} left"
    return f"`{bar}` step {found.step} of {found.total_steps}{loss}{left}"


def _ending(found: Run) -> str:
    if found.status == "succeeded" and found.score is not None:
        return f"Done: {exercises()[found.exercise].metric.format(found.score)} on the hidden test."
    words = {"failed": "Failed.", "cancelled": "Cancelled.", "timed_out": "Out of time."}
    return " ".join(filter(None, [words.get(found.status, "Done."), found.error]))


@announcement("run.result")
async def draw_result(session: AsyncSession, services: Services, subject: str, now: datetime) -> Message:
    """Draw how a run ended: score beside the baselines, curve, diagnosis, lesson."""
    found = await session.get_one(Run, subject)
    learner = await learner_of(session, found.learner_id)
    result = Result.model_validate(found.result)
    metric = exercises()[found.exercise].metric
    score = metric.format(result.test) if result.test is not None else found.status.replace("_", " ")
    first = found.findings[0] if found.findings else None
    lesson = (Button("Read the lesson", to("lesson.open", slug=first["lesson"]), "primary"),) if first else ()
    change = (
        (Button("Submit with that change", to("run.change", number=found.number)),) if first and first["change"] else ()
    )
    return Message(
        title=f"Run {found.number} · {found.exercise} · {learner.name}: {score}",
        body="\n\n".join(filter(None, [_verdict(found, result, learner.name), *_explained(found, services)])),
        fields=_facts(found, result),
        buttons=(*lesson, *change),
        files=await _curve(found, result, learner.name),
    )


def _verdict(found: Run, result: Result, name: str) -> str:
    """Say in a sentence or two how good it is, against the baselines."""
    if result.status != "succeeded" or result.test is None:
        return result.error or "It ended without a score."
    metric = exercises()[found.exercise].metric
    linear = result.baselines.get("linear")
    sentences = []
    if linear is not None:
        gap = metric.difference(result.test, linear)
        if abs(result.test - linear) < metric.tie:
            sentences.append("No better and no worse than the linear baseline.")
        elif metric.better(result.test, linear):
            sentences.append(f"{gap} better than the linear baseline.")
        else:
            sentences.append(f"{gap} worse than the linear baseline: words alone do better.")
    if found.record == "group":
        sentences.append("**The group's best so far.**")
    elif found.record == "personal":
        sentences.append(f"A personal best for {name}.")
    return " ".join(sentences)


def _explained(found: Run, services: Services) -> list[str]:
    texts = []
    for finding in found.findings or []:
        changes = ", ".join(f"`{key}: {value:g}`" for key, value in finding["change"].items())
        lesson = services.curriculum.lesson(finding["lesson"])
        advice = f" Try {changes}." if changes else ""
        texts.append(
            f"**{finding['what']}** {finding['evidence']}{advice} Lesson {lesson.id}, *{lesson.title}*, explains it."
        )
    return texts


def _facts(found: Run, result: Result) -> tuple[tuple[str, str], ...]:
    metric = exercises()[found.exercise].metric
    scores = [
        ("Hidden test", result.test),
        ("Validation", result.validation),
        ("Linear baseline", result.baselines.get("linear")),
        ("Majority", result.baselines.get("majority")),
    ]
    facts = [(name, metric.format(score)) for name, score in scores if score is not None]
    if result.train_seconds:
        facts.append(("Training", f"{_duration(timedelta(seconds=result.train_seconds))}, {result.steps} steps"))
        facts.append(("Speed", f"{result.examples_per_second:.0f} examples/s on {result.device}"))
    return tuple(facts)


async def _curve(found: Run, result: Result, name: str) -> tuple[File, ...]:
    """Attach the curve that the runner drew; for a run that died before it could, draw one from its events."""
    metric = exercises()[found.exercise].metric

    def read() -> File | None:
        run_dir = RunDir(found.run_dir)
        history = History.of(run_dir.events()[0])
        if not history.steps:
            return None
        title = f"Run {found.number} · {found.exercise} · {name}"
        picture = run_dir.read("curves.png") or curves.draw(history, title, metric, result.baselines)
        return File(f"run-{found.number}.png", picture, alt=curves.alt_text(history, metric))

    file = await asyncio.to_thread(read)
    return (file,) if file else ()


@action("run.change")
async def submit_change(ctx: Context, number: int) -> Form:
    """Open the form with a run's config and the change that its finding proposes."""
    found = await run.find(ctx.session, ctx.group, number)
    if not found.findings:
        raise UserError(f"There is nothing to change in run {number}.")
    return _form(run.changed_config(found, found.findings[0]["change"]))


def _duration(time: timedelta) -> str:
    seconds = int(time.total_seconds())
    return f"{seconds} s" if seconds < 90 else f"{seconds // 60} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
