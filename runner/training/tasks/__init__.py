"""What each kind of task trains on, and how it is scored. One module a kind, with `prepare` and `build`."""

from collections.abc import Mapping
from types import ModuleType

from torch import nn

from runner.catalog import MODELS, Model
from runner.config import Config
from runner.exercise import Exercise
from runner.training.tasks import multi_task, text_classification, text_generation
from runner.training.tasks.prepared import Prepared

__all__ = ["Prepared", "build", "prepare"]

_TASKS: dict[str, ModuleType] = {
    "text-classification": text_classification,
    "multi-task": multi_task,
    "text-generation": text_generation,
}


def prepare(config: Config, exercise: Exercise, models: Mapping[str, Model] = MODELS) -> Prepared:
    """Load data, tokenizer and model; new weights are drawn from torch's seed. Raises DataError and ModelError."""
    prepared: Prepared = _TASKS[exercise.task].prepare(config, exercise, models[config.model])
    return prepared


def build(config: Config, exercise: Exercise, vocabulary: int, model: Model) -> nn.Module:
    """Return the model alone, for a tokenizer with so many entries; new weights are drawn from torch's seed."""
    network: nn.Module = _TASKS[exercise.task].build(config, exercise, vocabulary, model)
    return network
