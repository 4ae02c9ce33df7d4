"""Tokenises an exercise's splits, once for each data set and length: a later run starts without waiting for it."""

import hashlib
import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from datasets import Dataset

from runner.cache import cache_dir
from runner.config import Data
from runner.data import Splits
from runner.data.tasks import ROWS, Split
from runner.training.tasks.prepared import first_rows


def tokenized_splits(splits: Splits, tokenizer: Any, data: Data) -> dict[str, Dataset]:
    """Return all three splits as token ids, as a config asks for them: of the train split its first rows."""
    key = f"{splits.card.hash}-{_fingerprint(tokenizer)}-{data.max_length}"
    found: dict[str, Dataset] = {name: tokenized(splits, name, tokenizer, data.max_length, key) for name in ROWS}
    return {**found, "train": first_rows(found["train"], data.max_train_samples)}


def _fingerprint(tokenizer: Any) -> str:
    """Return what tells tokenizers apart, whatever they are called: two may differ in no more than a few merges."""
    return hashlib.blake2b(tokenizer.backend_tokenizer.to_str().encode(), digest_size=8).hexdigest()


def tokenized(splits: Splits, split: Split, tokenizer: Any, max_length: int, key: str) -> Dataset:
    """Return a split as token ids with `label` (of several heads: `labels`) and `length`, cut to `max_length` tokens.

    It is kept under `key`, which says what it depends on.

    Validation and test come sorted by length, so that a batch is padded to about its own rows.
    """
    path = cache_dir() / "tokenized" / key / f"{split}.parquet"
    if not path.exists():
        _write(_tokenize(splits, split, tokenizer, max_length), path)
    return Dataset(pq.read_table(path))


def _tokenize(splits: Splits, split: Split, tokenizer: Any, max_length: int) -> pa.Table:
    rows: pa.Table = getattr(splits, split)
    texts = [rows[column].to_pylist() for column in splits.card.text_columns]
    encoded = tokenizer(*texts, truncation=True, max_length=max_length)
    columns = {name: pa.array(encoded[name], pa.list_(pa.int32())) for name in tokenizer.model_input_names}
    length = pa.array(map(len, encoded["input_ids"]), pa.int64())
    table = pa.table({**columns, **_labels(rows, list(splits.card.heads)), "length": length})
    return table if split == "train" else table.sort_by("length")


def _labels(rows: pa.Table, heads: list[str]) -> dict[str, pa.Array]:
    if len(heads) == 1:
        return {"label": rows[heads[0]]}
    return {
        "labels": pa.array(list(zip(*(rows[head].to_pylist() for head in heads), strict=True)), pa.list_(pa.int64()))
    }


def _write(table: pa.Table, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}.partial")
    pq.write_table(table, partial)
    partial.replace(path)
