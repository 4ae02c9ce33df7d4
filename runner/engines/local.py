"""The local engine: this machine's CPU or GPUs, through a supervisor that outlives the bot."""

import asyncio
import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from runner.engines import EngineError, JobStatus
from runner.engines.machine import clean_environment
from runner.engines.supervisor import command, socket_path

STARTS_WITHIN = 30.0  # seconds for a supervisor to answer; it does so before it is warm
ANSWERS_WITHIN = 60.0  # seconds for an answer; stopping a job takes longest


class LocalEngine:
    """Speaks with the supervisor of a home folder, and starts one when none answers.

    `slots` (runs at once; default one a GPU, or one on CPU) and further `options` of the supervisor's command line
    count only when this engine starts it.
    """

    def __init__(self, home: Path, slots: int | None = None, options: Sequence[str] = ()) -> None:
        self._home = home
        self._command = [*command(home, slots), *options]
        self._process: subprocess.Popen[bytes] | None = None
        self._starting = asyncio.Lock()

    async def capacity(self) -> int:
        """Return how many jobs would start now."""
        return int((await self._ask("capacity"))["capacity"])

    async def start(self, job_id: str, run_dir: str) -> None:
        """Start training a run directory, or queue it; a second call with the same id does nothing."""
        await self._ask("start", job=job_id, run_dir=run_dir)

    async def status(self, job_id: str) -> JobStatus:
        """Return what has become of a job."""
        return JobStatus(**await self._ask("status", job=job_id))

    async def stop(self, job_id: str) -> None:
        """End a job; returns when its whole process tree is gone."""
        await self._ask("stop", job=job_id)

    async def close(self) -> None:
        """Let go of the supervisor: it goes on, with its jobs."""
        if self._process:
            self._process.poll()

    async def shutdown(self) -> None:
        """End all jobs and the supervisor, if there is one; one that is just starting is waited for."""
        try:
            if self._process and self._process.poll() is None:
                await self._ensure_supervisor()
            await self._send("shutdown")
        except (FileNotFoundError, ConnectionError):
            return
        if self._process:
            await asyncio.to_thread(self._process.wait)

    async def _ask(self, do: str, **values: str) -> dict[str, Any]:
        try:
            return await self._send(do, **values)
        except (FileNotFoundError, ConnectionError):
            await self._ensure_supervisor()
            return await self._send(do, **values)  # twice does no harm: every request is idempotent

    async def _send(self, do: str, **values: str) -> dict[str, Any]:
        """Send one request and return its answer; raises EngineError when it could not be done."""
        try:
            async with asyncio.timeout(ANSWERS_WITHIN):
                reader, writer = await asyncio.open_unix_connection(socket_path(self._home))
                try:
                    writer.write(json.dumps({"do": do, **values}).encode() + b"\n")
                    line = await reader.readline()
                finally:
                    writer.close()
        except TimeoutError:
            raise EngineError(f"the runner's supervisor does not answer; see {self._log}") from None
        if not line:
            raise ConnectionResetError("the supervisor ended before it answered")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise EngineError(answer["error"])
        return answer

    async def _ensure_supervisor(self) -> None:
        """Start a supervisor unless one answers; raises EngineError when that does not help."""
        async with self._starting:
            deadline = asyncio.get_running_loop().time() + STARTS_WITHIN
            process = None
            while not await self._answers():
                if process and process.poll():
                    raise EngineError(f"the runner's supervisor could not be started; see {self._log}")
                if asyncio.get_running_loop().time() > deadline:
                    raise EngineError(f"the runner's supervisor did not answer in time; see {self._log}")
                if process is None or process.poll() == 0:  # 0: another one held the home when it came
                    process = self._process = self._spawn()
                await asyncio.sleep(0.05)

    async def _answers(self) -> bool:
        try:
            await self._send("ping")
        except (FileNotFoundError, ConnectionError):
            return False
        return True

    def _spawn(self) -> subprocess.Popen[bytes]:
        """Start a supervisor that has nothing of this process: not its environment, its session or its files."""
        self._home.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._log.open("ab") as output:
            return subprocess.Popen(  # noqa: S603  # our own interpreter, no shell
                self._command,
                cwd="/",
                env=clean_environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    @property
    def _log(self) -> Path:
        return self._home / "supervisor.log"
