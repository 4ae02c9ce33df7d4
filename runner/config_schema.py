"""The training config: data, never code, in the names of `transformers.TrainingArguments`."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

# cosine_with_min_lr and warmup_stable_decay raise ValueError without lr_scheduler_kwargs: the runner gives those.
Scheduler = Literal[
    "linear",
    "cosine",
    "cosine_with_restarts",
    "cosine_with_min_lr",
    "constant",
    "constant_with_warmup",
    "warmup_stable_decay",
    "polynomial",
    "inverse_sqrt",
]
Method = Literal["full", "head-only", "lora", "prompt-tuning", "ia3", "bitfit", "distillation"]


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
    neftune_noise_alpha: float | None = Field(None, gt=0, le=100, description="noise on the embeddings")
    optim: Literal["adamw_torch_fused", "adamw_torch", "adafactor", "sgd", "adagrad", "rmsprop"] = "adamw_torch_fused"
    adam_beta1: float = Field(0.9, ge=0, lt=1)
    adam_beta2: float = Field(0.999, ge=0, lt=1)
    adam_epsilon: float = Field(1e-8, gt=0, le=1)
    bf16: bool | Literal["auto"] = Field("auto", description="auto: where the hardware is faster with it")
    fp16: bool = Field(False, description="with loss scaling; GPUs only")
    activation_checkpointing: bool = Field(False, description="recompute activations instead of keeping them")
    train_sampling_strategy: Literal["random", "group_by_length"] = "group_by_length"
    eval_strategy: Literal["no", "steps", "epoch"] = "steps"
    eval_steps: float = Field(0.2, gt=0, description="below 1: a share of all steps")
    logging_steps: float = Field(0.02, gt=0, description="below 1: a share of all steps")
    load_best_model_at_end: bool = False
    save_strategy: Literal["auto", "no", "steps", "epoch", "best"] = Field(
        "auto", description="auto: as often as load_best_model_at_end needs; otherwise with what a run can go on from"
    )
    save_steps: float = Field(0.2, gt=0, description="below 1: a share of all steps")
    save_total_limit: int = Field(1, ge=1, le=5, description="checkpoints kept: the last ones, and the best besides")
    seed: int = Field(42, ge=0, lt=2**32)


class Lora(_Strict):
    """What becomes `peft.LoraConfig`."""

    r: int = Field(8, ge=1, le=256)
    lora_alpha: int = Field(16, ge=1, le=1024)
    lora_dropout: float = Field(0.0, ge=0, lt=1)


class PromptTuning(_Strict):
    """What becomes `peft.PromptTuningConfig`."""

    num_virtual_tokens: int = Field(20, ge=1, le=200)


class Distillation(_Strict):
    """How a model learns from the one of an earlier run of the group."""

    teacher: int | None = Field(None, ge=1, description="the number of a run that succeeded on the same exercise")
    temperature: float = Field(2.0, gt=0, le=20, description="above 1: small probabilities count more")
    alpha: float = Field(0.5, ge=0, le=1, description="share of the teacher in the loss; the rest are the labels")


class MultiTask(_Strict):
    """How the heads of a multi-task exercise share one encoder."""

    loss_weights: dict[str, float] | None = Field(None, description="by head; null: all the same")


class Data(_Strict):
    """How much of the exercise's data is used, and how much of each text."""

    max_length: int = Field(64, ge=8, le=1024, description="tokens a text is cut to, or a block of source code has")
    max_train_samples: int | None = Field(4000, ge=16, description="rows of the train split; null: all")
    word_dropout: float = Field(0.0, ge=0, le=0.9, description="augmentation: share of training words replaced")
    tokenizer: Literal["model", "bytes", "bpe"] = Field("model", description="of a language model")
    vocab_size: int = Field(1024, ge=300, le=16_384, description="entries of a bpe tokenizer")
    packing: bool = Field(True, description="source files fill blocks without padding")


class Config(_Strict):
    """One run: every key but `exercise` has a default that trains well."""

    exercise: str
    model: str = "minilm"
    method: Method = "full"
    freeze_layers: int = Field(0, ge=0, le=100, description="layers from the bottom, and the embeddings, left as is")
    attn_implementation: Literal["sdpa", "eager"] = "sdpa"
    layerwise_lr_decay: float = Field(1.0, gt=0, le=1, description="factor on the rate for each layer further down")
    class_weights: Literal["none", "balanced"] = Field("none", description="balanced: rare classes count more")
    early_stopping_patience: int | None = Field(None, ge=1, le=100, description="evaluations without a better one")
    training: Training = Training()
    lora: Lora = Lora()
    prompt_tuning: PromptTuning = PromptTuning()
    distillation: Distillation = Distillation()
    multi: MultiTask = MultiTask()
    data: Data = Data()


class SweepOptions(_Strict):
    """How the lists and ranges of a config become runs."""

    kind: Literal["auto", "grid", "ablation", "search"] = Field("auto", description="auto: search if trials are given")
    trials: int | None = Field(None, ge=2, le=64, description="settings that a search tries")
    sampler: Literal["tpe", "random"] = Field("tpe", description="how a search chooses them")


class SweptConfig(Config):
    """A config in which lists and ranges may stand for values, once each is replaced by one of its values."""

    sweep: SweepOptions = SweepOptions()


SECTIONS: dict[str, type[BaseModel]] = {
    "": Config,
    "training": Training,
    "lora": Lora,
    "prompt_tuning": PromptTuning,
    "distillation": Distillation,
    "multi": MultiTask,
    "data": Data,
    "sweep": SweepOptions,
}
KEYS: dict[str, tuple[str, ...]] = {section: tuple(model.model_fields) for section, model in SECTIONS.items()}
