"""A real Ray cluster of one machine, for tests: `ray start --head` on the loopback, with one CPU and no GPU."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import psutil
from ray.job_submission import JobSubmissionClient
from ray.util.state import list_nodes

ROOT = Path(__file__).parents[3]
TAG = "LC_COHORT_TEST"  # reaches every process that an engine starts
STARTS_WITHIN = 90.0  # seconds


class RayCluster:
    """A head that a test may kill and start again at the same address; its folder and ports are its own."""

    def __init__(self, **environment: str) -> None:
        # Not in pytest's folder: Ray's sockets are below it, and their paths must be short.
        self._folder = Path(tempfile.mkdtemp(prefix="ray-", dir="/tmp"))
        self._port, self._dashboard = _free_ports(2)
        self.tag = str(self._folder)
        ours = {TAG: self.tag, "PYTHONPATH": str(ROOT), "RAY_USAGE_STATS_ENABLED": "0"}
        self._environment = {**os.environ, **environment, **ours}
        self._head: subprocess.Popen[bytes] | None = None
        self.address = f"http://127.0.0.1:{self._dashboard}"

    def start(self) -> None:
        """Start the head, unless it runs, and wait until it takes jobs."""
        if self._head:
            return
        options = {
            "node-ip-address": "127.0.0.1",
            "port": self._port,
            "dashboard-host": "127.0.0.1",
            "dashboard-port": self._dashboard,
            "dashboard-agent-listen-port": 0,
            "metrics-export-port": 0,
            "num-cpus": 1,
            "num-gpus": 0,
            "object-store-memory": 80_000_000,
            "temp-dir": self._folder,
        }
        arguments = [f"--{name}={value}" for name, value in options.items()]
        with (self._folder / "head.log").open("ab") as log:
            self._head = subprocess.Popen(
                [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", *arguments],
                env=self._environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + STARTS_WITHIN
        while time.monotonic() < deadline:
            with suppress(Exception):  # at first nothing answers, then one part of it after the other
                JobSubmissionClient(self.address).list_jobs()
                if list_nodes(address=self.address, filters=[("state", "=", "ALIVE")]):
                    return
            time.sleep(0.1)
        raise TimeoutError(f"Ray did not start: {(self._folder / 'head.log').read_text()[-2000:]}")

    def kill(self) -> None:
        """Kill the head with all that belongs to it, jobs' own processes excepted."""
        if self._head is None:
            return
        ours = [process for process in psutil.process_iter(["cmdline"]) if self._owns(process)]
        for process in ours:
            with suppress(psutil.Error):
                process.send_signal(signal.SIGKILL)
        psutil.wait_procs(ours, 10)
        self._head.wait()
        self._head = None

    def _owns(self, process: psutil.Process) -> bool:
        line = " ".join(process.info["cmdline"] or ())
        return process.pid == self._head_pid or str(self._folder) in line or self._is_worker(process)

    @property
    def _head_pid(self) -> int:
        return self._head.pid if self._head else 0

    def _is_worker(self, process: psutil.Process) -> bool:
        """Say whether it is a worker of our raylet, which hides its command line behind `ray::`."""
        with suppress(psutil.Error):
            return (process.info["cmdline"] or [""])[0].startswith("ray::") and any(
                str(self._folder) in " ".join(parent.cmdline()) for parent in process.parents()
            )
        return False

    def jobs_processes(self) -> list[psutil.Process]:
        """Return the living processes of all jobs, whoever is their parent now."""
        found = psutil.process_iter(["environ", "status"])
        return [p for p in found if _is_ours(p.info["environ"] or {}, self.tag) and p.info["status"] != "zombie"]

    def remove(self) -> None:
        """End the cluster for good."""
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)


def _is_ours(environment: dict[str, str], tag: str) -> bool:
    return environment.get(TAG) == tag and "COHORT_JOB" in environment


def _free_ports(number: int) -> list[int]:
    sockets = [socket.socket() for _ in range(number)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports
