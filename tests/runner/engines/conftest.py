"""Engines that run the jobs of jobs.py, and leave no process behind."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import psutil
import pytest

from runner.engines import Engine
from runner.engines.local import LocalEngine
from tests.runner.engines.looks import Factory, eventually

ROOT = Path(__file__).parents[3]
TAG = "LC_COHORT_TEST"  # reaches every process that an engine starts


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
        jobs = ("--target", "tests.runner.engines.jobs:run", "--preload", "tests.runner.engines.jobs")
        engines.append(LocalEngine(home, slots, [*jobs, *options]))
        return engines[-1]

    yield make
    for engine in engines:
        await engine.shutdown()
    try:
        await eventually(lambda: not _tagged(str(tmp_path)))
    finally:
        for process in _tagged(str(tmp_path)):
            process.kill()


@pytest.fixture(params=["local"])
def engine(request: pytest.FixtureRequest) -> Engine:
    """An engine with one slot: what every test of test_contract.py holds for."""
    make: Factory = request.getfixturevalue(request.param)
    return make()


def _tagged(tag: str) -> list[psutil.Process]:
    """Return the processes that engines of one test started, whatever became of their parents."""
    found = psutil.process_iter(["environ", "status"])
    return [p for p in found if (p.info["environ"] or {}).get(TAG) == tag and p.info["status"] != psutil.STATUS_ZOMBIE]
