"""What is said of a run that has ended: the short result for everybody, the detail under it."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.command import Services
from bot.commands import run_report
from bot.store.tables import Run
from bot.study import coach, run
from bot.study.membership import Sender, identify
from lessons import curriculum
from runner.run_dir import Checkpoint, Result, RunDir, Step

FINDING = coach.Finding(
    "learning_rate_too_low",
    "The learning rate is too low.",
    "At 1e-06 the training loss went from 0.69 to 0.69.",
    {"training.learning_rate": 1e-4},
    "basic-training-loop",
)
SECOND = replace(FINDING, rule="overfit", what="It overfitted.", change={}, lesson="evaluation-metrics")
SUCCESS = Result(
    status="succeeded",
    metric="accuracy",
    test=0.8,
    validation=0.81,
    baselines={"linear": 0.55, "majority": 0.5},
    steps=40,
    train_tokens=123_456,
    train_seconds=75.0,
    examples_per_second=17.0,
    peak_memory_bytes=300 * 2**20,
    energy_joules=5_000,
    parameters=4_000_000,
    trainable=4_000_000,
    device="cpu",
    seed=42,
    versions={"torch": "2.13"},
)


@pytest.fixture
def services() -> Services:
    return Services(curriculum(), "", lambda: 1)


@pytest.fixture
def ended(store, clock, tmp_path):
    """Return a run that has ended in some way."""

    async def end(result: Result | None, *findings: coach.Finding) -> Run:
        async with store.write() as session:
            ann, lab = await identify(session, Sender("local", "ann", "Ann"), ("#lab", "lab"), clock.now)
            new = (
                await run.submit(
                    session, ann, lab, "exercise: match\n", channel="#lab", runs=str(tmp_path), now=clock.now
                )
            ).run
            new.status = result.status if result else "cancelled"
            new.result = result.model_dump(mode="json") if result else None
            new.findings = [finding.as_json() for finding in findings]
            session.add(new)
        RunDir(new.run_dir).create(new.config)
        RunDir(new.run_dir).append(Step(step=1, epoch=0.1, loss=0.69, learning_rate=1e-6))
        return new

    return end


async def test_the_result_is_short_and_the_detail_has_the_rest(store, clock, services, ended):
    found = await ended(SUCCESS, FINDING, SECOND)
    async with store.read() as session:
        result = await run_report.draw_result(session, services, found.id, clock.now)
        detail = await run_report.draw_detail(session, services, found.id, clock.now)
    assert result.title.startswith("Run 1 · match · Ann: 80")
    assert [name for name, _ in result.fields] == ["Hidden test", "Validation", "Linear baseline", "Majority"]
    assert FINDING.what in result.body
    assert FINDING.evidence in result.body
    assert SECOND.what not in result.body
    assert [file.name for file in result.files] == ["run-1.png"]
    assert detail.silent
    assert detail.body.count(FINDING.evidence) == 1
    assert SECOND.what in detail.body
    assert dict(detail.fields) == {
        "Training": "75 s, 40 steps",
        "Speed": "17 examples/s on cpu",
        "Tokens": "123,456",
        "Peak memory": "300 MiB",
        "Energy": "5,000 J",
        "Parameters trained": "4,000,000 of 4,000,000",
        "Seed": "42",
        "Versions": "torch 2.13",
    }
    assert [(file.name, file.data) for file in detail.files] == [("run-1.yaml", found.config.encode())]


async def test_the_detail_of_a_failed_run_ends_with_its_log(store, clock, services, ended):
    found = await ended(Result(status="failed", error="Out of memory."))
    RunDir(found.run_dir).write("log.txt", "\n".join(f"line {n}." for n in range(100)).encode())
    async with store.read() as session:
        detail = await run_report.draw_detail(session, services, found.id, clock.now)
    assert detail.body.endswith("```\n" + "\n".join(f"line {n}." for n in range(85, 100)) + "\n```")
    assert detail.fields == ()


async def test_a_runs_page_has_the_result_and_the_detail_in_one(store, clock, services, ended):
    found = await ended(SUCCESS, FINDING)
    async with store.read() as session:
        page = await run_report.draw_page(session, services, found, clock.now)
    assert [file.name for file in page.files] == ["run-1.png", "run-1.yaml"]
    assert page.body.count(FINDING.what) == 1
    assert FINDING.evidence in page.body
    assert {"Hidden test", "Versions"} <= dict(page.fields).keys()
    assert [button.label for button in page.buttons] == [
        "Read the lesson",
        "Submit with that change",
        "How to debug this",
    ]


async def test_a_run_that_was_stopped_can_be_resumed_from_its_page(store, clock, services, ended):
    found = await ended(Result(status="timed_out", error="Out of time.", steps=50, resumed_at=20, train_seconds=9))
    async with store.read() as session:
        assert (await run_report.draw_page(session, services, found, clock.now)).buttons == ()
    (Path(found.run_dir) / "checkpoints" / "checkpoint-40").mkdir(parents=True)
    RunDir(found.run_dir).append(Checkpoint(step=40))
    async with store.read() as session:
        page = await run_report.draw_page(session, services, found, clock.now)
    assert [(button.label, button.action) for button in page.buttons] == [
        ("Resume from step 40", "run.resume:number=1")
    ]
    assert dict(page.fields)["Training"] == "9 s, 50 steps, resumed after step 20"


async def test_a_student_stands_beside_its_teacher(store, clock, services, ended):
    teacher, student = await ended(SUCCESS), await ended(SUCCESS)
    async with store.write() as session:
        (await session.get_one(Run, teacher.id)).score = 0.9
        (await session.get_one(Run, student.id)).teacher = teacher.id
    async with store.read() as session:
        result = await run_report.draw_result(session, services, student.id, clock.now)
    assert ("Teacher, run 1", "90.0%") in result.fields


async def test_the_time_left_is_reckoned_from_where_the_attempt_began(store, clock, services, ended):
    found = await ended(None)
    async with store.write() as session:
        live = await session.get_one(Run, found.id)
        live.status, live.step, live.resumed_at, live.total_steps = "running", 60, 50, 100
        live.started_at = clock.now - timedelta(seconds=20)
    async with store.read() as session:
        status = await run_report.draw_status(session, services, found.id, clock.now)
    assert "80 s left" in status.body


async def test_a_run_cancelled_before_it_began_has_a_page_too(store, clock, services, ended):
    found = await ended(None)
    async with store.read() as session:
        page = await run_report.draw_page(session, services, found, clock.now)
    assert page.body == "Cancelled."
    assert page.silent
