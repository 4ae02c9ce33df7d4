"""The kinds of tasks: real small runs, and how they are scored."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import EvalPrediction

from runner.analysis import Analysis
from runner.config import Config, Data, parse
from runner.data import load
from runner.exercise import exercises
from runner.run_dir import RunDir
from runner.training.tasks import prepare
from runner.training.tasks.byte_tokenizers import bytes_of_tokens, load_text_tokenizer
from runner.training.tasks.text_generation import IGNORED, cut, token_losses
from tests.runner.training.runs import succeed

QUICK_LM = """
exercise: stdlib
data: {max_length: 32, max_train_samples: 32, tokenizer: TOKENIZER, vocab_size: 512}
training: {eval_strategy: "no"}
"""
QUICK_MULTI = """
exercise: multi
model: tiny
data: {max_length: 8, max_train_samples: 64}
training: {num_train_epochs: 1, eval_strategy: "no", learning_rate: 1e-3}
"""


@pytest.mark.parametrize("model", ["llama", "gpt2"])
def test_a_language_model_is_scored_in_bits_per_byte_beside_compressors(model: str, tmp_path: Path) -> None:
    result = succeed(tmp_path, QUICK_LM.replace("TOKENIZER", "bpe") + f"model: {model}\n")
    assert result.metric == "bits-per-byte"
    assert set(result.baselines) == {"unigram", "zlib", "xz"}
    assert result.test
    assert 2 < result.test < 9
    assert 1.9 < result.also["bytes_per_token"] < 2.3
    assert (tmp_path / "model" / "tokenizer.json").exists()
    analysis = Analysis.of(RunDir(str(tmp_path)))
    assert analysis
    assert analysis.positions[0].first == 1
    assert analysis.samples
    assert all(sample.written for sample in analysis.samples)


@pytest.mark.parametrize("method", ["prompt-tuning", "ia3"])
def test_a_language_model_is_scored_under_an_adapter_too(method: str, tmp_path: Path) -> None:
    result = succeed(tmp_path, QUICK_LM.replace("TOKENIZER", "bytes") + f"method: {method}\n")
    assert result.test
    assert 5 < result.test < 10  # random weights, hardly moved: near the 8 bits of guessing
    analysis = Analysis.of(RunDir(str(tmp_path)))
    assert analysis
    assert analysis.samples


def test_tokenizers_compete_fairly() -> None:
    """A model that guesses evenly needs as many bits a byte as its tokens need bits, whatever a token stands for."""
    for tokenizer, size in (("bytes", 257), ("bpe", 512)):
        config = parse(QUICK_LM.replace("TOKENIZER", tokenizer)).config
        prepared = prepare(config, exercises()["stdlib"])
        labels = np.array(prepared.validation["labels"][:50])
        nats = (labels[:, 1:] != IGNORED).sum(axis=1) * math.log(size)
        score = prepared.score(EvalPrediction(predictions=nats, label_ids=labels))
        assert score["score"] == pytest.approx(math.log2(size) / score["bytes_per_token"])
        assert (tokenizer == "bytes") == (score["bytes_per_token"] > 0.99 and score["bytes_per_token"] <= 1.0)


def test_the_bytes_of_tokens_add_up_to_the_text() -> None:
    tokenizer = load_text_tokenizer(Data(tokenizer="bpe", vocab_size=512), load("stdlib"))
    text = "def größe(x):\n\treturn 'ünïcode' + x  # 好\n"
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    assert bytes_of_tokens(tokenizer)[ids].sum() == len(text.encode())
    assert tokenizer.decode(ids) == text


@given(st.lists(st.lists(st.integers(1, 9), max_size=40), max_size=4), st.integers(1, 12))
def test_every_token_but_the_first_of_a_stream_is_predicted_once(streams: list[list[int]], length: int) -> None:
    blocks = cut(streams, length, 0)
    predicted = [label for row in blocks["labels"] for label in row[1:] if label != IGNORED]
    assert predicted == [token for stream in streams for token in stream[1:]]
    assert all(len(row) == length + 1 for row in blocks["input_ids"])


def test_only_what_is_predicted_has_a_loss() -> None:
    logits = torch.zeros(1, 4, 8)
    labels = torch.tensor([[1, 2, 3, IGNORED]])
    (losses,) = token_losses((logits,), labels).tolist()
    assert losses == pytest.approx([math.log(8), math.log(8), 0])


def test_without_packing_blocks_end_with_their_files_and_are_more() -> None:
    packed = prepare(parse(QUICK_LM.replace("TOKENIZER", "bpe")).config, exercises()["stdlib"])
    config = parse(QUICK_LM.replace("TOKENIZER", "bpe, packing: false")).config
    padded = prepare(config, exercises()["stdlib"])
    assert len(padded.validation) > len(packed.validation)
    assert IGNORED in padded.validation["labels"][len(padded.validation) - 1]


def test_a_multi_task_run_tells_each_head_and_scores_their_mean(tmp_path: Path) -> None:
    result = succeed(tmp_path, QUICK_MULTI)
    assert set(result.also) == {"library", "kind"}
    assert result.test == pytest.approx(sum(result.also.values()) / 2)
    for name, baseline in result.baselines.items():
        by_head = [scores[name] for scores in result.head_baselines.values()]
        assert baseline == pytest.approx(sum(by_head) / 2, abs=1e-4)
    analysis = Analysis.of(RunDir(str(tmp_path)))
    assert analysis
    assert [errors.head for errors in analysis.errors] == list(result.head_baselines) == ["library", "kind"]
    saved = {path.name for path in (tmp_path / "model").iterdir()}
    assert {"heads.safetensors", "model.safetensors", "tokenizer.json"} <= saved


def test_an_adapter_can_go_under_both_heads(tmp_path: Path) -> None:
    result = succeed(tmp_path, QUICK_MULTI + "method: lora\n")
    assert result.trainable == 2 * 2 * (2 * 128 * 8) + 128 * 11 + 11
    assert json.loads((tmp_path / "model" / "adapter_config.json").read_text())["peft_type"] == "LORA"


def test_a_loss_weight_of_zero_leaves_its_head_untrained(tmp_path: Path) -> None:
    config = parse(QUICK_MULTI + "multi: {loss_weights: {library: 0, kind: 1}}\n").config
    model = prepare(config, exercises()["multi"]).model
    loss = model(input_ids=torch.ones(2, 4, dtype=torch.long), labels=torch.tensor([[0, 1], [2, 2]]))["loss"]
    loss.backward()
    assert float(model.get_parameter("heads.library.weight").grad.abs().sum()) == 0  # type: ignore[union-attr]
    assert float(model.get_parameter("heads.kind.weight").grad.abs().sum()) > 0  # type: ignore[union-attr]


def test_the_heads_of_multi_are_those_of_its_data() -> None:
    splits = load("multi")
    for head, labels in splits.card.heads.items():
        assert set(splits.train[head].to_pylist()) == set(range(len(labels)))


def test_every_exercise_s_default_config_fits_its_budget() -> None:
    for name in exercises():
        assert isinstance(parse(f"exercise: {name}").config, Config)
