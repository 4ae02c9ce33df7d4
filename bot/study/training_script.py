"""Training scripts, filled in for what a learner trains on."""

from dataclasses import dataclass

from bot.study import background
from bot.study.hardware import LARGE_GB, Hardware
from lessons import Profile, Template, profiles, render, templates

_LEAST_GB = {"gpu": 8, "large-gpu": LARGE_GB, "multi-gpu": 24}  # where a learner named no device


@dataclass(frozen=True, slots=True)
class Script:
    """A script, and the profile that it was filled in with."""

    template: Template
    profile: Profile
    text: str


def fill_in(name: str, found: Hardware) -> Script:
    """Return a script for a learner's hardware; an older GPU gets fp16. Raises KeyError for one that there is not."""
    profile = profiles()[profile_of(found)]
    older = profile.precision == "bf16" and background.fit(found).precision == "fp16"
    text = render(name, profile_of(found), precision="fp16" if older else None)
    return Script(templates()[name], profile, text)


def profile_of(found: Hardware) -> str:
    """Return the name of the largest profile that fits; what is too small for every GPU's has the CPU's."""
    memory = found.memory_gb or _LEAST_GB.get(found.kind, 0)
    if found.kind not in _LEAST_GB or memory < 8:
        return "cpu"
    if memory >= 80:
        return "80gb"
    if memory >= 24:
        return "multi-gpu" if found.count > 1 else "24gb"
    return "8gb"
