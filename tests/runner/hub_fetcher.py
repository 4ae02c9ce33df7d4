"""A process that fetches from a hub, kept warm for many orders: HF_ENDPOINT is read once, when its libraries load."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

MOST = 10**8  # bytes
_LOOP = """
import json, os, sys
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
from runner.hub.__main__ import fetch
for line in sys.stdin:
    print(json.dumps(fetch(**json.loads(line))), file=answers, flush=True)
"""


def environment(hub: str, home: Path, token: str | None = None) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGING"))}
    more = {"HF_TOKEN": token} if token else {}
    return {**kept, **more, "HF_ENDPOINT": hub, "HF_HOME": str(home), "HF_HUB_DISABLE_PROGRESS_BARS": "1"}


class Fetcher:
    """Gives orders, one after the other."""

    def __init__(self, hub: str, home: Path, store: Path, token: str | None = None) -> None:
        self._store = store
        self._process = subprocess.Popen(
            [sys.executable, "-c", _LOOP],
            env=environment(hub, home, token),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __call__(self, kind: str, source: str, most: int = MOST) -> dict[str, Any]:
        assert self._process.stdin
        assert self._process.stdout
        order = {"kind": kind, "source": source, "store": str(self._store), "most": most}
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        outcome: dict[str, Any] = json.loads(self._process.stdout.readline())
        return outcome

    def made(self, kind: str, source: str) -> dict[str, Any]:
        """Return what came of an order that must succeed."""
        outcome = self(kind, source)
        assert "made" in outcome, outcome
        made: dict[str, Any] = outcome["made"]
        return made

    def error(self, kind: str, source: str, most: int = MOST) -> str:
        """Return why an order was refused."""
        outcome = self(kind, source, most)
        assert "error" in outcome, outcome
        return str(outcome["error"])

    def close(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait()
