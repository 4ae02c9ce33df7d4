"""What a model has to beat: of classes the commonest and a linear model on TF-IDF, of text two compressors."""

import lzma
import math
import zlib
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from runner.metrics import METRICS, Classes

Scores = dict[str, dict[str, float]]  # by baseline and metric


def of_heads(train: pa.Table, test: pa.Table, text_columns: Sequence[str], heads: Sequence[str]) -> dict[str, Scores]:
    """Return the test scores of `majority` and `linear` on each head, trained on the whole train split."""
    known, new = (_texts(table, text_columns) for table in (train, test))
    return {head: _one_head(known, new, train[head], test[head]) for head in heads}


def mean_of(by_head: Mapping[str, Scores]) -> Scores:
    """Return the mean over the heads, which is what a task with several is scored by."""
    first, *_ = by_head.values()

    def mean(name: str, metric: str) -> float:
        return round(float(np.mean([scores[name][metric] for scores in by_head.values()])), 4)

    return {name: {metric: mean(name, metric) for metric in METRICS} for name in first}


def of_text(train: Sequence[str], test: Sequence[str]) -> Scores:
    """Return bits per byte of the test texts: by how often each byte comes in the train texts, zlib and xz."""
    known, text = "".join(train).encode(), "".join(test).encode()
    counts = np.bincount(np.frombuffer(known, np.uint8), minlength=256) + 1
    bits = -np.log2(counts / counts.sum())
    sizes = {
        "unigram": float(bits[np.frombuffer(text, np.uint8)].sum()),
        "zlib": 8.0 * len(zlib.compress(text, 9)),
        "xz": 8.0 * len(lzma.compress(text, preset=9)),
    }
    return {name: {"bits-per-byte": round(size / len(text), 4)} for name, size in sizes.items() if math.isfinite(size)}


def _one_head(train: list[str], test: list[str], known: pa.ChunkedArray, true: pa.ChunkedArray) -> Scores:
    from sklearn.feature_extraction.text import TfidfVectorizer  # 2.7 s, and only a first build needs it
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    labels, wanted = known.to_numpy(), true.to_numpy()
    linear = make_pipeline(TfidfVectorizer(), LogisticRegression(max_iter=1000))
    linear.fit(train, labels)
    predicted: Mapping[str, Classes] = {
        "majority": np.full_like(wanted, np.bincount(labels).argmax()),
        "linear": linear.predict(test),
    }
    return {
        name: {metric: round(score(classes, wanted), 4) for metric, score in METRICS.items()}
        for name, classes in predicted.items()
    }


def _texts(table: pa.Table, columns: Sequence[str]) -> list[str]:
    return [" ".join(row) for row in zip(*(table[column].to_pylist() for column in columns), strict=True)]
