"""Fetches from the hub what admins have added, in a process of its own: the bot imports none of what that takes.

The process alone has the token, and only while it fetches; what it leaves is in the store beside the run directories.
"""

import asyncio
import json
import logging
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from bot.store.database import Store
from bot.store.tables import Addition
from bot.study import addition
from runner.engines.machine import clean_environment

log = logging.getLogger(__name__)

_WAY_OUT = {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"}
LOOK = 30.0  # seconds between two signs that it is still being fetched
BROKEN = "it could not be looked at: something broke on our side, and cohort.log has it"


@dataclass(frozen=True, slots=True)
class Hub:
    """Where the hub is, what may be taken of it, and the URL of the folder that it is put into."""

    endpoint: str
    home: Path
    store: str
    most_bytes: int
    most_seconds: float
    token: str | None = field(default=None, repr=False)

    async def fetch(self, kind: str, source: str) -> dict[str, Any]:
        """Return `{"made": …}`, or `{"error": a sentence}`."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "runner.hub",
            env=self._environment(),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        order = {"kind": kind, "source": source, "store": self.store, "most": self.most_bytes}
        try:
            async with asyncio.timeout(self.most_seconds):
                outcome, said = await process.communicate(json.dumps(order).encode())
        except TimeoutError:
            return {"error": f"it took longer than {self.most_seconds:.0f} s to fetch, so I stopped"}
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        try:
            return dict(json.loads(outcome))
        except ValueError:
            log.error("runner.hub ended with code %s: %s", process.returncode, said.decode(errors="replace")[-4_000:])
            return {"error": BROKEN}

    def _environment(self) -> dict[str, str]:
        token = {"HF_TOKEN": self.token} if self.token else {}
        way_out = {name: value for name, value in os.environ.items() if name.upper() in _WAY_OUT}
        return {
            **clean_environment(),
            **way_out,
            **token,
            "HF_ENDPOINT": self.endpoint,
            "HF_HOME": str(self.home),
            "HF_HUB_OFFLINE": "0",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "CUDA_VISIBLE_DEVICES": "",
        }


class Fetcher:
    """Looks at what was added, one after the other, each time `tick` is called."""

    def __init__(self, store: Store, hub: Hub, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._hub = hub
        self._clock = clock

    async def tick(self) -> bool:
        """Look at what is next; return whether there was anything."""
        async with self._store.read() as session:  # mostly there is nothing, and reading waits for nobody
            if not await addition.is_waiting(session):
                return False
        async with self._store.write() as session:
            found = await addition.claim(session, self._clock())
        if found is None:
            return False
        fetching = asyncio.create_task(self._hub.fetch(found.kind, found.source))
        try:
            outcome = await self._wait(found, fetching)
        except asyncio.CancelledError:  # the bot stops: the next process looks again, at once
            fetching.cancel()
            await asyncio.gather(fetching, return_exceptions=True)
            async with self._store.write() as session:
                await addition.renew(session, found, None)
            raise
        async with self._store.write() as session:
            await addition.end(session, found, self._clock(), **outcome)
        return True

    async def _wait(self, found: Addition, fetching: asyncio.Task[dict[str, Any]]) -> dict[str, Any]:
        while not (await asyncio.wait({fetching}, timeout=LOOK))[0]:
            async with self._store.write() as session:
                await addition.renew(session, found, self._clock())
        return fetching.result()
