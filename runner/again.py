"""Trains a finished run once more from its own directory, and says whether it comes out the same."""

import tempfile

from runner.config import parse
from runner.exercise import Metric
from runner.run_dir import Inputs, Result, RunDir

REPRODUCED = 0.2  # of what counts as a tie: kernels may add in another order, seeds and data are the same


def run_again(run_dir: RunDir) -> tuple[bool, list[str]]:
    """Train in a temporary directory; return whether the score is within the tolerance, and what to say.

    The directory itself is not changed. Raises ValueError for a run that has not succeeded.
    """
    first, config, own = run_dir.result(), run_dir.read("config.yaml"), run_dir.own()
    if first is None or first.status != "succeeded" or config is None:
        raise ValueError(f"{run_dir.url} holds no run that succeeded, so there is nothing to repeat")
    from runner.training import run

    with tempfile.TemporaryDirectory(prefix="cohort-again-") as folder:
        second_dir = RunDir(folder)
        second_dir.create(config.decode(), Inputs(teacher=run_dir.inputs().teacher), own)
        run(folder)
        second = second_dir.result()
    if second is None or second.test is None or first.test is None:
        return False, [f"the second run ended without a score: {second.error if second else 'no result'}"]
    return _compare(first, second, own.catalog.exercises[parse(config, own.catalog).config.exercise].metric)


def _compare(first: Result, second: Result, metric: Metric) -> tuple[bool, list[str]]:
    assert first.test is not None  # noqa: S101  (both succeeded)
    assert second.test is not None  # noqa: S101
    tolerance = REPRODUCED * metric.tie
    same = abs(first.test - second.test) <= tolerance
    lines = [
        f"{metric.name}: {first.test:.4f} then, {second.test:.4f} now; tolerance {tolerance:.4f}: "
        f"{'the same' if same else 'NOT the same'}"
    ]
    if first.data_hash != second.data_hash:
        lines.append(f"the data differ: {first.data_hash} then, {second.data_hash} now")
    if first.device != second.device:
        lines.append(f"the device differs: {first.device} then, {second.device} now")
    for package, version in second.versions.items():
        if first.versions.get(package) != version:
            lines.append(f"{package} differs: {first.versions.get(package)} then, {version} now")
    return same, lines
