"""The life of a sweep on both databases, with an engine whose runs a test ends; the store and the run dirs are real."""

import asyncio
from pathlib import Path

import pytest
from sqlmodel import select

from bot.commands.guide import debugging
from bot.errors import UserError
from bot.store.database import Store
from bot.store.tables import Card, Delivery, Group, Learner, Run, Sweep
from bot.study import addition, catalog, fair_queue, privacy, run, sweep
from bot.study.membership import Sender, identify
from bot.study.quota import quota
from bot.study.runners import Host
from bot.study.sweep_result import trials_of, unstable
from bot.study.sweep_watch import SweepWatch
from bot.study.watch import RunWatch
from lessons.guide import guides
from runner.engines import JobStatus
from runner.exercise import exercises
from runner.run_dir import Result, RunDir
from runner.sweep_scores import Cell
from runner.sweep_source import read_sweep
from tests.bot.study.test_addition import NEWS, SOURCE, TINY

GRID = "exercise: match\ntraining: {learning_rate: [1e-5, 1e-4], seed: [1, 2, 3]}\n"
SEARCH = "exercise: match\ntraining: {learning_rate: {from: 1e-5, to: 1e-3, scale: log}}\nsweep: {trials: 4}\n"
ACCURACY = exercises()["match"].metric
CALM = {"training.learning_rate": 1e-4, "training.warmup_steps": 0.06}


class IdleEngine:
    """An engine that starts nothing: the test writes what a training process would write."""

    def __init__(self) -> None:
        self.started: list[str] = []
        self.gone: set[str] = set()

    async def capacity(self) -> int:
        return int(self.gone.issuperset(self.started))

    async def start(self, job_id: str, run_dir: str) -> None:
        self.started.append(job_id)

    async def status(self, job_id: str) -> JobStatus:
        return JobStatus("exited", -15) if job_id in self.gone else JobStatus("running")

    async def stop(self, job_id: str) -> None:
        self.gone.add(job_id)


class Lab:
    """A group with learners, an engine, and the watches over their runs and sweeps."""

    def __init__(self, store: Store, clock, runs: Path) -> None:
        self.store, self.clock, self.folder = store, clock, str(runs)
        self.engine = IdleEngine()
        self.watch = RunWatch(store, self.engine, clock, Host("here", "CPU"))
        self.sweeps = SweepWatch(store, self.folder, clock)

    async def person(self, session, name: str) -> tuple[Learner, Group]:
        learner, group = await identify(session, Sender("local", name, name), ("#lab", "lab"), self.clock.now)
        assert group
        return learner, group

    async def start(self, config: str = GRID, name: str = "ann") -> Sweep:
        async with self.store.write() as session:
            learner, group = await self.person(session, name)
            plan = read_sweep(config, await catalog.of_group(session, group))
            assert plan
            new = await sweep.propose(session, learner, group, config, plan, channel="#lab", now=self.clock.now)
            return await sweep.start(session, learner, new.id, self.clock.now)

    async def submit(self, name: str) -> Run:
        async with self.store.write() as session:
            learner, group = await self.person(session, name)
            submitted = await run.submit(
                session, learner, group, "exercise: match\n", channel="#lab", runs=self.folder, now=self.clock.now
            )
            return submitted.run

    async def settle(self, slots: int = 1) -> None:
        """Let the sweeps make all that they would make now."""
        while await self.sweeps.tick(slots):
            self.clock.advance(seconds=1)

    async def runs(self, found: Sweep) -> list[Run]:
        async with self.store.read() as session:
            return await sweep.runs_of(session, found)

    async def sweep(self, found: Sweep) -> Sweep:
        async with self.store.read() as session:
            return await session.get_one(Sweep, found.id)

    async def said(self) -> list[str]:
        async with self.store.read() as session:
            return sorted((await session.exec(select(Delivery.kind))).all())

    async def train_one(self, validation: float | None, test: float = 0.5) -> None:
        """Let the next run train, and end it with a score, or with none."""
        await self.watch.tick()
        async with self.store.read() as session:
            (active,) = (await session.exec(select(Run).where(Run.status == "starting"))).all()
        seed = (await asyncio.to_thread(run.parse, active.config, catalog.of_run(active))).config.training.seed
        result = Result(status="failed", error="It diverged.", seed=seed)
        if validation is not None:
            result = Result(status="succeeded", validation=validation, test=test, seed=seed, data_hash="d")
        RunDir(active.run_dir).finish(result)
        await self.watch.tick()
        self.engine.gone.add(f"{active.id}.1")


@pytest.fixture
async def lab(store, clock, tmp_path):
    return Lab(store, clock, tmp_path / "runs")


async def test_a_grid_makes_its_runs_trial_by_trial_and_ends_with_its_last_run(lab):
    found = await lab.start()
    await lab.settle()
    runs = await lab.runs(found)
    assert [(each.trial, each.setting["training.learning_rate"]) for each in runs] == [(0, 1e-5)] * 3 + [(1, 1e-4)] * 3
    for score in (0.5, 0.51, 0.52, 0.8, 0.82, 0.84):
        assert (await lab.sweep(found)).status == "running"
        await lab.train_one(score)
        await lab.settle()
    ended = await lab.sweep(found)
    assert (ended.status, ended.asked, ended.finding) == ("ended", 2, None)
    assert [kind for kind in await lab.said() if not kind.startswith("badge")] == ["sweep.result", "sweep.status"]
    first, second = (trial.cell for trial in trials_of(await lab.runs(found)))
    assert first.scores == {1: 0.5, 2: 0.51, 3: 0.52}
    assert second.mean == pytest.approx(0.82)


@pytest.mark.parametrize(
    "axis",
    [
        "training: {learning_rate: [1e-5, 1e-4]}\n",
        "training: {learning_rate: {from: 1e-5, to: 1e-4}}\nsweep: {trials: 2}\n",
    ],
)
async def test_a_sweep_of_a_group_s_own_exercise_and_model_goes_on_though_they_are_removed(lab, store, axis):
    async with store.write() as session:
        ann, group = await lab.person(session, "ann")
        await addition.add_exercise(session, group, ann, SOURCE, lab.clock.now)
        await addition.add_model(session, group, ann, "lab/tiny", lab.clock.now)
    for _ in range(2):
        async with store.write() as session:
            added = await addition.claim(session, lab.clock.now)
            made = NEWS if added.kind == "exercise" else TINY
            await addition.end(session, added, lab.clock.now, made=made)
    found = await lab.start(f"exercise: news\nmodel: lab/tiny\n{axis}")
    async with store.write() as session:
        await addition.remove(session, group, "exercise", "news", lab.clock.now)
        await addition.remove(session, group, "model", "lab/tiny", lab.clock.now)
    for score in (0.5, 0.8):
        await lab.settle()
        await lab.train_one(score)
    await lab.settle()
    runs = await lab.runs(found)
    assert [(each.own["exercise"]["dataset"], each.own["model"]["name"]) for each in runs] == [
        ("lab/news", "lab/tiny")
    ] * 2
    assert [RunDir(each.run_dir).own() for each in runs] == [catalog.own_of(each) for each in runs]
    async with store.read() as session:
        assert (await catalog.exercise_of_sweep(session, found)).title == NEWS["title"]
    assert (await lab.sweep(found)).status == "ended"


async def test_two_bots_that_watch_one_sweep_make_each_run_and_say_its_result_once(lab):
    found = await lab.start(GRID.replace("[1, 2, 3]", "1"))
    other = SweepWatch(lab.store, lab.folder, lab.clock)
    for _ in range(4):
        await asyncio.gather(lab.sweeps.tick(1), other.tick(1))
    assert [each.trial for each in await lab.runs(found)] == [0, 1]
    for score in (0.6, 0.7):
        await lab.train_one(score)
    await asyncio.gather(lab.sweeps.tick(1), other.tick(1))
    assert (await lab.said()).count("sweep.result") == 1


async def test_a_bot_killed_while_it_makes_a_trial_s_runs_makes_all_of_them_later(lab, monkeypatch):
    found = await lab.start()
    made = 0

    async def killed(*args, **values):
        nonlocal made
        made += 1
        if made == 3:
            raise SystemExit
        return await run.add(*args, **values)

    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr("bot.study.sweep_watch.add", killed)
        await lab.sweeps.tick(1)
    assert await lab.runs(found) == []
    await lab.settle()
    assert len(await lab.runs(found)) == 6


async def test_a_search_knows_the_scores_before_it_asks_for_the_next_setting(lab):
    found = await lab.start(SEARCH)
    for number in range(4):
        await lab.settle()
        assert len(await lab.runs(found)) == number + 1
        await lab.train_one(0.5 + number / 10)
    await lab.settle()
    assert (await lab.sweep(found)).status == "ended"
    settings = [each.setting["training.learning_rate"] for each in await lab.runs(found)]
    assert len(set(settings)) == 4


async def test_a_search_keeps_every_slot_busy(lab):
    found = await lab.start(SEARCH)
    await lab.settle(slots=3)
    assert len(await lab.runs(found)) == 3


async def test_what_is_chosen_by_is_validation_and_never_the_hidden_test(lab):
    found = await lab.start(GRID.replace("[1, 2, 3]", "1"))
    await lab.settle()
    await lab.train_one(0.9, test=0.1)
    await lab.train_one(0.6, test=0.99)
    cells = [trial.cell for trial in trials_of(await lab.runs(found))]
    assert [cell.mean for cell in cells] == [0.9, 0.6]


async def test_others_get_their_turn_after_each_run_of_a_sweep(lab):
    found = await lab.start()
    await lab.settle()
    other = await lab.submit("bo")
    async with lab.store.read() as session:
        order = await fair_queue.waiting(session)
    assert [each.sweep_id for each in order][:3] == [found.id, None, found.id]
    assert order[1].id == other.id


async def test_a_sweep_is_charged_as_a_whole_when_it_starts(lab):
    async with lab.store.write() as session:
        (await lab.person(session, "ann"))[1].runs_per_day = 5
    await lab.start(SEARCH)
    async with lab.store.read() as session:
        ann, group = await lab.person(session, "ann")
        assert (await quota(session, ann, group, lab.clock.now)).used == 4
    await lab.settle()
    await lab.submit("ann")
    with pytest.raises(UserError, match="submitted 5 runs"):
        await lab.submit("ann")
    with pytest.raises(UserError, match="That is 4 runs; you have submitted 5") as refused:
        await lab.start(SEARCH)
    assert "All 4 fit in 24 h" in refused.value.hint
    lab.clock.advance(hours=25)
    with pytest.raises(UserError, match="That is 6 runs, and lab allows 5"):
        await lab.start(GRID)


async def test_cancelling_ends_what_waits_at_once_what_trains_soon_and_asks_for_no_more(lab):
    found = await lab.start(SEARCH)
    await lab.settle(slots=2)
    await lab.watch.tick()
    async with lab.store.write() as session:
        ann, _ = await lab.person(session, "ann")
        assert await sweep.cancel(session, ann, await session.get_one(Sweep, found.id), lab.clock.now) == 2
    await lab.watch.tick()
    await lab.settle(slots=5)
    assert [each.status for each in await lab.runs(found)] == ["cancelled", "cancelled"]
    assert (await lab.sweep(found)).status == "cancelled"
    assert await lab.said() == ["sweep.status"]
    async with lab.store.read() as session:
        ann, group = await lab.person(session, "ann")
        assert (await quota(session, ann, group, lab.clock.now)).used == 2  # what was never made is not charged


async def test_a_sweep_whose_config_a_new_version_refuses_ends_with_what_it_has(lab):
    found = await lab.start(SEARCH)
    await lab.settle()
    async with lab.store.write() as session:
        (await session.get_one(Sweep, found.id)).submitted = "exercise: gone\nsweep: {}\n"
    await lab.train_one(0.7)
    await lab.settle()
    ended = await lab.sweep(found)
    assert (ended.status, ended.trials, len(await lab.runs(found))) == ("ended", 1, 1)


async def test_a_best_setting_that_depends_on_its_seed_is_a_finding_with_its_lesson_and_its_page(lab):
    found = await lab.start()
    await lab.settle()
    for score in (0.4, 0.41, 0.4, 0.81, 0.83, None):
        await lab.train_one(score)
    await lab.settle()
    finding = (await lab.sweep(found)).finding
    assert finding["rule"] == "unstable"
    assert "81.0%, 83.0%; 1 of 3 came to no score" in finding["evidence"]
    assert finding["change"] == {"training.learning_rate": 5e-5}
    async with lab.store.read() as session:
        card = (await session.exec(select(Card))).one()
    assert card.lesson == finding["lesson"] == "results-analysis"
    debug = next(guide for guide in guides() if guide.name == "debugging")
    assert debug.sections[debug.page_of("unstable")].title == "Unstable"
    assert debugging("unstable") == "guide.open:name=debugging,place=unstable"


@pytest.mark.parametrize(
    ("scores", "lost", "is_unstable"),
    [
        ((0.81, 0.83, 0.50), 0, True),
        ((0.81, 0.83), 1, True),
        ((0.81, 0.83, 0.82), 0, False),
        ((0.81, 0.50), 0, False),
        ((), 3, False),
    ],
)
def test_seeds_are_told_unstable_when_they_are_farther_apart_than_rows_explain(scores, lost, is_unstable):
    assert bool(unstable(Cell({}, dict(enumerate(scores)), lost), ACCURACY, CALM)) is is_unstable


def test_where_there_is_no_warmup_that_is_the_one_change():
    found = unstable(Cell({}, {1: 0.8, 2: 0.5, 3: 0.8}), ACCURACY, CALM | {"training.warmup_steps": 0.0})
    assert found
    assert found.change == {"training.warmup_steps": 0.1}


async def test_who_leaves_takes_their_sweeps_along(lab):
    found = await lab.start()
    await lab.settle()
    async with lab.store.write() as session:
        ann, _ = await lab.person(session, "ann")
        assert len((await privacy.export(session, ann))["sweep"]) == 1
        await privacy.forget(session, ann)
    assert await lab.runs(found) == []
    assert await lab.said() == []
    assert not await lab.sweeps.tick(1)
