"""Says every two seconds that a run is alive, also while a step or an evaluation takes long."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from runner.run_dir import RunDir

SECONDS = 2.0


@contextmanager
def heartbeat(run_dir: RunDir) -> Iterator[None]:
    """Beat at once and then until the block ends."""
    ended = threading.Event()

    def beat() -> None:
        while True:
            with suppress(OSError):  # a disk that is full or away for a moment; the next beat may get through
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
