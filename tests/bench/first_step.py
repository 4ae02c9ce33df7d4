"""How long from a submit to the first training step: a warm fork against a cold process. Run it by hand:

python tests/bench/first_step.py [REPEATS]
"""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from runner.data import load
from runner.engines.local import LocalEngine
from runner.engines.machine import clean_environment, thread_environment
from runner.run_dir import RunDir, Step

CONFIG = """
exercise: match
model: minilm
training: {per_device_train_batch_size: 16, eval_strategy: "no"}
"""
PATIENCE = 120.0  # seconds


async def main(repeats: int) -> None:
    """Print both medians, in seconds, and their ratio."""
    load("match")  # built before the clock runs
    with tempfile.TemporaryDirectory(prefix="cohort-bench-") as name:
        home = Path(name)
        engine = LocalEngine(home / "runner")
        try:
            await warm(engine, home, "before")  # the fork server imports, and the data are tokenised
            warm_seconds = [await warm(engine, home, f"warm-{number}") for number in range(repeats)]
        finally:
            await engine.shutdown()
        cold_seconds = [await cold(home, f"cold-{number}") for number in range(repeats)]
    print(f"warm fork     {median(warm_seconds):6.2f} s   {sorted(round(s, 2) for s in warm_seconds)}")
    print(f"cold process  {median(cold_seconds):6.2f} s   {sorted(round(s, 2) for s in cold_seconds)}")
    print(f"ratio         {median(cold_seconds) / median(warm_seconds):6.1f}")


async def warm(engine: LocalEngine, home: Path, name: str) -> float:
    """Time one run through the engine."""
    run_dir = create(home / name)
    began = time.perf_counter()
    await engine.start(name, run_dir.url)
    seconds = await first_step(run_dir, began)
    await engine.stop(name)
    return seconds


async def cold(home: Path, name: str) -> float:
    """Time one run in a process of its own."""
    run_dir = create(home / name)
    began = time.perf_counter()
    process = subprocess.Popen(  # noqa: ASYNC220  # milliseconds, and they count
        [sys.executable, "-m", "runner", run_dir.url],
        env=clean_environment() | thread_environment(1),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        return await first_step(run_dir, began)
    finally:
        process.kill()
        process.wait()


def create(folder: Path) -> RunDir:
    """Make a run directory."""
    run_dir = RunDir(os.fspath(folder))
    run_dir.create(CONFIG)
    return run_dir


async def first_step(run_dir: RunDir, began: float) -> float:
    """Wait for a run's first step and return the seconds since `began`."""
    while not any(isinstance(event, Step) for event in run_dir.events()[0]):
        if result := run_dir.result():
            raise SystemExit(f"the run ended before its first step: {result.error}")
        if time.perf_counter() - began > PATIENCE:
            raise SystemExit(f"no step within {PATIENCE:.0f} s; see {run_dir.url}/log.txt")
        await asyncio.sleep(0.005)
    return time.perf_counter() - began


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 5))
