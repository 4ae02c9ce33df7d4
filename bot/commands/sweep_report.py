"""What is said of a sweep: its one live status, and the table and picture of what it came to."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from sqlmodel.ext.asyncio.session import AsyncSession

from bot.command import Services, announcement
from bot.commands.guide import debugging
from bot.commands.run_report import duration, explained
from bot.store.tables import Run, Sweep
from bot.study import sweep
from bot.study.catalog import exercise_of_sweep
from bot.study.membership import learner_of
from bot.study.run import ACTIVE, ENDED
from bot.study.search import Trial
from bot.study.sweep_result import trials_of
from bot.view import Button, File, Message
from bot.view import action as to
from runner import sweep_picture
from runner.exercise import Metric
from runner.sweep import named, short, shown
from runner.sweep_scores import Cell, difference, matters, ranked, tied

MOST_ROWS = 16  # of a table; the picture has the rest


@announcement("sweep.status")
async def draw_status(session: AsyncSession, services: Services, subject: str, now: datetime) -> Message:
    """Draw a sweep's one live message from what the store knows now."""
    found = await session.get_one(Sweep, subject)
    runs = await sweep.runs_of(session, found)
    cancel = Button("Cancel", to("run.cancel", number=found.number or 0), "danger")
    return Message(
        await _progress(session, services, found, runs),
        title=await _title(session, found),
        buttons=(cancel,) if found.status == "running" else (),
        silent=True,
    )


async def _title(session: AsyncSession, found: Sweep) -> str:
    learner = await learner_of(session, found.learner_id)
    return f"Sweep {found.number} · {found.exercise} · {learner.name}"


async def _progress(session: AsyncSession, services: Services, found: Sweep, runs: list[Run]) -> str:
    done, all_runs = sum(each.status in ENDED for each in runs), found.trials * found.seeds
    sentences = [f"{done} of {all_runs} runs are done."]
    if found.status == "cancelled":
        sentences[0] = f"Cancelled; {done} of {all_runs} runs had ended or were stopped."
    if training := [f"{each.number}" for each in runs if each.status in ACTIVE]:
        sentences.append(f"Training: run {', '.join(training)}.")
    metric = (await exercise_of_sweep(session, found)).metric
    best = next(iter(ranked((trial.cell for trial in trials_of(runs)), metric)), None)
    if best and best.scores:
        sentences.append(f"Best so far: {named(best.setting)}, {metric.format(best.mean)} on validation.")
    times = [each.finished_at - each.started_at for each in runs if each.finished_at and each.started_at]
    if found.status == "running" and times and done < all_runs:
        left = sum(times, timedelta()) / len(times) * (all_runs - done) / max(1, services.slots())
        sentences.append(f"About {duration(left)} left.")
    return " ".join(sentences)


@announcement("sweep.result")
async def draw_result(session: AsyncSession, services: Services, subject: str, now: datetime) -> Message:
    """Draw what a sweep came to: the best setting and its ties, the table, the picture, and what to do next."""
    found = await session.get_one(Sweep, subject)
    runs, title = await sweep.runs_of(session, found), await _title(session, found)
    metric = (await exercise_of_sweep(session, found)).metric
    return await asyncio.to_thread(_result, found, runs, title, metric, services)


async def draw_page(session: AsyncSession, services: Services, found: Sweep, now: datetime) -> Message:
    """Draw everything there is to say of a sweep: how far it is while it runs, with what its runs say already."""
    runs = await sweep.runs_of(session, found)
    if not any(each.status in ENDED for each in runs):
        return await draw_status(session, services, found.id, now)
    page = await draw_result(session, services, found.id, now)
    if found.status == "ended":
        return page
    status = await draw_status(session, services, found.id, now)
    return Message(
        title=page.title,
        body=f"{status.body}\n\n{page.body}",
        rows=page.rows,
        buttons=(*status.buttons, *page.buttons),
        files=page.files,
    )


def _result(found: Sweep, runs: list[Run], title: str, metric: Metric, services: Services) -> Message:
    trials = trials_of(runs)
    order = ranked((trial.cell for trial in trials), metric)
    if not order or not order[0].scores:
        return Message(_nothing(runs), f"{title}: no score", rows=_listed_runs(runs), buttons=_again(found))
    parts = [
        _verdict(found, order, metric),
        _against_base(trials, metric) if found.kind == "ablation" else "",
        _lost(order),
        explained(found.finding, services) if found.finding else "",
        f"Runs: {_numbers(runs)}. The order is by validation: whoever picks by the hidden test has fitted it.",
    ]
    return Message(
        title=f"{title}: {metric.format(order[0].mean)}",
        body="\n\n".join(filter(None, parts)),
        rows=_table(found, trials, order, metric),
        buttons=_next_steps(found),
        files=_picture(found, trials, title, metric),
    )


def _verdict(found: Sweep, order: list[Cell], metric: Metric) -> str:
    """Say which setting is the best, how sure that is, and which are not told apart from it."""
    best = order[0]
    if not best.setting:
        return f"{len(best.scores)} seeds of one config: {_score(best, metric)} on validation."
    ties = [cell for cell in order if tied(cell, best, metric)]
    sentences = [f"**Best: {named(best.setting)}**, {_score(best, metric)} on validation."]
    if ties:
        names = "; ".join(named(cell.setting) for cell in ties[:4]) + (f" and {len(ties) - 4} more" * (len(ties) > 4))
        near = metric.difference(metric.tie, 0.0)
        why = " or the interval of their paired difference includes zero" * (found.seeds > 1)
        sentences.append(f"A tie with {names}: they are less than {near} apart{',' * bool(why)}{why}.")
    if found.seeds == 1:
        sentences.append("One seed each: give `seed` a list of three or more before you believe an order.")
    return " ".join(sentences)


def _score(cell: Cell, metric: Metric) -> str:
    """Write a cell's mean with its 95% interval over seeds, where there is one."""
    if cell.half is None:
        return metric.format(cell.mean)
    unit = "" if metric.unit == "%" else f" {metric.unit}"
    mean, half = _bare(metric.format(cell.mean), metric), _bare(metric.difference(cell.half, 0.0), metric)
    return f"{mean} ± {half}{unit} (95% interval, t over {len(cell.scores)} seeds)"


def _bare(words: str, metric: Metric) -> str:
    """Leave out a unit that the heading says, or that is said once behind two numbers."""
    return words if metric.unit == "%" else words.removesuffix(metric.unit).rstrip()


def _against_base(trials: Sequence[Trial], metric: Metric) -> str:
    """Say of each change of an ablation what it does to the base, paired by seed."""
    base = trials[0].cell
    lines = [f"Against the base ({named(base.setting)}), paired by seed:"]
    for trial in trials[1:]:
        changed = {key: value for key, value in trial.cell.setting.items() if value != base.setting[key]}
        found = difference(trial.cell, base)
        if found is None:
            lines.append(f"- {named(changed)}: cannot be compared, one side has no score")
            continue
        half = "" if found.half is None else f" ± {metric.difference(found.half, 0.0)}"
        word = "better" if metric.better(found.mean, 0.0) else "worse"
        what = f"{metric.difference(found.mean, 0.0)}{half} {word}"
        lines.append(f"- {named(changed)}: {what}{'' if matters(found, metric) else ', a tie'}")
    return "\n".join(lines)


def _lost(order: list[Cell]) -> str:
    lost = [cell for cell in order if cell.lost]
    if not lost:
        return ""
    runs = sum(cell.lost for cell in lost)
    names = "; ".join(f"{named(cell.setting)} ({cell.lost} of {cell.lost + len(cell.scores)})" for cell in lost[:4])
    more = f"; and {len(lost) - 4} more settings" if len(lost) > 4 else ""
    return f"{runs} run{'s' * (runs > 1)} came to no score: {names}{more}. A mean is over the seeds that did."


def _nothing(runs: list[Run]) -> str:
    if not runs:
        return "It ended before a run was made."
    errors = {each.error for each in runs if each.error}
    said = f" All of them say: {errors.pop()}" if len(errors) == 1 else ""
    return f"None of its {len(runs)} runs came to a score.{said} `/run show` with a run's number has its log."


def _listed_runs(runs: list[Run]) -> tuple[tuple[str, ...], ...]:
    rows = [(f"{each.number}", named(each.setting or {}), each.status.replace("_", " ")) for each in runs[:MOST_ROWS]]
    return (("Run", "Setting", "Status"), *rows) if rows else ()


def _table(found: Sweep, trials: Sequence[Trial], order: list[Cell], metric: Metric) -> tuple[tuple[str, ...], ...]:
    """Return the settings, the best first, each with its mean, the half of its interval and its seeds."""
    best, base = order[0], trials[0].cell
    header = ["", *map(short, found.keys), metric.name, "±", "Seeds"]
    rows = [tuple(header)]
    for place, cell in enumerate(order[:MOST_ROWS], 1):
        mark = "best" if cell is best else "tie" if tied(cell, best, metric) else f"{place}"
        if found.kind == "ablation" and cell is base:
            mark += ", base"
        mean = _bare(metric.format(cell.mean), metric) if cell.scores else "no score"
        half = _bare(metric.difference(cell.half, 0.0), metric) if cell.half is not None else ""
        seeds = f"{len(cell.scores)}" + (f" of {len(cell.scores) + cell.lost}" if cell.lost else "")
        rows.append((mark, *(shown(cell.setting[key]) for key in found.keys), mean, half, seeds))
    return tuple(rows)


def _numbers(runs: list[Run]) -> str:
    """Write run numbers with whole stretches in short: `13 to 18, 20`."""
    numbers = [each.number for each in runs]
    starts = [numbers[0], *(after for before, after in pairwise(numbers) if after != before + 1)]
    ends = [*(before for before, after in pairwise(numbers) if after != before + 1), numbers[-1]]
    return ", ".join(f"{a}" if a == b else f"{a} to {b}" for a, b in zip(starts, ends, strict=True))


def _picture(found: Sweep, trials: Sequence[Trial], title: str, metric: Metric) -> tuple[File, ...]:
    cells = [trial.cell for trial in trials]
    picture = sweep_picture.draw(cells, found.keys, found.kind, title, metric)
    return (File(f"sweep-{found.number}.png", picture, alt=sweep_picture.alt_text(cells, found.kind, metric)),)


def _next_steps(found: Sweep) -> tuple[Button, ...]:
    best = Button("Submit the best alone", to("sweep.best", number=found.number or 0), "primary")
    if found.finding is None:
        return (best,)
    return (
        best,
        Button("Submit it with that change", to("sweep.change", number=found.number or 0)),
        Button("Read the lesson", to("lesson.open", slug=found.finding["lesson"])),
        Button("How to debug this", debugging(found.finding["rule"])),
    )


def _again(found: Sweep) -> tuple[Button, ...]:
    return (Button("Change it and try again", to("run.again", number=found.number or 0), "primary"),)
