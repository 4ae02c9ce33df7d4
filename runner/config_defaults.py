"""What a config has where it says nothing: the exercise's own defaults, and a learning rate that suits its method."""

from collections.abc import Mapping
from typing import Any

from runner.config_schema import Config, Training
from runner.exercise import exercises

# What trains well on the exercises with MiniLM and AdamW: head-only, LoRA and prompt tuning as measured in
# RUNNER-FACTS.md; of IA3 and BitFit the best of three
# and four rates on match (3e-2: 84.6%, 1e-2: 84.3%, 3e-3: 81.3%; 2e-3: 83.3%, 5e-3: 82.4%, 1e-3: 81.3%).
METHOD_RATE = {"head-only": 1e-2, "lora": 2e-3, "prompt-tuning": 3e-2, "ia3": 1e-2, "bitfit": 2e-3}
# Of full fine-tuning on match (84.2 and 84.1%): undivided by the gradients' own size, a step is far shorter.
OPTIM_RATE = {"sgd": 0.1, "adagrad": 1e-3}


def usual_learning_rate(exercise: str, method: str, optim: str = "adamw_torch_fused") -> float:
    """Return the learning rate that a config without one has."""
    training: dict[str, Any] = exercises()[exercise].defaults.get("training", {}) if exercise in exercises() else {}
    return float(_own_rate(method, optim) or training.get("learning_rate") or Training().learning_rate)


def _own_rate(method: object, optim: object) -> float | None:
    """Return the rate that a method or an optimizer asks for, whatever the exercise."""
    if isinstance(method, str) and method in METHOD_RATE:
        return METHOD_RATE[method]
    return OPTIM_RATE.get(optim) if isinstance(optim, str) and method in (None, "full") else None


def default(exercise: str, section: str, key: str) -> Any:
    """Return what a key is when a config of this exercise does not give it."""
    if (section, key) == ("training", "learning_rate"):
        return usual_learning_rate(exercise, "full")
    own: dict[str, Any] = exercises()[exercise].defaults.get(section, {}) if exercise in exercises() else {}
    return own.get(key, getattr(getattr(Config(exercise=exercise), section), key))


def with_defaults(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of a config's data with the defaults of its exercise, method and optimizer below what it says."""
    name, training = given.get("exercise"), given.get("training")
    defaults = dict(exercises()[name].defaults) if isinstance(name, str) and name in exercises() else {}
    optim = training.get("optim") if isinstance(training, Mapping) else None
    if rate := _own_rate(given.get("method"), optim):
        defaults["training"] = {**defaults.get("training", {}), "learning_rate": rate}
    data = {**defaults, **given}
    for key, value in defaults.items():
        if isinstance(value, Mapping) and isinstance(data[key], Mapping):
            data[key] = {**value, **data[key]}
    return data
