"""Distillation: a run learns from the model of an earlier run, whose answers say how alike the classes are.

Hinton, Vinyals and Dean (2015), Distilling the Knowledge in a Neural Network.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import nn
from torch.nn.functional import kl_div, log_softmax

from runner.catalog import Model
from runner.config import Config, ConfigError, parse
from runner.exercise import Exercise
from runner.run_dir import RunDir
from runner.training.limits import Stop
from runner.training.tasks import Prepared, build
from runner.training.tasks.multi_task import MultiTaskModel

Imitation = Callable[[Any, Any, torch.Tensor], torch.Tensor]


@dataclass(frozen=True, slots=True)
class Teacher:
    """A trained model that answers without learning; `imitation` is the loss of a student's outputs against its own."""

    model: nn.Module
    alpha: float
    imitation: Imitation


def load_teacher(url: str | None, config: Config, exercise: Exercise, prepared: Prepared, work: Path) -> Teacher:
    """Load the model that a run directory holds; torch's generator is left as it was.

    Raises Stop when there is no such model, or when its exercise, labels or tokenizer are not the student's.
    """
    run_dir = RunDir(url) if url else None
    source = run_dir.read("config.yaml") if run_dir else None
    if run_dir is None or source is None:
        raise Stop("failed", "The teacher's run is gone; name another one under distillation.")
    try:
        catalog = run_dir.own().catalog
        taught = parse(source, catalog).config
        folder = _folder(run_dir, work)
    except (ConfigError, FileNotFoundError):
        raise Stop("failed", "The teacher's run holds no model that can be loaded; name another one.") from None
    if taught.exercise != config.exercise:
        raise Stop("failed", f"The teacher was trained on {taught.exercise}, and this run is on {config.exercise}.")
    _check_tokenizer(folder, prepared.tokenizer)
    model = _load(taught, exercise, folder, len(prepared.tokenizer), catalog.models[taught.model])
    return Teacher(model.eval().requires_grad_(False), config.distillation.alpha, _imitation(prepared, config))


def _folder(run_dir: RunDir, work: Path) -> Path:
    local = run_dir.local_folder()
    if local is None:
        run_dir.get("model", work / "teacher")
    folder = local / "model" if local else work / "teacher"
    if not folder.is_dir():
        raise FileNotFoundError(folder)
    return folder


def _check_tokenizer(folder: Path, tokenizer: Any) -> None:
    """Raise Stop unless the same text becomes the same tokens: logits are compared token by token."""
    known = Tokenizer.from_file(str(folder / "tokenizer.json")).get_vocab()
    if known != tokenizer.get_vocab():
        raise Stop(
            "failed",
            f"The teacher reads with another tokenizer ({len(known):,} entries, and this run has {len(tokenizer):,}): "
            "a teacher and its student need the same one.",
        )


def _load(config: Config, exercise: Exercise, folder: Path, vocabulary: int, chosen: Model) -> nn.Module:
    """Build the model as its own run did, from the same seed, and give it the weights that were saved."""
    with torch.random.fork_rng():
        torch.manual_seed(config.training.seed)
        model = build(config, exercise, vocabulary, chosen)
    try:
        if isinstance(model, MultiTaskModel):
            model.encoder = _restored(model.encoder, folder)
            model.heads.load_state_dict(load_file(folder / "heads.safetensors"))
            return model
        restored: nn.Module = _restored(model, folder)
        return restored
    except (RuntimeError, OSError, SafetensorError) as error:
        sentence = f"The teacher's model does not fit {exercise.name} as it is now; name another one."
        raise Stop("failed", sentence) from error


def _restored(model: Any, folder: Path) -> Any:
    """Return a model with saved weights: an adapter's on top of its own, or all of them. Safetensors only."""
    if hasattr(model, "peft_config"):
        from peft import set_peft_model_state_dict

        set_peft_model_state_dict(model, load_file(folder / "adapter_model.safetensors"))
        return model
    return type(model).from_pretrained(
        folder,
        use_safetensors=True,
        local_files_only=True,
        dtype=torch.float32,
        attn_implementation=model.config._attn_implementation,  # or the saved config would choose
    )


def _imitation(prepared: Prepared, config: Config) -> Imitation:
    temperature = config.distillation.temperature

    def loss(student: Any, teacher: Any, labels: torch.Tensor) -> torch.Tensor:
        parts = [
            weight * divergence(mine, its, temperature).mean()
            for weight, mine, its in prepared.answers(student["logits"], teacher["logits"], labels)
        ]
        return torch.stack(parts).sum()

    return loss


def divergence(student: torch.Tensor, teacher: torch.Tensor, temperature: float) -> torch.Tensor:
    """Return the KL divergence of each row's softened answers, times T², which keeps gradients as large at any T."""
    soft = log_softmax(student.float() / temperature, -1), log_softmax(teacher.float() / temperature, -1)
    return kl_div(*soft, log_target=True, reduction="none").sum(-1) * temperature**2
