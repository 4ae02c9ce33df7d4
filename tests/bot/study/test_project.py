"""What of a project is done, by a learner's own runs and answers."""

import pytest

from bot.store.tables import Learner
from bot.study import plan, project
from lessons import Project, curriculum, projects
from runner.config import parse, render

TEXTS = next(each for each in projects() if each.name == "text-classification")
QUESTION, RUNS = TEXTS.milestones[0], TEXTS.milestones[1]


def whole(config: str, **changes: object) -> str:
    """A config as a run keeps it, with every default; `changes` are of `training`."""
    parsed = parse(config).config
    return render(parsed.model_copy(update={"training": parsed.training.model_copy(update=changes)}))


async def state(store, learner: Learner, of: Project = TEXTS) -> list[bool]:
    async with store.read() as session:
        return [step.done for step in await project.steps(session, learner, of)]


async def test_at_first_nothing_is_done(store, people):
    _, (ann, *_) = people
    for each in projects():
        assert await state(store, ann, each) == [False] * 5


async def test_a_question_is_done_once_it_was_ticked_by_this_learner(store, people, clock):
    _, (ann, bo, _) = people
    for _ in range(2):
        async with store.write() as session:
            await project.tick(session, await session.get_one(Learner, ann.id), TEXTS, QUESTION, clock.now)
    assert await state(store, ann) == [True, False, False, False, False]
    assert not any(await state(store, bo))


async def test_a_ticked_question_is_no_lesson_of_the_plan(store, people, clock):
    _, (ann, *_) = people
    async with store.read() as session:
        before = (await plan.path(session, curriculum(), ann)).steps
    async with store.write() as session:
        await project.tick(session, await session.get_one(Learner, ann.id), TEXTS, QUESTION, clock.now)
    async with store.read() as session:
        assert (await plan.path(session, curriculum(), ann)).steps == before


async def test_runs_that_have_what_each_config_needs_do_a_milestone(store, people, new_run):
    _, (ann, bo, _) = people
    first, second = RUNS.configs

    async def train(who: Learner, config: str, status: str = "succeeded") -> None:
        run = new_run(who, status=status)
        run.config = config
        async with store.write() as session:
            session.add(run)

    await train(ann, whole(first, seed=7, num_train_epochs=1.0))
    await train(bo, whole(second))
    await train(ann, "exercise: match\nold_key: 1\n")
    await train(ann, whole(second), "failed")
    assert not any(await state(store, ann))
    await train(ann, whole(second))
    assert await state(store, ann) == [False, True, False, False, False]
    async with store.read() as session:
        step = (await project.steps(session, ann, TEXTS))[1]
    assert [run.number for run in step.runs if run] == [1, 5]


@pytest.mark.parametrize(
    ("config", "counts"),
    [
        ("exercise: match\nmethod: lora\n", True),
        ("exercise: match\nmethod: lora\ntraining: {learning_rate: 2.0e-3, seed: 1}\n", True),
        ("exercise: match\nmethod: lora\ntraining: {learning_rate: 1.0e-3}\n", False),
        ("exercise: match\ntraining: {learning_rate: 2.0e-3}\n", False),
        ("exercise: library\nmethod: lora\n", False),
    ],
)
def test_a_run_has_what_is_needed_by_what_its_config_comes_to(config: str, counts: bool) -> None:
    keys = project.wanted("exercise: match\nmethod: lora\ntraining: {learning_rate: 2.0e-3}\n")
    assert keys == {"exercise": "match", "method": "lora", "training.learning_rate": 2e-3}
    assert project.contains(parse(config).config.model_dump(), keys) is counts
