"""The training config: data, never code, in the names of `transformers.TrainingArguments`."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

# Those that need no lr_scheduler_kwargs: cosine_with_min_lr and warmup_stable_decay raise ValueError without.
Scheduler = Literal["linear", "cosine", "constant", "constant_with_warmup", "polynomial", "inverse_sqrt"]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Training(_Strict):
    """What becomes `TrainingArguments`: each key has its name and meaning there."""

    num_train_epochs: float = Field(2.0, gt=0, le=50)
    max_steps: int = Field(-1, ge=-1, le=100_000, description="-1: as many as num_train_epochs makes")
    per_device_train_batch_size: int = Field(32, ge=1, le=512)
    per_device_eval_batch_size: int = Field(64, ge=1, le=512)
    gradient_accumulation_steps: int = Field(1, ge=1, le=64)
    learning_rate: float = Field(1e-4, gt=0, le=1)
    lr_scheduler_type: Scheduler = "linear"
    warmup_steps: float = Field(0.06, ge=0, description="below 1: a share of all steps")
    weight_decay: float = Field(0.01, ge=0, le=1)
    max_grad_norm: float = Field(1.0, ge=0, le=100, description="0: no clipping")
    label_smoothing_factor: float = Field(0.0, ge=0, lt=1)
    optim: Literal["adamw_torch_fused", "adamw_torch", "adafactor", "sgd"] = "adamw_torch_fused"
    adam_beta1: float = Field(0.9, ge=0, lt=1)
    adam_beta2: float = Field(0.999, ge=0, lt=1)
    adam_epsilon: float = Field(1e-8, gt=0, le=1)
    bf16: bool | Literal["auto"] = Field("auto", description="auto: where the hardware is faster with it")
    train_sampling_strategy: Literal["random", "group_by_length"] = "group_by_length"
    eval_strategy: Literal["no", "steps", "epoch"] = "steps"
    eval_steps: float = Field(0.2, gt=0, description="below 1: a share of all steps")
    logging_steps: float = Field(0.02, gt=0, description="below 1: a share of all steps")
    load_best_model_at_end: bool = False
    seed: int = Field(42, ge=0, lt=2**32)


class Lora(_Strict):
    """What becomes `peft.LoraConfig`."""

    r: int = Field(8, ge=1, le=256)
    lora_alpha: int = Field(16, ge=1, le=1024)
    lora_dropout: float = Field(0.0, ge=0, lt=1)


class Data(_Strict):
    """How much of the exercise's data is used, and how much of each text."""

    max_length: int = Field(64, ge=8, le=512, description="tokens a text pair is cut to")
    max_train_samples: int | None = Field(4000, ge=16, description="rows of the train split; null: all")


class Config(_Strict):
    """One run: every key but `exercise` has a default that trains well."""

    exercise: str
    model: str = "minilm"
    method: Literal["full", "lora"] = "full"
    training: Training = Training()
    lora: Lora = Lora()
    data: Data = Data()


SECTIONS: dict[str, type[BaseModel]] = {"": Config, "training": Training, "lora": Lora, "data": Data}
KEYS: dict[str, tuple[str, ...]] = {section: tuple(model.model_fields) for section, model in SECTIONS.items()}
