"""A machine that shares only the database and the run storage with the bot: two processes, two homes."""

import asyncio
import os
import signal
import sys
from datetime import datetime

from sqlmodel import select

from bot.app import App, utc_now
from bot.settings import Settings
from bot.store.database import Store
from bot.store.tables import Run, Runner
from bot.study.membership import Sender, identify
from bot.study.run import submit
from runner.engines.local import LocalEngine
from runner.run_dir import RunDir, Start

CONFIG = """
exercise: match
model: tiny
data: {max_train_samples: 64}
training: {per_device_train_batch_size: 16, num_train_epochs: 1, logging_steps: 1, eval_strategy: "no"}
"""
PATIENCE = 120.0  # seconds: the first run on a machine builds the exercise's data


async def start_runner(settings: Settings, home: str) -> asyncio.subprocess.Process:
    environment = {
        "COHORT_HOME": home,
        "COHORT_DATABASE_URL": settings.database,
        "COHORT_RUNS_URL": settings.runs,
    }
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "runner", "--claim"), env={**os.environ, **environment}
    )


async def migrate(settings: Settings) -> None:
    store = Store(settings.database)
    await store.migrate()
    await store.close()


async def look(app: App, run_id: str) -> Run:
    async with app.store.read() as session:
        return await session.get_one(Run, run_id)


async def is_back(app: App, since: datetime) -> bool:
    """Say whether the machine has given a sign since then."""
    async with app.store.read() as session:
        return bool((await session.exec(select(Runner).where(Runner.slots > 0, Runner.seen_at > since))).all())


async def test_a_run_trains_on_a_machine_that_shares_only_database_and_storage(tmp_path, database_url, storage):
    settings = Settings(home=tmp_path / "bot", engine="none", database_url=database_url, runs_url=f"{storage.url}/runs")
    settings.home.mkdir()
    await migrate(settings)
    trainer = str(tmp_path / "trainer")
    async with App(settings) as app:
        machine = await start_runner(settings, trainer)
        try:
            async with app.store.write() as session:
                learner, group = await identify(session, Sender("local", "ann", "ann"), ("#lab", "lab"), utc_now())
                new = await submit(session, learner, group, CONFIG, channel="#lab", runs=settings.runs, now=utc_now())
            run_id = new.run.id
            async with asyncio.timeout(PATIENCE):
                while not (await asyncio.to_thread(RunDir(new.run.run_dir).events))[0]:
                    await asyncio.sleep(0.1)
                machine.send_signal(signal.SIGKILL)
                await machine.wait()
                killed_at = utc_now()
                machine = await start_runner(settings, trainer)
                while (await look(app, run_id)).finished_at is None or not await is_back(app, killed_at):
                    await asyncio.sleep(0.1)
        finally:
            machine.terminate()
            code = await machine.wait()
            await LocalEngine(tmp_path / "trainer" / "runner").shutdown()
        assert code == 0
        ended = await look(app, run_id)
        assert (ended.status, ended.attempt, ended.error) == ("succeeded", 1, None)
        assert ended.runner.endswith(trainer)
        async with app.store.read() as session:
            runners = (await session.exec(select(Runner).where(Runner.slots > 0))).all()
        assert [runner.name for runner in runners] == [ended.runner]
        kinds = [type(event) for event in RunDir(ended.run_dir).events()[0]]
        assert kinds.count(Start) == 1
    assert not (settings.home / "runner").exists()
