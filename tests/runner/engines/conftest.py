"""Engines that run the jobs of jobs.py, and leave no process behind."""

import hashlib
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import psutil
import pytest
from ray.job_submission import JobSubmissionClient

from runner.engines import Engine
from runner.engines.local import LocalEngine
from runner.engines.ray import Cluster, RayEngine
from tests.runner.engines.cluster import ROOT, TAG, RayCluster
from tests.runner.engines.looks import Factory, eventually

JOBS = ("--target", "tests.runner.engines.jobs:run", "--preload", "tests.runner.engines.jobs")


@pytest.fixture
def folder(tmp_path: Path) -> Callable[[str], str]:
    """Make a run directory; its name says what the job in it does."""

    def make(name: str) -> str:
        (tmp_path / "runs" / name).mkdir(parents=True)
        return str(tmp_path / "runs" / name)

    return make


@pytest.fixture
async def local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Factory]:
    """Make local engines that run tests' jobs; at the end all that they started must be gone."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv(TAG, str(tmp_path))
    monkeypatch.setenv("DISCORD_TOKEN", "a-token-of-the-bot")
    engines: list[LocalEngine] = []

    def make(*options: str, slots: int | None = 1, home: Path = tmp_path / "home") -> LocalEngine:
        engines.append(LocalEngine(home, slots, [*JOBS, *options]))
        return engines[-1]

    yield make
    for engine in engines:
        await engine.shutdown()
    try:
        await eventually(lambda: not _tagged(str(tmp_path)))
    finally:
        for process in _tagged(str(tmp_path)):
            process.kill()


@pytest.fixture(scope="session")
def cluster() -> Iterator[RayCluster]:
    """A Ray cluster with one CPU; the jobs that it runs are tagged."""
    found = RayCluster(DISCORD_TOKEN="a-token-of-the-bot")
    try:
        found.start()
        yield found
    finally:
        found.remove()


@pytest.fixture
async def ray(cluster: RayCluster) -> AsyncIterator[Callable[..., RayEngine]]:
    """Make Ray engines that run tests' jobs; at the end no process of a job may be left."""
    cluster.start()

    def make(*options: str, **variables: str) -> RayEngine:
        environment = {"env_vars": variables}
        where = Cluster(cluster.address, python=sys.executable, environment=environment)
        return RayEngine(where, [*JOBS, *options])

    yield make
    client = JobSubmissionClient(cluster.address)
    for job in client.list_jobs():
        if not job.status.is_terminal():
            await make().stop(job.submission_id)
    try:
        await eventually(lambda: not cluster.jobs_processes())
    finally:
        for process in cluster.jobs_processes():
            process.kill()


@pytest.fixture(params=["local", "ray"])
def engine(request: pytest.FixtureRequest) -> Engine:
    """An engine with one slot: what every test of test_contract.py holds for."""
    make: Callable[[], Engine] = request.getfixturevalue(request.param)
    return make()


@pytest.fixture
def job(request: pytest.FixtureRequest) -> Callable[[int], str]:
    """Make job ids that no other test has: a cluster remembers them all."""
    test = hashlib.blake2b(request.node.nodeid.encode(), digest_size=4).hexdigest()
    return lambda number: f"{test}-{number}.1"


def _tagged(tag: str) -> list[psutil.Process]:
    """Return the processes that engines of one test started, whatever became of their parents."""
    found = psutil.process_iter(["environ", "status"])
    return [p for p in found if (p.info["environ"] or {}).get(TAG) == tag and p.info["status"] != psutil.STATUS_ZOMBIE]
