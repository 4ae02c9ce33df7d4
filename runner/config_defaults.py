"""What a config has where it says nothing: the exercise's own defaults, and a learning rate that suits its method."""

from collections.abc import Mapping
from typing import Any

from runner.config_schema import Config, Training
from runner.exercise import exercises

# What trains well on the exercises with MiniLM: head-only, LoRA and prompt tuning as measured in RUNNER-FACTS.md.
METHOD_RATE = {"head-only": 1e-2, "lora": 2e-3, "prompt-tuning": 3e-2, "ia3": 1e-2, "bitfit": 2e-3}


def usual_learning_rate(exercise: str, method: str) -> float:
    """Return the learning rate that a config without one has."""
    training: dict[str, Any] = exercises()[exercise].defaults.get("training", {}) if exercise in exercises() else {}
    return float(METHOD_RATE.get(method) or training.get("learning_rate") or Training().learning_rate)


def default(exercise: str, section: str, key: str) -> Any:
    """Return what a key is when a config of this exercise does not give it."""
    if (section, key) == ("training", "learning_rate"):
        return usual_learning_rate(exercise, "full")
    own: dict[str, Any] = exercises()[exercise].defaults.get(section, {}) if exercise in exercises() else {}
    return own.get(key, getattr(getattr(Config(exercise=exercise), section), key))


def with_defaults(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of a config's data with the exercise's and the method's defaults below what it says."""
    name, method = given.get("exercise"), given.get("method")
    defaults = dict(exercises()[name].defaults) if isinstance(name, str) and name in exercises() else {}
    if isinstance(method, str) and method in METHOD_RATE:
        defaults["training"] = {**defaults.get("training", {}), "learning_rate": METHOD_RATE[method]}
    data = {**defaults, **given}
    for key, value in defaults.items():
        if isinstance(value, Mapping) and isinstance(data[key], Mapping):
            data[key] = {**value, **data[key]}
    return data
