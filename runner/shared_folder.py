"""Folders that the bot and every runner share, beside the run directories: what was fetched from the hub.

They are at any fsspec URL. On this machine's own disk they are used where they are; from object storage they are
copied to the cache, once.
"""

import hashlib
import shutil
from pathlib import Path

from filelock import FileLock
from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

from runner.cache import cache_dir


def local_copy(url: str) -> Path:
    """Return a shared folder as a path on this machine; raises FileNotFoundError when there is none."""
    fs, path = url_to_fs(url)
    if not fs.isdir(path):
        raise FileNotFoundError(f"there is no folder {url}")
    if isinstance(fs, LocalFileSystem):
        return Path(path)
    folder = cache_dir() / "shared" / hashlib.blake2b(url.encode(), digest_size=16).hexdigest()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_suffix(".lock")):
        if not folder.exists():
            partial = folder.with_suffix(".partial")
            shutil.rmtree(partial, ignore_errors=True)  # of a copy that was killed: the lock is ours
            fs.get(path.rstrip("/"), str(partial), recursive=True)
            partial.rename(folder)
    return folder


def publish(folder: Path, url: str) -> None:
    """Put a folder's files where everybody finds them; what is there already, under the same URL, is the same."""
    fs, path = url_to_fs(url)
    if fs.isdir(path):
        return
    partial = f"{path}.partial"
    if fs.isdir(partial):
        fs.rm(partial, recursive=True)
    fs.makedirs(partial, exist_ok=True)
    fs.put(f"{folder}/", f"{partial}/", recursive=True)
    fs.mv(partial, path, recursive=True)
