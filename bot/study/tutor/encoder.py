"""all-MiniLM-L6-v2 in NumPy: texts that mean the same become vectors that point the same way.

The bot never imports torch, and a question of a dozen words is too little work to miss it. Weights, tokenizer and
threadpoolctl come with the `offline` extra; without it the tutor searches by words alone.
"""

import logging
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from runner.catalog import ModelError, package_folder

if TYPE_CHECKING:
    from tokenizers import Tokenizer

log = logging.getLogger(__name__)

SIZE = 384
LAYERS, HEADS = 6, 12
MOST = 256  # tokens, as the model was trained
EPSILON = 1e-12

Array = np.ndarray[Any, np.dtype[np.float32]]


class Encoder:
    """A sentence encoder; `weights` are named as in the model's safetensors file."""

    def __init__(self, tokenizer: "Tokenizer", weights: dict[str, Array]) -> None:
        tokenizer.no_padding()
        tokenizer.enable_truncation(MOST)
        self._tokenizer = tokenizer
        self._weights = weights

    @classmethod
    def load(cls, folder: Path) -> "Encoder":
        """Read an encoder from a folder; raises ImportError without the packages that read it.

        NumPy keeps to one thread from then on: on a busy machine several wait for each other by spinning, which made a
        question take ten times as long.
        """
        from safetensors.numpy import load_file
        from threadpoolctl import threadpool_limits
        from tokenizers import Tokenizer

        threadpool_limits(limits=1, user_api="blas")
        return cls(Tokenizer.from_file(str(folder / "tokenizer.json")), load_file(folder / "model.safetensors"))

    def encode(self, text: str) -> Array:
        """Return a text's unit vector of `SIZE` numbers: the mean of its tokens' last states."""
        hidden = self._embed(np.array(self._tokenizer.encode(text).ids))
        for layer in range(LAYERS):
            name = f"encoder.layer.{layer}"
            attended = self._linear(self._attend(hidden, f"{name}.attention.self"), f"{name}.attention.output.dense")
            hidden = self._norm(hidden + attended, f"{name}.attention.output.LayerNorm")
            inner = _gelu(self._linear(hidden, f"{name}.intermediate.dense"))
            hidden = self._norm(hidden + self._linear(inner, f"{name}.output.dense"), f"{name}.output.LayerNorm")
        mean = hidden.mean(axis=0)
        unit: Array = mean / np.linalg.norm(mean)
        return unit

    def _embed(self, ids: np.ndarray[Any, np.dtype[np.int64]]) -> Array:
        words, places, kinds = (
            self._weights[f"embeddings.{name}_embeddings.weight"] for name in ("word", "position", "token_type")
        )
        return self._norm(words[ids] + places[: len(ids)] + kinds[0], "embeddings.LayerNorm")

    def _attend(self, hidden: Array, name: str) -> Array:
        query, key, value = (
            self._linear(hidden, f"{name}.{part}").reshape(len(hidden), HEADS, -1).transpose(1, 0, 2)
            for part in ("query", "key", "value")
        )
        scores = query @ key.transpose(0, 2, 1) / np.float32(query.shape[-1] ** 0.5)
        shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
        mixed: Array = (shares / shares.sum(axis=-1, keepdims=True)) @ value
        return mixed.transpose(1, 0, 2).reshape(len(hidden), -1)

    def _linear(self, hidden: Array, name: str) -> Array:
        result: Array = hidden @ self._weights[f"{name}.weight"].T + self._weights[f"{name}.bias"]
        return result

    def _norm(self, hidden: Array, name: str) -> Array:
        centred = hidden - hidden.mean(axis=-1, keepdims=True)
        scale = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + np.float32(EPSILON))
        result: Array = centred / scale * self._weights[f"{name}.weight"] + self._weights[f"{name}.bias"]
        return result


def _gelu(x: Array) -> Array:
    """Return GELU by its tanh form (Hendrycks and Gimpel, 2016), which is within 0.001 of the exact one."""
    result: Array = 0.5 * x * (1 + np.tanh(0.7978845608 * (x + 0.044715 * (x * x * x))))
    return result


@cache
def installed() -> Encoder | None:
    """Return the encoder whose weights are installed, or None; the first call reads 90 MB."""
    try:
        return Encoder.load(package_folder())
    except (ImportError, ModelError, OSError) as error:
        log.info("the tutor searches by words alone: %s", error)
        return None
