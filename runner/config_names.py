"""What a key that we do not have was probably meant to be: other tools' names, old names, misspellings."""

from collections.abc import Collection
from difflib import get_close_matches

from runner.config_errors import SHOWN_CHARACTERS, dotted
from runner.config_schema import KEYS

# Short names, and those of Axolotl, LLaMA-Factory, TRL and AutoTrain → ours.
_MEANT: dict[str, str] = {
    "exercise": "task dataset datasets dataset_name dataset_path data_path data_files train_file",
    "model": (
        "base_model model_id model_name model_name_or_path model_path pretrained_model "
        "pretrained_model_name_or_path checkpoint backbone"
    ),
    "method": "adapter peft peft_method finetuning_type use_peft use_lora tuner",
    "lora": "lora_config peft_config adapter_config",
    "training": "training_arguments training_args trainer train args hyperparameters",
    "training.num_train_epochs": "epochs epoch num_epochs n_epochs max_epochs train_epochs",
    "training.max_steps": "steps num_steps train_steps num_training_steps total_steps max_iters",
    "training.per_device_train_batch_size": (
        "batch_size batch bs train_batch_size micro_batch_size per_device_batch_size mini_batch_size"
    ),
    "training.per_device_eval_batch_size": "eval_batch_size val_batch_size valid_batch_size test_batch_size",
    "training.gradient_accumulation_steps": (
        "gradient_accumulation grad_accumulation grad_accum accumulation_steps accumulate_grad_batches"
    ),
    "training.learning_rate": "lr learningrate learning_rate_init peak_lr max_lr base_lr",
    "training.lr_scheduler_type": "scheduler lr_scheduler scheduler_type lr_schedule schedule lr_decay_style",
    "training.warmup_steps": "warmup num_warmup_steps lr_warmup_steps warmup_proportion warmup_iters",
    "training.weight_decay": "wd decay l2",
    "training.max_grad_norm": "grad_clip clip_grad clip_grad_norm gradient_clip_val gradient_clipping max_norm clip",
    "training.label_smoothing_factor": "label_smoothing smoothing",
    "training.optim": "optimizer optimiser optimizer_type",
    "training.adam_beta1": "beta1 b1",
    "training.adam_beta2": "beta2 b2",
    "training.adam_epsilon": "eps epsilon adam_eps",
    "training.bf16": "precision mixed_precision dtype torch_dtype amp",
    "training.eval_strategy": "evaluate_during_training",
    "training.eval_steps": "eval_every evaluation_steps eval_interval evals_per_epoch",
    "training.logging_steps": "log_every log_interval log_every_n_steps log_steps",
    "training.load_best_model_at_end": "load_best keep_best save_best",
    "training.save_steps": "save_every save_interval checkpoint_every checkpoint_steps saves_per_epoch",
    "training.save_total_limit": "keep_checkpoints max_checkpoints",
    "training.seed": "random_seed random_state manual_seed rng_seed data_seed",
    "lora.r": "lora_r rank lora_rank lora_dim",
    "lora.lora_dropout": "dropout adapter_dropout",
    "data.max_length": (
        "max_seq_length max_seq_len max_len seq_length seq_len sequence_len sequence_length cutoff_len "
        "block_size model_max_length truncation"
    ),
    "freeze_layers": "freeze frozen_layers num_frozen_layers freeze_encoder",
    "attn_implementation": "attention attention_implementation flash_attention use_flash_attention_2",
    "prompt_tuning": "prompt_tuning_config prompt",
    "distillation.teacher": "teacher_model teacher_run teacher_model_name_or_path",
    "distillation.temperature": "distillation_temperature kd_temperature",
    "distillation.alpha": "distillation_alpha kd_alpha alpha_kd kd_ratio",
    "prompt_tuning.num_virtual_tokens": "virtual_tokens prompt_length num_prompt_tokens",
    "multi.loss_weights": "task_weights head_weights weights loss_weight",
    "early_stopping_patience": "patience early_stopping",
    "layerwise_lr_decay": "llrd layer_decay layerwise_learning_rate_decay",
    "training.neftune_noise_alpha": "neftune neftune_alpha",
    "class_weights": "class_weight balanced",
    "data.word_dropout": "token_dropout augmentation augment",
    "data.vocab_size": "vocabulary_size vocabulary vocab",
    "data.packing": "pack group_texts",
    "sweep.trials": "n_trials num_trials max_trials",
    "sweep.sampler": "search_algorithm search_alg",
    "data.max_train_samples": "max_samples num_samples train_samples n_train max_train_rows limit subset",
}

# Names that need a sentence rather than another name: what replaced them, or why there are none.
_EXPLAINED: dict[str, str] = {
    "transformers 5 has only the shorter name: write eval_strategy, with no, steps or epoch": "evaluation_strategy",
    "transformers 5 dropped it: write warmup_steps, which below 1 is a share of all steps": "warmup_ratio",
    "transformers 5 replaced it: write train_sampling_strategy: group_by_length": (
        "group_by_length length_column_name"
    ),
    "transformers 5 dropped it: write per_device_train_batch_size": "per_gpu_train_batch_size",
    "transformers 5 dropped it: write per_device_eval_batch_size": "per_gpu_eval_batch_size",
    "transformers 5 dropped it: write optim: adafactor": "adafactor",
    "transformers 5 calls it activation_checkpointing": "gradient_checkpointing gradient_checkpointing_kwargs",
    "there are fp16: true, and bf16: auto, which is used where the hardware is faster with it": (
        "fp16_opt_level fp16_backend half_precision_backend fp16_full_eval float16 tf32"
    ),
    "the runner trains on its GPU, or on its CPU where there is none": (
        "no_cuda use_cpu use_mps_device device device_map local_rank gpus n_gpu"
    ),
    "the runner saves the final model; save_strategy: steps under training: also keeps what a run can go on from, "
    "which /run resume does": "save_only_model save_safetensors resume_from_checkpoint resume checkpointing",
    "every run has its own directory": "output_dir logging_dir overwrite_output_dir run_name",
    "curves and logs are shown with the run": "report_to wandb_project wandb logging_strategy disable_tqdm",
    "the exercise decides what is measured": (
        "metric metrics metric_for_best_model greater_is_better loss num_labels labels compute_metrics"
    ),
    "the model brings its own tokenizer; for source code, data.tokenizer is bpe or bytes": (
        "tokenizer_name tokenizer_type tokenizer_path"
    ),
    "the exercise has its own splits; max_train_samples under data: takes fewer rows to train on": (
        "max_eval_samples validation_file test_file train_split test_size val_size validation_split "
        "val_set_size text_column label_column data_files_validation"
    ),
    "the runner decides this, the same for everybody": (
        "dataloader_num_workers dataloader_pin_memory remove_unused_columns num_workers do_train do_eval "
        "do_predict ddp_find_unused_parameters target_modules lora_target_modules task_type bias"
    ),
    "not offered; runs here are small enough to do without it": (
        "torch_compile deepspeed fsdp fsdp_config use_liger_kernel load_in_4bit "
        "load_in_8bit quantization_config optim_args auto_find_batch_size"
    ),
    "the runner gives a schedule what it needs: a least rate of a tenth, a fifth of the steps to decay": (
        "lr_scheduler_kwargs min_lr min_lr_rate num_decay_steps"
    ),
    "this is the config of one run; with /submit, lists and ranges make a sweep of several": "sweep",
    "a run reaches neither the Hub nor any other place; keep tokens out of configs": (
        "push_to_hub hub_model_id hub_token hub_strategy token hf_token use_auth_token api_key"
    ),
    "configs are data only: nothing in one loads code or chooses what code runs": (
        "trust_remote_code auto_map code_revision _component_ _target_ custom_modules "
        "model_init script command import plugins callbacks env"
    ),
}

MEANT_BY = {name: key for key, names in _MEANT.items() for name in names.split()}
EXPLANATION = {name: sentence for sentence, names in _EXPLAINED.items() for name in names.split()}
_PLACES = {name: section for section, names in KEYS.items() if section for name in names}


def right_names(name: str, choices: Collection[str], noun: str) -> str:
    """Say which names would be right: `did you mean cosine? The choices are linear, cosine`."""
    near = _nearest(name, choices) or next((c for c in choices if len(c) > 3 and c in name.lower()), None)
    listed = f"he {noun} are {', '.join(choices)}"
    return f"did you mean {near}? T{listed}" if near else f"t{listed}"


def unknown_key(path: tuple[str, ...]) -> str:
    """Say that a key is unknown and, as well as can be told, what was meant."""
    *sections, name = path
    section, folded = ".".join(sections), name.lower().replace("-", "_")
    if (whole := f"{section}_{folded}") in KEYS.get(section, ()):  # lora: {alpha: 16}
        return f"unknown key; did you mean {whole}?"
    if name in _PLACES or name in KEYS[""]:
        return _belongs(name, section)
    if not section and name.partition(".")[2] in _PLACES:  # training.seed: 1
        return _belongs(name.partition(".")[2], section)
    if sentence := EXPLANATION.get(folded):
        return f"unknown key; {sentence}"
    meant = _meant(name, folded, section)
    if meant is not None:
        return f"unknown key; did you mean {meant.removeprefix(f'{section}.') if section else meant}?"
    here = KEYS.get(section, ())
    return f"unknown key; the keys here are {', '.join(here)}" if 0 < len(here) <= 8 else "unknown key"


def _belongs(name: str, section: str) -> str:
    if name not in _PLACES:
        return f"{name} belongs at the top level, without indentation"
    where = f", not {dotted((section,))}:" if section else ""
    return f"{name} belongs under {_PLACES[name]}:{where}"


def _meant(name: str, folded: str, section: str) -> str | None:
    """Return the dotted key that is likeliest: a known synonym, or one spelt nearly so."""
    everywhere = {key: f"{place}.{key}".removeprefix(".") for place, keys in KEYS.items() for key in keys}
    if folded in MEANT_BY:
        return MEANT_BY[folded]
    if near := _nearest(name, KEYS.get(section, ())):
        return f"{section}.{near}".removeprefix(".")
    near = _nearest(name, everywhere, cutoff=0.75)
    return everywhere[near] if near else None


def _nearest(name: str, choices: Collection[str], cutoff: float = 0.6) -> str | None:
    if len(name) > SHOWN_CHARACTERS:  # no misspelling is that long, and matching takes time
        return None
    near = get_close_matches(name.lower().replace("-", "_"), choices, n=1, cutoff=cutoff)
    return near[0] if near else None
