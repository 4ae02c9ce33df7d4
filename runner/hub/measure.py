"""Looks at a fetched model by using it: it is loaded as a run would load it, and reads one batch."""

from pathlib import Path
from typing import Any, Literal

import torch
from transformers import AutoConfig, AutoModel, AutoModelForCausalLM
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
    MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES,
)

from runner.catalog import Model
from runner.hub.repo import HubError
from runner.training.methods import from_folder, load_tokenizer
from runner.training.tasks.byte_tokenizers import bytes_of_tokens

LONGEST = 1024  # tokens; no config asks for more
MISSING = 0.1  # share of the weights that may be drawn anew: a pooler, which not all checkpoints have
TEXT = "def mean(values):\n    return sum(values) / len(values)  # the arithmetic mean of some numbers\n" * 8


def measure(name: str, folder: Path) -> Model:
    """Return what a config can rely on of a model. Raises HubError with what is wrong with it."""
    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:
        raise HubError(f"{name} is of a kind that transformers does not know without its repository's code") from error
    architecture = _architecture(name, config)
    model = Model(name, name, architecture, 0, True, "hub", 0, files=str(folder))
    try:
        tokenizer = load_tokenizer(model)
    except Exception as error:
        raise HubError(f"the tokenizer of {name} cannot be loaded without its repository's code") from error
    network = _load(name, folder, architecture)
    _check_tokenizer(name, architecture, tokenizer, network)
    parameters = sum(p.numel() for p in getattr(network, "base_model", network).parameters())
    longest = _longest(name, config, tokenizer, network)
    if architecture == "decoder":
        longest -= 1  # a block of text is one token longer: what the last one predicts
    attention: Literal["sdpa", "eager"] = "sdpa" if network.config._attn_implementation == "sdpa" else "eager"
    return Model(name, name, architecture, parameters, True, "hub", longest, attention=attention)


def _architecture(name: str, config: Any) -> Literal["encoder", "decoder"]:
    kind, classes = config.model_type, " ".join(config.architectures or [])
    if getattr(config, "is_encoder_decoder", False):
        raise HubError(f"{name} is an encoder with a decoder, and runs here take one of the two")
    if kind in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES and ("CausalLM" in classes or "LMHead" in classes):
        return "decoder"
    if kind in MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES:
        return "encoder"
    raise HubError(f"{name} is a {kind}, and runs here classify texts or continue them")


def _load(name: str, folder: Path, architecture: str) -> Any:
    """Load the weights; most of them have to be there, or a run would train from chance without a word."""
    auto = AutoModelForCausalLM if architecture == "decoder" else AutoModel
    try:
        try:
            network, info = from_folder(auto, folder, output_loading_info=True)
        except ValueError:  # some, such as DeBERTa, have no other attention than eager
            network, info = from_folder(auto, folder, attn_implementation="eager", output_loading_info=True)
    except Exception as error:
        raise HubError(f"the weights of {name} cannot be loaded: {type(error).__name__}") from error
    sizes = {key: weight.numel() for key, weight in network.state_dict().items()}
    missing = sum(sizes.get(key, 0) for key in info["missing_keys"])
    if missing > MISSING * sum(sizes.values()):
        raise HubError(f"the weights of {name} do not fit its config.json: {missing:,} of them are missing")
    return network.eval()


def _check_tokenizer(name: str, architecture: str, tokenizer: Any, network: Any) -> None:
    rows = network.get_input_embeddings().num_embeddings
    if len(tokenizer) > rows:
        raise HubError(f"the tokenizer of {name} has {len(tokenizer):,} entries, and the model knows {rows:,}")
    if architecture == "encoder" and tokenizer.pad_token_id is None:
        raise HubError(f"the tokenizer of {name} has no padding token, so texts cannot be put into batches")
    if architecture == "decoder":
        if tokenizer.bos_token_id is None and tokenizer.eos_token_id is None:
            raise HubError(f"the tokenizer of {name} has no token that begins or ends a text")
        ids = tokenizer(TEXT, add_special_tokens=False)["input_ids"]
        counted, size = int(bytes_of_tokens(tokenizer)[ids].sum()), len(TEXT.encode())
        if abs(counted - size) > 0.02 * size:
            raise HubError(f"the tokenizer of {name} changes what it reads, so bits per byte cannot be counted")


def _longest(name: str, config: Any, tokenizer: Any, network: Any) -> int:
    """Return how many tokens the model reads at once, tried on a batch of that length."""
    positions = getattr(config, "max_position_embeddings", None) or LONGEST  # relative ones have no end
    longest = int(min(positions, tokenizer.model_max_length, LONGEST))
    for length in (longest, longest - 2):  # RoBERTa counts its positions from two
        text = tokenizer(TEXT, add_special_tokens=False)["input_ids"]
        batch = torch.tensor([(text * (length // len(text) + 1))[:length]] * 2)
        try:
            with torch.no_grad():
                output = network(input_ids=batch, attention_mask=torch.ones_like(batch))[0]
        except (IndexError, RuntimeError):
            continue
        if not torch.isfinite(output).all():
            raise HubError(f"{name} answers with numbers that are not finite")
        return length
    raise HubError(f"{name} cannot read a batch of {longest} tokens, which its config.json promises")
