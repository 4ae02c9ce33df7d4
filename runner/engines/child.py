"""What a job's process does, from the fork to its exit: it shuts itself in, then trains."""

import os
import pkgutil
import resource
import signal
import sys
import traceback
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from runner.engines import processes
from runner.engines.job import Claim, Job, JobFolder
from runner.engines.limits import Limits
from runner.run_dir import Result, RunDir

FAILED, NOT_RUN = 1, 2  # exit codes, as of `python -m runner`
MEMORY = "COHORT_MEMORY"  # tells the training process the limit, in bytes


@dataclass(frozen=True, slots=True)
class Order:
    """What the supervisor asks of a fork; `device` is a GPU as CUDA_VISIBLE_DEVICES names it, None on a CPU."""

    job: Job
    folder: Path
    slot: int
    device: str | None
    target: str
    limits: Limits


def main(order: Order) -> None:
    """Run the job and exit with its code, unless another process already is this job."""
    os.setsid()
    folder = JobFolder(order.folder)
    processes.put_on(folder.mark(order.job.id))
    if not folder.claim(order.job.id, Claim(pid=os.getpid(), slot=order.slot)):
        return
    _redirect(folder.log(order.job))
    _confine(order)
    os.environ[MEMORY] = str(order.limits.memory)
    if order.device is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = order.device
    sys.exit(_train(order))


def _train(order: Order) -> int:
    folder = JobFolder(order.folder)
    work = str(folder.work(order.job))
    if mirror := folder.mirror(order.job):
        mirror.fetch()
    try:
        code: int = pkgutil.resolve_name(order.target)(work)
    except ImportError as error:
        sentence = f"The runner cannot train, because something is missing on its machine: {error}."
        print(sentence, "Install it there with: pip install 'cohort[runner]'", file=sys.stderr)
        RunDir(work).finish(Result(status="failed", error=sentence))
        return NOT_RUN
    except MemoryError:
        traceback.print_exc()
        RunDir(work).finish(order.limits.refused())
        return FAILED
    return code


def _redirect(log: Path) -> None:
    """Read nothing, and write what is printed to the log, line by line."""
    log.parent.mkdir(parents=True, exist_ok=True)
    nothing = os.open(os.devnull, os.O_RDONLY)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for source, target in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(source, target)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # both are files


def _confine(order: Order) -> None:
    """Limit what this process can use; the supervisor watches over what it uses together with its children."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a file that gets too large is an OSError, with its sentence
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, order.limits.disk)
    if order.device is None:  # CUDA reserves far more addresses than it ever uses
        _limit(resource.RLIMIT_AS, psutil.Process().memory_info().vms + order.limits.memory)
    os.nice(5)  # the bot answers first
    with suppress(OSError):  # when memory runs out, this process goes first
        Path("/proc/self/oom_score_adj").write_text("500", encoding="ascii")


def _limit(kind: int, value: int) -> None:
    _, hard = resource.getrlimit(kind)
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (value, value))
