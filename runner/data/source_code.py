"""Python's own standard library as text to model: whole files, dealt out to the splits."""

from pathlib import Path

import pyarrow as pa

from runner.data.docstrings import fraction, source_files
from runner.data.tasks import Split

BYTES: dict[Split, int] = {
    "test": 300_000,
    "validation": 100_000,
}  # of each, from whole files; the rest is for training
LARGEST = 100_000  # bytes: no single file makes up a split


def tables() -> dict[Split, pa.Table]:
    """Return the splits with a file's name and text a row, in an order that never changes."""
    files = [(name, text) for name, path in source_files("stdlib") if (text := _read(path))]
    dealt: dict[Split, list[tuple[str, str]]] = {"train": [], "validation": [], "test": []}
    for split, size in BYTES.items():
        while files and sum(len(text.encode()) for _, text in dealt[split]) < size:
            dealt[split].append(files.pop())
    dealt["train"] = sorted(files, key=lambda file: fraction(file[1]))
    return {
        split: pa.table({"file": [f for f, _ in rows], "text": [t for _, t in rows]}) for split, rows in dealt.items()
    }


def _read(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:  # a test of other encodings
        return ""
    return text if len(text.encode()) <= LARGEST else ""
