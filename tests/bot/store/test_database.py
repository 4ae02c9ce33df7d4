import asyncio
import sys
from datetime import UTC, datetime, time

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text
from sqlmodel import SQLModel, select

from bot.errors import UserError
from bot.store.database import Store, insert_new
from bot.store.tables import Answer, Group, Learner, Review, Run, Turn
from bot.study import catalog
from runner.catalog import PACKAGED


async def test_migrations_make_exactly_the_tables_that_the_code_declares(store):
    async with store.connect() as connection:
        differences = await connection.run_sync(
            lambda sync: compare_metadata(
                MigrationContext.configure(sync, opts={"compare_type": False}), SQLModel.metadata
            )
        )
    assert differences == []


async def test_two_processes_that_migrate_at_once_end_with_one_set_of_tables(database_url):
    code = f"from bot.store.database import migrate; migrate({database_url!r})"
    both = [await asyncio.create_subprocess_exec(sys.executable, "-c", code) for _ in range(2)]
    assert [await process.wait() for process in both] == [0, 0]
    store = Store(database_url)
    await store.check_migrated()
    await store.close()


async def test_an_empty_database_is_refused_with_what_to_run(database_url):
    store = Store(database_url)
    with pytest.raises(UserError, match="version none") as refused:
        await store.check_migrated()
    assert "cohort db upgrade" in refused.value.hint
    await store.close()


async def test_an_error_rolls_everything_back(store):
    with pytest.raises(RuntimeError):
        async with store.write() as session:
            session.add(Group(chat="local", external_id="#lab", name="lab"))
            await session.flush()
            raise RuntimeError
    async with store.read() as session:
        assert (await session.exec(select(Group))).all() == []


async def test_times_come_back_aware_and_in_utc_and_naive_ones_are_refused(store):
    moment = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    async with store.write() as session:
        session.add(Learner(chat="local", external_id="ann", name="Ann", created_at=moment))
    async with store.read() as session:
        learner = (await session.exec(select(Learner))).one()
    assert learner.created_at == moment
    assert learner.created_at.tzinfo is UTC
    with pytest.raises(Exception, match="without a zone"):
        async with store.write() as session:
            session.add(Learner(chat="local", external_id="bo", name="Bo", created_at=moment.replace(tzinfo=None)))


async def test_writers_wait_for_each_other_instead_of_failing(store):
    async with store.write() as session:
        session.add(Group(id=1, chat="local", external_id="#lab", name="lab", runs_submitted=0))

    async def count() -> None:
        async with store.write() as session:
            group = (await session.exec(select(Group).with_for_update())).one()
            await asyncio.sleep(0.01)
            group.runs_submitted += 1

    await asyncio.gather(*(count() for _ in range(8)))
    async with store.read() as session:
        assert (await session.exec(select(Group.runs_submitted))).one() == 8


async def test_foreign_keys_hold(store):
    with pytest.raises(Exception, match=r"(?i)foreign key"):
        async with store.write() as session:
            session.add(Answer(learner_id=404, question="name", text="x"))


async def test_insert_new_says_whether_it_was(store):
    async with store.write() as session:
        assert await insert_new(session, Group(chat="local", external_id="#lab", name="lab"))
        assert not await insert_new(session, Group(chat="local", external_id="#lab", name="other"))
    async with store.read() as session:
        assert (await session.exec(select(Group.name))).one() == "lab"


async def test_the_learning_engine_s_migration_keeps_what_the_first_tables_held(database_url):
    store = Store(database_url)
    await store.migrate("0001")
    async with store.connect() as connection:
        now = datetime(2026, 3, 2, 12, tzinfo=UTC).isoformat(sep=" ")
        for statement in (
            'INSERT INTO "group" (id, chat, external_id, name, runs_per_day, runs_submitted, created_at)'
            f" VALUES (1, 'local', '#lab', 'lab', 20, 3, '{now}')",
            "INSERT INTO learner (id, chat, external_id, name, interview, reminder_days, created_at)"
            f" VALUES (1, 'local', 'ann', 'Ann', 'done', 'mon', '{now}')",
            "INSERT INTO card (id, learner_id, lesson, due_at, created_at)"
            f" VALUES (1, 1, 'basic-training-loop', '{now}', '{now}')",
            "INSERT INTO review (id, learner_id, card_id, drill, asked_at, hints)"
            f" VALUES (1, 1, 1, 'basic-training-loop/d1', '{now}', 0)",
        ):
            await connection.execute(text(statement))
    await store.migrate()
    async with store.read() as session:
        group, learner = (await session.exec(select(Group))).one(), (await session.exec(select(Learner))).one()
        review = (await session.exec(select(Review))).one()
    assert (group.timezone, group.drill_time, group.reveal_time, group.runs_submitted) == ("UTC", time(9), time(20), 3)
    assert (learner.name, learner.forgetting_speed, learner.ability) == ("Ann", 1.0, None)
    assert (review.drill, review.appealed_at) == ("basic-training-loop/d1", None)
    await store.close()


async def test_the_exercises_migration_keeps_runs_that_carry_nothing_along(database_url):
    store = Store(database_url)
    await store.migrate("0003")
    async with store.connect() as connection:
        now = datetime(2026, 3, 2, 12, tzinfo=UTC).isoformat(sep=" ")
        for statement in (
            'INSERT INTO "group" (id, chat, external_id, name, timezone, drill_time, reveal_time, runs_per_day,'
            f" runs_submitted, created_at) VALUES (1, 'local', '#lab', 'lab', 'UTC', '09:00', '20:00', 20, 1, '{now}')",
            "INSERT INTO learner (id, chat, external_id, name, interview, reminder_days, created_at)"
            f" VALUES (1, 'local', 'ann', 'Ann', 'done', 'mon', '{now}')",
            "INSERT INTO run (id, number, group_id, learner_id, exercise, submitted, config, chat, channel, status,"
            " attempt, run_dir, queued_at, event_offset, step, total_steps) VALUES ('r1', 1, 1, 1, 'match', '', '',"
            f" 'local', '#lab', 'succeeded', 1, '/nowhere', '{now}', 0, 0, 0)",
        ):
            await connection.execute(text(statement))
    await store.migrate()
    async with store.read() as session:
        run = (await session.exec(select(Run))).one()
        assert await catalog.of_group(session, await session.get(Group, 1)) == PACKAGED
    assert (run.own, catalog.exercise_of(run).name) == (None, "match")
    await store.close()


async def test_the_tutor_s_migration_keeps_what_was_there_and_remembers_nothing_yet(database_url):
    store = Store(database_url)
    await store.migrate("0002")
    async with store.connect() as connection:
        now = datetime(2026, 3, 2, 12, tzinfo=UTC).isoformat(sep=" ")
        await connection.execute(
            text(
                "INSERT INTO learner (id, chat, external_id, name, interview, reminder_days, created_at, draft)"
                f" VALUES (1, 'local', 'ann', 'Ann', 'done', 'mon', '{now}', 'exercise: match')"
            )
        )
    await store.migrate()
    async with store.write() as session:
        learner = (await session.exec(select(Learner))).one()
        session.add(Turn(learner_id=learner.id, mode="explain", question="what is LoRA?"))
    async with store.read() as session:
        turn = (await session.exec(select(Turn))).one()
    assert (learner.name, learner.draft, learner.tutor_summary) == ("Ann", "exercise: match", None)
    assert (turn.status, turn.answer, turn.answered_at) == ("asked", "", None)
    await store.close()


async def test_the_sweeps_migration_keeps_runs_and_what_refers_to_them(database_url):
    store = Store(database_url)
    await store.migrate("0003")
    async with store.connect() as connection:
        now = datetime(2026, 3, 2, 12, tzinfo=UTC).isoformat(sep=" ")
        for statement in (
            'INSERT INTO "group" (id, chat, external_id, name, runs_per_day, runs_submitted, created_at)'
            f" VALUES (1, 'local', '#lab', 'lab', 20, 3, '{now}')",
            "INSERT INTO learner (id, chat, external_id, name, interview, reminder_days, created_at)"
            f" VALUES (1, 'local', 'ann', 'Ann', 'done', 'mon', '{now}')",
            "INSERT INTO run (id, number, group_id, learner_id, exercise, submitted, config, chat, channel, status,"
            " attempt, run_dir, queued_at, event_offset, step, total_steps) VALUES ('r1', 3, 1, 1, 'match', '', '',"
            f" 'local', '#lab', 'queued', 1, '/nowhere', '{now}', 0, 0, 0)",
            "INSERT INTO turn (id, learner_id, mode, question, run_id, status, answer, tokens, asked_at)"
            f" VALUES (1, 1, 'debug', 'why?', 'r1', 'asked', '', 0, '{now}')",
        ):
            await connection.execute(text(statement))
    await store.migrate()
    async with store.read() as session:
        run, turn = (await session.exec(select(Run))).one(), (await session.exec(select(Turn))).one()
    assert (run.number, run.sweep_id, run.trial, run.setting, turn.run_id) == (3, None, None, None, "r1")
    await store.close()


async def test_the_results_migration_keeps_runs_which_build_on_no_other(database_url):
    store = Store(database_url)
    await store.migrate("0003")
    async with store.connect() as connection:
        now = datetime(2026, 3, 2, 12, tzinfo=UTC).isoformat(sep=" ")
        for statement in (
            'INSERT INTO "group" (id, chat, external_id, name, timezone, drill_time, reveal_time, runs_per_day, '
            "runs_submitted, created_at) "
            f"VALUES (1, 'local', '#lab', 'lab', 'UTC', '09:00:00', '20:00:00', 20, 1, '{now}')",
            "INSERT INTO learner (id, chat, external_id, name, interview, reminder_days, forgetting_speed, created_at) "
            f"VALUES (1, 'local', 'ann', 'Ann', 'done', 'mon', 1.0, '{now}')",
            "INSERT INTO run (id, number, group_id, learner_id, exercise, submitted, config, chat, channel, status, "
            "attempt, run_dir, queued_at, event_offset, step, total_steps) VALUES ('r1', 1, 1, 1, 'match', '', '', "
            f"'local', '#lab', 'running', 1, '/runs/r1', '{now}', 99, 7, 40)",
        ):
            await connection.execute(text(statement))
    await store.migrate()
    async with store.read() as session:
        run = (await session.exec(select(Run))).one()
    assert (run.number, run.status, run.event_offset, run.step) == (1, "running", 99, 7)
    assert (run.resumed_from, run.teacher, run.resumed_at) == (None, None, 0)
    await store.close()
