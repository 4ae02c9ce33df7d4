"""Says every two seconds that a run is alive, also while a step or an evaluation takes long."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from runner.run_dir import RunDir

SECONDS = 2.0


@contextmanager
def heartbeat(run_dir: RunDir) -> Iterator[None]:
    """Beat at once and then until the block ends."""
    ended = threading.Event()

    def beat() -> None:
        while True:
            run_dir.beat()
            if ended.wait(SECONDS):
                return

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
