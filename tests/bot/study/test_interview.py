import pytest
from sqlmodel import select

from bot.errors import UserError
from bot.store.tables import Answer, Learner
from bot.study import interview
from bot.study.interview import QUESTIONS

BY_KEY = {question.key: question for question in QUESTIONS}
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
    assert ann.interview == "done"
    assert ann.level == "beginner"
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
    ("key", "text", "value"),
    [
        ("hardware", "a 4090 and maybe Colab", "gpu"),
        ("hardware", "just my laptop's CPU", "cpu"),
        ("hardware", "2x A100", "multi-gpu"),
        ("hardware", "an A100 80GB", "large-gpu"),
        ("hardware", "nothing", "cpu"),
        ("hardware", "RTX 3060 12GB", "gpu"),
        ("framework", "I've used PyTorch and a bit of TF", "both"),
        ("framework", "keras", "tensorflow"),
        ("framework", "not yet", "none"),
        ("deep_learning", "never", "none"),
        ("deep_learning", "a couple of tutorials", "some"),
        ("deep_learning", "10 years of research", "daily"),
        ("model_type", "sentiment analysis with BERT", "classifier"),
        ("model_type", "a small GPT", "language-model"),
        ("dataset_size", "about 20k rows", "medium"),
        ("dataset_size", "a few hundred", "small"),
        ("dataset_size", "2 million tweets", "large"),
        ("goals", "I want to do LoRA on my own data", "fine-tune"),
        ("goals", "my PhD thesis", "research"),
        ("goals", "🤷", None),
        ("goals", "Ich möchte tanzen", None),
    ],
)
def test_typed_answers_are_understood(key, text, value):
    found = BY_KEY[key].read(text)
    assert (found.value if found else None) == value


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("I'm Ann", "Ann"),
        ("my name is José.", "José"),
        ("Hi, I am Dr. Bo", "Dr. Bo"),
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
