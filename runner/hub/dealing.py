"""Deals rows out to the splits, hides a test split where there is none, and measures what an exercise says of its data.

Chance comes from a hash of the texts alone, so a data set is dealt out the same on every machine.
"""

import hashlib
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean
from typing import Any

import pyarrow as pa

from runner.catalog import PACKAGED, ModelError
from runner.data import Card, baselines
from runner.data.docstrings import fraction
from runner.data.store import content_hash, tokens_per_row
from runner.data.tasks import Split
from runner.exercise import Exercise, Metric
from runner.exercise_file import ExerciseFile
from runner.hub.repo import HubError
from runner.hub.rows import Rows, labels_of

SHARES: dict[Split, float] = {"test": 0.15, "validation": 0.1}  # of the train split, where there is no other
MOST: dict[Split, int] = {"train": 100_000, "validation": 2_000, "test": 5_000}  # rows
MOST_BYTES: dict[Split, int] = {"train": 20_000_000, "validation": 200_000, "test": 500_000}  # of texts to model
LEAST: dict[Split, int] = {"train": 32, "validation": 8, "test": 16}  # rows
BYTES_A_TOKEN = 3.1  # of English and of source code
WORD = 1.4  # tokens, where MiniLM's tokenizer is not installed
Row = tuple[tuple[str, ...], tuple[int, ...]]  # texts, and the class numbers of the heads


@dataclass(frozen=True, slots=True)
class Dealt:
    """A data set's tables, the labels of its heads, and the hash that a leaderboard is kept by."""

    tables: dict[Split, pa.Table]
    heads: dict[str, tuple[str, ...]]
    hash: str

    def card(self, file: ExerciseFile) -> Card:
        """Describe the data, with the baselines' scores; as with source code, a row of a text to model is a byte."""
        tables, columns, language = self.tables, text_columns(file), file.task == "text-generation"
        if language:
            texts = {split: table["text"].to_pylist() for split, table in tables.items()}
            rows = {split: len("".join(each).encode()) for split, each in texts.items()}
            scores, by_head = baselines.of_text(texts["train"], texts["test"]), {}
        else:
            rows = {split: table.num_rows for split, table in tables.items()}
            by_head = baselines.of_heads(tables["train"], tables["test"], columns, list(self.heads))
            scores = baselines.mean_of(by_head)
        return Card(
            name=file.dataset,
            text_columns=columns,
            heads=self.heads,
            rows=rows,
            tokens_per_row=0 if language else round(_tokens_per_row(tables["train"], columns), 1),
            hash=self.hash,
            versions={},
            baselines=scores,
            head_baselines=by_head if len(by_head) > 1 else {},
        )


def exercise_of(file: ExerciseFile, dealt: Dealt, card: Card, revision: str, files: str) -> Exercise:
    """Return the exercise that an author's file makes of data at a commit, which are at the URL `files`."""
    language = file.task == "text-generation"
    tokens = 1024.0 if language else card.tokens_per_row  # of a block of text there are as many as it is long
    epoch = card.rows["train"] / BYTES_A_TOKEN if language else card.rows["train"] * card.tokens_per_row
    return Exercise(
        name=file.name,
        title=file.title or f"{file.name}, from {file.dataset}",
        summary=file.summary or f"The data are {file.dataset} on the Hub.",
        task=file.task,
        dataset=file.dataset,
        subset=file.subset,
        revision=revision,
        files=files,
        text_columns=card.text_columns,
        heads=dealt.heads,
        metric=_metric(file, dealt.tables["test"].num_rows),
        baseline=file.baseline_name,
        budget=file.budget_for(round(epoch)),
        train_rows=card.rows["train"],
        tokens_per_row=tokens,
        defaults=_defaults(file),
    )


def deal(file: ExerciseFile, found: Mapping[str, Rows]) -> Dealt:
    """Return the data of an exercise. Raises HubError when there are too few."""
    rows, heads = _with_classes(file, found)
    _hide(rows)
    splits: dict[Split, list[Row]] = {split: _most(file, split, _shuffled(rows[split])) for split in MOST}
    seen: set[tuple[str, ...]] = set()
    for split in ("test", "validation", "train"):  # each text is in one of them, or the test could be known by heart
        splits[split] = [row for row in splits[split] if row[0] not in seen]
        seen |= {row[0] for row in splits[split]}
    for split, usual in LEAST.items():
        least = 1 if file.task == "text-generation" else usual
        if len(splits[split]) < least:
            raise HubError(f"{file.dataset} leaves {len(splits[split])} rows for {split}, and {least} are the least")
    tables = {split: _table(file, splits[split], list(heads)) for split in MOST}
    return Dealt(tables, heads, _hash(file, tables))


def _with_classes(
    file: ExerciseFile, found: Mapping[str, Rows]
) -> tuple[dict[str, list[Row]], dict[str, tuple[str, ...]]]:
    """Return the rows with class numbers for labels, and the labels of each head."""
    numbers, heads = [], {}
    for place, column in enumerate(file.heads):
        values, heads[column] = labels_of(file, column, place, list(found.values()))
        numbers.append({value: number for number, value in enumerate(values)})
    rows = {
        split: [
            (text, tuple(classes[value] for classes, value in zip(numbers, values, strict=True)))
            for text, values in zip(each.texts, each.values, strict=True)
        ]
        for split, each in found.items()
    }
    return rows, heads


def _hide(rows: dict[str, list[Row]]) -> None:
    """Take a share of the train split for each split that is not there, of each class as much."""
    for split, share in SHARES.items():
        if split in rows:
            continue
        by_class: dict[tuple[int, ...], list[Row]] = defaultdict(list)
        for row in _shuffled(rows["train"]):
            by_class[row[1]].append(row)
        least = 0 if any(by_class) else 1  # texts without classes may be few and long: whole books
        rows[split] = [row for group in by_class.values() for row in group[: max(least, round(share * len(group)))]]
        taken = {row[0] for row in rows[split]}
        rows["train"] = [row for row in rows["train"] if row[0] not in taken]


def _shuffled(rows: Sequence[Row]) -> list[Row]:
    """Return the rows with different texts, in an order that depends on the texts alone."""
    return sorted({row[0]: row for row in rows}.values(), key=lambda row: fraction("\n".join(row[0])))


def _most(file: ExerciseFile, split: Split, rows: list[Row]) -> list[Row]:
    if file.task != "text-generation":
        return rows[: MOST[split]]
    kept: list[Row] = []
    size = 0
    for row in rows:
        size += len(row[0][0].encode())
        if size > MOST_BYTES[split] and kept:
            break
        kept.append(row)
    return kept


def _table(file: ExerciseFile, rows: list[Row], heads: list[str]) -> pa.Table:
    columns = text_columns(file)
    texts = {column: pa.array([row[0][i] for row in rows], pa.string()) for i, column in enumerate(columns)}
    return pa.table(texts | {head: pa.array([row[1][i] for row in rows], pa.int64()) for i, head in enumerate(heads)})


def text_columns(file: ExerciseFile) -> tuple[str, ...]:
    """Return what the columns with texts are called in our tables."""
    return ("text",) if file.task == "text-generation" else tuple(file.text_columns)


def _hash(file: ExerciseFile, tables: dict[Split, pa.Table]) -> str:
    """Return what a leaderboard is kept by: of other data, or scored otherwise, it is another."""
    said = f"{content_hash(tables)} {file.metric_name} {','.join(text_columns(file))}"
    return hashlib.blake2b(said.encode(), digest_size=8).hexdigest()


def _tokens_per_row(table: pa.Table, columns: tuple[str, ...]) -> float:
    try:
        return tokens_per_row(table, columns)
    except ModelError:
        return mean(WORD * sum(len(row[c].split()) for c in columns) for row in table.to_pylist())


def _metric(file: ExerciseFile, rows: int) -> Metric:
    """Return the metric; scores are the same within two standard errors, which depend on the rows of the test split."""
    if file.task == "text-generation":
        return PACKAGED.exercises["stdlib"].metric
    return Metric(name=file.metric_name, tie=round(min(0.25, 1 / math.sqrt(rows)), 3))


def _defaults(file: ExerciseFile) -> dict[str, Any]:
    if file.task != "text-generation":
        return file.defaults
    usual = PACKAGED.exercises["stdlib"].defaults
    merged = {**usual, **file.defaults}
    for key, value in usual.items():
        if isinstance(value, Mapping):
            merged[key] = {**value, **merged[key]}
    return merged
