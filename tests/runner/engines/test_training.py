"""The local engine with real trainings, of a tiny model on a few rows."""

from pathlib import Path

from runner.engines import JobStatus
from runner.run_dir import RunDir, Start, Step
from tests.runner.engines.looks import Factory, eventually, state

PREPARED = 240.0  # seconds: the first run on a machine builds the exercise's data
CONFIG = """
exercise: match
model: tiny
data: {{max_train_samples: 64}}
training: {{per_device_train_batch_size: 16, num_train_epochs: {epochs}, logging_steps: 1, eval_strategy: "no"}}
"""


def create(folder: Path, epochs: int) -> RunDir:
    run_dir = RunDir(str(folder))
    run_dir.create(CONFIG.format(epochs=epochs))
    return run_dir


async def test_a_training_runs_to_its_result_also_after_another_was_cancelled(local: Factory, tmp_path: Path) -> None:
    engine = local("--target", "runner.training:run", "--preload", "runner.engines.warm")
    long, short = create(tmp_path / "long", epochs=50), create(tmp_path / "short", epochs=1)

    await engine.start("1.1", long.url)
    await engine.start("2.1", short.url)
    await eventually(lambda: any(isinstance(event, Step) for event in long.events()[0]), PREPARED)
    await engine.stop("1.1")
    assert await engine.status("1.1") == JobStatus("exited", 1)
    cancelled = long.result()
    assert cancelled
    assert cancelled.status == "cancelled"

    assert await state(engine, "2.1", "exited", seconds=PREPARED) == JobStatus("exited", 0)
    result = short.result()
    assert result
    assert result.status == "succeeded"
    assert result.steps == 4
    assert result.test is not None
    kinds = [type(event) for event in short.events()[0]]
    assert kinds[0] is Start
    assert kinds.count(Step) == 4
    assert not list((tmp_path / "long").glob("cohort-*"))
