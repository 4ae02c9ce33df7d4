import json
from datetime import date

import pytest
from sqlmodel import SQLModel, select

from bot.errors import UserError
from bot.store import outbox
from bot.store.tables import (
    Answer,
    Badge,
    Card,
    Delivery,
    Group,
    GroupAnswer,
    GroupDrill,
    Learner,
    Member,
    Placement,
    Post,
    Progress,
    Reading,
    Response,
    Review,
    Run,
    Season,
    Sweep,
    Turn,
    Usage,
)
from bot.study import privacy


async def fill(store, learner, group, new_run, clock, run_dir):
    """Give a learner a row in every table that has rows of learners."""
    now, mine = clock.now, {"learner_id": learner.id}
    async with store.write() as session:
        drill = GroupDrill(
            group_id=group.id, day=date(2026, 3, learner.id), drill="x/d1", channel="#lab", reveal_at=now
        )
        card, placement = Card(**mine, lesson="x", due_at=now), Placement(**mine)
        run = new_run(learner, status="succeeded")
        run.run_dir, run.sweep_id = f"{run_dir}/{run.id}", f"s{learner.id}"
        config = {"exercise": "match", "submitted": "", "kind": "grid", "keys": [], "trials": 1, "seeds": 1}
        sweep = Sweep(id=f"s{learner.id}", group_id=group.id, **mine, **config, chat="local", channel="#lab")
        session.add(sweep)
        await session.flush()
        session.add_all([drill, card, placement, run])
        await session.flush()
        session.add_all(
            [
                Answer(**mine, question="name", text=f"said {learner.name}"),
                Badge(**mine, name="first run"),
                GroupAnswer(**mine, group_drill_id=drill.id, answer="a", right=True),
                Progress(**mine, lesson="x", status="read"),
                Response(**mine, placement_id=placement.id, item="x/d1"),
                Review(**mine, card_id=card.id, drill="x/d1"),
                Turn(**mine, mode="debug", question=f"asked {learner.name}", run_id=run.id, answered_at=now),
                Reading(**mine, question="hardware", words=f"a box of {learner.name}"),
                Usage(**mine, day=now.date(), tokens=5),
                Post(channel=f"@{learner.external_id}", nonce=f"n{learner.id}", author="Cohort", message=b"{}"),
            ]
        )
        await outbox.tell(
            session, learner, key=f"badge:{learner.id}:x", kind="badge", subject=f"{learner.id}:x", at=now
        )
        await outbox.say(
            session, key=f"{sweep.id}", kind="sweep.result", subject=sweep.id, chat="local", channel="#lab", at=now
        )
        await outbox.say(
            session, key=f"run:{run.id}:result", kind="run.result", subject=run.id, chat="local", channel="#lab", at=now
        )
    return run


@pytest.fixture
async def two(store, people, group, new_run, clock, tmp_path):
    """Ann and Bo with rows everywhere, in a season whose ranks have both."""
    ann, bo = people[1][:2]
    for learner in (ann, bo):
        run = await fill(store, learner, group, new_run, clock, tmp_path)
        (tmp_path / run.id).mkdir()
        (tmp_path / run.id / "log.txt").write_text("log")
    ranks = {
        "match": [
            {"place": at, "learner": each.id, "score": 0.5, "run": at, "runs": 1}
            for at, each in enumerate((ann, bo), 1)
        ]
    }
    async with store.write() as session:
        session.add(Season(group_id=group.id, name="Spring", starts_at=clock.now, ends_at=clock.now, ranks=ranks))
        known = (await session.exec(select(Group))).one()
        known.set_up_by = ann.id
        session.add(known)
    return ann, bo


def test_every_table_is_known_to_be_a_learner_s_or_not():
    mine = {table.name for table, _ in privacy.owned()}
    assert mine | privacy.OTHERS | {"learner"} == set(SQLModel.metadata.tables)
    assert not mine & privacy.OTHERS


def test_no_table_that_leads_to_a_learner_s_rows_is_without_its_learner():
    mine = {table.name for table, _ in privacy.owned()}
    for table in SQLModel.metadata.tables.values():
        leads_to = {key.column.table.name for key in table.foreign_keys}
        assert table.name in mine or not leads_to & mine


async def test_an_export_has_everything_of_one_learner_and_nothing_of_another(store, two):
    ann = two[0]
    async with store.read() as session:
        found = await privacy.export(session, ann)
    for table, column in privacy.owned():
        assert [row[column.name] for row in found[table.name]] == [ann.id], table.name
    text = json.dumps(found)
    assert "said Ann" in text
    assert "asked Ann" in text
    assert "Bo" not in text
    assert len(found["delivery"]) == len(found["post"]) == len(found["season_ranks"]) == 1


async def test_forgetting_leaves_nothing_of_one_learner_and_everything_of_the_other(store, two, tmp_path):
    ann, bo = two
    async with store.read() as session:
        before = await privacy.export(session, bo)
    async with store.write() as session:
        await privacy.forget(session, ann)
    async with store.read() as session:
        assert await privacy.export(session, bo) == before
        for table, column in privacy.owned():
            connection = await session.connection()
            assert (await connection.execute(select(table).where(column == ann.id))).all() == [], table.name
        assert (await session.exec(select(Learner).where(Learner.id == ann.id))).all() == []
        assert {each.subject for each in await session.exec(select(Delivery))} == {f"{bo.id}:x", "r2", "s2"}
        assert [each.channel for each in await session.exec(select(Post))] == ["@bo"]
        season = (await session.exec(select(Season))).one()
        assert [row["learner"] for row in season.ranks["match"]] == [privacy.NOBODY, bo.id]
        assert (await session.exec(select(Group))).one().set_up_by is None
    assert [each.name for each in tmp_path.iterdir() if each.is_dir()] == ["r2"]


async def test_a_run_that_trains_has_to_be_cancelled_first(store, two, people, new_run):
    ann = two[0]
    async with store.write() as session:
        session.add(new_run(ann, status="running"))
    async with store.write() as session:
        with pytest.raises(UserError, match="is training") as refused:
            await privacy.forget(session, ann)
    assert "/run cancel 3" in refused.value.hint
    async with store.read() as session:
        assert len((await session.exec(select(Run).where(Run.learner_id == ann.id))).all()) == 2
        assert len((await session.exec(select(Member))).all()) == 3


async def test_the_tutor_s_memory_is_erased_and_what_it_cost_stays(store, two):
    ann, bo = two
    async with store.write() as session:
        learner = await session.get_one(Learner, ann.id)
        learner.tutor_summary = "wants to leave"
        session.add(learner)
        assert await privacy.erase_memory(session, learner) == 1
    async with store.read() as session:
        assert await privacy.remembered(session, await session.get_one(Learner, ann.id)) == (None, [])
        assert len((await session.exec(select(Turn).where(Turn.learner_id == bo.id))).all()) == 1
        assert len((await session.exec(select(Usage))).all()) == 2
