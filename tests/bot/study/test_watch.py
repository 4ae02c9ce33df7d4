"""The life of a run, with an engine whose machine a test loses or kills; the store and the run dirs are real."""

import asyncio
import os
from pathlib import Path

import pytest
from sqlmodel import select

from bot.errors import UserError
from bot.store.database import Store
from bot.store.tables import Card, Delivery, Group, Learner, Run
from bot.study import run
from bot.study.membership import Sender, identify
from bot.study.runners import Host
from bot.study.watch import STALE, STALE_ELSEWHERE, RunWatch
from runner.engines import EngineError, JobStatus
from runner.run_dir import Checkpoint, Eval, Note, Result, RunDir, Start, Step

CONFIG = "exercise: match\n"
HERE, ELSEWHERE = Host("here:/home", "CPU"), Host("elsewhere:/home", "2 × GPU")


class ScriptedEngine:
    """An engine that starts nothing: the test writes what a training process would write."""

    def __init__(self) -> None:
        self.slots = 1
        self.started: dict[str, str] = {}
        self.stopped: list[str] = []
        self.states: dict[str, JobStatus] = {}
        self.down = False

    async def capacity(self) -> int:
        self._answer()
        return self.slots

    def _answer(self) -> None:
        if self.down:
            raise EngineError("the head does not answer")

    async def start(self, job_id: str, run_dir: str) -> None:
        self._answer()
        self.started.setdefault(job_id, run_dir)
        self.states.setdefault(job_id, JobStatus("running"))

    async def status(self, job_id: str) -> JobStatus:
        self._answer()
        return self.states.get(job_id, JobStatus("unknown"))

    async def stop(self, job_id: str) -> None:
        self._answer()
        self.stopped.append(job_id)
        self.states[job_id] = JobStatus("exited", -15)


class Lab:
    """A group with one learner, an engine, and the watch over their runs."""

    def __init__(self, store: Store, clock, runs: Path) -> None:
        self.store, self.clock, self.runs = store, clock, runs
        self.engine = ScriptedEngine()
        self.watch = RunWatch(store, self.engine, clock, HERE)

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
    lab = Lab(store, clock, tmp_path / "runs")
    yield lab
    await lab.watch.close()


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
    other = RunWatch(lab.store, lab.engine, lab.clock, HERE)
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
        claimed = {"started_at": lab.clock.now, "runner": HERE.name}
        assert await run.move(session, submitted, "starting", now=lab.clock.now, **claimed)
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


async def test_a_machine_whose_clock_is_wrong_does_not_make_a_living_run_lost(lab):
    submitted = await lab.submit()
    await lab.watch.tick()
    lab.train(submitted.run_dir, [0.7], None)
    directory = RunDir(submitted.run_dir)
    for beat in range(10):
        directory.write("heartbeat", f"{1_000_000 + 30 * beat}".encode())  # 1970
        await lab.watch.tick()
        lab.clock.advance(seconds=30)
    assert (await lab.run(submitted.id)).status == "running"
    directory.write("heartbeat", b"99999999999")  # the year 5138
    await lab.watch.tick()
    lab.clock.advance(seconds=STALE.total_seconds() + 1)
    await lab.watch.tick()
    assert (await lab.run(submitted.id)).status == "queued"


async def test_a_directory_that_hangs_holds_up_no_other_run(lab):
    lab.engine.slots = 2
    hanging, sound = await lab.submit("ann"), await lab.submit("bo")
    await lab.watch.tick()
    events = Path(hanging.run_dir, "events.jsonl")
    os.mkfifo(events)  # whoever reads it waits for a writer
    lab.train(sound.run_dir, [0.69, 0.6], SUCCESS)
    await lab.watch.tick()
    assert (await lab.run(sound.id)).status == "succeeded"
    assert (await lab.run(hanging.id)).status == "starting"
    os.close(os.open(events, os.O_WRONLY))
    events.unlink()
    lab.train(hanging.run_dir, [0.69, 0.6], SUCCESS)
    while (await lab.run(hanging.id)).status != "succeeded":
        await lab.watch.tick()


async def test_while_the_engine_is_down_results_arrive_and_silent_runs_are_queued_again(lab):
    lab.engine.slots = 2
    ended, lost = await lab.submit("ann"), await lab.submit("bo")
    await lab.watch.tick()
    lab.engine.down = True
    lab.train(ended.run_dir, [0.69], SUCCESS)
    lab.train(lost.run_dir, [0.69], None)
    await lab.watch.tick()
    assert (await lab.run(ended.id)).status == "succeeded"
    lab.clock.advance(seconds=STALE.total_seconds() + 1)
    await lab.watch.tick()
    assert (await lab.run(lost.id)).status == "queued"
    lab.engine.down, lab.engine.states = False, {}  # the head is back, and knows nothing
    await lab.watch.tick()
    assert f"{lost.id}.1" in lab.engine.stopped  # should it have gone on where nobody could reach it
    assert list(lab.engine.started)[-1] == f"{lost.id}.2"


async def test_only_its_own_host_stops_a_run_and_another_takes_in_its_result(lab):
    theirs = ScriptedEngine()
    other = RunWatch(lab.store, theirs, lab.clock, ELSEWHERE)
    submitted = await lab.submit()
    await other.tick()
    assert (await lab.run(submitted.id)).runner == ELSEWHERE.name
    async with lab.store.write() as session:
        ann = (await session.exec(select(Learner))).one()
        await run.cancel(session, ann, await session.get_one(Run, submitted.id), lab.clock.now)
    await lab.watch.tick()
    assert (lab.engine.started, lab.engine.stopped) == ({}, [])
    assert (await lab.run(submitted.id)).status == "starting"
    await other.tick()
    assert theirs.stopped == [f"{submitted.id}.1"]
    assert (await lab.run(submitted.id)).status == "cancelled"
    second = await lab.submit()
    await other.tick()
    lab.train(second.run_dir, [0.69], SUCCESS)
    await lab.watch.tick()
    assert (await lab.run(second.id)).status == "succeeded"
    await other.close()


async def test_a_run_whose_host_is_gone_is_queued_again_and_does_not_go_on_there_when_it_is_back(lab):
    theirs = ScriptedEngine()
    other = RunWatch(lab.store, theirs, lab.clock, ELSEWHERE)
    submitted = await lab.submit()
    await other.tick()
    await lab.watch.tick()
    lab.clock.advance(seconds=STALE_ELSEWHERE.total_seconds() + 1)
    lab.engine.slots = theirs.slots = 0
    await lab.watch.tick()
    again = await lab.run(submitted.id)
    assert (again.status, again.attempt) == ("queued", 2)
    await other.tick()
    assert theirs.stopped == [f"{submitted.id}.1"]
    await other.close()


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
