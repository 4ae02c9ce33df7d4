"""Tiny repositories for the hub: models with random weights as safetensors, data sets as parquet, and hostile ones."""

import io
import json
import pickle
import random
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import (
    BertConfig,
    BertModel,
    DebertaV2Config,
    DebertaV2Model,
    DistilBertConfig,
    DistilBertModel,
    GPT2Config,
    GPT2LMHeadModel,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaModel,
)

from tests.hub_server import HubServer

WORDS = [
    "the",
    "cat",
    "a",
    "dog",
    "red",
    "blue",
    "green",
    "runs",
    "sleeps",
    "eats",
    "one",
    "two",
    "three",
    "loud",
    "quiet",
    "house",
    "tree",
    "river",
    "stone",
    "bird",
]
SPORT, SCIENCE = ["goal", "match", "team", "ball", "coach"], ["atom", "gene", "star", "cell", "proof"]
SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@cache
def encoder(kind: str = "bert") -> dict[str, bytes]:
    """A small encoder with a tokenizer of whole words."""
    torch.manual_seed(0)
    tokenizer = _words()
    sizes = {**SIZES, "vocab_size": len(tokenizer), "max_position_embeddings": 66}
    if kind == "roberta":  # its positions count from the padding token's number on
        return _saved(RobertaModel(RobertaConfig(**sizes, pad_token_id=1)), tokenizer)
    if kind == "deberta":
        return _saved(DebertaV2Model(DebertaV2Config(**sizes)), tokenizer)
    if kind == "distilbert":
        sizes = {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 64, "vocab_size": len(tokenizer)}
        return _saved(DistilBertModel(DistilBertConfig(**sizes, max_position_embeddings=64)), tokenizer)
    return _saved(BertModel(BertConfig(**{**sizes, "max_position_embeddings": 64})), tokenizer)


@cache
def decoder() -> dict[str, bytes]:
    """A small GPT-2 with a byte-level tokenizer."""
    torch.manual_seed(0)
    tokenizer = _bytes()
    config = GPT2Config(
        vocab_size=len(tokenizer), n_positions=64, n_embd=32, n_layer=2, n_head=2, bos_token_id=0, eos_token_id=0
    )
    return _saved(GPT2LMHeadModel(config), tokenizer)


def _saved(model: Any, tokenizer: Any) -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        return files_of(Path(folder))


def _words() -> Any:
    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    vocabulary = {word: number for number, word in enumerate([*names, *WORDS, *SPORT, *SCIENCE])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    marks = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=64, **marks)


def _bytes() -> Any:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=300, special_tokens=["<|end|>"], initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator([sentence(random.Random(n)) for n in range(200)], trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<|end|>", eos_token="<|end|>", model_max_length=64
    )


def changed(files: Mapping[str, bytes], name: str, **keys: Any) -> dict[str, bytes]:
    """Return files with keys of one JSON file changed."""
    return {**files, name: json.dumps({**json.loads(files[name]), **keys}).encode()}


class _Payload:
    """Runs something when it is unpickled."""

    def __init__(self, command: str) -> None:
        self._command = command

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return __import__("os").system, (self._command,)


def pickled(command: str) -> bytes:
    return pickle.dumps(_Payload(command))


def sentence(chance: random.Random, words: Sequence[str] = ()) -> str:
    chosen = [*chance.choices(WORDS, k=6), *chance.choices(words, k=2)] if words else chance.choices(WORDS, k=8)
    chance.shuffle(chosen)
    return " ".join(chosen)


def parquet(columns: Mapping[str, Any]) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table(dict(columns)), buffer, compression="gzip")
    return buffer.getvalue()


def topics(rows: int, seed: int = 0) -> dict[str, list[Any]]:
    """Sentences that are about sport or science, and loud or not: columns text, topic and tone."""
    chance = random.Random(seed)
    topic = [chance.choice(["science", "sport"]) for _ in range(rows)]
    texts = [f"{sentence(chance, SPORT if t == 'sport' else SCIENCE)} {n}" for n, t in enumerate(topic)]
    return {"text": texts, "topic": topic, "tone": [int("loud" in text) for text in texts]}


def classes(labels: Sequence[str], column: str, split: str = "train") -> bytes:
    """A data set's card that names the classes of a column of numbers."""
    names = {str(number): label for number, label in enumerate(labels)}
    card = {
        "dataset_info": {
            "features": [
                {"name": "text", "dtype": "string"},
                {"name": column, "dtype": {"class_label": {"names": names}}},
            ],
            "splits": [{"name": split}],
        }
    }
    return f"---\n{json.dumps(card)}\n---\n".encode()


def fill(hub: HubServer) -> None:
    """Add the repositories that all tests share."""
    hub.add("models", "lab/tiny-bert", encoder())
    hub.add("models", "lab/tiny-roberta", encoder("roberta"))
    hub.add("models", "lab/tiny-distilbert", encoder("distilbert"))
    hub.add("models", "lab/tiny-deberta", encoder("deberta"))
    hub.add("models", "lab/tiny-gpt2", decoder())
    hub.add("models", "lab/gated", encoder(), gated=True)
    hub.add("datasets", "lab/topics", {
        "data/train-00000-of-00001.parquet": parquet(topics(400)),
        "data/test-00000-of-00001.parquet": parquet(topics(80, seed=1)),
    })  # fmt: skip
    hub.add("datasets", "lab/stories", {"train.parquet": parquet({"story": topics(600, seed=2)["text"]})})
    hub.add("datasets", "lab/gated-topics", {"train.parquet": parquet(topics(100))}, gated=True)
