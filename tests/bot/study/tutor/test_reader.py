import asyncio

import pytest
from sqlmodel import select
from tutor_lab import make_lab

from bot.store.database import insert_new
from bot.store.tables import Answer as Said
from bot.store.tables import Card, Learner, Reading, Review, Usage
from bot.study.interview_questions import BY_KEY
from bot.study.tutor.budget import Limits
from bot.study.tutor.reader import Reader
from lessons import curriculum
from tests.llm_server import Answer

DRILL = next(drill for drill in curriculum().drills if drill.kind == "short" and not drill.placement)
RIGHT = Answer('{"right": true, "why": "You have the decisive idea."}')
WRONG = Answer('{"right": false, "why": "That is the effect, not the cause."}')
WORDS = "something that no rubric has ever heard of"


async def rows(lab, table):
    async with lab.store.read() as session:
        return list((await session.exec(select(table))).all())


async def put(lab, drill=DRILL) -> Review:
    """Ask Ann a drill with a short answer."""
    await lab.do("ann", "help")
    async with lab.store.write() as session:
        learner = (await session.exec(select(Learner))).one()
        await insert_new(session, Card(learner_id=learner.id, lesson=drill.lesson, due_at=lab.clock.now))
        card = (await session.exec(select(Card))).one()
        review = Review(learner_id=learner.id, card_id=card.id, drill=drill.id, asked_at=lab.clock.now)
        session.add(review)
    return review


@pytest.mark.parametrize(("mark", "right", "word"), [(RIGHT, True, "decisive idea"), (WRONG, False, "not the cause")])
async def test_a_short_answer_is_marked_by_the_model(lab, llm, mark, right, word):
    llm.answers = [mark]
    await put(lab)
    shown = await lab.shown("ann", "say", text=WORDS)
    assert "Let me read that" in shown.body
    told = await lab.told("ann", "drill.marked")
    assert word in told.body
    (review,) = await rows(lab, Review)
    assert (review.right, review.answer) == (right, WORDS)
    assert (await rows(lab, Usage))[0].tokens == 321
    assert DRILL.question in llm.said


async def test_an_answer_from_a_form_is_marked_too_and_may_be_appealed(lab, llm):
    llm.answers = [WRONG]
    review = await put(lab)
    shown = await lab.shown("ann", "drill.answer", review=str(review.id), choice=WORDS)
    assert "Let me read that" in shown.body
    assert "still reading" in (await lab.shown("ann", "say", text="or rather this")).body
    told = await lab.told("ann", "drill.marked")
    assert "drill.appeal" in repr(told.buttons)


@pytest.mark.parametrize("answer", [Answer(status=500), Answer("gibberish"), Answer("", ending="silence")], ids=str)
async def test_without_a_mark_the_rules_mark(lab, llm, answer):
    llm.answers = [answer]
    await put(lab)
    await lab.do("ann", "say", text=WORDS)
    assert "Not quite" in (await lab.told("ann", "drill.marked")).body
    assert not (await rows(lab, Review))[0].right


async def test_the_author_s_words_about_a_misconception_are_kept(lab, llm):
    llm.answers = [WRONG]
    drill = next(d for d in curriculum().drills if d.kind == "short" and getattr(d.answer, "refusals", ()))
    refusal = drill.answer.refusals[0]
    await put(lab, drill)
    await lab.do("ann", "say", text=refusal.phrases[0].replace("*", "ing"))
    assert refusal.explanation in (await lab.told("ann", "drill.marked")).body


async def test_what_is_no_answer_and_what_the_rules_can_mark_is_marked_at_once(lab, llm):
    await put(lab)
    assert "10,000 characters" in (await lab.shown("ann", "say", text="x" * 10_000)).body
    choice = next(drill for drill in curriculum().drills if drill.kind == "number")
    lab.clock.advance(seconds=5)
    async with lab.store.write() as session:
        review = (await session.exec(select(Review))).one()
        review.drill = choice.id
        session.add(review)
    assert "The answer is" in (await lab.shown("ann", "say", text="-123456")).body
    assert await rows(lab, Reading) == []
    assert llm.requests == []


async def test_without_a_model_or_with_its_budget_used_up_the_rules_mark_at_once(sqlite, model, clock, llm):
    for limits in (None, Limits(0, 0)):
        lab = make_lab(sqlite, model, clock, limits)
        await put(lab)
        assert "Not quite" in (await lab.shown("ann", "say", text=WORDS)).body
    assert llm.requests == []


async def test_an_answer_that_was_given_up_meanwhile_stays_given_up(lab, llm):
    llm.answers = [RIGHT]
    review = await put(lab)
    await lab.do("ann", "say", text=WORDS)
    assert "The answer is" in (await lab.shown("ann", "drill.give_up", review=str(review.id))).body
    assert await lab.told("ann", "drill.marked") is None
    assert not (await rows(lab, Review))[0].right


async def test_a_process_that_dies_leaves_its_answers_to_the_rules_of_the_next(lab, llm, model, clock):
    llm.answers = [Answer('{"right": true', pieces=2, pause=5)]
    await put(lab)
    await lab.do("ann", "say", text=WORDS)
    await lab.reader.tick()
    await asyncio.sleep(0.1)
    for task in lab.reader.in_flight.tasks:  # the process is killed
        task.cancel()
    other = Reader(lab.store, curriculum(), model, clock, lambda: None)
    await other.tick()
    assert other.in_flight.ids == []  # still claimed
    clock.advance(seconds=31)
    lab.reader = other
    asked = len(llm.requests)
    assert "Not quite" in (await lab.told("ann", "drill.marked")).body
    assert len(llm.requests) == asked


async def to_hardware(lab) -> None:
    """Bring Ann to the interview's question about hardware."""
    await lab.do("ann", "start")
    await lab.do("ann", "say", text="Ann")
    while HARDWARE.text not in (await lab.shown("ann", "start")).body:
        await lab.do("ann", "interview.skip")


HARDWARE = BY_KEY["hardware"]
STRANGE = "the humming box under my uncle's desk"


async def test_an_answer_that_no_rule_can_place_is_read_by_the_model_and_told_and_can_be_changed(lab, llm):
    await to_hardware(lab)
    shown = await lab.shown("ann", "say", text=STRANGE)
    assert "keep it in your words" in shown.body
    (said,) = [each for each in await rows(lab, Said) if each.text == STRANGE]
    assert said.value is None
    choice = HARDWARE.choices[0]
    llm.answers = [Answer(f'{{"choice": "{choice.value}"}}')]
    told = await lab.told("ann", "interview.understood")
    assert f"I take that as **{choice.label}**" in told.body
    (said,) = [each for each in await rows(lab, Said) if each.text == STRANGE]
    assert said.value == choice.value
    again = await lab.shown("ann", "interview.again", choice=said.question)
    assert "Of course, once more" in again.body


async def test_an_answer_that_was_changed_meanwhile_is_left_alone(lab, llm):
    await to_hardware(lab)
    await lab.do("ann", "say", text=STRANGE)
    await lab.do("ann", "interview.back")
    await lab.do("ann", "say", text="an RTX 4090")
    llm.answers = [Answer('{"choice": "none"}')]
    assert await lab.told("ann", "interview.understood") is None


@pytest.mark.parametrize("text", ['{"choice": null}', '{"choice": "root"}', "no json"])
async def test_what_the_model_cannot_place_either_stays_in_the_learner_s_words(lab, llm, text):
    await to_hardware(lab)
    await lab.do("ann", "say", text=STRANGE)
    llm.answers = [Answer(text)]
    assert await lab.told("ann", "interview.understood") is None
    assert STRANGE in repr(await rows(lab, Said))
