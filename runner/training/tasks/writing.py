"""What a language model does with the context it is given: its loss by position, and what it writes by itself."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from runner.analysis import PositionLoss, Sample

POSITIONS = 32  # points of the curve, at most
SAMPLES = 3
PROMPT_TOKENS, NEW_TOKENS = 24, 48
TEMPERATURE = 0.7  # below 1: likelier tokens come more often than the model says
_CHARACTERS = 400


def by_position(losses: NDArray[Any], predicted: NDArray[np.bool_]) -> tuple[PositionLoss, ...]:
    """Return the mean loss at each position of a block; both are of shape (blocks, positions).

    Neighbours are put together, fewer at the beginning, where context grows fastest.
    """
    length = losses.shape[1]
    edges = np.unique(np.geomspace(1, length + 1, POSITIONS + 1).astype(int))
    found = []
    for first, end in pairwise(edges):
        counted = predicted[:, first - 1 : end - 1]
        if counted.any():
            mean = losses[:, first - 1 : end - 1].sum() / counted.sum()
            found.append(PositionLoss(first=int(first), loss=round(float(mean), 4)))
    return tuple(found)


def start_of_text(tokenizer: Any) -> int:
    """Return the token that a text begins with; of a tokenizer that has none, the one that ends the text before."""
    start = tokenizer.eos_token_id if tokenizer.bos_token_id is None else tokenizer.bos_token_id
    return int(start)


def write_samples(model: Any, tokenizer: Any, texts: Sequence[str], seed: int) -> tuple[Sample, ...]:
    """Let a model go on from the beginnings of some texts; the same seed gives the same words."""
    model.eval()
    with torch.random.fork_rng(), torch.inference_mode():
        torch.manual_seed(seed)
        return tuple(_write(model, tokenizer, text) for text in texts[:SAMPLES])


def _write(model: Any, tokenizer: Any, text: str) -> Sample:
    start = [start_of_text(tokenizer), *tokenizer(text, add_special_tokens=False)["input_ids"][:PROMPT_TOKENS]]
    ids = torch.tensor([start], device=model.device)
    written = model.generate(
        input_ids=ids,
        attention_mask=torch.ones_like(ids),
        max_new_tokens=NEW_TOKENS,
        do_sample=True,
        temperature=TEMPERATURE,
        pad_token_id=tokenizer.pad_token_id,
    )[0, len(start) :]
    prompt, text = (tokenizer.decode(part, skip_special_tokens=True)[:_CHARACTERS] for part in (start, written))
    return Sample(prompt=prompt, written=text)
