"""Runs that build on other runs: on the last checkpoint of one that was broken off, or on the model of a teacher."""

import asyncio

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.errors import UserError
from bot.store.tables import Group, Learner, Run
from bot.study.catalog import exercise_of, of_run
from runner.config import Config, ConfigError, Parsed, Problem, parse
from runner.run_dir import Inputs, RunDir

TEACHER = "distillation.teacher"
BROKEN_OFF = ("cancelled", "timed_out", "failed")


async def last_checkpoint(run: Run) -> int | None:
    """Return the step of the checkpoint that a run which has ended too early can be resumed from, or None."""
    if run.status not in BROKEN_OFF:
        return None
    steps = await asyncio.to_thread(RunDir(run.run_dir).checkpoints)
    return steps[-1] if steps else None


async def check_resumable(learner: Learner, run: Run) -> None:
    """Raise UserError when a learner cannot resume a run."""
    if run.learner_id != learner.id:
        raise UserError(
            f"Run {run.number} is not yours, so it is not yours to resume.",
            f"`/run rerun number:{run.number}` submits its config as your own.",
        )
    if run.status not in BROKEN_OFF:
        state = "has succeeded" if run.status == "succeeded" else "has not ended yet"
        raise UserError(f"Run {run.number} {state}; only a run that was broken off can be resumed.")
    if await last_checkpoint(run) is None:
        raise UserError(
            f"Run {run.number} left no checkpoint to go on from.",
            "`save_strategy: steps` under `training:` keeps one; `/run rerun` starts anew.",
        )


async def teacher_of(session: AsyncSession, group: Group, parsed: Parsed) -> Run | None:
    """Return the run that a config names as its teacher; None when it has no teacher.

    Raises ConfigError for a run of another group, one that did not succeed, or one that cannot teach this exercise.
    """
    number = parsed.config.distillation.teacher
    if parsed.config.method != "distillation" or number is None:
        return None
    found = (await session.exec(select(Run).where(Run.group_id == group.id, Run.number == number))).first()
    wrong = f"there is no run {number} in this group" if found is None else _unfit(found, parsed.config)
    if wrong:
        raise ConfigError([Problem(wrong, line=parsed.lines.get(TEACHER), key=TEACHER)])
    return found


def _unfit(teacher: Run, student: Config) -> str | None:
    """Say why a run cannot teach a config, as far as the store knows; the runner looks at labels and tokenizer."""
    name = f"run {teacher.number}"
    if teacher.status != "succeeded":
        state = teacher.status.replace("_", " ")
        return f"{name} is {state}; name one that succeeded, since only those have a model"
    if teacher.exercise != student.exercise:
        return f"{name} was trained on {teacher.exercise}; name one that was trained on {student.exercise}"
    taught = _config_of(teacher)
    if taught and exercise_of(teacher).task == "text-generation" and _tokens(taught) != _tokens(student):
        return f"{name} reads {_tokens(taught)}, and this config {_tokens(student)}; give both the same tokenizer"
    return None


def _tokens(config: Config) -> str:
    match config.data.tokenizer:
        case "bytes":
            return "bytes"
        case "model":
            return f"what {config.model} reads"
        case _:
            return f"bpe with {config.data.vocab_size:,} entries"


def _config_of(run: Run) -> Config | None:
    try:
        return parse(run.config, of_run(run)).config
    except ConfigError:  # accepted by an older version with other rules: the runner decides
        return None


async def inputs(session: AsyncSession, run: Run) -> Inputs | None:
    """Return what a run's directory is given besides its config: where the runs are that it builds on."""
    resumed, teacher = [await session.get(Run, each) if each else None for each in (run.resumed_from, run.teacher)]
    if resumed is None and teacher is None:
        return None
    return Inputs(resume=resumed and resumed.run_dir, teacher=teacher and teacher.run_dir)
