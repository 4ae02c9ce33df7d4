"""Jobs that are no trainings, for the engines' tests: each takes a run directory's path, as `runner.training.run`."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from runner.run_dir import Note, Result, RunDir

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]


def run(run_dir: str) -> int:
    """Do what the run directory's name says, up to its first dot."""
    job = {
        "quick": _quick,
        "sleep": _sleep,
        "stubborn": _stubborn,
        "escape": _escape,
        "cancel": _cancel,
        "release": _release,
        "show": _show,
        "crash": _crash,
        "print": _print,
        "write": _write,
        "allocate": _allocate,
        "grow": _grow,
        "missing": _missing,
        "fork": _fork,
        "full": _full,
    }[Path(run_dir).name.partition(".")[0]]
    with (Path(run_dir) / "starts").open("a") as file:
        file.write(f"{os.getpid()}\n")
    return job(Path(run_dir))


def _quick(folder: Path) -> int:
    print("hello from the job")
    RunDir(str(folder)).finish(Result(status="succeeded", test=0.5))
    return 0


def _sleep(folder: Path) -> int:
    time.sleep(600)
    return 0


def _stubborn(folder: Path) -> int:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    (folder / "ready").touch()
    return _sleep(folder)


def _escape(folder: Path) -> int:
    """Start processes that have left: one of another session, one without an environment, one without a parent."""
    environments: tuple[dict[str, str] | None, ...] = (None, {})
    left = [subprocess.Popen(SLEEP, start_new_session=True, env=env).pid for env in environments]
    if os.fork() == 0:
        os.setsid()
        if orphan := os.fork():
            _put(folder / "left.json", [*left, orphan])
            os._exit(0)
        time.sleep(600)
    return _sleep(folder)


def _cancel(folder: Path) -> int:
    def on_term(*_: object) -> None:
        RunDir(str(folder)).finish(Result(status="cancelled", error="The run was cancelled."))
        sys.exit(1)

    signal.signal(signal.SIGTERM, on_term)
    (folder / "ready").touch()
    return _sleep(folder)


def _release(folder: Path) -> int:
    while not (folder / "release").exists():
        time.sleep(0.02)
    return _quick(folder)


def _show(folder: Path) -> int:
    """Write down all that the job can see."""
    parent = Path(f"/proc/{os.getppid()}")
    grandparent = parent.joinpath("stat").read_text().split()[3]
    seen = {
        "environment": dict(os.environ),
        "server": parent.joinpath("environ").read_text(),
        "supervisor": Path(f"/proc/{grandparent}/environ").read_text(),
        "stdin": sys.stdin.read(),
        "input": os.read(0, 10).decode(),
        "session": os.getsid(0) == os.getpid(),
        "cwd": str(Path.cwd()),
        "modules": sorted(sys.modules),
    }
    _put(folder / "seen.json", seen)
    return 0


def _crash(folder: Path) -> int:
    os.kill(os.getpid(), signal.SIGSEGV)
    return 0


def _print(folder: Path) -> int:
    while True:
        print("x" * 1000)


def _write(folder: Path) -> int:
    for number in range(600):
        (folder / f"file-{number}").write_bytes(b"x" * 100_000)
        time.sleep(0.01)
    return _sleep(folder)


def _allocate(folder: Path) -> int:
    """Ask for more and more, and use it."""
    kept = []
    while True:
        kept.append(bytearray(20 * 10**6))


def _grow(folder: Path) -> int:
    """Use more than is allowed, in two children that each use less."""
    command = [sys.executable, "-c", "import time; x = bytearray(200 * 10**6); time.sleep(600)"]
    first = subprocess.Popen(command)
    subprocess.run(command)
    return first.wait()


def _fork(folder: Path) -> int:
    """Start processes without end; each waits for ever."""
    while True:
        if os.fork() == 0:
            time.sleep(600)
        time.sleep(0.002)


def _full(folder: Path) -> int:
    """Write where there is no room left."""
    (folder / "events.jsonl").symlink_to("/dev/full")
    RunDir(str(folder)).append(Note(text="no room for this"))
    return 0


def _missing(folder: Path) -> int:
    import no_such_library  # type: ignore[import-not-found]

    return int(no_such_library.answer)


def _put(path: Path, value: Any) -> None:
    """Write JSON so that a test which waits for the file finds all of it."""
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(value))
    partial.rename(path)
