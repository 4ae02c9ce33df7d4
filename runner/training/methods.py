"""Loads models and applies a config's method: safetensors only, no code from anywhere, no download."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import (
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    BertConfig,
    GPT2Config,
    LlamaConfig,
    PretrainedConfig,
)
from transformers.utils.logging import disable_progress_bar

from runner.catalog import MODELS, Model, ModelError, package_folder
from runner.config import Config
from runner.shared_folder import local_copy

_TINY: dict[str, Any] = {"hidden_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 512}
# Drawn wider than the usual 0.02, which is meant for models five times as wide: after 300 steps of stdlib the loss is
# 4.3 instead of 5.3.
_SPREAD = 0.06
_LLAMA: dict[str, Any] = {
    "hidden_size": 144,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 384,
    "initializer_range": _SPREAD,
}
_GPT2: dict[str, Any] = {"n_embd": 192, "n_layer": 4, "n_head": 4, "initializer_range": _SPREAD}
ADAPTERS = ("lora", "prompt-tuning", "ia3")  # methods that leave the model's own weights alone, and save none
_LONGEST = 1024  # tokens in a block

logging.getLogger("transformers").setLevel(logging.ERROR)  # a new head's weights are meant to be missing
disable_progress_bar()  # type: ignore[no-untyped-call]


def load_tokenizer(model: Model) -> Any:
    """Return a model's tokenizer; all packaged encoders share MiniLM's, which is uncased WordPiece."""
    return AutoTokenizer.from_pretrained(_folder(model), local_files_only=True, trust_remote_code=False)


def _folder(model: Model) -> Path:
    """Return the folder with a model's files; raises ModelError when it is gone."""
    if model.source != "hub":
        return package_folder()
    try:
        return local_copy(model.files)
    except FileNotFoundError as error:
        raise ModelError(f"the files of {model.name} are gone ({error}): an admin can allow it anew") from error


def load_classifier(config: Config, labels: Sequence[str], vocabulary: int, model: Model | None = None) -> nn.Module:
    """Return the config's encoder with a classification head, whose weights come from torch's seed.

    The model is the packaged one of the config's name, unless it is given. Raises ModelError when there is none, or
    when the weights are missing.
    """
    names: dict[str, Any] = {
        "id2label": dict(enumerate(labels)),
        "label2id": {label: i for i, label in enumerate(labels)},
    }
    return _load(AutoModelForSequenceClassification, config, vocabulary, model, **names)


def load_encoder(config: Config, vocabulary: int, model: Model | None = None) -> nn.Module:
    """Return the config's encoder with its pooler and no head; raises ModelError."""
    return _load(AutoModel, config, vocabulary, model)


def load_language_model(config: Config, vocabulary: int, model: Model | None = None) -> nn.Module:
    """Return the config's decoder; one with random weights is for a vocabulary of this size. Raises ModelError."""
    return _load(AutoModelForCausalLM, config, vocabulary, model)


def _load(auto: Any, config: Config, vocabulary: int, model: Model | None, **names: Any) -> nn.Module:
    chosen = model or MODELS.get(config.model)
    if chosen is None:
        raise ModelError(f"there is no model {config.model!r} in the catalog; there are {', '.join(MODELS)}")
    attention = {"attn_implementation": config.attn_implementation if chosen.attention == "sdpa" else "eager"}
    if chosen.source == "random":
        drawn: nn.Module = auto.from_config(_shape(config.model, vocabulary, **names), **attention)
        return drawn
    loaded: nn.Module = from_folder(auto, _folder(chosen), **attention, **names)
    return loaded


def from_folder(auto: Any, folder: Path, *, attn_implementation: str = "sdpa", **options: Any) -> Any:
    """Load weights as every model here is loaded: from safetensors on disk, without code and without the hub.

    Attention is said aloud, so that a config.json cannot name a kernel of its own.
    """
    return auto.from_pretrained(
        folder,
        use_safetensors=True,
        trust_remote_code=False,
        local_files_only=True,
        dtype=torch.float32,
        attn_implementation=attn_implementation,
        **options,
    )


def _shape(name: str, vocabulary: int, **names: Any) -> PretrainedConfig:
    match name:
        case "llama":
            return LlamaConfig(
                vocab_size=vocabulary, max_position_embeddings=_LONGEST, tie_word_embeddings=True, **_LLAMA
            )
        case "gpt2":
            return GPT2Config(vocab_size=vocabulary, n_positions=_LONGEST, bos_token_id=0, eos_token_id=0, **_GPT2)
        case _:
            return BertConfig(vocab_size=vocabulary, **_TINY, **names)


def apply_method(model: nn.Module, config: Config, task: str) -> nn.Module:
    """Freeze what a config's method leaves alone, or add its adapter; `task` is the name of a `peft.TaskType`."""
    freeze_layers(model, config.freeze_layers)
    match config.method:
        case "head-only":
            base = getattr(model, "base_model", model)
            base.requires_grad_(False)
        case "bitfit":
            for name, parameter in getattr(model, "base_model", model).named_parameters():
                parameter.requires_grad_(parameter.requires_grad and name.endswith("bias"))
        case method if method in ADAPTERS:
            return _add_adapter(model, config, task)
    return model


def freeze_layers(model: nn.Module, count: int) -> None:
    """Freeze the embeddings and the lowest layers; none of it when `count` is 0, all layers when there are fewer."""
    if count:
        model.get_input_embeddings().requires_grad_(False)  # type: ignore[operator]
    for layer in layers(model)[:count]:
        layer.requires_grad_(False)


def layers(model: nn.Module) -> list[nn.Module]:
    """Return a transformer's layers, from the bottom up."""
    found = [list(module) for module in model.modules() if isinstance(module, nn.ModuleList)]
    return max(found, key=len, default=[])


def count_parameters(model: nn.Module) -> tuple[int, int]:
    """Return how many parameters a model has, and how many of them are trained."""
    sizes = [(parameter.numel(), parameter.requires_grad) for parameter in model.parameters()]
    return sum(size for size, _ in sizes), sum(size for size, trained in sizes if trained)


def save_model(model: Any, tokenizer: Any, folder: Path) -> None:
    """Write a model, or its adapter alone, with its tokenizer."""
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _add_adapter(model: nn.Module, config: Config, task: str) -> nn.Module:
    import peft  # 0.5 s that full fine-tuning need not wait for

    kind = peft.TaskType[task]  # of a classifier, the head is trained and saved too
    adapter: peft.PeftConfig
    match config.method:
        case "lora":
            adapter = peft.LoraConfig(task_type=kind, target_modules=_lora_targets(model), **config.lora.model_dump())
        case "prompt-tuning":
            adapter = peft.PromptTuningConfig(task_type=kind, **config.prompt_tuning.model_dump())
        case _:
            adapter = peft.IA3Config(task_type=kind)
    try:
        return peft.get_peft_model(model, adapter)
    except ValueError as error:  # peft knows the layers of some kinds of model only
        raise ModelError(f"{config.method} does not know where to act in {config.model}; lora and full do") from error


def _lora_targets(model: Any) -> list[str] | None:
    """Return where LoRA acts: None is where peft's authors found it best, of models that they know.

    Of other models it is every linear layer below the head.
    """
    from peft.utils import constants

    if model.config.model_type in constants.TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING:
        return None
    below = {id(module) for module in getattr(model, "base_model", model).modules() if isinstance(module, nn.Linear)}
    return [name for name, module in model.named_modules() if id(module) in below]
