"""The plan, over the small curriculum and over the real one."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_curriculum import SMALL

import lessons
from bot.errors import UserError
from bot.store.tables import Card, Group, Learner, Progress, Review, Run
from bot.study import drill, plan
from bot.study.plan import PREFERRED, Drilled, Standing, Wish
from lessons import Curriculum, Section

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
SLUGS = [lesson.slug for lesson in SMALL.lessons]


def slugs(standing: Standing, curriculum: Curriculum = SMALL) -> list[str]:
    return [step.lesson.slug for step in plan.order(curriculum, standing)]


def reasons(standing: Standing) -> dict[str, str]:
    return {step.lesson.slug: step.reason for step in plan.order(SMALL, standing)}


def done(status: str, *names: str, page: int = 0, at: datetime = NOW) -> dict[str, Progress]:
    return {name: Progress(learner_id=1, lesson=name, status=status, page=page, changed_at=at) for name in names}


def test_without_a_goal_the_path_is_the_curriculum() -> None:
    assert slugs(Standing()) == SLUGS
    assert reasons(Standing())["tokenization"] == "next in Topic 2"


def test_a_goals_topics_come_first_after_all_that_they_need() -> None:
    path = slugs(Standing(level="beginner", goal="fine-tune"))
    assert path == ["overview", "loading", "tokenization", "loop", "batching", "scripts", *path[6:]]
    why = reasons(Standing(level="beginner", goal="fine-tune"))
    assert why["tokenization"] == "you need it for SCRIPTS"
    assert why["scripts"] == "next in Topic 3, for your goal: fine-tuning"


def test_who_was_placed_at_a_level_starts_there() -> None:
    path = slugs(Standing(level="intermediate", placed=True))
    assert path == ["schedules", "memory", "peft", "lora"]


def test_a_goal_brings_its_topic_one_level_forward_with_what_it_needs() -> None:
    standing = Standing(level="intermediate", placed=True, goal="fine-tune")
    assert slugs(standing) == ["memory", "peft", "schedules", "lora"]
    assert reasons(standing)["memory"] == "you need it for PEFT"


def test_a_claimed_level_keeps_the_nearest_prerequisites_until_they_are_tested_out() -> None:
    claimed = Standing(level="intermediate")
    assert slugs(claimed) == ["loop", "schedules", "batching", "memory", "loading", "peft", "lora"]
    assert "test out of it" in reasons(claimed)["loop"]
    tested = replace(claimed, progress=done("tested_out", "loop", "batching", "loading"))
    assert slugs(tested) == ["schedules", "memory", "peft", "lora"]


@pytest.mark.parametrize("status", ["read", "skipped", "tested_out"])
def test_what_is_behind_the_learner_is_not_before_them(status: str) -> None:
    assert slugs(Standing(progress=done(status, "overview", "tokenization"))) == [
        s for s in SLUGS if s not in ("overview", "tokenization")
    ]


def test_what_drills_have_shown_to_be_known_needs_no_reading() -> None:
    assert "loop" not in slugs(Standing(mastered=frozenset({"loop"})))


def test_a_lesson_that_was_begun_comes_before_new_ones() -> None:
    standing = Standing(progress=done("reading", "batching", page=1))
    assert slugs(standing)[0] == "batching"
    assert reasons(standing)["batching"] == "you are on page 2 of 2"


def test_a_lesson_that_went_wrong_comes_back_even_from_below_the_level() -> None:
    standing = Standing(level="intermediate", placed=True, weak=frozenset({"loop"}))
    assert slugs(standing)[0] == "loop"
    assert reasons(standing)["loop"] == "your last answers on it went wrong"


def test_a_runs_finding_comes_first_until_the_lesson_was_read_after_it() -> None:
    standing = Standing(wishes={"memory": Wish(7, "learning_rate_too_low", NOW)})
    assert slugs(standing)[0] == "memory"
    assert reasons(standing)["memory"] == "because of what run 7 showed: learning rate too low"
    before = replace(standing, progress=done("read", "memory", at=NOW - timedelta(hours=1)))
    assert slugs(before)[0] == "memory"
    assert "memory" not in slugs(replace(standing, progress=done("read", "memory", at=NOW + timedelta(hours=1))))


def test_a_lesson_is_weak_when_two_of_its_last_three_answers_were_wrong() -> None:
    assert Drilled(NOW, (False, True, False, True)).went_wrong
    assert not Drilled(NOW, (True, True, False, False)).went_wrong
    assert not Drilled(NOW, (False,)).went_wrong


STANDINGS = st.builds(
    Standing,
    level=st.sampled_from([None, "beginner", "intermediate", "advanced"]),
    placed=st.booleans(),
    goal=st.sampled_from([None, *PREFERRED]),
    progress=st.lists(st.sampled_from(SLUGS)).map(lambda names: done("read", *names)),
    mastered=st.frozensets(st.sampled_from(SLUGS)),
)


@given(STANDINGS)
def test_nothing_comes_before_what_it_needs_nor_twice_nor_when_it_is_done(standing: Standing) -> None:
    path = slugs(standing)
    assert len(path) == len(set(path))
    for place, slug in enumerate(path):
        lesson = SMALL.lesson(slug)
        assert not standing.done(lesson)
        for need in map(SMALL.lesson, lesson.needs):
            assert need.slug in path[:place] or standing.done(need) or standing.below(lesson)


@given(STANDINGS)
def test_every_lesson_of_the_learners_level_or_above_is_before_or_behind_them(standing: Standing) -> None:
    path = slugs(standing)
    assert all(each.slug in path or standing.done(each) or standing.below(each) for each in SMALL.lessons)


def test_the_real_prerequisites_have_no_cycle_and_each_goal_orders_all_lessons() -> None:
    real = lessons.curriculum()
    place = {lesson.slug: number for number, lesson in enumerate(real.lessons)}
    for goal in (None, *PREFERRED):
        path = slugs(Standing(goal=goal), real)
        assert sorted(path, key=place.__getitem__) == [lesson.slug for lesson in real.lessons]
        for number, slug in enumerate(path):
            assert {need for need in real.lesson(slug).needs if need in place} <= set(path[:number])


def test_drills_begin_with_what_was_read_and_with_what_has_nothing_unknown_before_it() -> None:
    standing = Standing(progress=done("read", "tokenization"))
    path = plan.Path(plan.order(SMALL, standing), standing)
    assert [each.slug for each in path.to_drill(SMALL, set())] == ["tokenization", "overview"]
    assert [each.slug for each in path.to_drill(SMALL, {"overview"})] == ["tokenization", "loop", "loading"]


@pytest.fixture
async def ann(store) -> Learner:
    learner = Learner(chat="local", external_id="ann", name="ann", level="beginner")
    async with store.write() as session:
        session.add(learner)
    return learner


async def path_of(store, learner: Learner) -> list[str]:
    async with store.read() as session:
        return [step.lesson.slug for step in (await plan.path(session, SMALL, learner)).steps]


async def test_reading_a_lesson_to_its_end_moves_the_path(store, ann, clock) -> None:
    lesson = SMALL.lesson("overview")
    for page, then in ((0, "overview"), (1, "loop"), (0, "loop")):
        async with store.write() as session:
            await plan.opened(session, ann, lesson, page, clock.now)
        assert (await path_of(store, ann))[0] == then
    assert ann.active_at == clock.now


async def test_a_lesson_is_opened_where_it_was_left(store, ann, clock) -> None:
    lesson = replace(SMALL.lesson("overview"), sections=tuple(Section(str(n), "", n) for n in range(5)))
    async with store.write() as session:
        await plan.opened(session, ann, lesson, 3, clock.now)
        assert await plan.page_of(session, ann, lesson) == 3
        shorter = SMALL.lesson("overview")  # it has lost pages since
        assert await plan.page_of(session, ann, shorter) == 0


async def test_skipping_passes_a_lesson_and_undoing_brings_it_back(store, ann, clock) -> None:
    lesson = SMALL.lesson("overview")
    async with store.write() as session:
        await plan.skip(session, ann, lesson, clock.now)
    assert (await path_of(store, ann))[0] == "loop"
    with pytest.raises(UserError, match="behind you already: skipped"):
        async with store.write() as session:
            await plan.skip(session, ann, lesson, clock.now)
    async with store.write() as session:
        await plan.unskip(session, ann, lesson, clock.now)
    assert (await path_of(store, ann))[0] == "overview"
    with pytest.raises(UserError, match="not skipped"):
        async with store.write() as session:
            await plan.unskip(session, ann, lesson, clock.now)


async def test_opening_a_skipped_lesson_takes_it_up(store, ann, clock) -> None:
    async with store.write() as session:
        await plan.skip(session, ann, SMALL.lesson("loop"), clock.now)
        await plan.opened(session, ann, SMALL.lesson("loop"), 0, clock.now)
    assert (await path_of(store, ann))[0] == "loop"


async def test_what_was_tested_out_stays_so_when_it_is_looked_up(store, ann, clock) -> None:
    async with store.write() as session:
        session.add(Progress(learner_id=ann.id, lesson="overview", status="tested_out"))
        await session.flush()
        for page in (0, 1):
            await plan.opened(session, ann, SMALL.lesson("overview"), page, clock.now)
        path = await plan.path(session, SMALL, ann)
    assert path.standing.status("overview") == "tested_out"


async def test_drills_that_went_wrong_bring_a_lesson_back_until_it_is_read_again(store, ann, clock) -> None:
    async with store.write() as session:
        for page in (0, 1):
            await plan.opened(session, ann, SMALL.lesson("overview"), page, clock.now)
        card = Card(learner_id=ann.id, lesson="overview", due_at=clock.now)
        session.add(card)
        await session.flush()
        for minutes in (1, 2):
            at = clock.now + timedelta(minutes=minutes)
            session.add(
                Review(learner_id=ann.id, card_id=card.id, drill="overview/d1", right=False, rating=1, answered_at=at)
            )
    assert (await path_of(store, ann))[0] == "overview"
    async with store.write() as session:
        await plan.opened(session, ann, SMALL.lesson("overview"), 1, clock.advance(hours=1))
    assert (await path_of(store, ann))[0] == "loop"


async def test_a_finding_puts_its_lesson_first(store, ann, clock) -> None:
    async with store.write() as session:
        group = Group(chat="local", external_id="lab", name="lab")
        session.add(group)
        await session.flush()
        found = [{"rule": "diverged", "what": "It diverged.", "evidence": "", "change": {}, "lesson": "schedules"}]
        session.add(
            Run(
                id="r1",
                number=7,
                group_id=group.id,
                learner_id=ann.id,
                exercise="match",
                submitted="",
                config="",
                chat="local",
                channel="#lab",
                run_dir="",
                status="failed",
                findings=found,
                finished_at=clock.now,
            )
        )
        await session.flush()
        await drill.want(session, ann.id, "schedules", "r1", clock.now)
        path = await plan.path(session, SMALL, ann)
    assert path.next is not None
    assert (path.next.lesson.slug, path.next.reason) == ("schedules", "because of what run 7 showed: diverged")
