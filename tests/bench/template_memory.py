"""The memory that the training scripts take, by profile: `python tests/bench/template_memory.py`, a minute on a CPU.

Nothing is allocated: the models run on fake tensors, and what autograd keeps for the backward pass is added up.
State: fp32 weights, gradients and AdamW's moments, 16 bytes a trainable parameter; a frozen one 2 (4 on a CPU).
Kept: tensors saved for the backward pass, autocast's copies of the weights among them, every row at full length.
Loss: the logits' gradient in fp32 and in 16 bits, which lives beside what is kept. With checkpointing: the layers'
inputs, and one layer computed anew. On top of it all a GPU's context and fragments take about 1 GB.
"""

from unittest.mock import patch

import torch
from peft import LoraConfig, get_peft_model
from torch._subclasses.fake_tensor import FakeTensorMode
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSequenceClassification, PreTrainedModel

from lessons.template import Profile, Size, profiles

SMOL = {"vocab_size": 49152, "tie_word_embeddings": True}
QWEN = {"vocab_size": 151936, "num_hidden_layers": 36, "num_attention_heads": 32, "num_key_value_heads": 8}
BERT = {"hidden_dropout_prob": 0.1, "vocab_size": 30522}


def shape(kind: str, width: int, inner: int, **more: object) -> AutoConfig:
    return AutoConfig.for_model(kind, hidden_size=width, intermediate_size=inner, **more)


SHAPES = {  # as in the models' config.json
    "sentence-transformers/all-MiniLM-L6-v2": lambda: shape(
        "bert", 384, 1536, num_hidden_layers=6, num_attention_heads=12, **BERT
    ),
    "google-bert/bert-base-uncased": lambda: shape("bert", 768, 3072, **BERT),
    "HuggingFaceTB/SmolLM2-135M": lambda: shape(
        "llama", 576, 1536, num_hidden_layers=30, num_attention_heads=9, num_key_value_heads=3, **SMOL
    ),
    "HuggingFaceTB/SmolLM2-360M": lambda: shape(
        "llama", 960, 2560, num_hidden_layers=32, num_attention_heads=15, num_key_value_heads=5, **SMOL
    ),
    "HuggingFaceTB/SmolLM2-1.7B": lambda: shape("llama", 2048, 8192, num_hidden_layers=24, **SMOL),
    "Qwen/Qwen3-4B-Base": lambda: shape("qwen3", 2560, 9728, head_dim=128, tie_word_embeddings=True, **QWEN),
    "Qwen/Qwen3-8B-Base": lambda: shape("qwen3", 4096, 12288, head_dim=128, tie_word_embeddings=False, **QWEN),
}


def build(kind: str, size: Size, profile: Profile) -> PreTrainedModel:
    config = SHAPES[size.model]()
    if kind == "classifier":
        return AutoModelForSequenceClassification.from_config(config)
    frozen = torch.bfloat16 if kind == "lora" and profile.precision != "fp32" else torch.float32
    model = AutoModelForCausalLM.from_config(config, dtype=frozen)
    if kind == "causal_lm":
        return model
    adapters = LoraConfig(task_type="CAUSAL_LM", r=16, lora_alpha=32, lora_dropout=0.05, target_modules="all-linear")
    with patch.object(torch.nn.Module, "to", lambda module, *_, **__: module):  # fake tensors cannot move
        return get_peft_model(model, adapters)


def kept(model: PreTrainedModel, kind: str, size: Size, profile: Profile) -> int:
    """Return the bytes that autograd keeps of one micro-batch, parameters left out."""
    own = {parameter.untyped_storage()._cdata for parameter in model.parameters()}
    sizes: dict[int, int] = {}
    alive: list[torch.Tensor] = []  # or another tensor gets a freed one's number

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in own:
            sizes[storage._cdata] = storage.nbytes()
            alive.append(tensor)
        return tensor

    ids = torch.ones(size.batch, size.length, dtype=torch.long)
    labels = ids[:, 0] if kind == "classifier" else ids
    autocast = torch.autocast("cpu", torch.bfloat16, enabled=profile.precision != "fp32")
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor), autocast:
        model(input_ids=ids, labels=labels, use_cache=False) if kind != "classifier" else model(ids, labels=labels)
    return sum(sizes.values())


def total(kind: str, profile: Profile) -> tuple[float, ...]:
    """Return GB of state, of what is kept, of the loss, and the sum."""
    size: Size = getattr(profile, kind)
    with FakeTensorMode():
        model = build(kind, size, profile)
        model.train()
        trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
        frozen = [parameter for parameter in model.parameters() if not parameter.requires_grad]
        state = 16 * sum(map(torch.numel, trainable)) + sum(p.numel() * p.element_size() for p in frozen)
        activations = kept(model, kind, size, profile)
        if size.checkpointing:
            layers = model.config.num_hidden_layers
            states = 2 * size.batch * size.length * model.config.hidden_size
            logits = 4 * size.batch * size.length * model.config.vocab_size
            activations = logits + layers * states + (activations - logits) // layers
        entries = size.batch * size.length * model.config.vocab_size if kind != "classifier" else 0
    parts = (state, activations, 6 * entries)
    return sum(map(torch.numel, [*trainable, *frozen])) / 1e6, *(part / 1e9 for part in (*parts, sum(parts)))


if __name__ == "__main__":
    print(f"{'profile':<11}{'kind':<12}{'model':<40}{'M':>7}{'state':>8}{'kept':>8}{'loss':>8}{'GB':>8}")
    for name, profile in profiles().items():
        for kind in ("classifier", "causal_lm", "lora"):
            millions, *parts = total(kind, profile)
            model = getattr(profile, kind).model
            print(f"{name:<11}{kind:<12}{model:<40}{millions:7.0f}" + "".join(f"{part:8.1f}" for part in parts))
