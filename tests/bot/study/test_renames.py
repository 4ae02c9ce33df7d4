from datetime import timedelta

from drilled import LESSONS, Student, choice, lesson
from sqlmodel import select

from bot.store.tables import Card, GroupDrill, Item, Progress, Response, Review
from bot.study import mastery
from bot.study.renames import move_renamed
from lessons import Curriculum

REDIRECTS = {"loop": "training-loop"}
RENAMED = Curriculum((lesson("training-loop", "1.1"), *LESSONS.lessons[1:]), REDIRECTS)


async def test_a_renamed_lesson_keeps_cards_reviews_and_progress(store, people, clock):
    group, (learner, *_) = people
    async with store.write() as session:
        ann = await Student.of(session, learner)
        await ann.right(await ann.ask(clock.now, "loop"), clock.now)
        asked = await ann.ask(clock.advance(days=1), "loop")
        session.add(Progress(learner_id=learner.id, lesson="loop", status="read", changed_at=clock.now))
        session.add(Response(learner_id=learner.id, item="loop/d1", asked_at=clock.now))
        session.add(Item(drill="loop/d1", discrimination=1, difficulty=0, answers=120, fitted_at=clock.now))
        session.add(
            GroupDrill(group_id=group.id, day=clock.now.date(), drill="loop/d1", channel="#lab", reveal_at=clock.now)
        )
        before = (await session.exec(select(Card))).one().model_dump(exclude={"lesson"})
        known = (await mastery.of(session, ann.learner, LESSONS))["loop"]
    for _ in range(2):  # a second start changes nothing
        async with store.write() as session:
            await move_renamed(session, REDIRECTS)
    async with store.write() as session:
        card = (await session.exec(select(Card))).one()
        assert card.lesson == "training-loop"
        assert card.model_dump(exclude={"lesson"}) == before
        reviews = (await session.exec(select(Review.drill))).all()
        assert len(reviews) == 2
        assert all(each.startswith("training-loop/d") for each in reviews)
        for column in (Response.item, Item.drill, GroupDrill.drill):
            assert (await session.exec(select(column))).one() == "training-loop/d1"
        assert (await session.exec(select(Progress.lesson))).one() == "training-loop"
        ann = await Student.of(session, learner, RENAMED)
        assert await mastery.of(session, ann.learner, RENAMED) == {"training-loop": known}
        assert (await ann.ask(clock.now)).review.id == asked.review.id
        assert (await ann.right(asked, clock.now)).verdict.right


async def test_two_lessons_that_became_one_keep_every_review(store, people, clock):
    learner = people[1][0]
    async with store.write() as session:
        ann = await Student.of(session, learner)
        for slug in ("loop", "metrics"):
            await ann.right(await ann.ask(clock.now, slug), clock.now)
            session.add(Progress(learner_id=learner.id, lesson=slug, status="read", changed_at=clock.now))
            session.add(
                Item(drill=f"{slug}/d1", discrimination=1, difficulty=len(slug), answers=120, fitted_at=clock.now)
            )
            session.add(Response(learner_id=learner.id, item=f"{slug}/d1", asked_at=clock.now))
    async with store.write() as session:
        await move_renamed(session, {"loop": "metrics"})
    async with store.write() as session:
        card = (await session.exec(select(Card))).one()
        assert card.lesson == "metrics"
        reviews = (await session.exec(select(Review))).all()
        assert [review.card_id for review in reviews] == [card.id] * 2
        assert (await session.exec(select(Progress.lesson))).one() == "metrics"
        assert (await session.exec(select(Item.difficulty))).one() == len("metrics")
        merged = Curriculum(tuple(each for each in LESSONS.lessons if each.slug != "loop"), {"loop": "metrics"})
        ann = await Student.of(session, learner, merged)
        assert (await ann.ask(clock.now + timedelta(days=9), "metrics")).lesson.slug == "metrics"


def test_names_of_old_lead_to_todays_lesson_and_drill():
    assert RENAMED.lesson("loop").slug == "training-loop"
    assert RENAMED.lesson("Loop").slug == "training-loop"
    assert RENAMED.drill("loop/d1") == choice("training-loop")
