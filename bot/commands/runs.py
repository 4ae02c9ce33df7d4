"""Runs: submit a config, follow it, and hear what its curve says."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated

from bot.command import Context, Param, action, command
from bot.commands.options import EXERCISE
from bot.commands.run_report import code_block, draw_page, duration
from bot.errors import UserError
from bot.store.tables import Run
from bot.study import catalog, fair_queue, run
from bot.view import Button, Field, File, Form, Message, Refused, Reply, Upload
from bot.view import action as to
from runner.config import ConfigError, Problem, template

SHOWN_PROBLEMS = 12
SHOWN_IN_FORM = 5  # problems below a field


@command("submit", "Train a config on the group's runner")
async def submit(
    ctx: Context,
    exercise: Annotated[str | None, EXERCISE] = None,
    file: Annotated[Upload | None, Param("your config, a YAML file")] = None,
) -> Reply:
    """Take a config as a file, or open a form with a template to fill in."""
    if file is None:
        return config_form(await _starter(ctx, exercise or "match"))
    return await _submit(ctx, file.data)


@action("submit.form")
async def submit_form(ctx: Context, config: str) -> Reply:
    """Take a config from the form."""
    try:
        return await _accept(ctx, config)
    except ConfigError as error:
        return Refused(_refused(ctx, config, error), (("config", _in_form(error.problems)),))


@action("submit.mend")
async def mend(ctx: Context) -> Form:
    """Open the form again with the config that was refused."""
    if not ctx.learner.draft:
        raise UserError("There is no config waiting to be mended.", "`/submit` opens a fresh one.")
    return config_form(ctx.learner.draft)


@action("submit.template")
async def submit_template(ctx: Context, exercise: str) -> Message:
    """Submit an exercise's starter config unchanged."""
    return await _submit(ctx, await _starter(ctx, exercise))


async def _starter(ctx: Context, exercise: str) -> str:
    """Return an exercise's starter config. Raises UserError when the group has no such exercise."""
    found = await catalog.exercise(ctx.session, ctx.group, exercise)
    return template(found.name, await catalog.of_group(ctx.session, ctx.group))


def config_form(config: str) -> Form:
    """Open the form to submit a run, with a config to start from."""
    return Form("Submit a run", "submit.form", (Field("config", "Config (YAML)", "long", config),))


async def _submit(ctx: Context, source: str | bytes) -> Message:
    try:
        return await _accept(ctx, source)
    except ConfigError as error:
        return _refused(ctx, source, error)


async def _accept(ctx: Context, source: str | bytes) -> Message:
    """Put a config in the queue. Raises ConfigError, or UserError when it is no matter of the config."""
    if ctx.group is None:
        raise UserError(
            "A run belongs to a group, and you are in none yet.", "Say `/submit` in a group's channel once."
        )
    channel = ctx.group.results_channel or ctx.channel
    submitted = await run.submit(
        ctx.session, ctx.learner, ctx.group, source, channel=channel, runs=ctx.services.runs, now=ctx.now
    )
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
    return Message(
        title=f"That config would not train: {_to_mend(problems)}",
        body="\n".join(f"- {line}" for line in _listed(problems, SHOWN_PROBLEMS)),
        buttons=(Button("Fix it", to("submit.mend"), "primary"),) if readable else (),
    )


def _in_form(problems: Sequence[Problem]) -> str:
    """Say what is wrong in the little room below a form's field."""
    return f"{_to_mend(problems)}: " + " · ".join(_listed(problems, SHOWN_IN_FORM))


def _listed(problems: Sequence[Problem], most: int) -> list[str]:
    more = len(problems) - most
    return [*map(str, problems[:most]), *([f"and {more} more"] if more > 0 else [])]


def _to_mend(problems: Sequence[Problem]) -> str:
    return f"{len(problems)} thing{'s' if len(problems) > 1 else ''} to mend"


async def _expectation(ctx: Context, new: Run) -> str:
    place = await fair_queue.place(ctx.session, new)
    wait = await fair_queue.expected_start(ctx.session, new, ctx.services.slots(), ctx.now)
    if wait == timedelta():
        return "It starts now."
    when = f"about {duration(wait)} from now" if wait else "when the runs before it are done"
    return f"Place {place} in the queue; it starts {when}."


@command("run show", "One run: what it did and why")
async def show(ctx: Context, number: Annotated[int, Param("the run's number")]) -> Message:
    """Show a run's page."""
    found = await run.find(ctx.session, ctx.group, number)
    return await draw_page(ctx.session, ctx.services, found, ctx.now)


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
    if not text.strip():
        return Message(f"Run {number} has printed nothing yet.")
    return Message(title=f"Log of run {number}", body=code_block(text))


@command("run config", "The config a run used, with every default")
async def config(ctx: Context, number: Annotated[int, Param("the run's number")]) -> Message:
    """Show a run's complete config."""
    found = await run.find(ctx.session, ctx.group, number)
    return Message(
        title=f"Config of run {number}",
        files=(File(f"run-{number}.yaml", found.config.encode()),),
        body=code_block(found.config),
    )


@command("run rerun", "Submit a run's config again")
async def rerun(ctx: Context, number: Annotated[int, Param("the run's number")]) -> Form:
    """Open the form with a run's config, to submit as it is or with a change."""
    return config_form((await run.find(ctx.session, ctx.group, number)).submitted)


@action("run.change")
async def submit_change(ctx: Context, number: int) -> Form:
    """Open the form with a run's config and the change that its finding proposes."""
    found = await run.find(ctx.session, ctx.group, number)
    if not found.findings:
        raise UserError(f"There is nothing to change in run {number}.")
    return config_form(run.changed_config(found, found.findings[0]["change"]))
