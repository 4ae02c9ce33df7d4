"""The built-in tasks, made from docstrings. Splits follow source files, so near-copies cannot leak across them."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from typing import Literal, TypeVar

import pyarrow as pa

from runner.data.docstrings import KINDS, LIBRARIES, Docstring, fraction

T = TypeVar("T")
Split = Literal["train", "validation", "test"]
ROWS: dict[Split, int] = {"train": 8000, "validation": 1000, "test": 1600}  # at most
_SHARE = {split: rows / sum(ROWS.values()) for split, rows in ROWS.items()}


@dataclass(frozen=True, slots=True)
class Task:
    """How docstrings become the rows of a data set."""

    text_columns: tuple[str, ...]
    heads: dict[str, tuple[str, ...]]
    build: Callable[[Sequence[Docstring], int], pa.Table]


def split(docstrings: Sequence[Docstring]) -> dict[Split, list[Docstring]]:
    """Deal whole source files out to the splits, each library's to whichever lacks most of its share."""
    splits: dict[Split, list[Docstring]] = {name: [] for name in ROWS}
    for group in _group(docstrings, lambda d: d.library):
        dealt = dict.fromkeys(ROWS, 0)
        for of_file in _group(group, lambda d: d.file):
            total = sum(dealt.values()) + len(of_file)
            poorest = max(ROWS, key=lambda name: _SHARE[name] * total - dealt[name])
            dealt[poorest] += len(of_file)
            splits[poorest] += of_file
    return splits


def match(docstrings: Sequence[Docstring], rows: int) -> pa.Table:
    """Pair names with docstrings: half with their own, half with another's of the same library.

    Every name and every docstring comes once, so neither tells the label by itself.
    """
    pairs = list(_interleave(_pairs(group) for group in _by_library(_one_a_name(docstrings))))
    return _table(
        {
            "name": [name for name, _, _ in pairs],
            "docstring": [text for _, text, _ in pairs],
            "label": [label for _, _, label in pairs],
        },
        rows,
    )


def library(docstrings: Sequence[Docstring], rows: int) -> pa.Table:
    """Label docstrings with their library, as many of each."""
    groups = _by_library(docstrings)
    each = min(rows // len(LIBRARIES), *map(len, groups))
    chosen = list(_interleave(group[:each] for group in groups))
    return _table({"docstring": [d.text for d in chosen], "label": [LIBRARIES.index(d.library) for d in chosen]}, rows)


def multi(docstrings: Sequence[Docstring], rows: int) -> pa.Table:
    """Label docstrings with their library and with the kind of thing they describe, all pairs of labels in turn."""
    pairs = [kind for group in _by_library(docstrings) for kind in _group(group, lambda d: d.kind)]
    chosen = list(_interleave(pairs))
    return _table(
        {
            "docstring": [d.text for d in chosen],
            "library": [LIBRARIES.index(d.library) for d in chosen],
            "kind": [KINDS.index(d.kind) for d in chosen],
        },
        rows,
    )


TASKS: dict[str, Task] = {
    "match": Task(("name", "docstring"), {"label": ("no", "yes")}, match),
    "library": Task(("docstring",), {"label": LIBRARIES}, library),
    "multi": Task(("docstring",), {"library": LIBRARIES, "kind": KINDS}, multi),
}


def _pairs(group: Sequence[Docstring]) -> list[tuple[str, str, int]]:
    own, swapped = group[::2], group[1::2]
    others = [*swapped[1:], *swapped[:1]]
    wrong = [(d.name, other.summary, 0) for d, other in zip(swapped, others, strict=True)]
    return list(_interleave([[(d.name, d.summary, 1) for d in own], wrong]))


def _one_a_name(docstrings: Sequence[Docstring]) -> list[Docstring]:
    return list({d.name.lower(): d for d in docstrings}.values())


def _by_library(docstrings: Sequence[Docstring]) -> list[list[Docstring]]:
    shuffled = sorted(docstrings, key=lambda d: fraction(f"{d.name} {d.text}"))
    return _group(sorted(shuffled, key=lambda d: d.library), lambda d: d.library)


def _group(docstrings: Sequence[Docstring], key: Callable[[Docstring], str]) -> list[list[Docstring]]:
    """Collect what has the same key, keys in their order of first appearance."""
    groups: dict[str, list[Docstring]] = defaultdict(list)
    for docstring in docstrings:
        groups[key(docstring)].append(docstring)
    return list(groups.values())


def _interleave(groups: Iterable[Sequence[T]]) -> Iterable[T]:
    return (item for item in chain.from_iterable(zip_longest(*groups)) if item is not None)


def _table(columns: dict[str, list[str] | list[int]], rows: int) -> pa.Table:
    texts = {"name", "docstring"}
    schema = pa.schema([(name, pa.string() if name in texts else pa.int64()) for name in columns])
    return pa.table(columns, schema=schema).slice(0, rows)
