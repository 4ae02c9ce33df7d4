"""The placement test and the day's random item as they are said."""

from collections.abc import Callable
from io import BytesIO

import pytest
from drilled import choice, only
from PIL import Image
from placed import EVERYTHING
from sqlmodel import select

import bot.commands  # noqa: F401  (registers them)
from bot.command import Services
from bot.commands import placement_picture
from bot.commands.placement import draw_result
from bot.dispatch import Dispatcher, Request
from bot.store.tables import Learner, Placement
from bot.study.membership import Sender
from bot.study.placement import Result, TopicAbility
from bot.view import Edit, Form, Message, Refused, read_action
from lessons import Curriculum


class Person:
    """Ann, in direct messages."""

    def __init__(self, dispatch: Dispatcher) -> None:
        self._dispatch = dispatch

    async def do(self, route: str, **values: str) -> Message:
        request = Request(Sender("local", "ann", "Ann"), "@ann", route, values, ("#lab", "lab"), direct=True)
        reply = await self._dispatch(request)
        if isinstance(reply, Refused):
            reply = reply.answer
        return reply.message if isinstance(reply, Edit) else reply

    async def press(self, shown: Message, label: str, **values: str) -> Message:
        button = next(button for button in shown.buttons if button.label == label)
        route, ids = read_action(button.action)
        return await self.do(route, **ids, **values)

    async def know(self, shown: Message) -> Message:
        """Answer rightly: by the letter, or in the form that opens."""
        if any(button.label == "A" for button in shown.buttons):
            return await self.press(shown, "A")
        form = await self.press(shown, "Answer")
        assert isinstance(form, Form)
        route, ids = read_action(form.action)
        return await self.do(route, **ids, choice="8.0")


@pytest.fixture
def ann(store, clock) -> Callable[[Curriculum], Person]:
    """Ann, with given lessons."""

    def with_lessons(curriculum: Curriculum = EVERYTHING) -> Person:
        return Person(
            Dispatcher(store, Services(curriculum, "memory://runs", lambda: 1), clock, lambda: None),
        )

    return with_lessons


def labels(message: Message) -> list[str]:
    return [button.label for button in message.buttons]


async def test_a_test_is_told_how_it_works_once_and_ends_with_a_level_what_it_means_and_a_picture(ann):
    person = ann()
    shown = await person.do("placement.begin")
    assert "no clock and no grade" in shown.body
    assert labels(shown)[-2:] == ["Not sure", "Stop"]
    shown = await person.press(shown, "Not sure")
    assert "no clock" not in shown.body
    while shown.title.startswith("Placement"):
        shown = await person.press(shown, "Not sure")
    assert shown.title == "Your level: beginner"
    assert "% sure" in shown.body
    assert "We start at topic 1" in shown.body
    assert labels(shown) == ["My plan", "A drill"]
    picture = shown.files[0]
    assert Image.open(BytesIO(picture.data)).size == (1000, 720)
    assert picture.alt.startswith("Placement: beginner after")


async def test_an_expert_skips_what_lies_below(ann):
    person = ann()
    shown = await person.do("placement.begin")
    while shown.title.startswith("Placement"):
        shown = await person.know(shown)
    assert shown.title == "Your level: advanced"
    assert "advanced" in (await person.do("profile")).fields[0]


async def test_words_typed_hours_later_are_not_meant_for_the_random_item(ann, clock):
    person = ann(only(choice("loop", "d1", placement=True), choice("loop", "d2")))
    clock.advance(minutes=1)
    await person.press(await person.do("drill"), "A")
    item = await person.do("drill.next")
    clock.advance(hours=2)
    assert "I asked nothing just now" in (await person.do("say", text="a")).body
    assert "Right" in (await person.press(item, "A")).body


def found(choice: tuple[str, ...] = ()) -> Result:
    topics = tuple(TopicAbility(topic, 1.0 - 0.1 * topic.number, 0.5) for topic in EVERYTHING.topics)
    return Result(Placement(id=3, learner_id=1), "intermediate", 0.6 if choice else 0.82, choice, topics, 12)


async def test_who_is_between_two_levels_is_told_what_each_means_and_asked_which():
    shown = await draw_result(found(("beginner", "intermediate")))
    assert shown.title == "Beginner or intermediate: your choice"
    assert labels(shown) == ["Beginner", "Intermediate"]
    assert shown.buttons[0].action == "placement.choose:test=3,level=beginner"
    assert "topics 1 to 4 count as known" in shown.body
    assert "I would start you as intermediate" in shown.body


async def test_a_choice_is_taken_where_the_test_left_one(ann, store, clock):
    person = ann()
    await person.do("profile")
    async with store.write() as session:
        learner = (await session.exec(select(Learner))).one()
        placement = Placement(learner_id=learner.id, finished_at=clock.now, level="beginner")
        session.add(placement)  # without a single answer nothing is clear
    shown = await person.do("placement.choose", test=f"{placement.id}", level="intermediate")
    assert "Then **intermediate** it is." in shown.body
    refused = await person.do("placement.choose", test=f"{placement.id}", level="expert")
    assert "The test was clear" in refused.body


async def test_a_topic_is_tested_out_of_in_words(ann):
    person = ann()
    shown = await person.do("placement", topic="Topic 3")
    assert shown.title == "Testing out of Topic 3 · question 1 of 10 at most"
    while shown.title.startswith("Testing"):
        shown = await person.know(shown)
    assert shown.title == "Topic 3: tested out"
    assert "The 5 lessons" in shown.body


async def test_a_topic_not_known_leads_to_its_first_lesson(ann):
    person = ann()
    shown = await person.do("placement.topic", topic="12")
    while shown.title.startswith("Testing"):
        shown = await person.do("say", text="no idea")
    assert shown.title == "Topic 12: worth your time"
    assert labels(shown) == ["Open Lesson-12-1", "A drill"]


async def test_typed_words_answer_what_was_asked_last(ann, clock):
    person = ann()
    await person.do("placement.begin")
    clock.advance(minutes=1)
    await person.do("drill", topic="lesson-1-1")
    clock.advance(minutes=1)
    assert "Loss scaling" in (await person.do("say", text="a")).body  # the drill's explanation
    assert "question 2 of 16" in (await person.do("say", text="not sure")).title


async def test_a_random_item_comes_after_the_last_drill_and_says_what_it_is_for(ann, clock):
    curriculum = only(choice("loop", "d1", placement=True), choice("loop", "d2"))
    person = ann(curriculum)
    asked = await person.do("drill")
    clock.advance(minutes=1)
    await person.press(asked, "A")
    item = await person.do("drill.next")
    assert item.title == "One more, picked at random"
    assert "It moves nothing of yours" in item.body
    again = await person.do("say", text="bananas")
    assert "one letter" in again.body
    done = await person.do("say", text="b")
    assert "Not this time" in done.body
    assert "Nothing is due" in (await person.do("drill.next")).body


def test_a_picture_says_in_words_what_it_shows_and_is_wider_than_high():
    words = placement_picture.alt_text(found())
    assert "intermediate after 12 questions" in words
    assert "Topic 1, Topic 2" in words
    assert "Topic 13" not in words
    assert Image.open(BytesIO(placement_picture.draw(found()))).size == (1000, 720)
