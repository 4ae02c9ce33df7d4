"""What a run may use. Who uses more is killed, and the learner told in a sentence."""

import os
import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from runner.engines.job import Claim
from runner.run_dir import Result

MB, GB = 10**6, 10**9
LESS_MEMORY = "lower per_device_train_batch_size or max_length"


@dataclass(frozen=True)
class Limits:
    """Bounds of one run: resident bytes and number of its processes, bytes in its directory and log, seconds.

    The training process ends itself at its exercise's time limit; `seconds` is for one that no longer can.
    """

    memory: int
    disk: int = 2 * GB
    log: int = 10 * MB
    seconds: int = 3600
    processes: int = 200

    def broken_by(self, claim: Claim, work: Path, running: Collection[psutil.Process]) -> Result | None:
        """Return how the run ends if it, with all its `running` processes, is over a limit; blocks while it looks."""
        if (seconds := time.time() - claim.started) > self.seconds:
            end = _stopped(f"went on for {_duration(seconds)}", _duration(self.seconds), "use fewer epochs or rows")
            return end.model_copy(update={"status": "timed_out"})
        if (number := len(running)) > self.processes:
            return _stopped(f"had {number:,} processes", f"{self.processes:,}", "that is no training")
        if (memory := _resident_memory(running)) > self.memory:
            return _stopped(f"used {size(memory)} of memory", size(self.memory), LESS_MEMORY)
        log = work / "log.txt"
        if log.exists() and (printed := log.stat().st_size) > self.log:
            return _stopped(
                f"wrote {size(printed)} to its log", size(self.log), "that is no training; see the log's end"
            )
        if (written := sum(_file_sizes(work))) > self.disk:
            return _stopped(f"wrote {size(written)} of files", size(self.disk), "save a smaller model, or less often")
        return None

    def refused(self) -> Result:
        """Return how a run ends that asked for more memory than there is for it, and did not get it."""
        return _stopped(f"asked for more than {size(self.memory)} of memory", "just that", LESS_MEMORY)


def _stopped(what: str, limit: str, advice: str) -> Result:
    return Result(status="failed", error=f"The run {what}, and the limit is {limit}, so it was stopped: {advice}.")


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


def size(number: int) -> str:
    """Write a number of bytes."""
    return f"{number / GB:.3g} GB" if number >= GB else f"{number / MB:.3g} MB"


def _duration(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{seconds:.0f} seconds"
