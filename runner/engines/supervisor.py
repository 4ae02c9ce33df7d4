"""The process that runs jobs for the local engine: `cohort runner`, or started by the bot when there is none.

One a home folder. It may be killed at any moment, also by SIGTERM, which it leaves to end it at once: running jobs
go on (under systemd with `KillMode=process`), and the next supervisor adopts them. Its fork server ends with the
last of them.

The bot speaks with it over a Unix socket, a connection for each request, which is a JSON object in one line:
`{"do": "start", "job": "12.1", "run_dir": "…"}`. The answer is one too, with the key `error` if it was not done.
"""

import argparse
import asyncio
import fcntl
import hashlib
import json
import logging
import os
import signal
import stat
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

import psutil

from runner.engines import EngineError, check_job_id, processes
from runner.engines.job import JobFolder
from runner.engines.limits import Limits
from runner.engines.machine import clean_environment, cuda_devices, thread_environment
from runner.engines.pool import Pool

log = logging.getLogger(__name__)

_SOCKET_PATH_BYTES = 100  # the kernel takes 107, macOS 103
_MEMORY_SHARE = 0.75  # of the machine's memory, that runs may use together
PARENT_LOOK = 0.5  # seconds between two looks at whether the parent lives


def main(home: Path, slots: int | None = None) -> None:
    """Become the supervisor of a home folder, in a clean environment; never returns."""
    arguments = command(home, slots)
    os.chdir("/")  # `python -m` looks for modules in the present folder first
    os.execve(arguments[0], arguments, clean_environment())  # noqa: S606  # our own interpreter, no shell


def command(home: Path, slots: int | None = None) -> list[str]:
    """Return the command line that starts a supervisor."""
    chosen = [] if slots is None else ["--slots", str(slots)]
    return [sys.executable, "-m", "runner.engines.supervisor", "--home", str(home.absolute()), *chosen]


def socket_path(home: Path) -> Path:
    """Return where the supervisor of a home folder listens: in it, or in a short folder if its name is too long.

    Raises EngineError when somebody else owns that folder.
    """
    path = home.absolute() / "supervisor.sock"
    if len(os.fsencode(path)) <= _SOCKET_PATH_BYTES:
        return path
    folder = Path(tempfile.gettempdir()) / f"cohort-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) != 0o700:
        raise EngineError(f"{folder} must be a folder that only this user can open; remove it and start again")
    return folder / f"{hashlib.blake2b(os.fsencode(home.absolute()), digest_size=8).hexdigest()}.sock"


class Supervisor:
    """Answers what the bot asks of a pool."""

    def __init__(self, pool: Pool, path: Path) -> None:
        self._pool = pool
        self._path = path
        self._ended = asyncio.Event()

    async def serve(self, parent: int | None = None) -> None:
        """Answer requests until one of them is to shut down, or until the process `parent` is ours no longer."""
        self._pool.recover()
        mask = os.umask(0o177)  # the socket is for this user alone
        server = await asyncio.start_unix_server(self._converse, self._path)
        os.umask(mask)
        log.info("listening on %s", self._path)
        async with server, asyncio.TaskGroup() as tasks:
            background = [tasks.create_task(self._pool.warm_up())]
            if parent is not None:
                background.append(tasks.create_task(self._end_with(parent)))
            await self._ended.wait()
            for task in background:
                task.cancel()

    async def _end_with(self, parent: int) -> None:
        """End everything at once, without results, when the parent was killed: whoever asked for it is gone."""
        while True:
            if os.getppid() != parent:
                break
            await asyncio.sleep(PARENT_LOOK)
        log.warning("the parent is gone, and with it whoever wants these jobs")
        await self._pool.close(grace=0.0)
        self._ended.set()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(json.dumps(await self._answer(await reader.readline())).encode() + b"\n")
            await writer.drain()
        except (ConnectionError, ValueError) as error:  # ValueError: a line beyond the reader's limit
            log.warning("a conversation broke off: %s", error)
        finally:
            writer.close()

    async def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            return await self._do(json.loads(line))
        except (EngineError, ValueError) as error:
            return {"error": str(error)}
        except Exception:
            log.exception("cannot answer %r", line)
            return {"error": "the runner's supervisor met an unexpected error; its supervisor.log has it"}

    async def _do(self, request: object) -> dict[str, Any]:
        match request:
            case {"do": "ping"}:
                return {}
            case {"do": "capacity"}:
                return {"capacity": self._pool.capacity}
            case {"do": "start", "job": str(job), "run_dir": str(run_dir)}:
                self._pool.start(check_job_id(job), run_dir)
                return {}
            case {"do": "status", "job": str(job)}:
                return asdict(self._pool.status(check_job_id(job)))
            case {"do": "stop", "job": str(job)}:
                await self._pool.stop(check_job_id(job))
                return {}
            case {"do": "shutdown"}:
                await self._pool.close()
                self._ended.set()
                return {}
            case _:
                raise EngineError(f"the supervisor does not know how to do {request!r}")


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m runner.engines.supervisor", description=__doc__)
    parser.add_argument("--home", type=Path, required=True, help="its folder: socket, lock, log, jobs")
    parser.add_argument("--slots", type=int, help="runs at once; default: one a GPU, or one on CPU")
    parser.add_argument("--memory", type=int, help="bytes a run may use; default: its share of three quarters")
    parser.add_argument("--disk", type=int, default=Limits.disk, help="bytes a run may write")
    parser.add_argument("--log", type=int, default=Limits.log, help="bytes a run may print")
    parser.add_argument("--processes", type=int, default=Limits.processes, help="processes a run may have at once")
    parser.add_argument("--hard-seconds", type=int, default=Limits.seconds, help="from a run's start to its end")
    parser.add_argument("--together", action="store_true", help="give every GPU to each run")
    parser.add_argument("--parent", type=int, help="end, with all jobs, when this parent process is no more")
    parser.add_argument("--target", default="runner.training:run", help="the function that trains a run directory")
    parser.add_argument("--preload", default="runner.engines.warm", help="the module that makes forks warm")
    return parser.parse_args(arguments)


def _lock(home: Path) -> IO[str] | None:
    """Take a home folder for this process's life; returns None when another supervisor has it."""
    file = (home / "supervisor.lock").open("w", encoding="utf-8")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return None
    return file


def _pool(options: argparse.Namespace) -> Pool:
    devices = cuda_devices()
    if options.together and devices:
        devices = [",".join(devices)]
    slots = max(1, len(devices) if options.slots is None else options.slots)
    memory = options.memory or int(psutil.virtual_memory().total * _MEMORY_SHARE / slots)
    os.environ.update(thread_environment(slots) | processes.placeholder())  # for the fork server to be exec'ed with
    return Pool(
        JobFolder(options.home / "jobs"),
        slots=slots,
        devices=devices,
        target=options.target,
        preload=options.preload,
        limits=Limits(memory, options.disk, options.log, options.hard_seconds, options.processes),
    )


def _run(arguments: Sequence[str]) -> int:
    options = _options(arguments)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # as SIGTERM: multiprocessing would wait for running jobs at exit
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    options.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = _lock(options.home)
    if lock is None:
        print(f"a supervisor already serves {options.home}")
        return 0
    with lock:
        asyncio.run(_serve(options))
    return 0


async def _serve(options: argparse.Namespace) -> None:
    if options.parent:  # a scheduler that ends a job signals its whole tree; the parent then says what to do
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, lambda: None)
    await Supervisor(_pool(options), socket_path(options.home)).serve(options.parent)


if __name__ == "__main__":
    sys.exit(_run(sys.argv[1:]))
