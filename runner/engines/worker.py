"""`python -m runner.engines.worker RUN_DIR --job ID`: one job, on a machine that a scheduler like Ray's hands out.

The scheduler starts, signals and may kill this process. The job itself is held by a supervisor of its own, as on any
other machine: a clean environment, the same limits, nothing left behind. Killing this process ends both at once.
"""

import argparse
import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from runner.engines import EngineError, JobStatus
from runner.engines.child import NOT_RUN
from runner.engines.local import LocalEngine
from runner.run_dir import RunDir

LOOK = 0.1  # seconds between two looks at the job
SIGNALLED = 128  # added to a signal's number, as shells do, to say by an exit code that it ended the job


def command(python: str, job_id: str, run_dir: str, options: Sequence[str]) -> list[str]:
    """Return the command line that runs a job; `options` are the supervisor's."""
    return [python, "-m", "runner.engines.worker", run_dir, "--job", job_id, *options]


def main(arguments: Sequence[str]) -> int:
    """Run a job and return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m runner.engines.worker", description=__doc__)
    parser.add_argument("run_dir", help="a folder or any fsspec URL")
    parser.add_argument("--job", required=True, help="the job's id")
    parsed, options = parser.parse_known_args(arguments)  # what it does not know is for the supervisor
    os.chdir("/")
    if RunDir(parsed.run_dir).result():
        print("it has a result: it ended, or was cancelled while it waited")
        return 0
    return asyncio.run(_run(parsed.job, parsed.run_dir, options))


async def _run(job_id: str, run_dir: str, options: Sequence[str]) -> int:
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    with tempfile.TemporaryDirectory(prefix="cohort-") as home:
        engine = LocalEngine(Path(home), 1, ["--parent", str(os.getpid()), "--together", *options])
        try:
            await engine.start(job_id, run_dir)
            ended = await _end(engine, job_id, stopped)
        except EngineError as error:
            log = await asyncio.to_thread(Path(home, "supervisor.log").read_text)
            print(f"{error}:\n{log}", file=sys.stderr)
            return NOT_RUN
        finally:
            await engine.shutdown()
    return _exit_code(ended)


async def _end(engine: LocalEngine, job_id: str, stopped: asyncio.Event) -> JobStatus:
    """Wait until the job ends, or end it when this process is told to stop."""
    while (status := await engine.status(job_id)).state in ("pending", "running"):
        if stopped.is_set():
            await engine.stop(job_id)
        await asyncio.sleep(LOOK)
    return status


def _exit_code(ended: JobStatus) -> int:
    code = ended.code if ended.code is not None else -signal.SIGKILL  # nobody saw it end
    return SIGNALLED - code if code < 0 else code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
