"""Metrics agree with scikit-learn's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score

from runner.metrics import accuracy, macro_f1

pairs = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=40)


@given(pairs)
def test_both_metrics_are_those_of_scikit_learn(rows: list[tuple[int, int]]) -> None:
    predicted, true = (np.array(column) for column in zip(*rows, strict=True))
    assert accuracy(predicted, true) == pytest.approx(accuracy_score(true, predicted))
    assert macro_f1(predicted, true) == pytest.approx(f1_score(true, predicted, average="macro"))
