"""What is said of a run: its live status, its result for everybody, and the detail for whoever wants it."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from bot.command import Services, announcement
from bot.commands.guide import debugging
from bot.commands.run_analysis import analysis_buttons
from bot.store.tables import Run
from bot.study import fair_queue, run, run_source
from bot.study.catalog import exercise_of
from bot.study.membership import learner_of
from bot.view import Button, File, Message
from bot.view import action as to
from runner import curves
from runner.history import History
from runner.run_dir import Result, RunDir

PAUSED = "Waiting: whoever manages this group has paused its runs."
BAR = 20  # characters
LOG_LINES = 15  # of a run that failed
BASELINES = {
    "linear": "the linear baseline",
    "majority": "the majority",
    "unigram": "byte frequencies",
    "zlib": "zlib",
    "xz": "xz",
}


@announcement("run.status")
async def draw_status(session: AsyncSession, services: Services, subject: str, now: datetime) -> Message:
    """Draw a run's live status from what the store knows now. It is news to nobody: it changes all the time."""
    found = await session.get_one(Run, subject)
    learner = await learner_of(session, found.learner_id)
    title = f"Run {found.number} · {found.exercise} · {learner.name}"
    match found.status:
        case "queued":
            again = " The machine lost it; it goes on from its last checkpoint, if it saved one." * (found.attempt > 1)
            words = f"{await _place(session, found)}{again}"
        case "starting":
            words = found.note or "Starting: loading the model and the data."
        case "running":
            words = _progress(found, now)
        case _:
            return Message(_ending(found), title, silent=True)
    button = Button("Cancel", to("run.cancel", number=found.number), "danger")
    return Message(words, title, buttons=(button,), silent=True)


async def _place(session: AsyncSession, found: Run) -> str:
    place = await fair_queue.place(session, found)
    return f"Waiting, place {place} in the queue." if place else PAUSED


def _progress(found: Run, now: datetime) -> str:
    if found.step and found.step >= found.total_steps:
        return f"All {found.total_steps} steps are done; measuring the result."
    share = found.step / found.total_steps if found.total_steps else 0.0
    bar = "█" * round(share * BAR) + "░" * (BAR - round(share * BAR))
    loss = f" · loss {found.loss:.3f}" if found.loss is not None else ""
    left = ""
    if found.started_at and found.step > found.resumed_at:
        pace = (now - found.started_at) / (found.step - found.resumed_at)
        left = f" · {duration(pace * (found.total_steps - found.step))} left"
    return f"`{bar}` step {found.step} of {found.total_steps}{loss}{left}"


def _ending(found: Run) -> str:
    if found.status == "succeeded" and found.score is not None:
        return f"Done: {exercise_of(found).metric.format(found.score)} on the hidden test."
    words = {"failed": "Failed.", "cancelled": "Cancelled.", "timed_out": "Out of time."}
    return " ".join(filter(None, [words.get(found.status, "Done."), found.error]))


@announcement("run.result")
async def draw_result(session: AsyncSession, services: Services, subject: str, now: datetime) -> Message:
    """Draw how a run ended, in short: score beside the baselines, the first finding with its lesson, the curve."""
    found = await session.get_one(Run, subject)
    learner = await learner_of(session, found.learner_id)
    result = Result.model_validate(found.result)
    metric = exercise_of(found).metric
    score = metric.format(result.test) if result.test is not None else found.status.replace("_", " ")
    first = found.findings[0] if found.findings else None
    return Message(
        title=f"Run {found.number} · {found.exercise} · {learner.name}: {score}",
        body="\n\n".join(
            filter(None, [_verdict(found, result, learner.name), explained(first, services) if first else ""])
        ),
        fields=(*_scores(found, result), *await _teacher(session, found)),
        buttons=_next_steps(found, first) if first else (),
        files=await _curve(found, result, learner.name),
    )


@announcement("run.detail")
async def draw_detail(session: AsyncSession, services: Services, subject: str, now: datetime) -> Message:
    """Draw all that the result leaves out: further findings, costs and versions, config and log."""
    found = await session.get_one(Run, subject)
    learner = await learner_of(session, found.learner_id)
    findings = [explained(finding, services) for finding in (found.findings or [])[1:]]
    return Message(
        title=f"Run {found.number} · {found.exercise} · {learner.name}: the details",
        body="\n\n".join([*findings, *await _last_words(found)]),
        fields=_costs(Result.model_validate(found.result)),
        files=(File(f"run-{found.number}.yaml", found.config.encode()),),
        silent=True,
    )


async def draw_page(session: AsyncSession, services: Services, found: Run, now: datetime) -> Message:
    """Draw everything there is to say of a run: its status while it lives, then its result with the detail."""
    if found.result is None:  # it lives, or was cancelled before it began
        return await draw_status(session, services, found.id, now)
    result = await draw_result(session, services, found.id, now)
    detail = await draw_detail(session, services, found.id, now)
    return Message(
        title=result.title,
        body="\n\n".join(filter(None, [result.body, detail.body])),
        fields=(*result.fields, *detail.fields),
        buttons=(*result.buttons, *await analysis_buttons(found), *await _resume(found)),
        files=(*result.files, *detail.files),
    )


async def _resume(found: Run) -> tuple[Button, ...]:
    """Offer to go on with a run that was stopped: one that failed by itself would fail again."""
    step = await run_source.last_checkpoint(found) if found.status in ("cancelled", "timed_out") else None
    return () if step is None else (Button(f"Resume from step {step}", to("run.resume", number=found.number)),)


def _verdict(found: Run, result: Result, name: str) -> str:
    """Say in a sentence or two how good it is, against the baselines."""
    if result.status != "succeeded" or result.test is None:
        return result.error or "It ended without a score."
    exercise = exercise_of(found)
    metric, baseline, floor = exercise.metric, exercise.baseline, result.baselines.get(exercise.baseline)
    sentences = []
    if floor is not None:
        gap = metric.difference(result.test, floor)
        if abs(result.test - floor) < metric.tie:
            sentences.append(f"No better and no worse than {BASELINES[baseline]}.")
        elif metric.better(result.test, floor):
            sentences.append(f"{gap} better than {BASELINES[baseline]}.")
        else:
            sentences.append(
                f"{gap} worse than {BASELINES[baseline]}{': words alone do better' * (baseline == 'linear')}."
            )
    if found.record == "group":
        sentences.append("**The group's best so far.**")
    elif found.record == "personal":
        sentences.append(f"A personal best for {name}.")
    return " ".join(sentences)


def explained(finding: dict[str, Any], services: Services) -> str:
    """Say what a finding is: what happened, the evidence, what to change, and the lesson."""
    changes = ", ".join(f"`{key}: {_plain(value)}`" for key, value in finding["change"].items())
    lesson = services.curriculum.lesson(finding["lesson"])
    parts = [
        f"**{finding['what']}**",
        finding["evidence"],
        f"Try {changes}." if changes else "",
        f"Lesson {lesson.id}, *{lesson.title}*, explains it.",
    ]
    return " ".join(filter(None, parts))


def _plain(value: float | str | bool) -> str:
    return str(value).lower() if isinstance(value, bool | str) else f"{value:g}"


def _next_steps(found: Run, finding: dict[str, Any]) -> tuple[Button, ...]:
    lesson = Button("Read the lesson", to("lesson.open", slug=finding["lesson"]), "primary")
    change = Button("Submit with that change", to("run.change", number=found.number))
    debug = Button("How to debug this", debugging(finding["rule"]))
    return (lesson, change, debug) if finding["change"] else (lesson, debug)


def _scores(found: Run, result: Result) -> tuple[tuple[str, str], ...]:
    exercise = exercise_of(found)
    metric = exercise.metric
    scores = [
        ("Hidden test", result.test),
        ("Validation", result.validation),
        *((name.capitalize(), score) for name, score in result.also.items() if name in exercise.heads),
        *((words.removeprefix("the ").capitalize(), result.baselines.get(name)) for name, words in BASELINES.items()),
    ]
    shown = [(name, metric.format(score)) for name, score in scores if score is not None]
    if result.test_interval and shown:
        low, high = map(metric.format, result.test_interval)
        shown[0] = (shown[0][0], f"{shown[0][1]} ({low} to {high})")
    return tuple(shown)


async def _teacher(session: AsyncSession, found: Run) -> list[tuple[str, str]]:
    """Show a student beside its teacher."""
    teacher = await session.get(Run, found.teacher) if found.teacher else None
    if teacher is None or teacher.score is None:
        return []
    return [(f"Teacher, run {teacher.number}", exercise_of(found).metric.format(teacher.score))]


def _costs(result: Result) -> tuple[tuple[str, str], ...]:
    """Say what the run took, and what it takes to repeat it; nothing of what was not measured."""
    resumed = f", resumed after step {result.resumed_at}" if result.resumed_at else ""
    took = f"{duration(timedelta(seconds=result.train_seconds))}, {result.steps} steps{resumed}"
    facts = [
        ("Training", took if result.train_seconds else ""),
        ("Speed", f"{result.examples_per_second:.0f} examples/s on {result.device}" if result.train_seconds else ""),
        ("Tokens", f"{result.train_tokens:,}" if result.train_tokens else ""),
        ("Peak memory", f"{result.peak_memory_bytes / 2**20:,.0f} MiB" if result.peak_memory_bytes else ""),
        ("Energy", _energy(result.energy_joules) if result.energy_joules else ""),
        ("Parameters trained", f"{result.trainable:,} of {result.parameters:,}" if result.parameters else ""),
        ("Seed", str(result.seed) if result.seed is not None else ""),
        ("Versions", ", ".join(f"{name} {version}" for name, version in result.versions.items())),
        ("From the Hub", ", ".join(f"{name} at {commit[:12]}" for name, commit in result.revisions.items())),
    ]
    return tuple((name, value) for name, value in facts if value)


def _energy(joules: float) -> str:
    return f"{joules:,.0f} J" if joules < 36_000 else f"{joules / 3.6e6:.3g} kWh"


async def _last_words(found: Run) -> list[str]:
    """Return the end of the log of a run that failed."""
    lines = (await run.log_tail(found)).rstrip().splitlines() if found.status == "failed" else []
    return ["The end of its log:\n" + code_block("\n".join(lines[-LOG_LINES:]))] if lines else []


async def _curve(found: Run, result: Result, name: str) -> tuple[File, ...]:
    """Attach the curve that the runner drew; for a run that died before it could, draw one from its events."""
    metric = exercise_of(found).metric

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


def code_block(text: str) -> str:
    """Return a text as a block of code that it cannot end."""
    return f"```\n{text.strip().replace('```', '` ` `')}\n```"


def duration(time: timedelta) -> str:
    """Return a time in the unit that people would use."""
    seconds = int(time.total_seconds())
    return f"{seconds} s" if seconds < 90 else f"{seconds // 60} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
