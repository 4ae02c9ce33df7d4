"""What `/template` sends: every kind, with its file, its lesson and a way to the others."""

import pytest

from bot.command import Context, Services
from bot.commands.template import KINDS, send_chosen, send_template
from bot.study import interview
from bot.study.interview_questions import QUESTIONS
from bot.study.membership import Sender, identify
from lessons import curriculum, templates
from runner.config import template
from runner.exercise import exercises


@pytest.fixture
async def ctx(store, clock):
    async with store.write() as session:
        ann, lab = await identify(session, Sender("local", "ann", "Ann"), ("#lab", "lab"), clock.now)
        yield Context(session, Services(curriculum(), "", lambda: 1), ann, lab, "#lab", False, clock.now)


async def told(ctx: Context, hardware: str) -> None:
    """Let Ann skip through the interview to its question about hardware."""
    await interview.start(ctx.session, ctx.learner)
    for question in QUESTIONS:
        if question.key == "hardware":
            await interview.answer(ctx.session, ctx.learner, question.key, hardware, ctx.now)
            return
        await interview.skip(ctx.session, ctx.learner, ctx.now)


@pytest.mark.parametrize("exercise", exercises())
async def test_a_config_is_the_runners_and_can_be_submitted_as_it_is(ctx, exercise):
    message = await send_template(ctx, exercise=exercise)
    assert [(file.name, file.data) for file in message.files] == [(f"{exercise}.yaml", template(exercise).encode())]
    assert message.buttons[0].action == f"submit.template:exercise={exercise}"
    assert message.buttons[1].action == "lesson.open:slug=training-arguments"


@pytest.mark.parametrize("kind", templates())
async def test_a_script_comes_with_its_lesson(ctx, kind):
    message = await send_template(ctx, kind)
    (file,) = message.files
    assert file.name == templates()[kind].file
    compile(file.data, file.name, "exec")
    assert [button.action for button in message.buttons] == [f"lesson.open:slug={templates()[kind].lesson}"]
    assert "`/start`" in message.body


async def test_the_menu_leads_to_every_kind(ctx):
    menu = (await send_template(ctx)).menu
    assert [option.value for option in menu.options] == list(KINDS)
    for option in menu.options:
        assert (await send_chosen(ctx, option.value)).files


@pytest.mark.parametrize(
    ("hardware", "says", "has"),
    [
        ("2x 2080 Ti", "your hardware (2 x RTX 2080 Ti, 11 GB each)", 'PRECISION = "fp16"'),
        ("H100", "with the settings for one GPU with 80 GB", "MAX_LENGTH = 256"),
        ("cpu", "Filled in for a CPU, going by your interview", "MiniLM"),
        ("multi-gpu", "Filled in for several GPUs with 24 GB each", "bert-base"),
    ],
)
async def test_a_script_is_for_the_hardware_of_the_interview(ctx, hardware, says, has):
    await told(ctx, hardware)
    message = await send_template(ctx, "trainer")
    assert says in message.body
    assert has in message.files[0].data.decode()
