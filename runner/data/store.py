"""Keeps the built-in data on disk: built once for each set of library versions, whoever asks first."""

import hashlib
import json
import multiprocessing
import shutil
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock
from pydantic import BaseModel, ConfigDict, Field
from tokenizers import Tokenizer

from runner.cache import cache_dir
from runner.catalog import package_folder
from runner.data import baselines, source_code
from runner.data.docstrings import LIBRARIES, DataError, Docstring, collect, versions
from runner.data.tasks import ROWS, TASKS, Split, Task, split
from runner.exercise import Exercise
from runner.shared_folder import local_copy

FORMAT = 3  # counted up when docstrings are read, cleaned or dealt out differently
NAMES = (*TASKS, "stdlib")
MAX_LENGTH = 64  # tokens, where `tokens_per_row` is measured


class Card(BaseModel):
    """What a data set is, stored beside it as `card.json`."""

    model_config = ConfigDict(frozen=True)

    name: str
    text_columns: tuple[str, ...]
    heads: dict[str, tuple[str, ...]] = Field(description="the labels of each label column")
    rows: dict[Split, int]
    tokens_per_row: float
    hash: str
    versions: dict[str, str]
    baselines: dict[str, dict[str, float]]
    head_baselines: dict[str, dict[str, dict[str, float]]] = Field(
        default_factory=dict, description="of several heads, each by itself"
    )


@dataclass(frozen=True, slots=True)
class Splits:
    """A data set's tables (text columns, and class numbers in label columns) with its card."""

    train: pa.Table
    validation: pa.Table
    test: pa.Table
    card: Card


def load(name: str) -> Splits:
    """Return a built-in data set, built on first use (half a minute); raises DataError when that cannot be."""
    if name not in NAMES:
        raise DataError(f"there is no built-in data set {name!r}; there are {', '.join(NAMES)}")
    return read(_built() / name)


def splits_of(exercise: Exercise) -> Splits:
    """Return an exercise's data: of the hub what was made of it, otherwise the built-in. Raises DataError."""
    if exercise.files is None:
        return load(exercise.dataset)
    try:
        return read(local_copy(exercise.files))
    except FileNotFoundError as error:
        raise DataError(f"the data of {exercise.name} are gone ({error}): an admin can add it anew") from error


def read(folder: Path) -> Splits:
    """Return a data set from a folder that `write` has filled."""
    tables = {name: pq.read_table(folder / f"{name}.parquet") for name in ROWS}
    return Splits(**tables, card=Card.model_validate_json((folder / "card.json").read_bytes()))


def is_built() -> bool:
    """Say whether the data sets are there for the libraries installed here; raises DataError when some are missing."""
    return _folder(versions()).exists()


def _folder(found: dict[str, str]) -> Path:
    key = hashlib.blake2b(json.dumps([FORMAT, found], sort_keys=True).encode(), digest_size=8).hexdigest()
    return cache_dir() / "data" / key


def _built() -> Path:
    """Return the folder of all data sets for the libraries installed here, after building it if need be."""
    found = versions()
    folder = _folder(found)
    if folder.exists():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_suffix(".lock")):
        if not folder.exists():
            _build(folder, found)
    return folder


def _build(folder: Path, found: dict[str, str]) -> None:
    partial = folder.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)  # of a build that was killed: the lock is ours
    splits = split(_unique(_unique(_collect_all(), "summary"), "text"))
    for name, task in TASKS.items():
        tables = {part: task.build(splits[part], rows) for part, rows in ROWS.items()}
        write(partial / name, tables, _card(name, task, tables, found))
    code = source_code.tables()
    write(partial / "stdlib", code, _code_card(code, found))
    partial.rename(folder)  # the whole folder appears at once: a reader sees all of it or nothing


def _collect_all() -> list[Docstring]:
    # Spawned, not forked: a run that builds the data has torch's threads in it.
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        return [docstring for found in pool.map(collect, LIBRARIES) for docstring in found]


def _unique(docstrings: Sequence[Docstring], field: Literal["summary", "text"]) -> list[Docstring]:
    return list({getattr(d, field).lower(): d for d in reversed(docstrings)}.values())[::-1]


def write(folder: Path, tables: dict[Split, pa.Table], card: Card) -> None:
    """Make a folder with a data set."""
    folder.mkdir(parents=True)
    for part, table in tables.items():
        pq.write_table(table, folder / f"{part}.parquet")
    (folder / "card.json").write_text(card.model_dump_json(indent=2), encoding="utf-8")


def _card(name: str, task: Task, tables: dict[Split, pa.Table], found: dict[str, str]) -> Card:
    by_head = baselines.of_heads(tables["train"], tables["test"], task.text_columns, list(task.heads))
    return Card(
        name=name,
        text_columns=task.text_columns,
        heads=task.heads,
        rows={part: table.num_rows for part, table in tables.items()},
        tokens_per_row=round(tokens_per_row(tables["train"], task.text_columns), 1),
        hash=content_hash(tables),
        versions=found,
        baselines=baselines.mean_of(by_head),
        head_baselines=by_head if len(by_head) > 1 else {},
    )


def _code_card(tables: dict[Split, pa.Table], found: dict[str, str]) -> Card:
    """Describe source code: a row of it is a byte."""
    texts = {part: table["text"].to_pylist() for part, table in tables.items()}
    return Card(
        name="stdlib",
        text_columns=("text",),
        heads={},
        rows={part: len("".join(lines).encode()) for part, lines in texts.items()},
        tokens_per_row=0,
        hash=content_hash(tables),
        versions={"stdlib": found["stdlib"]},
        baselines=baselines.of_text(texts["train"], texts["test"]),
    )


def content_hash(tables: dict[Split, pa.Table]) -> str:
    """Return what the data are known by: two sets with the same rows have the same."""
    content = json.dumps([table.to_pydict() for table in tables.values()])
    return hashlib.blake2b(content.encode(), digest_size=8).hexdigest()


def tokens_per_row(table: pa.Table, columns: Sequence[str]) -> float:
    """Return the mean tokens of a row's texts, by MiniLM's tokenizer."""
    tokenizer = Tokenizer.from_file(str(package_folder() / "tokenizer.json"))
    tokenizer.enable_truncation(MAX_LENGTH)
    tokenizer.no_padding()
    rows = list(zip(*(table[column].to_pylist() for column in columns), strict=True))
    return mean(len(encoding.ids) for encoding in tokenizer.encode_batch([r if len(r) > 1 else r[0] for r in rows]))
