"""Where a classifier errs on the validation split: never on the hidden test, whose rows nobody sees."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from datasets import Dataset
from numpy.typing import NDArray

from runner.analysis import MOST_LABELS, OTHERS, Errors, Mistake, clip
from runner.metrics import Classes

WORST = 8  # mistakes kept for each head


def errors(
    head: str, labels: Sequence[str], logits: NDArray[Any], true: Classes, rows: Dataset, tokenizer: Any
) -> Errors:
    """Return a head's confusion matrix and its most confident mistakes; `logits` is of shape (rows, labels)."""
    predicted = logits.argmax(-1)
    counts = np.zeros((len(labels), len(labels)), np.int64)
    np.add.at(counts, (true, predicted), 1)
    names, shown = _largest(labels, counts)
    return Errors(
        head=head,
        labels=names,
        counts=tuple(tuple(int(n) for n in row) for row in shown),
        f1=_f1(shown),
        mistakes=_worst(labels, logits, true, rows, tokenizer),
    )


def _largest(labels: Sequence[str], counts: NDArray[np.int64]) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Keep the commonest labels and put the others together, where there are too many to be read."""
    if len(labels) <= MOST_LABELS:
        return tuple(labels), counts
    kept = np.sort(np.argsort(-counts.sum(axis=1), kind="stable")[: MOST_LABELS - 1])
    place = np.full(len(labels), MOST_LABELS - 1)
    place[kept] = np.arange(MOST_LABELS - 1)
    fewer = np.zeros((MOST_LABELS, MOST_LABELS), np.int64)
    np.add.at(fewer, (place[:, None], place[None, :]), counts)
    return (*(labels[i] for i in kept), OTHERS), fewer


def _f1(counts: NDArray[np.int64]) -> tuple[float, ...]:
    hits, sizes = np.diag(counts), counts.sum(axis=0) + counts.sum(axis=1)
    return tuple(float(2 * hit / size) if size else 0.0 for hit, size in zip(hits, sizes, strict=True))


def _worst(
    labels: Sequence[str], logits: NDArray[Any], true: Classes, rows: Dataset, tokenizer: Any
) -> tuple[Mistake, ...]:
    predicted, confidence = logits.argmax(-1), _confidence(logits)
    wrong = np.flatnonzero(predicted != true)
    surest = wrong[np.argsort(-confidence[wrong], kind="stable")][:WORST]
    return tuple(
        Mistake(
            texts=as_read(tokenizer, rows[int(row)]["input_ids"]),
            true=labels[true[row]],
            predicted=labels[predicted[row]],
            confidence=round(float(confidence[row]), 4),
        )
        for row in surest
    )


def _confidence(logits: NDArray[Any]) -> NDArray[np.float64]:
    """Return the softmax's largest value of each row."""
    shifted = logits.astype(np.float64) - logits.max(axis=-1, keepdims=True)
    largest: NDArray[np.float64] = 1 / np.exp(shifted).sum(axis=-1)
    return largest


def as_read(tokenizer: Any, ids: Sequence[int]) -> tuple[str, ...]:
    """Return a row's texts as the model read them: lower case where it knows no other, and cut to `max_length`."""
    texts: list[list[int]] = [[]]
    for token in ids:
        if token == tokenizer.sep_token_id:
            texts.append([])
        elif token not in tokenizer.all_special_ids or token == tokenizer.unk_token_id:
            texts[-1].append(token)
    return tuple(clip(tokenizer.decode(text)) for text in texts if text)
