"""Built-in data sets, made from what every installation has: the docstrings of its own libraries."""

from runner.data.docstrings import DataError
from runner.data.store import Card, Splits, cache_dir, is_built, load

__all__ = ["Card", "DataError", "Splits", "cache_dir", "is_built", "load"]
