"""Where a classifier errs: counts, F1 and the mistakes that it was surest of."""

from typing import Any

import numpy as np
import pytest
from datasets import Dataset
from sklearn.metrics import confusion_matrix, f1_score

from runner.analysis import MOST_LABELS, OTHERS, TEXT_CHARACTERS
from runner.catalog import PACKAGED
from runner.training.methods import load_tokenizer
from runner.training.tasks.errors import WORST, as_read, errors

LABELS = ("a", "b", "c")


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return load_tokenizer(PACKAGED.models["minilm"])


def rows(tokenizer: Any, texts: list[str]) -> Dataset:
    return Dataset.from_dict({"input_ids": tokenizer(texts)["input_ids"]})


def test_counts_and_f1_are_those_of_scikit_learn(tokenizer: Any) -> None:
    chance = np.random.default_rng(0)
    logits, true = chance.normal(size=(60, 3)), chance.integers(0, 3, 60)
    found = errors("label", LABELS, logits, true, rows(tokenizer, ["text"] * 60), tokenizer)
    assert np.array_equal(found.counts, confusion_matrix(true, logits.argmax(-1)))
    assert found.f1 == pytest.approx(f1_score(true, logits.argmax(-1), average=None))


def test_the_worst_mistakes_are_the_surest_and_come_first(tokenizer: Any) -> None:
    logits = np.array([[4.0, 0, 0], [0, 2.0, 0], [9.0, 0, 0], [0, 0, 3.0]])
    true = np.array([1, 0, 0, 1])  # the third is right
    found = errors("label", LABELS, logits, true, rows(tokenizer, ["first", "second", "third", "fourth"]), tokenizer)
    assert [(m.texts, m.true, m.predicted) for m in found.mistakes] == [
        (("first",), "b", "a"),
        (("fourth",), "b", "c"),
        (("second",), "a", "b"),
    ]
    assert found.mistakes[0].confidence == pytest.approx(np.exp(4) / (np.exp(4) + 2), abs=1e-4)


def test_its_size_is_bounded_in_labels_mistakes_and_characters(tokenizer: Any) -> None:
    labels = [f"label {n}" for n in range(40)]
    true = np.repeat(np.arange(40), np.arange(40, 0, -1))  # the first are the commonest
    logits = np.eye(40)[(true + 1) % 40]
    found = errors("label", labels, logits, true, rows(tokenizer, ["word " * 500] * len(true)), tokenizer)
    assert found.labels == (*labels[: MOST_LABELS - 1], OTHERS)
    assert np.sum(found.counts) == len(true)
    assert len(found.mistakes) == WORST
    assert all(len(text) <= TEXT_CHARACTERS for mistake in found.mistakes for text in mistake.texts)


def test_a_pair_is_shown_as_two_texts_without_the_marks_between(tokenizer: Any) -> None:
    ids = tokenizer("Name", "Two\nlines ☃", padding="max_length", max_length=20)["input_ids"]
    assert as_read(tokenizer, ids) == ("name", "two lines [UNK]")
