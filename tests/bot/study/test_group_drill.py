import asyncio
from datetime import UTC, date, datetime, time, timedelta

import pytest
from sqlmodel import select

from bot.command import Services
from bot.commands.group_drill import draw_group_drill
from bot.delivery import Outbox, UndeliverableError
from bot.errors import UserError
from bot.store.tables import Card, Delivery, Group, GroupAnswer, GroupDrill, Review
from bot.study import group_drill
from lessons import Curriculum, curriculum

BERLIN = "Europe/Berlin"


@pytest.fixture
async def lab(store, clock, people):
    """The lab, which is asked at nine in Berlin and told at eight in the evening; it is Monday noon."""
    group, members = people
    lab = Lab(store, clock, group.id, members)
    await lab.set_up("#lab")
    return lab


def fits(drill):
    return drill.kind == "choice" and not drill.placement


class Lab:
    def __init__(self, store, clock, group_id, members):
        self.store, self.clock, self.group_id, self.members = store, clock, group_id, members
        self.lessons = curriculum()

    async def set_up(self, channel, at=time(9), reveal=time(20), zone=BERLIN):
        async with self.store.write() as session:
            group = await session.get_one(Group, self.group_id)
            await group_drill.set_up(
                session,
                group,
                self.members[0],
                channel=channel,
                at=at,
                reveal=reveal,
                timezone=zone,
                now=self.clock.now,
            )

    async def tick(self):
        async with self.store.write() as session:
            await group_drill.ask_due(session, self.clock.now, self.lessons)
        async with self.store.write() as session:
            return await group_drill.reveal_due(session, self.clock.now)

    async def at(self, text):
        """Let it be a time of March 2026 in Berlin, such as `3 09:00`."""
        self.clock.now = datetime.strptime(f"2026 3 {text} +0100", "%Y %m %d %H:%M %z").astimezone(UTC)
        return await self.tick()

    async def answer(self, member, choice, asked=None):
        async with self.store.write() as session:
            group = await session.get_one(Group, self.group_id)
            learner = await session.merge(self.members[member])
            asked = asked or (await self.asked())[-1].id
            return await group_drill.answer(session, self.lessons, learner, group, asked, choice, self.clock.now)

    async def asked(self):
        async with self.store.read() as session:
            return (await session.exec(select(GroupDrill).order_by(GroupDrill.day))).all()

    async def group(self):
        async with self.store.read() as session:
            return await session.get_one(Group, self.group_id)

    async def draw(self, asked=None):
        asked = asked or (await self.asked())[-1].id
        async with self.store.read() as session:
            services = Services(self.lessons, "", lambda: 1)
            return await draw_group_drill(session, services, str(asked), self.clock.now)


async def test_a_day_has_one_question_whatever_is_restarted(lab):
    assert (await lab.group()).next_drill_at == datetime(2026, 3, 3, 8, tzinfo=UTC)
    await lab.at("3 08:59")
    assert await lab.asked() == []
    await lab.at("3 09:00")
    for _ in range(3):
        await lab.tick()
    [asked] = await lab.asked()
    assert (asked.day, asked.channel) == (date(2026, 3, 3), "#lab")
    assert asked.reveal_at == datetime(2026, 3, 3, 19, tzinfo=UTC)
    async with lab.store.read() as session:
        assert [d.channel for d in await session.exec(select(Delivery))] == ["#lab"]


async def test_two_processes_ask_once(lab):
    lab.clock.now = datetime(2026, 3, 3, 8, tzinfo=UTC)
    await asyncio.gather(*(lab.tick() for _ in range(4)))
    assert len(await lab.asked()) == 1


async def test_after_two_days_down_todays_question_is_asked_and_old_answers_are_shown_once(lab):
    await lab.at("3 09:00")
    assert await lab.at("5 12:00") == 1
    assert await lab.tick() == 0
    assert [each.day.day for each in await lab.asked()] == [3, 5]
    assert [each.revealed for each in await lab.asked()] == [True, False]


@pytest.mark.parametrize(("time_of_day", "days"), [("5 19:30", []), ("5 07:00", []), ("5 18:59", [5])])
async def test_a_question_that_would_be_open_for_less_than_an_hour_is_left_out(lab, time_of_day, days):
    await lab.at(time_of_day)
    assert [each.day.day for each in await lab.asked()] == days


async def test_an_evening_before_the_morning_is_the_next_days(lab):
    await lab.set_up("#lab", at=time(21), reveal=time(8))
    await lab.at("2 21:00")
    assert (await lab.asked())[0].reveal_at == datetime(2026, 3, 3, 7, tzinfo=UTC)


async def test_an_hour_moved_on_the_same_day_asks_again_tomorrow(lab):
    await lab.at("3 09:00")
    await lab.set_up("#other", at=time(15))
    assert (await lab.group()).next_drill_at == datetime(2026, 3, 4, 14, tzinfo=UTC)


async def test_nothing_is_asked_when_it_is_off(lab):
    await lab.set_up(None)
    await lab.at("9 12:00")
    assert await lab.asked() == []


async def test_an_answer_is_private_changed_until_the_evening_and_counted_once(lab):
    await lab.at("3 09:00")
    drill = lab.lessons.drill((await lab.asked())[0].drill)
    right = "abcdefgh"["".join("x" if o.right else "." for o in drill.options).index("x")]
    wrong = next(letter for letter in "abcd" if letter != right)
    await lab.answer(0, wrong)
    await lab.answer(0, right)
    await lab.answer(1, wrong)
    open_ = await lab.draw()
    assert "2 have answered" in open_.body
    assert [button.label for button in open_.buttons] == [x.upper() for x in "abcdefgh"[: len(drill.options)]]
    explanations = [option.explanation for option in drill.options]
    assert not any(words in open_.body for words in explanations)
    await lab.at("3 20:00")
    shown = await lab.draw()
    assert "2 have answered, 1 right." in shown.body
    assert f"**{right.upper()} is right.**" in shown.body
    assert f"**{wrong.upper()}** was the most tempting." in shown.body
    with pytest.raises(UserError, match="open already"):
        await lab.answer(2, right)
    async with lab.store.read() as session:
        assert len((await session.exec(select(GroupAnswer))).all()) == 2


async def test_the_evening_edits_the_question_once(lab):
    await lab.at("3 09:00")
    async with lab.store.write() as session:
        delivery = (await session.exec(select(Delivery))).one()
        delivery.pending, delivery.reference = False, "1"
    await lab.at("3 20:00")
    await lab.at("3 20:01")
    async with lab.store.read() as session:
        delivery = (await session.exec(select(Delivery))).one()
    assert (delivery.pending, delivery.revision) == (True, 2)


async def test_nobody_answering_is_said_too(lab):
    await lab.at("3 09:00")
    await lab.at("3 20:00")
    assert "Nobody answered this one." in (await lab.draw()).body


async def test_a_question_of_another_group_and_no_letter_are_refused(lab):
    await lab.at("3 09:00")
    with pytest.raises(UserError, match="another group"):
        await lab.answer(0, "a", asked=99)
    with pytest.raises(UserError, match="one letter"):
        await lab.answer(0, "z")


async def test_a_drill_deleted_before_the_evening_is_said_so(lab):
    await lab.at("3 09:00")
    await lab.answer(0, "a")
    lab.lessons = Curriculum(())
    with pytest.raises(UserError, match="taken out of the lessons"):
        await lab.answer(1, "a")
    await lab.at("3 20:00")
    assert "taken out of the lessons" in (await lab.draw()).body


async def test_a_deleted_channel_ends_the_daily_question_and_a_deleted_message_does_not(lab):
    class Gone:
        async def send(self, channel, message, nonce, under=None):
            if channel.startswith("@") or not self.dead:
                return "1"
            raise UndeliverableError("no such channel")

        async def edit(self, channel, reference, message):
            raise UndeliverableError("no such message")

    chat = Gone()
    post = Outbox(lab.store, Services(lab.lessons, "", lambda: 1), {"local": chat}, lab.clock)
    chat.dead = False
    await lab.at("3 09:00")
    await post.tick()
    await lab.at("3 20:00")
    await post.tick()
    assert (await lab.group()).drill_channel == "#lab"
    chat.dead = True
    await lab.at("4 09:00")
    await post.tick()
    group = await lab.group()
    assert (group.drill_channel, group.next_drill_at) == (None, None)


async def test_no_question_comes_twice_in_60_days_nor_needs_more_than_buttons(lab):
    async with lab.store.write() as session:
        group = await session.get_one(Group, lab.group_id)
        for day in (date(2026, 3, 1) + timedelta(days=n) for n in range(60)):
            if drill := await group_drill.choose(session, lab.lessons, group, day, lab.clock.now):
                asked = {"group_id": group.id, "day": day, "drill": drill.id, "channel": "#lab"}
                session.add(GroupDrill(**asked, reveal_at=lab.clock.now))
                await session.flush()
    drills = [lab.lessons.drill(each.drill) for each in await lab.asked()]
    assert len(drills) == len({drill.id for drill in drills}) > 3
    assert {drill.kind for drill in drills} == {"choice"}
    assert not any(drill.placement for drill in drills)
    assert len({drill.lesson for drill in drills[:4]}) == 4


async def test_the_question_is_of_what_the_group_gets_wrong(lab):
    weak = next(lesson for lesson in reversed(lab.lessons.lessons) if any(map(fits, lesson.drills)))
    async with lab.store.write() as session:
        for member in lab.members:
            card = Card(learner_id=member.id, lesson=weak.slug, due_at=lab.clock.now)
            session.add(card)
            await session.flush()
            session.add(
                Review(learner_id=member.id, card_id=card.id, drill="x", right=False, answered_at=lab.clock.now)
            )
        group = await session.get_one(Group, lab.group_id)
        drill = await group_drill.choose(session, lab.lessons, group, date(2026, 3, 3), lab.clock.now)
    assert drill.lesson == weak.slug


async def test_without_mistakes_it_is_of_what_runs_were_found_to_lack(lab, new_run):
    named = [lesson for lesson in lab.lessons.lessons if any(map(fits, lesson.drills))][1]
    async with lab.store.write() as session:
        finding = {"rule": "overfit", "lesson": named.slug}
        session.add(new_run(lab.members[0], finished_at=lab.clock.now, status="succeeded", findings=[finding]))
        await session.flush()
        group = await session.get_one(Group, lab.group_id)
        drill = await group_drill.choose(session, lab.lessons, group, date(2026, 3, 3), lab.clock.now)
    assert drill.lesson == named.slug
