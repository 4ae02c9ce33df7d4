"""What `cohort doctor` finds, whoever looked."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. `ok` is None when it could not be looked at, or needs no action to go on."""

    name: str
    ok: bool | None
    found: str
    fix: str = ""  # what to do
