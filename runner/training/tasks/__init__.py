"""What each kind of task trains on, and how it is scored. One module a kind, with one function `prepare`."""

from collections.abc import Mapping

from runner.catalog import MODELS, Model
from runner.config import Config
from runner.exercise import Exercise
from runner.training.tasks import multi_task, text_classification, text_generation
from runner.training.tasks.prepared import Prepared

__all__ = ["Prepared", "prepare"]

_PREPARE = {
    "text-classification": text_classification.prepare,
    "multi-task": multi_task.prepare,
    "text-generation": text_generation.prepare,
}


def prepare(config: Config, exercise: Exercise, models: Mapping[str, Model] = MODELS) -> Prepared:
    """Load data, tokenizer and model; new weights are drawn from torch's seed. Raises DataError and ModelError."""
    return _PREPARE[exercise.task](config, exercise, models[config.model])
