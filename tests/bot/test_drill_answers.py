"""Drills as they are said: hints, both explanations, appeals, and answers that cannot be read."""

from collections.abc import Awaitable, Callable

import pytest
from drilled import LESSONS, choice, only, output, short

import bot.commands  # noqa: F401  (registers them)
from bot.app import App
from bot.command import Services
from bot.dispatch import Dispatcher, Request
from bot.study.membership import Sender
from bot.view import Edit, Message, Refused, Reply, read_action
from lessons import Curriculum

Do = Callable[..., Awaitable[Reply]]


def request(route: str, *, admin: bool = False, **values: str) -> Request:
    return Request(Sender("local", "ann", "Ann", admin=admin), "#lab", route, values, ("#lab", "lab"))


@pytest.fixture
def do(store, clock) -> Callable[[Curriculum], Do]:
    """Type or press something, with given lessons."""

    def with_lessons(curriculum: Curriculum) -> Do:
        dispatch = Dispatcher(store, Services(curriculum, "memory://runs", lambda: 1), clock, lambda: None)

        async def run(route: str, *, admin: bool = False, **values: str) -> Reply:
            return await dispatch(request(route, admin=admin, **values))

        return run

    return with_lessons


async def press(run: Do, shown: Message, label: str, **values: str) -> Message:
    """Press a button of a message and return what it becomes, or what is said."""
    button = next(button for button in shown.buttons if button.label == label)
    route, ids = read_action(button.action)
    reply = await run(route, **ids, **values)
    if isinstance(reply, Refused):
        reply = reply.answer
    return reply.message if isinstance(reply, Edit) else reply


async def test_hints_stand_under_the_question_one_by_one_and_then_the_answer(do):
    run = do(only(choice("loop")))
    asked = await run("drill", topic="loop")
    once = await press(run, asked, "Hint")
    assert "**Hint 1 of 2.** Think of small numbers." in once.body
    twice = await press(run, once, "Next hint")
    assert "Hint 1 of 2" in twice.body
    assert "**Hint 2 of 2.** Think of gradients." in twice.body
    assert "Hint" not in [button.label for button in twice.buttons]
    shown = await press(run, twice, "Show the answer")
    assert "The answer is a: Loss scaling." in shown.body
    assert "Small gradients become zero in fp16." in shown.body
    assert "again tomorrow" in shown.body


async def test_a_wrong_letter_has_its_own_explanation_and_that_of_the_right_one(do):
    run = do(only(choice("loop")))
    body = (await press(run, await run("drill", topic="loop"), "B")).body
    assert "**Not quite.** You said “b”. Batch size does not change the range." in body
    assert "The answer is a: Loss scaling." in body
    assert "Small gradients become zero in fp16." in body
    assert "**A.** Loss scaling ✓" in body


async def test_a_misconception_is_named_beside_the_model_answer(do):
    run = do(only(short("loop")))
    asked = await run("drill", topic="loop")
    route, ids = read_action(asked.buttons[0].action)
    assert route == "drill.form"
    body = (await run("drill.answer", **ids, choice="they @everyone `vanish`\n\nquickly")).message.body
    assert "You said “they @\u200beveryone 'vanish' quickly”. They do not vanish: they pile up." in body
    assert "The answer is It adds to what is there." in body
    assert "Clear it each step." in body


async def test_an_appeal_is_believed_and_read_by_admins(do):
    run = do(only(short("loop")))
    asked = await run("drill", topic="loop")
    _, ids = read_action(asked.buttons[0].action)
    wrong = (await run("drill.answer", **ids, choice="New and old pile up")).message
    believed = await press(run, wrong, "I think I was right")
    assert "It counts as passed now" in believed.body
    assert "It adds to what is there." in believed.body
    again = await press(run, wrong, "I think I was right")
    assert "counts as passed already" in again.body
    listed = await run("group appeals", admin=True)
    assert "**loop/d3**, Ann: “New and old pile up”; expected: It adds to what is there." in listed.body
    assert "for whoever manages this group" in (await run("group appeals")).body


async def test_only_what_is_marked_by_rules_can_be_appealed(do):
    run = do(only(choice("loop")))
    wrong = await press(run, await run("drill", topic="loop"), "B")
    assert "I think I was right" not in [button.label for button in wrong.buttons]
    assert "Nobody has appealed" in (await run("group appeals", admin=True)).body


async def test_an_output_of_several_lines_is_shown_as_code(do):
    drill = output("loop")
    run = do(only(drill))
    asked = await run("drill", topic="loop")
    _, ids = read_action(asked.buttons[0].action)
    assert "The answer is `8.0`." in (await run("drill.answer", **ids, choice="4.0")).message.body


async def test_after_the_last_drill_of_the_day_the_next_day_is_told(do):
    run = do(only(choice("loop")))
    await press(run, await run("drill"), "A")
    assert "Nothing is due. The next one comes" in (await run("drill")).body


async def test_the_next_drill_follows_the_learners_plan(do):
    run = do(LESSONS)
    assert (await run("drill")).title == "Loop · New to you"


async def test_an_answer_that_is_not_understood_names_its_field_and_leaves_the_question_open(app: App):
    asked = await app.dispatch(request("drill", topic="basic-training-loop"))
    _, ids = read_action(asked.buttons[0].action)
    reply = await app.dispatch(request("drill.answer", review=ids["review"], choice="🤷"))
    assert isinstance(reply, Refused)
    ((field, problem),) = reply.errors
    assert field == "choice"
    assert isinstance(reply.answer, Edit)
    assert reply.answer.message.body.startswith(problem)
    again = await app.dispatch(request("drill", topic="basic-training-loop"))
    assert read_action(again.buttons[0].action)[1]["review"] == ids["review"]
