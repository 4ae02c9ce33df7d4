"""Checkpoints that a run can go on from. They stand in its run directory, so they outlive its process and its machine.

A checkpoint is whole once `events.jsonl` tells of it: a process may die while it writes one. They are removed when the
run has succeeded. A run on several GPUs begins anew: its processes find the best model in a folder of their own.
"""

import json
import os
import resource
import shutil
from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from runner.config import Training
from runner.run_dir import CHECKPOINTS, RunDir, checkpoint_name
from runner.training import several
from runner.training.limits import Stop

_STATE = "trainer_state.json"
FP32_BYTES = 4
MOMENTS = 2  # that AdamW keeps of each trained weight


class Checkpoints(TrainerCallback):
    """Where the Trainer writes checkpoints: in the run directory, or in a folder here that is copied there."""

    def __init__(self, run_dir: RunDir, work: Path, training: Training) -> None:
        local, shared = run_dir.local_folder(), os.environ.get(several.CHECKPOINTS)
        self._shared = bool(shared)
        self.resumable = training.save_strategy in ("steps", "epoch", "best") and not shared
        self.folder = Path(shared) if shared else (local if local and self.resumable else work) / CHECKPOINTS
        self._run_dir = run_dir
        self._copied = self.resumable and local is None

    def fetch(self, source: RunDir) -> Path | None:
        """Have the whole checkpoints of a run directory here, and nothing else; return the last, or None."""
        if self._shared:
            return None
        names = [checkpoint_name(step) for step in source.checkpoints()]
        for path in [*self.folder.glob("*"), *self.folder.glob(".*")]:
            if path.name not in names:
                shutil.rmtree(path)
        for name in names:
            if not (self.folder / name).exists():
                source.get(f"{CHECKPOINTS}/{name}", self.folder / f".{name}")
                (self.folder / f".{name}").rename(self.folder / name)  # it appears whole
            self._lead_here(self.folder / name / _STATE)
        return self.folder / names[-1] if names else None

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Copy a checkpoint to a run directory that is elsewhere, and remove there what is no longer kept here."""
        if self._copied:
            kept = {path.name for path in self.folder.iterdir()}
            self._run_dir.keep_only(CHECKPOINTS, kept - {checkpoint_name(state.global_step)})
            self._run_dir.put(self.folder / checkpoint_name(state.global_step), CHECKPOINTS)

    def remove(self) -> None:
        """Remove them all: the run has its model."""
        if not self._shared:  # another process may still read it
            shutil.rmtree(self.folder, ignore_errors=True)
        if self._copied:
            self._run_dir.keep_only(CHECKPOINTS, set())

    def _lead_here(self, path: Path) -> None:
        """Let a checkpoint's state say where the best one is now."""
        state = json.loads(path.read_text(encoding="utf-8"))
        best = self.folder / checkpoint_name(state.get("best_global_step") or 0)
        state["best_model_checkpoint"] = str(best) if best.exists() else None
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps(state), encoding="utf-8")
        partial.replace(path)


def check_size(training: Training, parameters: int, trainable: int, whole: bool) -> None:
    """Raise Stop when checkpoints would fill what a run may write; `whole`: frozen weights are saved as well."""
    if training.save_strategy not in ("steps", "epoch", "best"):
        return
    one = FP32_BYTES * ((parameters if whole else trainable) + MOMENTS * trainable)
    at_once = training.save_total_limit + 1 + (training.eval_strategy != "no")  # a new one, and the best
    room, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
    if room != resource.RLIM_INFINITY and at_once * one > room:
        raise Stop(
            "failed",
            f"A checkpoint of this model takes {one / 1e9:.2g} GB, up to {at_once} of them would be there at once, and "
            f"a run may write {room / 1e9:.2g} GB: leave save_strategy out, or train fewer weights (method: lora).",
        )
