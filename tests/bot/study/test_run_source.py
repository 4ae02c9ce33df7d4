"""Runs that build on other runs: resumed ones, and students."""

from pathlib import Path

import pytest

from bot.errors import UserError
from bot.store.tables import Run
from bot.study import run, run_source
from runner.config import ConfigError
from runner.run_dir import Checkpoint, Inputs, RunDir

STUDENT = "exercise: {}\nmethod: distillation\ndistillation:\n  teacher: {}\n"


@pytest.fixture
def submit(store, people, clock, tmp_path):
    """Return a way to submit a config as one of the group, and to say how it ended."""
    group, learners = people

    async def add(config: str, status: str = "queued", who: int = 0) -> Run:
        async with store.write() as session:
            made = await run.submit(
                session, learners[who], group, config, channel="#lab", runs=str(tmp_path), now=clock.now
            )
            made.run.status = status
            session.add(made.run)
        RunDir(made.run.run_dir).create(made.run.config)
        return made.run

    return add


@pytest.fixture
def resume(store, people, clock, tmp_path):
    """Return a way to resume a run as one of the group."""
    group, learners = people

    async def again(broken: Run, who: int = 0) -> Run:
        async with store.write() as session:
            return await run.resume(
                session, learners[who], group, broken, channel="#lab", runs=str(tmp_path), now=clock.now
            )

    return again


def save_checkpoint(found: Run, step: int) -> None:
    (Path(found.run_dir) / "checkpoints" / f"checkpoint-{step}").mkdir(parents=True)
    RunDir(found.run_dir).append(Checkpoint(step=step))


async def inputs_of(store, found: Run) -> Inputs | None:
    async with store.read() as session:
        return await run_source.inputs(session, found)


@pytest.mark.parametrize("status", ["cancelled", "timed_out", "failed"])
async def test_a_run_that_was_broken_off_is_resumed_as_a_new_run_with_its_config(store, submit, resume, status):
    broken = await submit("exercise: match\ntraining: {save_strategy: steps}\n", status)
    save_checkpoint(broken, 40)
    save_checkpoint(broken, 80)
    assert await run_source.last_checkpoint(broken) == 80
    new = await resume(broken)
    assert (new.number, new.status, new.config) == (2, "queued", broken.config)
    assert await inputs_of(store, new) == Inputs(resume=broken.run_dir)


async def test_a_resumed_run_carries_along_what_is_of_the_group_s_own(store, submit, resume):
    broken = await submit("exercise: match\n", "cancelled")
    async with store.write() as session:
        kept = await session.get_one(Run, broken.id)
        kept.own = {"exercise": None, "model": {"name": "lab/tiny"}}
    save_checkpoint(broken, 40)
    assert (await resume(kept)).own == kept.own


async def test_a_checkpoint_counts_once_it_is_told_of_and_as_long_as_it_is_there(submit):
    broken = await submit("exercise: match\n", "cancelled")
    (Path(broken.run_dir) / "checkpoints" / "checkpoint-9").mkdir(parents=True)  # torn
    RunDir(broken.run_dir).append(Checkpoint(step=3))  # rotated away
    assert await run_source.last_checkpoint(broken) is None


async def test_what_cannot_be_resumed_says_why(submit, resume):
    queued, succeeded = await submit("exercise: match\n"), await submit("exercise: match\n", "succeeded")
    empty, saved = await submit("exercise: match\n", "cancelled"), await submit("exercise: match\n", "cancelled")
    save_checkpoint(saved, 5)
    for found, who, words in [
        (queued, 0, "has not ended yet"),
        (succeeded, 0, "has succeeded"),
        (empty, 0, "left no checkpoint"),
        (saved, 1, "not yours to resume"),
    ]:
        with pytest.raises(UserError, match=words):
            await resume(found, who)


async def test_a_resumed_run_counts_for_the_quota(store, people, submit, resume):
    broken = await submit("exercise: match\n", "cancelled")
    save_checkpoint(broken, 5)
    group, _ = people
    group.runs_per_day = 1
    with pytest.raises(UserError, match="allows 1"):
        await resume(broken)


async def test_a_teacher_is_found_by_its_number_and_handed_over_as_a_directory(store, submit):
    teacher = await submit("exercise: match\n", "succeeded", who=1)
    student = await submit(STUDENT.format("match", 1))
    assert student.teacher == teacher.id
    assert await inputs_of(store, student) == Inputs(teacher=teacher.run_dir)
    assert teacher.run_dir not in student.config


async def test_a_student_that_was_broken_off_keeps_its_teacher(store, submit, resume):
    teacher = await submit("exercise: match\n", "succeeded")
    student = await submit(STUDENT.format("match", 1), "timed_out")
    save_checkpoint(student, 5)
    assert await inputs_of(store, await resume(student)) == Inputs(resume=student.run_dir, teacher=teacher.run_dir)


async def test_a_run_that_builds_on_nothing_is_given_nothing(store, submit):
    assert await inputs_of(store, await submit("exercise: match\n")) is None


async def test_a_teacher_that_does_not_fit_is_refused_with_the_line_and_what_would_be_right(submit):
    await submit("exercise: match\n", "failed")
    await submit("exercise: library\n", "succeeded")
    await submit("exercise: stdlib\n", "succeeded")
    for config, words in [
        (STUDENT.format("match", 9), "line 4: distillation.teacher: there is no run 9 in this group"),
        (STUDENT.format("match", 1), "line 4: distillation.teacher: run 1 is failed; name one that succeeded"),
        (STUDENT.format("match", 2), "line 4: distillation.teacher: run 2 was trained on library"),
        (
            STUDENT.format("stdlib", 3) + "data: {tokenizer: bytes}\n",
            "run 3 reads bpe with 1,024 entries, and this config bytes; give both the same tokenizer",
        ),
    ]:
        with pytest.raises(ConfigError) as error:
            await submit(config)
        assert words in str(error.value)
