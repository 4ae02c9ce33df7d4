"""One run in two processes, as on a machine with two GPUs: here on its CPU, by torchrun and gloo."""

import os
import subprocess
import sys
from pathlib import Path

from runner.run_dir import Checkpoint, Eval, RunDir, Start, Step

CONFIG = """
exercise: match
model: tiny
data: {max_train_samples: 64}
training:
  {per_device_train_batch_size: 8, num_train_epochs: 2, logging_steps: 1, eval_strategy: epoch,
  load_best_model_at_end: true}
"""
RUN = "import sys; from runner.training.several import run; sys.exit(run(sys.argv[1], processes=2))"


def test_two_processes_share_a_run_and_leave_the_files_of_one(tmp_path: Path) -> None:
    run_dir = RunDir(str(tmp_path / "run"))
    run_dir.create(CONFIG)
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", RUN, run_dir.url], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    result = run_dir.result()
    assert result
    assert (result.status, result.steps) == ("succeeded", 8)  # 64 rows, twice 8 at a step, two epochs
    kinds = [type(event) for event in run_dir.events()[0]]
    assert [kinds.count(kind) for kind in (Start, Step, Eval, Checkpoint)] == [1, 8, 2, 2]
    assert result.examples_per_second > 0
    assert (tmp_path / "run" / "model" / "model.safetensors").exists()
    assert not list((tmp_path / "run").glob("cohort-*"))
