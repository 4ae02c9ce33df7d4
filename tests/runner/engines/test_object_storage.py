"""The local engine with run directories in object storage: the job works in a folder, which is mirrored."""

import asyncio
from pathlib import Path

from runner.engines import JobStatus
from runner.run_dir import RunDir
from tests.object_storage import Storage
from tests.runner.engines.looks import Factory, eventually, state


def create(storage: Storage, name: str) -> RunDir:
    run_dir = RunDir(f"{storage.url}/{name}")
    run_dir.create("exercise: match\n")
    return run_dir


async def test_a_job_is_followed_while_it_runs_and_leaves_nothing_on_its_machine(
    storage: Storage, local: Factory, tmp_path: Path
) -> None:
    engine, run_dir = local(), create(storage, "cancel")
    await engine.start("cancel.1", run_dir.url)
    await eventually(lambda: run_dir.read("ready") is not None)
    assert run_dir.result() is None
    await engine.stop("cancel.1")
    result = run_dir.result()
    assert result
    assert result.status == "cancelled"
    assert run_dir.read("starts")
    assert not list((tmp_path / "home" / "jobs").glob("*.work"))


async def test_a_job_over_its_limit_of_files_is_stopped_there_too(storage: Storage, local: Factory) -> None:
    engine, run_dir = local("--disk", "5000000"), create(storage, "write")
    await engine.start("write.1", run_dir.url)
    assert await state(engine, "write.1", "exited") == JobStatus("exited", -9)
    result = run_dir.result()
    assert result
    assert "5 MB" in (result.error or "")


async def test_storage_that_fails_delays_a_result_and_does_not_lose_it(
    storage: Storage, local: Factory, tmp_path: Path
) -> None:
    engine, run_dir = local(), create(storage, "cancel")
    log = tmp_path / "home" / "supervisor.log"
    await engine.start("cancel.1", run_dir.url)
    await eventually(lambda: run_dir.read("ready") is not None)
    storage.stop()
    stopping = asyncio.create_task(engine.stop("cancel.1"))
    await eventually(lambda: "does not take what its job wrote" in log.read_text())
    assert not stopping.done()
    storage.start()
    await stopping
    result = run_dir.result()
    assert result
    assert result.status == "cancelled"
