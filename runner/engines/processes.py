"""Finds and ends all processes of a job, also those that have left its process group, session and tree.

Every process of a job has `COHORT_JOB=<job id>` in its environment. /proc shows the environment that a process
was exec'ed with, and a fork of the fork server was not: so the server has a placeholder there, which the fork
overwrites in place. What it forks then shows the id as well, and what it starts inherits it.
"""

import ctypes
import os
import signal
import time
from collections.abc import Collection
from contextlib import suppress

import psutil

_MARKER = "COHORT_JOB"
_WIDTH = 64  # characters: the longest job id
_PAUSE = 0.02


def placeholder() -> dict[str, str]:
    """Return what the fork server's environment needs for `mark`."""
    return {_MARKER: "-" * _WIDTH}


def mark(job_id: str) -> None:
    """Make this process, and all that it starts, the job's."""
    libc = ctypes.CDLL(None)
    libc.getenv.restype = ctypes.c_void_p
    address = libc.getenv(_MARKER.encode())
    if address and len(ctypes.string_at(address)) == _WIDTH:
        ctypes.memmove(address, job_id.ljust(_WIDTH).encode(), _WIDTH)
    os.environ[_MARKER] = job_id


def is_alive(pid: int, job_id: str) -> bool:
    """Say whether process `pid` runs and is the job's, not another one that was given its number."""
    with suppress(psutil.Error):
        return _is_marked(psutil.Process(pid), job_id)
    return False


def of_job(job_id: str) -> list[psutil.Process]:
    """Return the job's living processes: the marked ones, and the descendants of those."""
    found: set[psutil.Process] = set()
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if _is_marked(process, job_id):
                found |= {process, *process.children(recursive=True)}
    return [process for process in found if _is_running(process)]


def stop(pid: int, job_id: str, grace: float) -> None:
    """Ask a job's process to end, wait `grace` seconds, then kill all that is left; blocks until nothing is.

    Only the process itself is asked: it knows what to do with its children, and writes its result.
    """
    known = of_job(job_id)
    if is_alive(pid, job_id):
        with suppress(psutil.Error):
            os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + grace
    while is_alive(pid, job_id) and time.monotonic() < deadline:
        time.sleep(_PAUSE)
    kill(job_id, known)


def kill(job_id: str, known: Collection[psutil.Process]) -> None:
    """Kill all of a job's processes; blocks until none is left, whatever they start meanwhile.

    `known` were seen before: one without the marker can no longer be found once its parent is gone.
    """
    while left := {*of_job(job_id), *filter(_is_running, known)}:
        for process in left:
            with suppress(psutil.Error):
                process.kill()
        time.sleep(_PAUSE)


def _is_marked(process: psutil.Process, job_id: str) -> bool:
    return process.environ().get(_MARKER, "").rstrip() == job_id and _is_running(process)


def _is_running(process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False
