"""Rows of a data set of the hub: the columns that an exercise names, checked, as texts and class numbers."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from datasets import ClassLabel, Dataset, Value

from runner.config_errors import shown_key
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
    data = data.select(range(0, len(data), math.ceil(len(data) / MOST_ROWS) or 1))  # evenly: many are in order of label
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
    there = [shown_key(column) for column in data.features]
    for column in (*file.text_columns, *file.heads):
        if column not in data.features:
            raise HubError(f"{file.dataset} has no column {column}; {right_names(column, there, 'columns')}")
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
    """Return a label column's values in the order of its classes, and what the classes are called. Raises HubError.

    Labels that are given say what numbers mean; words in the data are labels themselves, and the given ones order them.
    """
    found = {values[place] for rows in splits for values in rows.values}
    given, names = file.heads[column], splits[0].names.get(column)
    if not 2 <= len(found) <= MOST_LABELS:
        what = f"{column} has {len(found):,} different labels in {file.dataset}"
        raise HubError(f"{what}; from 2 to {MOST_LABELS} can be learned")
    if given is not None and all(isinstance(value, str) for value in found):
        if unknown := sorted(found - set(given)):
            raise HubError(
                f"{column} has {_shown(unknown)} in {file.dataset}, and the labels given are {_shown(given)}"
            )
        return list(given), tuple(given)
    values = (
        list(range(len(names))) if names is not None else sorted(found, key=lambda value: (str(type(value)), value))
    )
    if given is not None and len(given) != len(values):
        shown = _shown(names or values)
        raise HubError(f"{column} has {len(values)} labels in {file.dataset} ({shown}), and {len(given)} are given")
    return values, tuple(given or names or map(str, values))


def _shown(values: Sequence[Any]) -> str:
    return ", ".join(shown_key(str(value)) for value in values[:10]) + ("…" if len(values) > 10 else "")
