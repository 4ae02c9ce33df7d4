"""Carries what a job writes on its machine to its run directory, where that is in object storage.

A training process always has a folder of this machine: it appends, measures and renames there at no cost, and it needs
no way to the storage. What has changed is copied every second, so that the run can be followed; its result comes last.
Credentials are the machine's own (its role, or fsspec's and the storage's files below HOME), never the environment's.
"""

import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import fsspec

LAST = "result.json"  # a run directory that has it is complete


class Mirror:
    """Copies one job's folder, each file when it has changed."""

    def __init__(self, folder: Path, url: str) -> None:
        self._folder = folder
        self._url = url.rstrip("/")
        self._copied: dict[str, tuple[int, int]] = {}
        self._lock = threading.Lock()

    def fetch(self) -> None:
        """Bring what is in the run directory: the config, and what an earlier attempt has left. Blocks."""
        fs, root = fsspec.core.url_to_fs(self._url)
        self._folder.mkdir(parents=True, exist_ok=True)
        for path in fs.find(root):
            target = self._folder / path.removeprefix(root).lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            fs.get_file(path, str(target))

    def push(self, *, ended: bool) -> None:
        """Copy what has changed since the last time; blocks. Where the storage fails, the next call goes on.

        The result is copied last, and only once the job has `ended`.
        """
        with self._lock:
            fs, root = fsspec.core.url_to_fs(self._url)
            for name in sorted(self._names(), key=lambda name: name == LAST):
                if name == LAST and not ended:
                    continue
                path = self._folder / name
                with suppress(FileNotFoundError):  # it was there a moment ago
                    found = path.stat()
                    version = (found.st_mtime_ns, found.st_size)
                    if self._copied.get(name) != version:
                        fs.put_file(str(path), f"{root}/{name}")
                        self._copied[name] = version

    def _names(self) -> Iterator[str]:
        for path in self._folder.rglob("*"):
            name = path.relative_to(self._folder)
            scratch = name.parts[0].startswith(("cohort-", ".")) or name.name.startswith(".")
            if path.is_file() and not path.is_symlink() and not scratch:
                yield name.as_posix()
