"""Built-in data sets, made from what every installation has: the docstrings of its own libraries."""

from runner.data.docstrings import DataError
from runner.data.store import Card, Splits, is_built, load, splits_of

__all__ = ["Card", "DataError", "Splits", "is_built", "load", "splits_of"]
