"""The one kind of error that a person may see."""

from collections.abc import Iterable
from difflib import get_close_matches


class UserError(Exception):
    """A mistake that the person can mend: what was wrong, and in `hint` what would be right."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


def nearest(word: str, names: Iterable[str]) -> str:
    """Return ` Did you mean X?` for the closest of `names`, or nothing when none is close."""
    found = get_close_matches(word.lower(), list(names), n=1, cutoff=0.5)
    return f" Did you mean {found[0]}?" if found else ""
