"""Runs: submit a config, follow it, and hear what its curve says."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated

from bot.command import Context, Param, action, command
from bot.commands import sweep_report, sweeps
from bot.commands.group import group_of
from bot.commands.options import EXERCISE
from bot.commands.run_report import PAUSED, code_block, draw_page, duration
from bot.errors import UserError
from bot.store.tables import Group, Run
from bot.study import catalog, device_time, fair_queue, run, sweep
from bot.view import Button, Field, File, Form, Message, Refused, Reply, Upload
from bot.view import action as to
from runner.config import ConfigError, Problem, template
from runner.sweep_source import read_sweep

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
    offered = await catalog.of_group(ctx.session, ctx.group)
    if plan := await asyncio.to_thread(read_sweep, source, offered):
        return await sweeps.propose(ctx, source, plan)
    channel = ctx.group.results_channel or ctx.channel
    submitted = await run.submit(
        ctx.session, ctx.learner, ctx.group, source, channel=channel, runs=ctx.services.runs, now=ctx.now
    )
    ctx.learner.draft = None
    ctx.session.add(ctx.learner)
    new = submitted.run
    notes = "\n".join(f"- {warning}" for warning in submitted.warnings)
    when, left = await _expectation(ctx, new), await _left(ctx, ctx.group)
    return Message(
        title=f"Run {new.number} is in",
        body=f"{when}{left}" + (f"\n\nWorth a second look:\n{notes}" if notes else ""),
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
    if not place:
        return PAUSED
    wait = await fair_queue.expected_start(ctx.session, new, ctx.services.slots(), ctx.now)
    if wait == timedelta():
        return "It starts now."
    when = f"about {duration(wait)} from now" if wait else "when the runs before it are done"
    return f"Place {place} in the queue; it starts {when}."


async def _left(ctx: Context, group: Group) -> str:
    """Say what is left of the week's device time, where that is limited."""
    left = await device_time.left(ctx.session, group, ctx.learner, ctx.now)
    return f" You have {duration(left)} of device time left this week." if left is not None else ""


@command("run show", "One run: what it did and why")
async def show(ctx: Context, number: Annotated[int, Param("the run's number")]) -> Message:
    """Show a run's page, or a sweep's."""
    if of_all := await sweep.find(ctx.session, ctx.group, number):
        return await sweep_report.draw_page(ctx.session, ctx.services, of_all, ctx.now)
    found = await run.find(ctx.session, ctx.group, number)
    return await draw_page(ctx.session, ctx.services, found, ctx.now)


@command("run cancel", "Stop one of your runs")
async def cancel_command(ctx: Context, number: Annotated[int, Param("the run's number")]) -> Message:
    """Cancel a run by number."""
    return await cancel(ctx, number)


@action("run.cancel")
async def cancel(ctx: Context, number: int) -> Message:
    """Cancel a run, or a sweep with all of its runs, from a button."""
    if of_all := await sweep.find(ctx.session, ctx.group, number):
        return await sweeps.cancel(ctx, of_all)
    state = await run.cancel(ctx.session, ctx.learner, await run.find(ctx.session, ctx.group, number), ctx.now)
    return Message(f"Run {number} is cancelled." if state == "cancelled" else f"Run {number} is being stopped.")


@command("run resume", "Go on from the last checkpoint of a run that was broken off")
async def resume_command(ctx: Context, number: Annotated[int, Param("the run's number")]) -> Message:
    """Resume a run by number."""
    return await resume(ctx, number)


@action("run.resume")
async def resume(ctx: Context, number: int) -> Message:
    """Resume a run, from a button."""
    group = group_of(ctx)
    broken = await run.find(ctx.session, group, number)
    channel = group.results_channel or ctx.channel
    new = await run.resume(
        ctx.session, ctx.learner, group, broken, channel=channel, runs=ctx.services.runs, now=ctx.now
    )
    return Message(
        title=f"Run {new.number} is in",
        body=f"It goes on where run {number} was broken off. {await _expectation(ctx, new)}",
        buttons=(Button("Cancel", to("run.cancel", number=new.number), "danger"),),
    )


@command("run logs", "The last words of a run's log")
async def logs(ctx: Context, number: Annotated[int, Param("the run's number")]) -> Message:
    """Show the end of a run's log."""
    text = await run.log_tail(await run.find(ctx.session, ctx.group, number))
    if not text.strip():
        return Message(f"Run {number} has printed nothing yet.")
    return Message(title=f"Log of run {number}", body=code_block(text))


@command("run config", "The config a run used, with every default")
async def config(ctx: Context, number: Annotated[int, Param("the run's number")]) -> Message:
    """Show a run's complete config, or a sweep's with its lists and ranges."""
    if of_all := await sweep.find(ctx.session, ctx.group, number):
        return _draw_config(f"sweep {number}", of_all.submitted)
    found = await run.find(ctx.session, ctx.group, number)
    return _draw_config(f"run {number}", found.config)


def _draw_config(whose: str, text: str) -> Message:
    name = whose.replace(" ", "-")
    return Message(title=f"Config of {whose}", files=(File(f"{name}.yaml", text.encode()),), body=code_block(text))


@command("run rerun", "Submit a run's config again")
async def rerun(ctx: Context, number: Annotated[int, Param("the run's number")]) -> Form:
    """Open the form with a run's config, or a sweep's, to submit as it is or with a change."""
    if of_all := await sweep.find(ctx.session, ctx.group, number):
        return config_form(of_all.submitted)
    return config_form((await run.find(ctx.session, ctx.group, number)).submitted)


@action("run.again")
async def again(ctx: Context, number: int) -> Form:
    """Open the form with a run's config, or a sweep's, from a button."""
    return await rerun(ctx, number)


@action("sweep.best")
async def submit_best(ctx: Context, number: int) -> Form:
    """Open the form with the best config of a sweep, to submit alone."""
    return config_form((await sweeps.best_run(ctx, number)).submitted)


@action("sweep.change")
async def submit_best_changed(ctx: Context, number: int) -> Form:
    """Open the form with the best config of a sweep and the change that the sweep's finding proposes."""
    finding = (await sweeps.named_sweep(ctx, number)).finding
    if not finding:
        raise UserError(f"There is nothing to change in sweep {number}.")
    return config_form(run.changed_config(await sweeps.best_run(ctx, number), finding["change"]))


@action("run.change")
async def submit_change(ctx: Context, number: int) -> Form:
    """Open the form with a run's config and the change that its finding proposes."""
    found = await run.find(ctx.session, ctx.group, number)
    if not found.findings:
        raise UserError(f"There is nothing to change in run {number}.")
    return config_form(run.changed_config(found, found.findings[0]["change"]))
