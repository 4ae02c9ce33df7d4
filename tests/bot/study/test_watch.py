"""The life of a run, with an engine whose machine a test loses or kills; the store and the run dirs are real."""

import asyncio
from pathlib import Path

import pytest
from sqlmodel import select

from bot.errors import UserError
from bot.store.database import Store
from bot.store.tables import Card, Delivery, Group, Learner, Run
from bot.study import run
from bot.study.membership import Sender, identify
from bot.study.watch import STALE, RunWatch
from runner.engines import JobStatus
from runner.run_dir import Checkpoint, Eval, Note, Result, RunDir, Start, Step

CONFIG = "exercise: match\n"


class ScriptedEngine:
    """An engine that starts nothing: the test writes what a training process would write."""

    def __init__(self) -> None:
        self.slots = 1
        self.started: dict[str, str] = {}
        self.stopped: list[str] = []
        self.states: dict[str, JobStatus] = {}

    async def capacity(self) -> int:
        return self.slots

    async def start(self, job_id: str, run_dir: str) -> None:
        self.started.setdefault(job_id, run_dir)
        self.states.setdefault(job_id, JobStatus("running"))

    async def status(self, job_id: str) -> JobStatus:
        return self.states.get(job_id, JobStatus("unknown"))

    async def stop(self, job_id: str) -> None:
        self.stopped.append(job_id)
        self.states[job_id] = JobStatus("exited", -15)


class Lab:
    """A group with one learner, an engine, and the watch over their runs."""

    def __init__(self, store: Store, clock, runs: Path) -> None:
        self.store, self.clock, self.runs = store, clock, runs
        self.engine = ScriptedEngine()
        self.watch = RunWatch(store, self.engine, clock)

    async def submit(self, name: str = "ann", config: str = CONFIG) -> Run:
        async with self.store.write() as session:
            learner, group = await identify(session, Sender("local", name, name), ("#lab", "lab"), self.clock.now)
            new = await run.submit(
                session, learner, group, config, channel="#lab", runs=str(self.runs), now=self.clock.now
            )
            return new.run

    async def run(self, run_id: str) -> Run:
        async with self.store.read() as session:
            return await session.get_one(Run, run_id)

    async def said(self, kind: str) -> int:
        async with self.store.read() as session:
            return len((await session.exec(select(Delivery).where(Delivery.kind == kind))).all())

    def train(self, run_dir: str, losses: list[float], result: Result | None) -> None:
        directory = RunDir(run_dir)
        directory.append(Start(total_steps=len(losses), parameters=9, trainable=9, train_rows=64, device="cpu"))
        for n, loss in enumerate(losses, 1):
            directory.append(Step(step=n, epoch=n / 10, loss=loss, learning_rate=1e-4))
        if result:
            directory.finish(result)


@pytest.fixture
async def lab(store, clock, tmp_path):
    return Lab(store, clock, tmp_path / "runs")


SUCCESS = Result(
    status="succeeded", metric="accuracy", test=0.8, validation=0.81, baselines={"linear": 0.55}, data_hash="h"
)


async def test_a_run_goes_from_the_queue_to_its_result(lab):
    submitted = await lab.submit()
    await lab.watch.tick()
    assert (await lab.run(submitted.id)).status == "starting"
    assert RunDir(submitted.run_dir).read("config.yaml")
    lab.train(submitted.run_dir, [0.69, 0.6, 0.5], None)
    await lab.watch.tick()
    running = await lab.run(submitted.id)
    assert (running.status, running.step, running.total_steps, running.loss) == ("running", 3, 3, 0.5)
    RunDir(submitted.run_dir).finish(SUCCESS)
    await lab.watch.tick()
    ended = await lab.run(submitted.id)
    assert (ended.status, ended.score, ended.data_hash) == ("succeeded", 0.8, "h")
    assert await lab.said("run.result") == 1
    async with lab.store.read() as session:
        detail = (await session.exec(select(Delivery).where(Delivery.kind == "run.detail"))).one()
    assert detail.under == f"run:{submitted.id}:result"


async def test_two_bots_that_watch_the_same_run_announce_it_once(lab):
    submitted = await lab.submit()
    other = RunWatch(lab.store, lab.engine, lab.clock)
    await asyncio.gather(lab.watch.tick(), other.tick())
    assert list(lab.engine.started) == [f"{submitted.id}.1"]
    lab.train(submitted.run_dir, [0.69, 0.6, 0.5], SUCCESS)
    await asyncio.gather(lab.watch.tick(), other.tick())
    assert await lab.said("run.result") == 1
    assert (await lab.run(submitted.id)).step == 3


async def test_no_more_runs_start_than_the_engine_has_room_for_and_they_take_turns(lab):
    first, second, other = await lab.submit("ann"), await lab.submit("ann"), await lab.submit("bo")
    lab.engine.slots = 2
    await lab.watch.tick()
    assert {job.partition(".")[0] for job in lab.engine.started} == {first.id, other.id}
    assert (await lab.run(second.id)).status == "queued"


async def test_a_bot_killed_between_claim_and_start_starts_the_run_when_it_is_back(lab):
    submitted = await lab.submit()
    async with lab.store.write() as session:
        assert await run.move(session, submitted, "starting", now=lab.clock.now, started_at=lab.clock.now)
    await lab.watch.tick()
    assert list(lab.engine.started) == [f"{submitted.id}.1"]


async def test_a_run_whose_machine_is_lost_is_queued_again_once_and_then_fails_in_plain_words(lab):
    submitted = await lab.submit()
    for attempt in (1, 2):
        await lab.watch.tick()
        assert f"{submitted.id}.{attempt}" in lab.engine.started
        lab.train(submitted.run_dir, [0.7], None)
        RunDir(submitted.run_dir).beat()
        await lab.watch.tick()
        lab.engine.states[f"{submitted.id}.{attempt}"] = JobStatus("exited", -9)
        await lab.watch.tick()
    ended = await lab.run(submitted.id)
    assert ended.status == "failed"
    assert "out of memory" in ended.error
    assert await lab.said("run.result") == 1


async def test_an_attempt_that_goes_on_from_a_checkpoint_shows_where_it_is(lab):
    submitted = await lab.submit()
    await lab.watch.tick()
    lab.train(submitted.run_dir, [0.7, 0.6, 0.5], None)
    await lab.watch.tick()
    lab.engine.states[f"{submitted.id}.1"] = JobStatus("exited", -9)
    await lab.watch.tick()
    await lab.watch.tick()
    start = Start(total_steps=3, parameters=9, trainable=9, train_rows=64, device="cpu", resumed_at=2)
    RunDir(submitted.run_dir).append(start)
    await lab.watch.tick()
    again = await lab.run(submitted.id)
    assert (again.attempt, again.status, again.step, again.resumed_at) == (2, "running", 2, 2)


async def test_a_resumed_run_is_given_the_directory_of_the_one_before(lab):
    broken = await lab.submit(config="exercise: match\ntraining: {save_strategy: steps}\n")
    await lab.watch.tick()
    directory = RunDir(broken.run_dir)
    (Path(broken.run_dir) / "checkpoints" / "checkpoint-2").mkdir(parents=True)
    directory.append(Checkpoint(step=2))
    directory.finish(Result(status="timed_out", error="Out of time."))
    await lab.watch.tick()
    async with lab.store.write() as session:
        ann, group = (await session.exec(select(Learner))).one(), (await session.exec(select(Group))).one()
        found = await session.get_one(Run, broken.id)
        new = await run.resume(session, ann, group, found, channel="#lab", runs=str(lab.runs), now=lab.clock.now)
    await lab.watch.tick()
    assert RunDir(new.run_dir).inputs().resume == broken.run_dir


async def test_a_run_that_is_silent_for_too_long_is_stopped_whatever_the_engine_says(lab):
    submitted = await lab.submit()
    await lab.watch.tick()
    lab.train(submitted.run_dir, [0.7], None)
    await lab.watch.tick()
    lab.clock.advance(seconds=STALE.total_seconds() + 1)
    await lab.watch.tick()
    assert lab.engine.stopped == [f"{submitted.id}.1"]
    again = await lab.run(submitted.id)
    assert (again.status, again.attempt) == ("queued", 2)


async def test_a_process_that_exits_without_a_result_fails_with_its_exit_code(lab):
    submitted = await lab.submit()
    await lab.watch.tick()
    lab.engine.states[f"{submitted.id}.1"] = JobStatus("exited", 3)
    await lab.watch.tick()
    ended = await lab.run(submitted.id)
    assert ended.status == "failed"
    assert "exit code 3" in ended.error


async def test_cancelling_a_waiting_run_ends_it_at_once_and_a_running_one_when_its_process_is_gone(lab):
    training, waiting = await lab.submit(), await lab.submit()
    await lab.watch.tick()
    async with lab.store.write() as session:
        ann = (await session.exec(select(Learner))).one()
        for each in (training, waiting):
            state = await run.cancel(session, ann, await session.get_one(Run, each.id), lab.clock.now)
            assert state == ("stopping" if each is training else "cancelled")
    await lab.watch.tick()
    assert lab.engine.stopped == [f"{training.id}.1"]
    assert {(await lab.run(each.id)).status for each in (training, waiting)} == {"cancelled"}


async def test_a_run_over_its_time_limit_is_stopped(lab):
    submitted = await lab.submit()
    await lab.watch.tick()
    lab.train(submitted.run_dir, [0.7], None)
    lab.clock.advance(hours=1)
    await lab.watch.tick()
    assert (await lab.run(submitted.id)).status == "timed_out"


async def test_a_finding_makes_its_lesson_the_learners_next_drill(lab):
    submitted = await lab.submit(config="exercise: match\ntraining: {learning_rate: 1.0e-6}\n")
    await lab.watch.tick()
    lab.train(submitted.run_dir, [0.693] * 20, SUCCESS)
    await lab.watch.tick()
    (finding,) = (await lab.run(submitted.id)).findings
    assert finding["rule"] == "learning_rate_too_low"
    async with lab.store.read() as session:
        card = (await session.exec(select(Card))).one()
    assert (card.lesson, card.wanted_by) == (finding["lesson"], submitted.id)


async def test_what_the_training_process_notes_and_not_a_number_are_kept_readable(lab):
    submitted = await lab.submit()
    await lab.watch.tick()
    directory = RunDir(submitted.run_dir)
    directory.append(Note(text="Building the data set."))
    await lab.watch.tick()
    assert (await lab.run(submitted.id)).note == "Building the data set."
    lab.train(submitted.run_dir, [0.7, float("nan")], None)
    directory.append(Eval(step=2, epoch=1, loss=0.7, score=0.5))
    await lab.watch.tick()
    assert (await lab.run(submitted.id)).loss is None


async def test_one_broken_run_directory_does_not_hold_up_the_others(lab):
    lab.engine.slots = 2
    broken, sound = await lab.submit("ann"), await lab.submit("bo")
    await lab.watch.tick()
    Path(broken.run_dir, "events.jsonl").write_text("not json\n")
    lab.train(sound.run_dir, [0.69, 0.6], SUCCESS)
    await lab.watch.tick()
    assert (await lab.run(sound.id)).status == "succeeded"


async def test_over_quota_says_when_the_next_run_is_free(lab):
    await lab.submit()
    async with lab.store.write() as session:
        (await session.exec(select(Group))).one().runs_per_day = 1
    lab.clock.advance(hours=1)
    with pytest.raises(UserError, match="allows 1") as error:
        await lab.submit()
    assert "23 h" in error.value.hint
    lab.clock.advance(hours=23, minutes=1)
    assert (await lab.submit()).number == 2
