from datetime import UTC, datetime, timedelta

from sqlalchemy import event
from sqlmodel import select

from bot.store.tables import Group, Learner, Member
from bot.study.membership import Sender, identify

ANN = Sender("local", "ann", "Ann", "Europe/Berlin")
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


async def test_learner_group_and_membership_are_made_on_first_sight(store):
    async with store.write() as session:
        learner, group = await identify(session, ANN, ("#lab", "lab"), NOON)
    assert (learner.name, learner.timezone, group.name) == ("Ann", "Europe/Berlin", "lab")
    async with store.read() as session:
        member = (await session.exec(select(Member))).one()
    assert (member.group_id, member.learner_id, member.joined_at) == (group.id, learner.id, NOON)


async def test_without_a_group_it_is_the_one_they_were_last_seen_in(store):
    async with store.write() as session:
        assert (await identify(session, ANN, None, NOON))[1] is None
        for hours, name in enumerate(("#one", "#two", "#one")):
            await identify(session, ANN, (name, name), NOON + timedelta(hours=hours))
    async with store.read() as session:
        _, group = await identify(session, ANN, None, NOON)
        assert group.external_id == "#one"


async def test_the_same_names_in_another_chat_are_other_people_and_groups(store):
    async with store.write() as session:
        await identify(session, ANN, ("#lab", "lab"), NOON)
        await identify(session, Sender("slack", "ann", "Ann"), ("#lab", "lab"), NOON)
    async with store.read() as session:
        assert len((await session.exec(select(Learner))).all()) == 2
        assert len((await session.exec(select(Group))).all()) == 2


async def test_who_is_known_is_found_by_one_query(store):
    async with store.write() as session:
        await identify(session, ANN, ("#lab", "lab"), NOON)
    asked = []
    event.listen(store.engine.sync_engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
    async with store.write() as session:
        await identify(session, ANN, ("#lab", "lab"), NOON)
    assert len([statement for statement in asked if statement.startswith("SELECT")]) == 1
