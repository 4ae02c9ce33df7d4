"""What a config has where it says nothing: the exercise's own defaults, and a learning rate that suits its method."""

from collections.abc import Mapping
from typing import Any

from runner.catalog import PACKAGED, Catalog
from runner.config_schema import Config, Training

# What trains well on the exercises with MiniLM and AdamW: head-only, LoRA and prompt tuning as measured in
# RUNNER-FACTS.md; of IA3 and BitFit the best of three
# and four rates on match (3e-2: 84.6%, 1e-2: 84.3%, 3e-3: 81.3%; 2e-3: 83.3%, 5e-3: 82.4%, 1e-3: 81.3%).
METHOD_RATE = {"head-only": 1e-2, "lora": 2e-3, "prompt-tuning": 3e-2, "ia3": 1e-2, "bitfit": 2e-3}
# Of full fine-tuning on match (84.2 and 84.1%): undivided by the gradients' own size, a step is far shorter.
OPTIM_RATE = {"sgd": 0.1, "adagrad": 1e-3}
# What an exercise's defaults say of models that start from random weights, and is wrong for pretrained ones.
_FROM_SCRATCH = {"training": ("learning_rate", "adam_beta2"), "data": ("tokenizer", "vocab_size")}


def usual_learning_rate(
    exercise: str, method: str, optim: str = "adamw_torch_fused", *, model: str = "", catalog: Catalog = PACKAGED
) -> float:
    """Return the learning rate that a config without one has."""
    training = _defaults(exercise, model, catalog).get("training", {})
    return float(_own_rate(method, optim) or training.get("learning_rate") or Training().learning_rate)


def _own_rate(method: object, optim: object) -> float | None:
    """Return the rate that a method or an optimizer asks for, whatever the exercise."""
    if isinstance(method, str) and method in METHOD_RATE:
        return METHOD_RATE[method]
    return OPTIM_RATE.get(optim) if isinstance(optim, str) and method in (None, "full") else None


def default(config: Config, section: str, key: str, catalog: Catalog = PACKAGED) -> Any:
    """Return what a key is when a config of this exercise and model does not give it."""
    own = _defaults(config.exercise, config.model, catalog).get(section, {})
    return own.get(key, getattr(getattr(Config(exercise=config.exercise), section), key))


def with_defaults(given: Mapping[str, Any], catalog: Catalog = PACKAGED) -> dict[str, Any]:
    """Return a copy of a config's data with the defaults of its exercise, method and optimizer below what it says."""
    defaults, training = _defaults(given.get("exercise"), given.get("model"), catalog), given.get("training")
    optim = training.get("optim") if isinstance(training, Mapping) else None
    if rate := _own_rate(given.get("method"), optim):
        defaults["training"] = {**defaults.get("training", {}), "learning_rate": rate}
    data = {**defaults, **given}
    for key, value in defaults.items():
        if isinstance(value, Mapping) and isinstance(data[key], Mapping):
            data[key] = {**value, **data[key]}
    return data


def _defaults(exercise: Any, model: Any, catalog: Catalog) -> dict[str, Any]:
    """Return an exercise's own defaults, as far as they suit a model; none for what is no exercise."""
    found = catalog.exercises.get(exercise) if isinstance(exercise, str) else None
    chosen = catalog.models.get(model) if isinstance(model, str) else None
    defaults = dict(found.defaults) if found else {}
    for section, keys in _FROM_SCRATCH.items() if chosen and chosen.pretrained else ():
        if section in defaults:
            defaults[section] = {key: value for key, value in defaults[section].items() if key not in keys}
    return defaults
