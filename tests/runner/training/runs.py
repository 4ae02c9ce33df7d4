"""Real runs for the tests of training."""

from pathlib import Path

from runner import training
from runner.history import History
from runner.run_dir import Result, RunDir


def train(folder: Path, config: str) -> tuple[Result, History]:
    """Train a config in a folder."""
    run_dir = RunDir(str(folder))
    run_dir.create(config)
    code = training.run(run_dir.url)
    result = run_dir.result()
    assert result
    assert code == (0 if result.status == "succeeded" else 1)
    return result, History.of(run_dir.events()[0])


def succeed(folder: Path, config: str) -> Result:
    """Train a config that must succeed."""
    result, _ = train(folder, config)
    assert result.status == "succeeded", result.error
    return result
