"""What context is worth to a language model, and what it writes."""

import numpy as np
import pytest
import torch

from runner.config import parse
from runner.exercise import exercises
from runner.training.tasks import prepare
from runner.training.tasks.writing import NEW_TOKENS, POSITIONS, SAMPLES, by_position, write_samples


def test_the_loss_at_each_position_is_the_mean_over_what_was_predicted_there() -> None:
    losses = np.array([[4.0, 2, 1, 1], [2.0, 4, 3, 0]])
    predicted = np.array([[True, True, True, True], [True, True, True, False]])
    found = by_position(losses, predicted)
    assert [(each.first, each.loss) for each in found] == [(1, 3.0), (2, 3.0), (3, 2.0), (4, 1.0)]


def test_long_blocks_have_few_points_and_each_position_counts_once() -> None:
    losses = np.tile(np.arange(1024.0), (2, 1))
    found = by_position(losses, np.ones_like(losses, dtype=bool))
    assert len(found) <= POSITIONS
    assert [each.first for each in found] == sorted({each.first for each in found})
    assert found[0].loss == 0
    ends = [*(each.first for each in found[1:]), 1025]
    sizes = [end - each.first for each, end in zip(found, ends, strict=True)]
    assert sum(size * each.loss for size, each in zip(sizes, found, strict=True)) == pytest.approx(1023 * 512, rel=1e-3)


@pytest.mark.parametrize("model", ["llama", "gpt2"])
def test_samples_go_on_from_their_prompts_and_come_out_the_same_again(model: str) -> None:
    source = f"exercise: stdlib\nmodel: {model}\ndata: {{tokenizer: bytes, max_length: 32, max_train_samples: 16}}\n"
    prepared = prepare(parse(source).config, exercises()["stdlib"])
    texts = [f"import os\n# file {n}" for n in range(5)]
    before = torch.random.get_rng_state()
    first, second = (write_samples(prepared.model, prepared.tokenizer, texts, seed=7) for _ in range(2))
    assert first == second
    assert len(first) == SAMPLES
    assert first[0].prompt.startswith("import os")
    assert 0 < len(first[0].written) <= NEW_TOKENS
    assert torch.equal(torch.random.get_rng_state(), before)
