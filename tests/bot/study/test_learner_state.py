from datetime import timedelta

import pytest
from small_curriculum import SMALL

from bot.store.tables import Answer, Card, Group, Learner, Review, Run
from bot.study import learner_state, plan


@pytest.fixture
async def ann(store, clock) -> Learner:
    """A learner who has answered, read, drilled and trained."""
    learner = Learner(chat="local", external_id="ann", name="Ann", level="beginner", goal="fine-tune")
    group = Group(chat="local", external_id="lab", name="lab")
    async with store.write() as session:
        session.add_all([learner, group])
        await session.flush()
        session.add(Answer(learner_id=learner.id, question="hardware", text="a 4090", value="gpu"))
        card = Card(learner_id=learner.id, lesson="loop", due_at=clock.now)
        session.add(card)
        await session.flush()
        for minutes, right in enumerate((True, False, False)):
            at = clock.now - timedelta(minutes=9 - minutes)
            session.add(Review(learner_id=learner.id, card_id=card.id, drill="loop/d1", right=right, answered_at=at))
        for number, score in ((1, 0.6), (2, None)):
            session.add(
                Run(
                    id=f"r{number}",
                    number=number,
                    group_id=group.id,
                    learner_id=learner.id,
                    exercise="match",
                    submitted="",
                    config="",
                    chat="local",
                    channel="#lab",
                    run_dir="",
                    score=score,
                    status="succeeded" if score else "failed",
                    queued_at=clock.now + timedelta(minutes=number),
                    findings=None if score else [{"rule": "diverged", "lesson": "loop"}],
                )
            )
        await plan.opened(session, learner, SMALL.lesson("overview"), 0, clock.now)
    return learner


async def test_a_learners_state_holds_all_that_tutor_and_coach_read(store, ann, clock):
    async with store.read() as session:
        state = await learner_state.load(session, SMALL, ann, clock.now)
    assert (state.name, state.level, state.goal, state.ability) == ("Ann", "beginner", "fine-tune", None)
    assert state.background.requirements.hardware.words == "RTX 4090, 24 GB"
    assert state.weak_lessons == ("loop",)
    assert [(topic.number, topic.right, topic.answered) for topic in state.weak_topics] == [(1, 1, 3)]
    assert 0 < state.topics[0].mastery < 0.5
    assert [(run.number, run.score, len(run.findings)) for run in state.runs] == [(2, None, 1), (1, 0.6, 0)]
    assert [step.reason for step in state.next][:2] == ["you are on page 1 of 2", "your last answers on it went wrong"]
    assert len(state.next) == learner_state.NEXT_STEPS


async def test_somebody_who_has_just_come_has_a_state_too(store, clock):
    async with store.write() as session:
        bo = Learner(chat="local", external_id="bo", name="Bo")
        session.add(bo)
        await session.flush()
        state = await learner_state.load(session, SMALL, bo, clock.now)
    assert (state.level, state.due, state.runs, state.weak_topics) == (None, 0, (), ())
    assert state.next[0].lesson.slug == "overview"
