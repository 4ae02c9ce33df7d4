"""What holds for every engine: the fixture `engine` is one with a single slot that runs the jobs of jobs.py."""

from collections.abc import Callable
from pathlib import Path

import pytest

from runner.engines import Engine, EngineError, JobStatus
from runner.run_dir import RunDir
from tests.runner.engines.looks import alive, eventually, release, starts, state, written

Folder = Callable[[str], str]
JobId = Callable[[int], str]


async def test_a_job_runs_to_its_result(engine: Engine, folder: Folder, job: JobId) -> None:
    run_dir = folder("quick")
    await engine.start(job(1), run_dir)
    assert await state(engine, job(1), "exited") == JobStatus("exited", 0)
    result = RunDir(run_dir).result()
    assert result
    assert result.test == 0.5
    assert (RunDir(run_dir).read("log.txt") or b"").decode() == "hello from the job\n"


async def test_a_job_that_is_started_twice_starts_once(engine: Engine, folder: Folder, job: JobId) -> None:
    run_dir = folder("quick")
    await engine.start(job(1), run_dir)
    await engine.start(job(1), run_dir)
    await state(engine, job(1), "exited")
    await engine.start(job(1), run_dir)
    await engine.start(job(2), other := folder("quick.2"))
    await state(engine, job(2), "exited")  # jobs start in turn: had the first one started again, it would have by now
    assert len(starts(run_dir)) == len(starts(other)) == 1


async def test_capacity_counts_what_runs_and_what_waits(engine: Engine, folder: Folder, job: JobId) -> None:
    assert await engine.capacity() == 1
    await engine.start(job(1), first := folder("release.1"))
    assert await engine.capacity() == 0
    await engine.start(job(2), folder("quick"))
    await state(engine, job(1), "running")
    assert (await engine.status(job(2))).state == "pending"
    release(first)
    await state(engine, job(2), "exited")
    await eventually_capacity(engine, 1)


async def test_jobs_that_wait_start_in_the_order_they_came(engine: Engine, folder: Folder, job: JobId) -> None:
    runs = [folder("release.0"), *(folder(f"quick.{number}") for number in range(1, 3))]
    for number, run_dir in enumerate(runs):
        await engine.start(job(number), run_dir)
    release(runs[0])
    await state(engine, job(2), "exited")
    began = [(Path(run_dir) / "starts").stat().st_mtime_ns for run_dir in runs]
    assert began == sorted(began)


async def test_a_job_that_waits_can_be_stopped_and_never_starts(engine: Engine, folder: Folder, job: JobId) -> None:
    await engine.start(job(1), folder("sleep"))
    await engine.start(job(2), waiting := folder("quick"))
    await engine.stop(job(2))
    assert (await engine.status(job(2))).state == "exited"
    await engine.stop(job(1))
    await engine.start(job(3), folder("quick.3"))
    await state(engine, job(3), "exited")
    assert starts(waiting) == []


async def test_a_job_that_is_stopped_writes_its_result(engine: Engine, folder: Folder, job: JobId) -> None:
    await engine.start(job(1), run_dir := folder("cancel"))
    await eventually(Path(run_dir, "ready").exists)
    await engine.stop(job(1))
    assert (await engine.status(job(1))).state == "exited"
    result = RunDir(run_dir).result()
    assert result
    assert result.status == "cancelled"


async def test_a_job_that_ignores_sigterm_is_killed(engine: Engine, folder: Folder, job: JobId) -> None:
    await engine.start(job(1), run_dir := folder("stubborn"))
    await eventually(Path(run_dir, "ready").exists)
    await engine.stop(job(1))
    assert not alive(starts(run_dir)[0])
    assert (await engine.status(job(1))).state == "exited"


async def test_a_job_is_stopped_with_all_that_it_started(engine: Engine, folder: Folder, job: JobId) -> None:
    await engine.start(job(1), run_dir := folder("escape"))
    await eventually(Path(run_dir, "left.json").exists)
    left = written(run_dir, "left.json")
    assert len(left) == 3
    assert all(map(alive, left))
    await engine.stop(job(1))
    assert not any(map(alive, [*left, *starts(run_dir)]))


async def test_a_job_that_crashes_exits_with_its_signal(engine: Engine, folder: Folder, job: JobId) -> None:
    await engine.start(job(1), run_dir := folder("crash"))
    assert await state(engine, job(1), "exited") == JobStatus("exited", -11)
    assert RunDir(run_dir).result() is None


async def test_a_job_whose_library_is_missing_says_so(engine: Engine, folder: Folder, job: JobId) -> None:
    await engine.start(job(1), run_dir := folder("missing"))
    assert await state(engine, job(1), "exited") == JobStatus("exited", 2)
    result = RunDir(run_dir).result()
    assert result
    assert "No module named 'no_such_library'" in (result.error or "")


async def test_an_unknown_job_is_unknown_and_stopping_it_does_nothing(engine: Engine, job: JobId) -> None:
    assert await engine.status(job(7)) == JobStatus("unknown")
    await engine.stop(job(7))
    assert await engine.status(job(7)) == JobStatus("unknown")


@pytest.mark.parametrize("job_id", ["../1", "a/b", "", "x" * 65, "a b", "a\n"])
async def test_a_job_id_that_could_be_a_path_is_refused(engine: Engine, folder: Folder, job_id: str) -> None:
    with pytest.raises(EngineError, match="is not a job id"):
        await engine.start(job_id, folder("quick"))


async def eventually_capacity(engine: Engine, capacity: int) -> None:
    """Wait until an engine would start so many jobs."""
    while await engine.capacity() != capacity:
        pass
