"""Loads a catalog model with a classification head: safetensors only, no code from anywhere, no download."""

import logging
from collections.abc import Sequence
from typing import Any

import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer, BertConfig
from transformers.utils.logging import disable_progress_bar

from runner.catalog import MODELS, ModelError, package_folder
from runner.config import Config, Lora

_ATTENTION = "sdpa"  # said aloud, so that a config.json cannot name a kernel of its own
_TINY: dict[str, Any] = {"hidden_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 512}

logging.getLogger("transformers").setLevel(logging.ERROR)  # a new head's weights are meant to be missing
disable_progress_bar()  # type: ignore[no-untyped-call]


def load_tokenizer() -> Any:
    """Return the tokenizer that all catalog models share: MiniLM's, uncased WordPiece."""
    return AutoTokenizer.from_pretrained(package_folder(), local_files_only=True, trust_remote_code=False)


def load_model(config: Config, labels: Sequence[str], vocabulary: int) -> torch.nn.Module:
    """Return the config's model, with its adapter if it has one; the head's weights come from torch's seed.

    Raises ModelError for a name that is not in the catalog, or when the weights' package is missing.
    """
    if config.model not in MODELS:
        raise ModelError(f"there is no model {config.model!r} in the catalog; there are {', '.join(MODELS)}")
    names: dict[str, Any] = {
        "id2label": dict(enumerate(labels)),
        "label2id": {label: i for i, label in enumerate(labels)},
    }
    if MODELS[config.model].source == "package":
        model = AutoModelForSequenceClassification.from_pretrained(
            package_folder(),
            use_safetensors=True,
            trust_remote_code=False,
            local_files_only=True,
            attn_implementation=_ATTENTION,
            dtype=torch.float32,
            **names,
        )
    else:
        shape = BertConfig(vocab_size=vocabulary, **_TINY, **names)
        from_config = AutoModelForSequenceClassification.from_config
        model = from_config(shape, attn_implementation=_ATTENTION)  # type: ignore[no-untyped-call]
    return _add_lora(model, config.lora) if config.method == "lora" else model


def count_parameters(model: torch.nn.Module) -> tuple[int, int]:
    """Return how many parameters a model has, and how many of them are trained."""
    sizes = [(parameter.numel(), parameter.requires_grad) for parameter in model.parameters()]
    return sum(size for size, _ in sizes), sum(size for size, trained in sizes if trained)


def _add_lora(model: torch.nn.Module, lora: Lora) -> torch.nn.Module:
    from peft import LoraConfig, TaskType, get_peft_model  # 0.5 s that full fine-tuning need not wait for

    adapter = LoraConfig(
        task_type=TaskType.SEQ_CLS,  # trains and saves the classifier too
        target_modules=["query", "value"],
        r=lora.r,
        lora_alpha=lora.lora_alpha,
        lora_dropout=lora.lora_dropout,
    )
    return get_peft_model(model, adapter)
