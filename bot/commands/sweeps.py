"""Sweeps: what one would take, its start, its end, and its best config."""

from datetime import timedelta

from bot.command import Context, action
from bot.commands.run_report import duration
from bot.errors import UserError
from bot.store.tables import Run, Sweep
from bot.study import catalog, run, sweep
from bot.study.quota import Quota, quota
from bot.study.run import last_duration
from bot.study.sweep_result import trials_of
from bot.view import Button, Edit, Message
from bot.view import action as to
from runner.sweep import SweepPlan, short
from runner.sweep_scores import ranked


async def propose(ctx: Context, source: str | bytes, plan: SweepPlan) -> Message:
    """Keep a sweep, and say what it would take, with a button to start it. Raises UserError over quota."""
    assert ctx.group is not None  # noqa: S101  (asked before)
    channel = ctx.group.results_channel or ctx.channel
    new = await sweep.propose(ctx.session, ctx.learner, ctx.group, source, plan, channel=channel, now=ctx.now)
    ctx.learner.draft = None
    ctx.session.add(ctx.learner)
    left = await quota(ctx.session, ctx.learner, ctx.group, ctx.now)
    notes = "\n".join(f"- {warning}" for warning in plan.warnings)
    return Message(
        title=f"A sweep of {plan.runs} runs: start it?",
        body=_takes(plan, left, await _expected(ctx, plan)) + (f"\n\nWorth a second look:\n{notes}" if notes else ""),
        buttons=(
            Button(f"Start {plan.runs} runs", to("sweep.start", id=new.id), "primary"),
            Button("Leave it", to("sweep.drop", id=new.id)),
        ),
    )


def _takes(plan: SweepPlan, left: Quota, time: str) -> str:
    """Say what a sweep tries, how long it takes and what of the quota."""
    seeds = f"{len(plan.seeds)} seeds each" if plan.seeds else "one seed each: differences within chance stay open"
    what = f"{_tries(plan)}, {seeds}." if plan.axes else f"One config with {len(plan.seeds)} seeds."
    return (
        f"{what} {time}\n\nIt takes {plan.runs} of the {left.allowed} runs that you have in 24 hours "
        f"({left.used + plan.runs} used with it). Others' runs are not held up: everybody gets a turn."
    )


def _tries(plan: SweepPlan) -> str:
    keys = ", ".join(f"`{short(axis.key)}`" for axis in plan.axes)
    match plan.kind:
        case "search":
            how = "by the scores before it" if plan.sampler == "tpe" else "at random"
            return f"A search of {keys}: {plan.trials} settings, each chosen {how}"
        case "ablation":
            return f"One change at a time of {keys}, from the first value of each: {plan.trials} settings"
        case _ if len(plan.axes) == 1:
            return f"{plan.trials} values of {keys}"
        case _:
            return f"Every combination of {keys}: {plan.trials} settings"


async def _expected(ctx: Context, plan: SweepPlan) -> str:
    usual, slots = await last_duration(ctx.session), max(1, ctx.services.slots())
    rounds = -(-plan.runs // slots)
    if usual:
        return f"If its runs take as long as those lately, it trains for about {duration(usual * rounds)}."
    exercise = await catalog.exercise(ctx.session, ctx.group, plan.exercise)
    limit = timedelta(seconds=exercise.budget.seconds)
    return f"No run has ended here yet, so I can't tell how long it takes; each run has at most {duration(limit)}."


@action("sweep.start")
async def start(ctx: Context, id: str) -> Edit:  # noqa: A002  (an action's ids are named by its parameters)
    """Start a proposed sweep."""
    found = await sweep.start(ctx.session, ctx.learner, id, ctx.now)
    where = "in the results' channel" if found.channel != ctx.channel else "here"
    return Edit(
        Message(
            f"Sweep {found.number} has started: {found.trials * found.seeds} runs. One message {where} follows them; "
            f"`/run show {found.number}` has the table so far.",
            buttons=(Button("Cancel", to("run.cancel", number=found.number or 0), "danger"),),
        )
    )


@action("sweep.drop")
async def drop(ctx: Context, id: str) -> Edit:  # noqa: A002
    """Put a proposed sweep aside."""
    await sweep.drop(ctx.session, ctx.learner, id)
    return Edit(Message("Left it: nothing has started, and your quota is as it was."))


async def cancel(ctx: Context, found: Sweep) -> Message:
    """Cancel a sweep with its runs."""
    left = await sweep.cancel(ctx.session, ctx.learner, found, ctx.now)
    return Message(f"Sweep {found.number} is cancelled, and {left} of its runs with it.")


async def best_run(ctx: Context, number: int) -> Run:
    """Return the first run of a sweep's best setting. Raises UserError when none has a score."""
    found = await named_sweep(ctx, number)
    runs = await sweep.runs_of(ctx.session, found)
    exercise = await catalog.exercise_of_sweep(ctx.session, found)
    order = ranked((trial.cell for trial in trials_of(runs)), exercise.metric)
    if not order or not order[0].scores:
        raise UserError(f"No run of sweep {number} has a score yet.")
    return next(each for each in runs if (each.setting or {}) == order[0].setting)


async def named_sweep(ctx: Context, number: int) -> Sweep:
    """Return the group's sweep of a number. Raises UserError when there is none."""
    found = await sweep.find(ctx.session, ctx.group, number)
    if found is None:
        await run.find(ctx.session, ctx.group, number)  # says why, unless it is a run
        raise UserError(f"{number} is a single run, and no sweep.")
    return found
