"""Several GPUs of one machine for one run: torchrun starts a process for each, and they share every batch's gradient.

The first one keeps the run directory and decides when the run ends; the others write into folders of their own, which
are thrown away. `per_device_train_batch_size` is for each of them.
"""

import os
import signal
import subprocess
import sys
import tempfile
from types import FrameType

from runner.run_dir import RunDir

CHECKPOINTS = "COHORT_CHECKPOINTS"  # the folder in which all processes find the best model again


def run(run_dir_url: str, processes: int | None = None) -> int:
    """Train a run directory, by default with a process for each visible GPU; returns the exit code, as `training.run`.

    Call it in a process's main thread, which SIGTERM then cancels.
    """
    count = processes or len(os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(","))
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(count), "-m", "runner"]
    with tempfile.TemporaryDirectory(prefix="cohort-") as folder:
        torchrun = subprocess.Popen(  # noqa: S603  # our own interpreter, no shell
            [sys.executable, *launch, run_dir_url], env={**os.environ, CHECKPOINTS: folder}
        )

        def on_term(number: int, _frame: FrameType | None) -> None:
            torchrun.send_signal(number)

        signal.signal(signal.SIGTERM, on_term)
        code = torchrun.wait()
    ended = RunDir(run_dir_url).result()
    return code if ended is None else int(ended.status != "succeeded")


def follows() -> bool:
    """Say whether this process is one of several, and not the first: it decides nothing and its files count nothing."""
    return os.environ.get("RANK", "0") != "0"
