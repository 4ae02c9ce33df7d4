"""Spelling, by codespell: it knows common misspellings, so that names, code and rare words raise no alarm."""

import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

# Words that are right here: an adverb, a piece of a word, and to tune again.
_MEANT = ("attribut", "fro", "retuned")
_FOUND = re.compile(r"(?P<file>.+):(?P<line>\d+): (?P<wrong>.+) ==> (?P<right>.+)")


def available() -> bool:
    """Say whether codespell is installed, which only authors need."""
    return find_spec("codespell_lib") is not None


def misspelled(folder: Path) -> Iterator[tuple[str, int, str]]:
    """Yield each misspelled word below `folder`: the file from `lessons/` on, the line, and what to write."""
    files = sorted(map(str, folder.rglob("*.md")))
    command = [sys.executable, "-m", "codespell_lib", "--ignore-words-list", ",".join(_MEANT), *files]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  (our own files)
    for match in filter(None, map(_FOUND.fullmatch, ended.stdout.splitlines())):
        path = f"lessons/{Path(match['file']).relative_to(folder).as_posix()}"
        yield path, int(match["line"]), f'"{match["wrong"]}" is misspelled; write {match["right"]}'
