"""Finds and ends all processes of a job, also those that have left its process group, session and tree.

Every process of a job has `COHORT_JOB=<mark>` in its environment; a mark names the job and the supervisor's folder,
as two study groups on one machine may have jobs of the same id. /proc shows the environment that a process
was exec'ed with, and a fork of the fork server was not: so the server has a placeholder there, which the fork
overwrites in place. What it forks then shows the mark as well, and what it starts inherits it.
"""

import ctypes
import os
import signal
import time
from collections import defaultdict
from collections.abc import Collection
from contextlib import suppress

import psutil

_MARKER = "COHORT_JOB"
_WIDTH = 100  # characters: more than the longest mark
_PAUSE = 0.02


def placeholder() -> dict[str, str]:
    """Return what the fork server's environment needs for `put_on`."""
    return {_MARKER: "-" * _WIDTH}


def put_on(mark: str) -> None:
    """Make this process, and all that it starts, the marked job's."""
    libc = ctypes.CDLL(None)
    libc.getenv.restype = ctypes.c_void_p
    address = libc.getenv(_MARKER.encode())
    if address and len(ctypes.string_at(address)) == _WIDTH:
        ctypes.memmove(address, mark.ljust(_WIDTH).encode(), _WIDTH)
    os.environ[_MARKER] = mark


def is_alive(pid: int, mark: str) -> bool:
    """Say whether process `pid` runs and is the job's, not another one that was given its number."""
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        return process.environ().get(_MARKER, "").rstrip() == mark and _is_running(process)
    return False


def of_job(mark: str) -> list[psutil.Process]:
    """Return the job's living processes: the marked ones, and the descendants of those.

    One pass over all processes: a job that forks without end must not outrun whoever counts it.
    """
    children: defaultdict[int, list[psutil.Process]] = defaultdict(list)
    left: list[psutil.Process] = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            children[process.ppid()].append(process)
            if process.environ().get(_MARKER, "").rstrip() == mark:
                left.append(process)
    found: set[psutil.Process] = set()
    while left:
        process = left.pop()
        if process not in found:
            found.add(process)
            left += children[process.pid]
    return [process for process in found if _is_running(process)]


def stop(pid: int, mark: str, grace: float) -> None:
    """Ask a job's process to end, wait `grace` seconds, then kill all that is left; blocks until nothing is.

    Only the process itself is asked: it knows what to do with its children, and writes its result. Without grace it
    is not asked, and writes none.
    """
    known = of_job(mark)
    if grace and is_alive(pid, mark):
        with suppress(psutil.Error):
            os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + grace
    while is_alive(pid, mark) and time.monotonic() < deadline:
        time.sleep(_PAUSE)
    kill(mark, known)


def kill(mark: str, known: Collection[psutil.Process]) -> None:
    """Kill all of a job's processes; blocks until none is left, whatever they start meanwhile.

    `known` were seen before: one without the marker can no longer be found once its parent is gone.
    """
    while left := {*of_job(mark), *filter(_is_running, known)}:
        for process in left:
            with suppress(psutil.Error):
                process.kill()
        time.sleep(_PAUSE)


def _is_running(process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False
