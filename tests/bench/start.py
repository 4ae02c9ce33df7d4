"""How long from /submit to the first training step, on a warm local runner and on Ray. Run it by hand:

python -m tests.bench.start [REPEATS]
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table
from sqlmodel import col, select

from bot.app import App
from bot.dispatch import Request
from bot.settings import Settings
from bot.store.tables import Run
from bot.study.membership import Sender
from bot.view import Upload
from runner.data import load
from runner.run_dir import RunDir, Step
from tests.runner.engines.cluster import RayCluster

CONFIG = b"""
exercise: match
model: minilm
training: {per_device_train_batch_size: 16, eval_strategy: "no"}
"""
PATIENCE = 120.0  # seconds


async def main(repeats: int) -> None:
    """Print the seconds from the command to the first step's event, median and all."""
    load("match")  # built before the clock runs
    table = Table("engine", "median, s", "each, s", box=None)
    for name, make in (("local, warm", local), ("Ray", on_ray)):
        async with make() as app:
            await app.warm_up()
            await time_one(app)  # the data are tokenised
            seconds = [await time_one(app) for _ in range(repeats)]
        table.add_row(name, f"{median(seconds):.2f}", " ".join(f"{each:.2f}" for each in sorted(seconds)))
    Console(soft_wrap=True).print(table)


@asynccontextmanager
async def local() -> AsyncIterator[App]:
    """Start Cohort with its local runner."""
    with tempfile.TemporaryDirectory(prefix="cohort-bench-") as home:
        async with App(Settings(home=Path(home)), keep_runner=False) as app:
            yield app


@asynccontextmanager
async def on_ray() -> AsyncIterator[App]:
    """Start Cohort with a Ray cluster of this machine."""
    cluster = RayCluster()
    try:
        await asyncio.to_thread(cluster.start)
        ray = {"engine": "ray", "ray_address": cluster.address, "ray_gpus": 0, "ray_python": sys.executable}
        with tempfile.TemporaryDirectory(prefix="cohort-bench-") as home:
            async with App(Settings(home=Path(home), **ray)) as app:
                yield app
    finally:
        cluster.remove()


async def time_one(app: App) -> float:
    """Submit a config by the command, and return the seconds until its first step stands in the run directory."""
    sender = Sender("local", "bench", "bench", admin=True)
    values = {"exercise": "match", "file": Upload("config.yaml", CONFIG)}
    began = time.perf_counter()
    await app.dispatch(Request(sender, "#lab", "submit", values, group=("#lab", "lab")))
    run = await newest(app)
    while not any(isinstance(event, Step) for event in RunDir(run.run_dir).events()[0]):
        if time.perf_counter() - began > PATIENCE:
            raise SystemExit(f"no step within {PATIENCE:.0f} s; see {run.run_dir}/log.txt")
        await asyncio.sleep(0.005)
    seconds = time.perf_counter() - began
    await app.dispatch(Request(sender, "#lab", "run.cancel", {"number": str(run.number)}, group=("#lab", "lab")))
    while (await newest(app)).finished_at is None:
        await asyncio.sleep(0.05)
    return seconds


async def newest(app: App) -> Run:
    """Return the run that was submitted last."""
    async with app.store.read() as session:
        return (await session.exec(select(Run).order_by(col(Run.number).desc()))).first()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 5))
