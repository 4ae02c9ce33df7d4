"""What the local engine promises beyond the contract: it outlives the bot, shuts runs in, and holds them to limits."""

import asyncio
import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from runner.engines import EngineError, JobStatus
from runner.engines.job import Job, JobFolder
from runner.engines.local import LocalEngine
from runner.engines.supervisor import command, socket_path
from runner.run_dir import Result, RunDir
from tests.runner.engines.looks import Factory, alive, eventually, release, starts, state, supervisors, written

Folder = Callable[[str], str]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


async def kill_supervisor(home: Path) -> None:
    [process] = supervisors(home)
    process.kill()
    await eventually(lambda: not supervisors(home))


async def test_a_job_outlives_its_supervisor_and_is_adopted(local: Factory, folder: Folder, home: Path) -> None:
    engine, run_dir = local(), folder("release")
    await engine.start("1.1", run_dir)
    await eventually(lambda: starts(run_dir))
    await kill_supervisor(home)
    assert alive(starts(run_dir)[0])
    assert await engine.status("1.1") == JobStatus("running")
    assert await engine.capacity() == 0
    await engine.start("1.1", run_dir)
    release(run_dir)
    assert await state(engine, "1.1", "exited") == JobStatus("exited", 0)
    assert len(starts(run_dir)) == 1
    assert RunDir(run_dir).result() == Result(status="succeeded", test=0.5)


async def test_an_adopted_job_can_be_stopped(local: Factory, folder: Folder, home: Path) -> None:
    engine, run_dir = local(), folder("escape")
    await engine.start("1.1", run_dir)
    await eventually(Path(run_dir, "left.json").exists)
    await kill_supervisor(home)
    await engine.stop("1.1")
    left = written(run_dir, "left.json")
    assert not any(map(alive, [*left, *starts(run_dir)]))
    assert await engine.status("1.1") == JobStatus("unknown")


async def test_jobs_that_wait_survive_the_supervisor(local: Factory, folder: Folder, home: Path) -> None:
    engine, first = local(), folder("release")
    await engine.start("1.1", first)
    await engine.start("2.1", folder("quick"))
    await eventually(lambda: starts(first))
    await kill_supervisor(home)
    assert (await engine.status("2.1")).state == "pending"
    release(first)
    assert await state(engine, "2.1", "exited") == JobStatus("exited", 0)


async def test_records_that_a_power_failure_cut_off_start_nothing(local: Factory, folder: Folder, home: Path) -> None:
    engine, run_dir = local(), folder("quick")
    jobs = JobFolder(home / "jobs")
    jobs.write(Job(id="2.1", run_dir=run_dir))
    (jobs.folder / "1.1.json").touch()
    (jobs.folder / "2.1.pid").touch()
    await engine.start("1.1", run_dir)
    await engine.start("2.1", run_dir)
    assert await state(engine, "1.1", "unknown")
    assert await state(engine, "2.1", "unknown")
    await engine.start("3.1", folder("quick.3"))
    await state(engine, "3.1", "exited")
    assert not starts(run_dir)


@pytest.mark.parametrize(("job", "expected"), [("release", JobStatus("exited", 0)), ("sleep", JobStatus("unknown"))])
async def test_a_job_that_ended_unwatched_is_judged_by_its_result(
    local: Factory, folder: Folder, home: Path, job: str, expected: JobStatus
) -> None:
    engine, run_dir = local(), folder(job)
    await engine.start("1.1", run_dir)
    await eventually(lambda: starts(run_dir))
    await kill_supervisor(home)
    process = psutil.Process(starts(run_dir)[0])
    release(run_dir)
    if job == "sleep":
        process.kill()
    await eventually(lambda: not process.is_running())
    assert await state(engine, "1.1", "exited", "unknown") == expected


async def test_a_job_survives_the_death_of_the_fork_server(local: Factory, folder: Folder, home: Path) -> None:
    engine, run_dir = local(), folder("release")
    await engine.start("1.1", run_dir)
    await eventually(lambda: starts(run_dir))
    [process] = supervisors(home)
    [server] = [child for child in process.children() if "multiprocessing.forkserver" in " ".join(child.cmdline())]
    server.kill()
    await asyncio.sleep(1.5)  # longer than it takes to notice
    assert await engine.status("1.1") == JobStatus("running")
    release(run_dir)
    assert await state(engine, "1.1", "exited") == JobStatus("exited", 0)
    await engine.start("2.1", folder("quick"))
    assert await state(engine, "2.1", "exited") == JobStatus("exited", 0)


async def test_a_home_has_one_supervisor_whoever_asks(local: Factory, folder: Folder, home: Path) -> None:
    engines = [local() for _ in range(3)]
    await asyncio.gather(*(engine.start("1.1", folder("sleep")) for engine in engines[:1]))
    assert await asyncio.gather(*(engine.capacity() for engine in engines)) == [0, 0, 0]
    assert len(supervisors(home)) == 1
    second = await asyncio.to_thread(subprocess.run, command(home), capture_output=True, text=True)
    assert second.returncode == 0
    assert "a supervisor already serves" in second.stdout


async def test_engines_that_start_together_agree_on_one_supervisor(local: Factory, home: Path) -> None:
    assert await asyncio.gather(*(local().capacity() for _ in range(3))) == [1, 1, 1]
    await eventually(lambda: len(supervisors(home)) == 1)


async def test_two_groups_on_one_machine_may_have_jobs_of_the_same_id(
    local: Factory, folder: Folder, tmp_path: Path
) -> None:
    ours, theirs = local(), local(home=tmp_path / "other")
    await ours.start("1.1", our_run := folder("sleep.1"))
    await theirs.start("1.1", their_run := folder("sleep.2"))
    await eventually(lambda: starts(our_run) and starts(their_run))
    await ours.stop("1.1")
    assert not alive(starts(our_run)[0])
    assert alive(starts(their_run)[0])
    assert await theirs.status("1.1") == JobStatus("running")


async def test_a_job_sees_no_secret_and_no_terminal(local: Factory, folder: Folder) -> None:
    engine, run_dir = local(), folder("show")
    await engine.start("1.1", run_dir)
    await state(engine, "1.1", "exited")
    seen = written(run_dir, "seen.json")
    assert "DISCORD_TOKEN" not in str(seen)
    assert "a-token-of-the-bot" not in str(seen)
    assert "runner.engines.supervisor" not in seen["server"]
    assert "COHORT_JOB" in seen["server"]
    assert "LC_COHORT_TEST" in seen["supervisor"]  # the right process was looked at
    assert seen["stdin"] == seen["input"] == ""
    assert seen["cwd"] == "/"
    assert seen["session"]
    environment = seen["environment"]
    assert environment["COHORT_JOB"].endswith(":1.1")
    assert environment["HF_HUB_OFFLINE"] == "1"
    assert environment["OMP_WAIT_POLICY"] == "PASSIVE"
    assert int(environment["OMP_NUM_THREADS"]) >= 1


async def test_each_run_has_a_gpu_of_its_own(local: Factory, folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-a,GPU-b")
    engine = local(slots=None)
    assert await engine.capacity() == 2
    await engine.start("1.1", first := folder("sleep"))
    await eventually(lambda: starts(first))
    await engine.start("2.1", second := folder("show.2"))
    await engine.stop("1.1")
    await state(engine, "2.1", "exited")
    await engine.start("3.1", third := folder("show.3"))
    await state(engine, "3.1", "exited")
    seen = [written(run_dir, "seen.json") for run_dir in (second, third)]
    assert [each["environment"]["CUDA_VISIBLE_DEVICES"] for each in seen] == ["GPU-b", "GPU-a"]


async def test_a_run_directory_that_cannot_be_is_refused(local: Factory) -> None:
    with pytest.raises(EngineError, match="cannot be a run directory"):
        await local().start("1.1", "nowhere://bucket/1")


async def test_a_home_with_a_long_path_is_served_through_a_short_socket(local: Factory, tmp_path: Path) -> None:
    home = tmp_path / ("long" * 30)
    engine = local(home=home)
    assert await engine.capacity() == 1
    path = socket_path(home)
    assert home not in path.parents
    assert len(os.fsencode(path)) <= 100
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


async def test_a_folder_for_sockets_that_others_can_open_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / f"cohort-{os.getuid()}").mkdir(mode=0o755)
    with pytest.raises(EngineError, match="only this user can open"):
        await LocalEngine(tmp_path / ("long" * 30)).capacity()


async def test_a_supervisor_that_cannot_start_is_an_error_that_names_its_log(local: Factory, home: Path) -> None:
    engine = local("--no-such-option")
    with pytest.raises(EngineError, match=r"supervisor\.log"):
        await engine.capacity()
    assert "--no-such-option" in (home / "supervisor.log").read_text()


async def test_what_is_no_request_gets_an_answer(local: Factory, home: Path) -> None:
    await local().capacity()
    for line in (b"no json\n", b'{"do": "dance"}\n', b'{"do": "start", "job": 3}\n', b"[]\n"):
        reader, writer = await asyncio.open_unix_connection(socket_path(home))
        writer.write(line)
        assert "error" in json.loads(await reader.readline())
        writer.close()


async def test_shutting_down_ends_every_job(local: Factory, folder: Folder, home: Path) -> None:
    engine = local(slots=2)
    runs = [folder(f"sleep.{number}") for number in range(3)]
    for number, run_dir in enumerate(runs):
        await engine.start(f"{number}.1", run_dir)
    await eventually(lambda: starts(runs[0]) and starts(runs[1]))
    await engine.shutdown()
    assert not any(map(alive, [*starts(runs[0]), *starts(runs[1])]))
    assert not starts(runs[2])
    assert not supervisors(home)


def test_the_bot_speaks_with_the_engine_without_importing_torch() -> None:
    code = "import sys, runner.engines.local; sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
