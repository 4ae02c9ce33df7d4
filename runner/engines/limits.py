"""What a run may use. Who uses more is killed, and the learner told in a sentence."""

import os
import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from runner.engines.job import Claim, Job, local_folder
from runner.run_dir import Result

MB, GB = 10**6, 10**9


@dataclass(frozen=True)
class Limits:
    """Bounds of one run: resident bytes of all its processes, bytes in its directory and log, seconds from its start.

    The training process ends itself at its exercise's time limit; `seconds` is for one that no longer can.
    """

    memory: int
    disk: int = 2 * GB
    log: int = 10 * MB
    seconds: int = 3600

    def broken_by(self, job: Job, claim: Claim, log: Path, running: Collection[psutil.Process]) -> Result | None:
        """Return how the run ends if it, with all its `running` processes, is over a limit; blocks while it looks."""
        if time.time() - claim.started > self.seconds:
            return Result(
                status="timed_out",
                error=f"The run went on for more than {_duration(self.seconds)} and was stopped: "
                "use fewer epochs or fewer rows.",
            )
        if _resident_memory(running) > self.memory:
            return _failed(
                f"used more than {_size(self.memory)} of memory",
                "lower per_device_train_batch_size or max_length",
            )
        if log.exists() and log.stat().st_size > self.log:
            return _failed(f"wrote more than {_size(self.log)} to its log", "that is no training; see the log's end")
        folder = local_folder(job.run_dir)
        if folder and sum(_file_sizes(folder)) > self.disk:
            return _failed(f"wrote more than {_size(self.disk)} of files", "save fewer checkpoints or a smaller model")
        return None


def _failed(what: str, advice: str) -> Result:
    return Result(status="failed", error=f"The run {what} and was stopped: {advice}.")


def _resident_memory(running: Collection[psutil.Process]) -> int:
    total = 0
    for process in running:
        with suppress(psutil.Error):
            total += process.memory_info().rss
    return total


def _file_sizes(folder: Path) -> Iterator[int]:
    for parent, _, names in os.walk(folder):  # unlike rglob, at ease with folders that vanish meanwhile
        for name in names:
            with suppress(FileNotFoundError):
                yield (Path(parent) / name).lstat().st_size


def _size(number: int) -> str:
    return f"{number / GB:.3g} GB" if number >= GB else f"{number / MB:.3g} MB"


def _duration(seconds: int) -> str:
    return f"{seconds // 60} minutes" if seconds >= 120 else f"{seconds} seconds"
