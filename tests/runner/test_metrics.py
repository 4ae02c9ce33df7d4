"""Metrics agree with scikit-learn's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score

from runner.metrics import accuracy, interval, macro_f1

pairs = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=40)


@given(pairs)
def test_both_metrics_are_those_of_scikit_learn(rows: list[tuple[int, int]]) -> None:
    predicted, true = (np.array(column) for column in zip(*rows, strict=True))
    assert accuracy(predicted, true) == pytest.approx(accuracy_score(true, predicted))
    assert macro_f1(predicted, true) == pytest.approx(f1_score(true, predicted, average="macro"))


def test_an_interval_is_as_wide_as_chance_makes_it():
    right = np.arange(400) % 4 > 0  # 75%
    low, high = interval(lambda rows: float(right[rows].mean()), 400)
    assert 0.69 < low < 0.73
    assert 0.77 < high < 0.81  # two standard errors of 2.2 points
    assert interval(lambda rows: float(right[rows].mean()), 400) == (low, high)
