import asyncio

import pytest
from sqlmodel import select

from bot.errors import UserError
from bot.store.tables import Answer, Learner
from bot.study import interview
from bot.study.background import Fit, fit
from bot.study.background import of as background_of
from bot.study.hardware import Hardware
from bot.study.interview_questions import QUESTIONS

SAID = [
    "I'm Ann",
    "fine-tune",
    "some",
    "pytorch",
    "none",
    "none",
    "classifier",
    "20k rows",
    "a 4090",
    "beat the baseline",
]


@pytest.fixture
async def ann(store) -> Learner:
    learner = Learner(chat="local", external_id="ann", name="ann")
    async with store.write() as session:
        session.add(learner)
    return learner


async def answer_all(store, learner, clock, said=SAID):
    for question, text in zip(QUESTIONS, said, strict=False):
        async with store.write() as session:
            step = await interview.answer(session, learner, question.key, text, clock.now)
    return step


async def test_every_question_of_the_mission_is_asked_one_at_a_time(store, ann, clock):
    step = await answer_all(store, ann, clock)
    assert step.question is None
    assert ann.name == "Ann"
    assert ann.level == "beginner"
    assert ann.goal == "fine-tune"
    assert [question.key for question in QUESTIONS] == [
        "name", "goals", "deep_learning", "framework", "gpu", "workflows",
        "model_type", "dataset_size", "hardware", "performance",
    ]  # fmt: skip


async def test_it_goes_on_where_it_was_left(store, ann, clock):
    await answer_all(store, ann, clock, SAID[:4])
    async with store.write() as session:
        await interview.pause(session, ann)
    async with store.write() as session:
        step = await interview.start(session, ann)
    assert step.question.key == "gpu"
    assert step.number == 5


async def test_back_asks_the_last_question_again_and_skip_passes_it(store, ann, clock):
    await answer_all(store, ann, clock, SAID[:2])
    async with store.write() as session:
        step = await interview.back(session, ann)
        assert step.question.key == "goals"
        step = await interview.skip(session, ann, clock.now)
        assert step.question.key == "deep_learning"


async def test_looking_where_a_paused_interview_stands_does_not_go_on_with_it(store, ann, clock):
    await answer_all(store, ann, clock, SAID[:4])
    async with store.write() as session:
        await interview.pause(session, ann)
    async with store.write() as session:
        assert (await interview.present(session, ann)).question.key == "gpu"
    assert ann.interview == "paused"


async def test_back_on_the_first_question_stays_there(store, ann):
    async with store.write() as session:
        assert (await interview.back(session, ann)).question.key == "name"


async def test_an_answer_to_another_question_than_the_one_asked_changes_nothing(store, ann, clock):
    await answer_all(store, ann, clock, SAID[:2])
    for key, complaint in (("goals", "already"), ("hardware", "already"), ("shoe_size", "no longer")):
        with pytest.raises(UserError, match=complaint):
            async with store.write() as session:
                learner = (await session.exec(select(Learner))).one()
                await interview.answer(session, learner, key, "ship", clock.now)
    async with store.read() as session:
        said = {a.question: a.value for a in await session.exec(select(Answer))}
    assert said == {"name": None, "goals": "fine-tune"}


async def test_the_summary_waits_for_a_yes(store, ann, clock):
    await answer_all(store, ann, clock)
    assert ann.interview == "asking"
    async with store.write() as session:
        await interview.confirm(session, ann)
    assert ann.interview == "done"


async def test_nothing_is_confirmed_while_a_question_is_open(store, ann, clock):
    await answer_all(store, ann, clock, SAID[:4])
    with pytest.raises(UserError, match="still a question open"):
        async with store.write() as session:
            await interview.confirm(session, ann)


async def test_one_question_is_asked_again_alone_and_moves_what_follows_from_it(store, ann, clock):
    await answer_all(store, ann, clock)
    async with store.write() as session:
        step = await interview.ask_again(session, ann, "goals")
        assert (step.question.key, step.before) == ("goals", "Fine-tune models")
        step = await interview.answer(session, ann, "goals", "a PhD thesis", clock.now)
    assert step.question is None
    assert ann.goal == "research"


async def test_an_answer_that_is_asked_again_is_kept_until_there_is_a_new_one(store, ann, clock):
    await answer_all(store, ann, clock)
    async with store.write() as session:
        await interview.ask_again(session, ann, "hardware")
        await interview.pause(session, ann)
    async with store.write() as session:
        step = await interview.start(session, ann)
        assert (step.question.key, step.before) == ("hardware", "a 4090")
        assert (await interview.skip(session, ann, clock.now)).question is None
        said = (await interview.answers(session, ann))["hardware"]
    assert (said.text, said.value) == ("a 4090", "gpu")


async def test_two_devices_that_answer_at_once_are_taken_once(store, ann, clock):
    async def press(choice):
        async with store.write() as session:
            return await interview.answer(session, ann, "goals", choice, clock.now)

    await answer_all(store, ann, clock, SAID[:1])
    outcomes = await asyncio.gather(press("ship"), press("research"), return_exceptions=True)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Step", "UserError"]


async def test_a_level_that_was_measured_is_not_guessed_again(store, ann, clock):
    ann.ability, ann.level = 2.0, "advanced"
    await answer_all(store, ann, clock)
    assert ann.level == "advanced"


async def test_what_no_rule_reads_is_kept_in_the_learners_words(store, ann, clock):
    await answer_all(store, ann, clock, SAID[:1])
    async with store.write() as session:
        step = await interview.answer(session, ann, "goals", "dance with 🐻 gradients", clock.now)
        said = (await interview.answers(session, ann))["goals"]
    assert "in your words" in step.reflection
    assert (said.text, said.value) == ("dance with 🐻 gradients", None)


async def test_the_answers_become_requirements(store, ann, clock):
    await answer_all(store, ann, clock)
    async with store.read() as session:
        known = background_of(await interview.answers(session, ann))
    assert (known.goal, known.framework, known.deep_learning) == ("fine-tune", "pytorch", "some")
    needs = known.requirements
    assert (needs.model_type, needs.dataset_size, needs.rows) == ("classifier", "medium", 20_000)
    assert needs.hardware == Hardware("gpu", "RTX 4090", 1, 24, bf16=True)
    assert (needs.target, needs.target_words) == ("score", "beat the baseline")


async def test_pressed_hardware_is_known_by_its_kind(store, ann, clock):
    await answer_all(store, ann, clock, [*SAID[:8], "multi-gpu"])
    async with store.read() as session:
        known = background_of(await interview.answers(session, ann))
    assert known.requirements.hardware == Hardware("multi-gpu", count=2)


@pytest.mark.parametrize(
    ("hardware", "settings"),
    [
        (Hardware("cpu"), Fit(32, 1, "fp32", 128)),
        (Hardware("gpu", "GTX 1650", 1, 4), Fit(8, 4, "fp16", 128)),
        (Hardware("gpu", "RTX 4090", 1, 24, bf16=True), Fit(32, 1, "bf16", 128)),
        (Hardware("multi-gpu", "A100", 4, 40, bf16=True), Fit(8, 1, "bf16", 256)),
    ],
)
def test_settings_fit_the_hardware_and_leave_the_rows_of_a_step_as_they_are(hardware, settings):
    assert fit(hardware) == settings
    assert settings.per_device_train_batch_size * settings.gradient_accumulation_steps * hardware.count == 32


async def test_beginning_anew_forgets_the_answers(store, ann, clock):
    await answer_all(store, ann, clock)
    async with store.write() as session:
        assert (await interview.start(session, ann, again=True)).number == 1


async def test_a_very_long_answer_is_kept_up_to_a_limit(store, ann, clock):
    async with store.write() as session:
        await interview.answer(session, ann, "name", "x" * 10_000, clock.now)
        said = (await session.exec(select(Answer))).one()
    assert len(said.text) == interview.ANSWER_LIMIT
    assert len(ann.name) <= 40


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("I'm Ann", "Ann"),
        ("my name is José.", "José"),
        ("Hi, I am Dr. Bo", "Dr. Bo"),
        ("Hey there! I'm Jonas :)", "Jonas"),
        ("call me Liz please", "Liz"),
        ("Ich heiße Müller", "Müller"),
        ("me llamo Sofía", "Sofía"),
        ("我叫小明", "小明"),
        ("Ann, she/her", "Ann"),
        ("Anna-Maria von der Leyen", "Anna-Maria von der Leyen"),
        ("@everyone", "everyone"),
        ("**x**", "x"),
        ("🤖", "🤖"),
        ("...", "friend"),
    ],
)
async def test_a_name_is_taken_out_of_what_people_say(store, ann, clock, text, name):
    async with store.write() as session:
        await interview.answer(session, ann, "name", text, clock.now)
    assert ann.name == name
