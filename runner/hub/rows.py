"""Rows of a data set of the hub: the columns that an exercise names, checked, as texts and class numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from datasets import ClassLabel, Dataset, Value

from runner.config_names import right_names
from runner.exercise_file import ExerciseFile
from runner.hub.repo import HubError

MOST_ROWS = 1_000_000  # read of one split
MOST_LABELS = 200
LONGEST = 20_000  # characters kept of a text that is classified; far more than any model here reads
HIDDEN = -1  # how a data set says that it keeps the labels of a split to itself

Split = Literal["train", "validation", "test"]


@dataclass(frozen=True, slots=True)
class Rows:
    """Texts with the values of the label columns, and what the labels are called where the data say so."""

    texts: list[tuple[str, ...]]
    values: list[tuple[Any, ...]]
    names: dict[str, tuple[str, ...]]


def read_rows(file: ExerciseFile, split: str, data: Dataset) -> Rows:
    """Return the rows of a split that have all their texts and labels. Raises HubError."""
    _check_columns(file, data)
    data = data.select(range(min(len(data), MOST_ROWS)))
    texts = list(zip(*(data[column] for column in file.text_columns), strict=True))
    labels = list(zip(*(data[column] for column in file.heads), strict=True)) if file.heads else [()] * len(texts)
    longest = None if file.task == "text-generation" else LONGEST
    whole = [
        (tuple(text[:longest] for text in row), values)
        for row, values in zip(texts, labels, strict=True)
        if all(text and text.strip() for text in row) and not any(value is None or value == HIDDEN for value in values)
    ]
    if not whole:
        hidden = any(HIDDEN in values for values in labels)
        why = "keeps its labels to itself (they are all -1)" if hidden else "has no row with all its texts and labels"
        raise HubError(f"the split {split} of {file.dataset} {why}; name another, or leave it out")
    names = {c: tuple(data.features[c].names) for c in file.heads if isinstance(data.features[c], ClassLabel)}
    return Rows([text for text, _ in whole], [values for _, values in whole], names)


def _check_columns(file: ExerciseFile, data: Dataset) -> None:
    for column in (*file.text_columns, *file.heads):
        if column not in data.features:
            raise HubError(
                f"{file.dataset} has no column {column}; {right_names(column, list(data.features), 'columns')}"
            )
    for column in file.text_columns:
        if not _is_text(data.features[column]):
            raise HubError(f"the column {column} of {file.dataset} holds no texts but {_kind(data.features[column])}")
    for column in file.heads:
        feature = data.features[column]
        if not isinstance(feature, ClassLabel | Value) or _kind(feature).startswith(("float", "double", "binary")):
            raise HubError(f"the column {column} of {file.dataset} holds no labels but {_kind(feature)}")


def _is_text(feature: Any) -> bool:
    return isinstance(feature, Value) and feature.dtype in ("string", "large_string")


def _kind(feature: Any) -> str:
    return str(feature.dtype) if isinstance(feature, Value) else type(feature).__name__


def labels_of(file: ExerciseFile, column: str, place: int, splits: Sequence[Rows]) -> tuple[list[Any], tuple[str, ...]]:
    """Return a label column's values in the order of its classes, and what the classes are called. Raises HubError."""
    found = {values[place] for rows in splits for values in rows.values}
    given, names = file.heads[column], splits[0].names.get(column)
    if names is not None and given is not None and len(given) != len(names):
        raise HubError(f"{column} has {len(names)} labels in {file.dataset}, and {len(given)} are given")
    if names is not None:
        values: list[Any] = list(range(len(names)))
    elif given is not None and found <= set(given):  # the labels themselves stand in the data
        values = list(given)
    else:
        values = sorted(found, key=lambda value: (str(type(value)), value))
    labels = tuple(given or names or (str(value) for value in values))
    if len(values) != len(labels):
        shown = ", ".join(str(value)[:40] for value in values[:10])
        raise HubError(f"{column} has {len(values)} labels in {file.dataset} ({shown}), and {len(labels)} are given")
    if not 2 <= len(found) <= MOST_LABELS:
        raise HubError(
            f"{column} has {len(found):,} different labels in {file.dataset}; from 2 to {MOST_LABELS} can be learned"
        )
    return values, labels
