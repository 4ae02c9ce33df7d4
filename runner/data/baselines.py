"""What a model has to beat: the commonest class, and a linear model on TF-IDF."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from runner.metrics import METRICS


def baselines(train: pa.Table, test: pa.Table, text_columns: Sequence[str]) -> dict[str, dict[str, float]]:
    """Return the test scores of `majority` and `linear`, trained on the whole train split, by metric."""
    from sklearn.feature_extraction.text import TfidfVectorizer  # 2.7 s, and only a first build needs it
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    true, known = test["label"].to_numpy(), train["label"].to_numpy()
    linear = make_pipeline(TfidfVectorizer(), LogisticRegression(max_iter=1000))
    linear.fit(_texts(train, text_columns), known)
    predicted = {
        "majority": np.full_like(true, np.bincount(known).argmax()),
        "linear": linear.predict(_texts(test, text_columns)),
    }
    return {
        name: {metric: round(score(classes, true), 4) for metric, score in METRICS.items()}
        for name, classes in predicted.items()
    }


def _texts(table: pa.Table, columns: Sequence[str]) -> list[str]:
    return [" ".join(row) for row in zip(*(table[column].to_pylist() for column in columns), strict=True)]
