"""One diagnosis of a run."""

from dataclasses import asdict, dataclass
from typing import Any

Value = float | int | str | bool


@dataclass(frozen=True, slots=True)
class Finding:
    """What happened, the evidence in numbers, what to change (dotted key → value) and which lesson explains it."""

    rule: str
    what: str
    evidence: str
    change: dict[str, Value]
    lesson: str

    def as_json(self) -> dict[str, Any]:
        """Return it as the store keeps it."""
        return asdict(self)
