"""`python -m runner.hub`: reads an order as JSON from stdin, fetches, and writes the outcome as JSON to stdout.

The order is `{"kind": "model" or "exercise", "source": …, "store": URL, "most": bytes}`, the outcome `{"made": …}` or
`{"error": a sentence}`. Everything else that is printed goes to stderr.
"""

import json
import os
import resource
import sys
import traceback
from typing import Any

MEMORY_SHARE = 0.75  # of the machine's
GROWTH = 8  # times the bytes that may be downloaded: what is compressed may not fill the disk


def main() -> int:
    """Do what the order says; returns the exit code: 0 whenever there is an outcome."""
    outcome = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    order = json.load(sys.stdin)
    _confine(order["most"])
    with outcome:
        json.dump(fetch(**order), outcome)
    return 0


def fetch(kind: str, source: str, store: str, most: int) -> dict[str, Any]:
    """Return the outcome of an order."""
    from runner.catalog import ModelError, Own
    from runner.data import DataError
    from runner.hub import HubError

    try:
        own = (
            Own(model=_model(source, store, most)) if kind == "model" else Own(exercise=_exercise(source, store, most))
        )
    except (HubError, DataError, ModelError) as error:
        return {"error": str(error)}
    except (MemoryError, OSError) as error:
        traceback.print_exc()
        return {"error": f"it needs more memory or disk than there is ({type(error).__name__})"}
    return {"made": own.model_dump(mode="json")[kind]}


def _model(source: str, store: str, most: int) -> Any:
    from runner.hub.models import fetch_model

    name, _, revision = source.partition("@")
    return fetch_model(name, revision or "main", store, most)


def _exercise(source: str, store: str, most: int) -> Any:
    from runner.exercise_file import read_exercise
    from runner.hub.data import make_exercise

    return make_exercise(read_exercise(source), store, most)


def _confine(most: int) -> None:
    """Bound what this process can take of the machine, whatever is fetched."""
    memory = int(MEMORY_SHARE * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_FSIZE, (GROWTH * most, GROWTH * most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(10)


if __name__ == "__main__":
    sys.exit(main())
