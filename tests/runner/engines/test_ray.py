"""What the Ray engine promises beyond the contract: on a real head, which is killed and started again."""

from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from runner.engines import EngineError, JobStatus
from runner.engines.ray import Cluster, RayEngine, Share, runtime_environment
from runner.run_dir import RunDir
from tests.object_storage import Storage
from tests.runner.engines.cluster import RayCluster
from tests.runner.engines.looks import alive, eventually, release, starts, state, written

Folder = Callable[[str], str]
JobId = Callable[[int], str]
MakeRay = Callable[..., RayEngine]


async def test_another_bot_finds_the_job_again_and_it_sees_no_secret(ray: MakeRay, folder: Folder, job: JobId) -> None:
    await ray().start(job(1), first := folder("release"))
    await ray().start(job(2), second := folder("show"))
    other = ray()
    assert (await state(other, job(1), "running")).code is None
    release(first)
    assert await state(other, job(1), "exited") == JobStatus("exited", 0)
    assert await state(other, job(2), "exited") == JobStatus("exited", 0)
    seen = written(second, "seen.json")
    assert "a-token-of-the-bot" not in str(seen)
    assert not [name for name in seen["environment"] if name.startswith("RAY_")]
    assert seen["stdin"] == ""
    assert seen["session"]


async def test_a_job_whose_worker_is_killed_dies_with_it(ray: MakeRay, folder: Folder, job: JobId) -> None:
    engine = ray()
    await engine.start(job(1), run_dir := folder("escape"))
    await eventually(Path(run_dir, "left.json").exists)
    everything = [*written(run_dir, "left.json"), *starts(run_dir)]
    [worker] = [p for p in psutil.process_iter(["cmdline"]) if _is_worker(p, job(1))]
    worker.kill()
    assert await state(engine, job(1), "exited") == JobStatus("exited", -9)
    await eventually(lambda: not any(map(alive, everything)))
    assert RunDir(run_dir).result() is None


async def test_the_jobs_of_a_head_that_dies_end_and_are_unknown_to_the_next(
    ray: MakeRay, cluster: RayCluster, folder: Folder, job: JobId
) -> None:
    engine = ray()
    await engine.start(job(1), run_dir := folder("cancel"))
    await eventually(Path(run_dir, "ready").exists)
    cluster.kill()
    with pytest.raises(EngineError, match=cluster.address):
        await engine.status(job(1))
    await eventually(lambda: not any(map(alive, starts(run_dir))))
    assert RunDir(run_dir).result() is None  # nobody cancelled it: it was lost, and may start again
    cluster.start()
    assert await engine.status(job(1)) == JobStatus("unknown")
    assert await engine.capacity() == 1
    await engine.start(job(2), folder("quick"))
    assert await state(engine, job(2), "exited") == JobStatus("exited", 0)


async def test_a_job_over_a_limit_is_killed_with_a_sentence(ray: MakeRay, folder: Folder, job: JobId) -> None:
    engine, run_dir = ray("--log", "2000000"), folder("print")
    await engine.start(job(1), run_dir)
    assert await state(engine, job(1), "exited") == JobStatus("exited", -9)
    result = RunDir(run_dir).result()
    assert result
    assert "2 MB" in (result.error or "")


async def test_a_run_directory_in_object_storage_is_all_that_a_machine_shares(
    ray: MakeRay, storage: Storage, job: JobId
) -> None:
    engine, run_dir = ray(FSSPEC_CONFIG_DIR=storage.config_dir), RunDir(f"{storage.url}/quick")
    run_dir.create("exercise: match\n")
    await engine.start(f"quick.{job(1)}", run_dir.url)
    assert await state(engine, f"quick.{job(1)}", "exited") == JobStatus("exited", 0)
    assert run_dir.read("log.txt") == b"hello from the job\n"
    assert run_dir.result()


def test_a_share_says_how_many_runs_a_machine_takes() -> None:
    machine = {"CPU": 16.0, "GPU": 4.0, "memory": 64e9}
    assert Share(cpus=1, gpus=1).runs_on(machine) == 4
    assert Share(cpus=1, gpus=1 / 3).runs_on({"CPU": 16.0, "GPU": 1.0}) == 3
    assert Share(cpus=8, gpus=0.5).runs_on(machine) == 2
    assert Share(cpus=1, gpus=3).runs_on(machine) == 1
    assert Share(cpus=1, memory=20_000_000_000).runs_on(machine) == 3
    assert Share(cpus=1, gpus=1).runs_on({"CPU": 16.0}) == 0


def test_a_cluster_without_cohort_gets_our_wheel(tmp_path: Path) -> None:
    wheel = tmp_path / "cohort-0.1.0-py3-none-any.whl"
    wheel.write_bytes(b"a wheel")
    folder = tmp_path / "upload"
    folder.mkdir()
    cluster = Cluster("http://127.0.0.1:8265", environment={"env_vars": {"HF_HOME": "/data/hf"}}, wheel=wheel)
    found = runtime_environment(cluster, folder)
    assert found["pip"] == ["${RAY_RUNTIME_ENV_CREATE_WORKING_DIR}/cohort-0.1.0-py3-none-any.whl[runner]"]
    assert [path.name for path in Path(found["working_dir"]).iterdir()] == [wheel.name]
    assert found["env_vars"] == {"HF_HOME": "/data/hf", "RAY_JOB_STOP_WAIT_TIME_S": "20"}


async def test_a_cluster_that_is_not_there_is_an_error_that_names_it() -> None:
    with pytest.raises(EngineError, match=r"127\.0\.0\.1:9"):
        await RayEngine(Cluster("http://127.0.0.1:9")).capacity()


def _is_worker(process: psutil.Process, job_id: str) -> bool:
    return {"runner.engines.worker", job_id} <= set(process.info["cmdline"] or ())
