"""Each training option changes what it should, looked at where it acts: rates, optimizer, gradients, batches, model."""

import math
from pathlib import Path
from typing import Any, get_args

import pytest
import torch
from torch.nn.functional import cross_entropy
from transformers import TrainerCallback

from runner.config import Config, Training, parse
from runner.config_schema import Scheduler
from runner.exercise import exercises
from runner.training.methods import apply_method, load_classifier
from runner.training.tasks import prepare
from runner.training.trainer import PaddingMeter, make_trainer

QUICK = "exercise: match\nmodel: tiny\n"
STEPS = 20


def made(folder: Path, options: str = "", exercise: str = "match", rows: int = 64, **more: Any) -> Any:
    """Return the Trainer of a config whose `training` section has some options."""
    source = f"exercise: {exercise}\nmodel: tiny\ndata: {{max_length: 32, max_train_samples: {rows}}}\n"
    config = parse(f"{source}training: {{eval_strategy: 'no', bf16: false, {options}}}\n").config
    torch.manual_seed(0)
    found = exercises()[exercise]
    return make_trainer(config, found, prepare(config, found), folder, [], **more)


def rates(folder: Path, options: str) -> list[float]:
    """Return the learning rate before each of 20 steps, as a share of the highest."""
    trainer = made(folder, f"learning_rate: 1e-3, max_steps: {STEPS}, {options}")
    trainer.create_optimizer_and_scheduler(STEPS)
    found = []
    for _ in range(STEPS):
        found.append(trainer.lr_scheduler.get_last_lr()[0] / 1e-3)
        trainer.optimizer.step()
        trainer.lr_scheduler.step()
    return found


SHAPES = {
    "linear": lambda t: 1 - t,
    "cosine": lambda t: (1 + math.cos(math.pi * t)) / 2,
    "cosine_with_restarts": lambda t: (1 + math.cos(math.pi * t)) / 2,  # one cycle, unless told otherwise
    "cosine_with_min_lr": lambda t: 0.1 + 0.9 * (1 + math.cos(math.pi * t)) / 2,
    "constant": lambda t: 1.0,
    "constant_with_warmup": lambda t: 1.0,
    "polynomial": lambda t: 1 - t,  # of the first degree
    "inverse_sqrt": None,
    "warmup_stable_decay": None,
}


def test_every_scheduler_and_optimizer_is_tried() -> None:
    assert set(SHAPES) == set(get_args(Scheduler))
    assert set(OPTIMIZERS) == set(get_args(Training.model_fields["optim"].annotation))


@pytest.mark.parametrize("name", [name for name, shape in SHAPES.items() if shape])
def test_a_scheduler_has_its_shape(name: str, tmp_path: Path) -> None:
    found = rates(tmp_path, f"lr_scheduler_type: {name}, warmup_steps: 0")
    # A polynomial ends at a rate of 1e-7.
    assert found == pytest.approx([SHAPES[name](step / STEPS) for step in range(STEPS)], abs=2e-4)


def test_inverse_sqrt_falls_with_the_root_of_the_step(tmp_path: Path) -> None:
    found = rates(tmp_path, "lr_scheduler_type: inverse_sqrt, warmup_steps: 4")
    assert found[4] == pytest.approx(1)
    assert found[16] == pytest.approx(0.5)


def test_warmup_stable_decay_stays_up_and_falls_in_its_last_fifth(tmp_path: Path) -> None:
    found = rates(tmp_path, "lr_scheduler_type: warmup_stable_decay, warmup_steps: 4")
    assert found[4:16] == pytest.approx([1.0] * 12)
    assert found[19] < 0.5


@pytest.mark.parametrize(("given", "steps"), [("0.25", 5), ("8", 8)])
def test_warmup_rises_over_so_many_steps_or_such_a_share(given: str, steps: int, tmp_path: Path) -> None:
    found = rates(tmp_path, f"lr_scheduler_type: constant_with_warmup, warmup_steps: {given}")
    assert found[: steps + 1] == pytest.approx([step / steps for step in range(steps + 1)])


OPTIMIZERS = {
    "adamw_torch": "AdamW",
    "adamw_torch_fused": "AdamW",
    "adafactor": "Adafactor",
    "sgd": "SGD",
    "adagrad": "Adagrad",
    "rmsprop": "RMSprop",
}


@pytest.mark.parametrize(("name", "kind"), OPTIMIZERS.items())
def test_an_optimizer_is_the_one_that_was_named(name: str, kind: str, tmp_path: Path) -> None:
    optimizer = made(tmp_path, f"optim: {name}").create_optimizer()
    assert type(optimizer).__name__ == kind
    assert bool(optimizer.defaults.get("fused")) == (name == "adamw_torch_fused")


def test_adam_has_its_betas_and_epsilon(tmp_path: Path) -> None:
    optimizer = made(tmp_path, "adam_beta1: 0.8, adam_beta2: 0.95, adam_epsilon: 1e-6").create_optimizer()
    assert all((g["betas"], g["eps"]) == ((0.8, 0.95), 1e-6) for g in optimizer.param_groups)


def test_weight_decay_pulls_on_matrices_and_not_on_biases_or_norms(tmp_path: Path) -> None:
    trainer = made(tmp_path, "weight_decay: 0.3")
    decay = {id(p): group["weight_decay"] for group in trainer.create_optimizer().param_groups for p in group["params"]}
    named = {name: decay[id(parameter)] for name, parameter in trainer.model.named_parameters()}
    assert named["classifier.weight"] == named["bert.encoder.layer.0.output.dense.weight"] == 0.3
    assert named["classifier.bias"] == named["bert.encoder.layer.0.output.LayerNorm.weight"] == 0


class Gradients(TrainerCallback):
    """Keeps the norm of the gradient that each step is taken with."""

    def __init__(self) -> None:
        self.norms: list[float] = []

    def on_pre_optimizer_step(self, *_: Any, model: Any = None, **__: Any) -> None:
        parts = [p.grad.norm() for p in model.parameters() if p.grad is not None]
        self.norms.append(float(torch.stack(parts).norm()))


def norms(folder: Path, options: str) -> list[float]:
    trainer, seen = made(folder, f"max_steps: 3, per_device_train_batch_size: 8, {options}"), Gradients()
    trainer.add_callback(seen)
    trainer.train()
    return seen.norms


def test_clipping_bounds_the_gradient_and_zero_leaves_it(tmp_path: Path) -> None:
    free = norms(tmp_path, "max_grad_norm: 0")
    assert min(free) > 0.05
    assert norms(tmp_path, "max_grad_norm: 0.05") == pytest.approx([0.05] * 3, rel=1e-3)


def test_accumulated_batches_make_fewer_steps_of_more_rows(tmp_path: Path) -> None:
    trainer = made(tmp_path, "per_device_train_batch_size: 8, gradient_accumulation_steps: 4, num_train_epochs: 1")
    trainer.train()
    assert trainer.state.global_step == 64 // (8 * 4)


def test_max_steps_ends_a_run_whatever_its_epochs(tmp_path: Path) -> None:
    trainer = made(tmp_path, "per_device_train_batch_size: 8, max_steps: 3")
    trainer.train()
    assert trainer.state.global_step == 3


@pytest.mark.parametrize("exercise", ["match", "multi"])
def test_activation_checkpointing_recomputes_the_layers(exercise: str, tmp_path: Path) -> None:
    for given in ("true", "false"):
        options = f"activation_checkpointing: {given}, max_steps: 1, per_device_train_batch_size: 8"
        trainer, calls = made(tmp_path, options, exercise), []
        bert = trainer.model.bert if exercise == "match" else trainer.model.encoder
        bert.encoder.layer[0].attention.register_forward_hook(lambda *_, calls=calls: calls.append(1))
        trainer.train()
        assert len(calls) == (2 if given == "true" else 1)


def test_length_grouping_leaves_less_padding(tmp_path: Path) -> None:
    shares = {}
    for strategy in ("random", "group_by_length"):
        source = "exercise: library\nmodel: tiny\ndata: {max_train_samples: 512}\ntraining: {bf16: false, "
        source += f"train_sampling_strategy: {strategy}, num_train_epochs: 1, eval_strategy: 'no'}}\n"
        config = parse(source).config
        prepared = prepare(config, exercises()["library"])
        meter = PaddingMeter(prepared)
        for batch in make_trainer(config, exercises()["library"], prepared, tmp_path, [], meter).get_train_dataloader():
            assert batch["input_ids"].shape[0] <= 32
        shares[strategy] = meter.share
    assert shares["group_by_length"] < 0.5 * shares["random"]


def test_each_epoch_has_an_order_of_its_own_that_follows_from_the_seed(tmp_path: Path) -> None:
    def orders(seed: int) -> list[list[int]]:
        sampler = made(tmp_path, f"seed: {seed}")._get_train_sampler()
        found = []
        for epoch in (0, 1, 0):
            sampler.set_epoch(epoch)
            torch.rand(3)  # whatever else asks for numbers
            found.append(list(sampler))
        return found

    first, second, again = orders(1)
    assert first == again != second
    assert sorted(first) == list(range(64))
    assert orders(2)[0] != first


def test_label_smoothing_keeps_a_sure_answer_from_a_loss_of_zero(tmp_path: Path) -> None:
    outputs, labels = {"logits": torch.tensor([[20.0, 0.0]])}, torch.tensor([0])
    trainer = made(tmp_path, "label_smoothing_factor: 0.2")
    assert float(trainer.label_smoother(outputs, labels)) == pytest.approx(0.1 * 20, rel=1e-3)
    assert made(tmp_path).label_smoother is None


def test_label_smoothing_smooths_each_head_by_itself(tmp_path: Path) -> None:
    trainer = made(tmp_path, "label_smoothing_factor: 0.2", "multi")
    assert trainer.label_smoother is None  # it would take one head's labels for another's
    ids, labels = torch.ones(2, 4, dtype=torch.long), torch.tensor([[7, 2], [0, 1]])
    found = trainer.model.eval()(input_ids=ids, labels=labels)
    parts = found["logits"].split([8, 3], dim=-1)
    heads = [cross_entropy(part, labels[:, i], label_smoothing=0.2) for i, part in enumerate(parts)]
    assert float(found["loss"]) == pytest.approx(float(sum(heads)) / 2)


def test_bf16_computes_the_logits_in_bf16(tmp_path: Path) -> None:
    for given, kind in (("false", torch.float32), ("true", torch.bfloat16)):
        source = (
            f"{QUICK}training: {{bf16: {given}, max_steps: 1, per_device_train_batch_size: 8, eval_strategy: 'no'}}\n"
        )
        config, kinds = parse(source).config, []
        trainer = make_trainer(config, exercises()["match"], prepare(config, exercises()["match"]), tmp_path, [])
        trainer.model.classifier.register_forward_hook(lambda _m, _i, out, kinds=kinds: kinds.append(out.dtype))
        trainer.train()
        assert kinds == [kind]


class TwiceTheSame(TrainerCallback):
    """Says whether the same words have the same embeddings twice, in training and in evaluation."""

    found: tuple[bool, bool]

    def on_train_begin(self, *_: Any, model: Any = None, **__: Any) -> None:
        embedding, ids = model.get_input_embeddings(), torch.ones(1, 4, dtype=torch.long)
        model.train()
        training = torch.equal(embedding(ids), embedding(ids))
        model.eval()
        self.found = (training, torch.equal(embedding(ids), embedding(ids)))


@pytest.mark.parametrize("exercise", ["match", "multi"])
def test_neftune_moves_the_embeddings_in_training_alone(exercise: str, tmp_path: Path) -> None:
    trainer, seen = made(tmp_path, "neftune_noise_alpha: 5, max_steps: 1", exercise), TwiceTheSame()
    trainer.add_callback(seen)
    trainer.train()
    assert seen.found == (False, True)


@pytest.mark.parametrize("name", ["sdpa", "eager"])
def test_attention_is_computed_as_asked(name: str) -> None:
    config = Config(exercise="match", model="tiny", attn_implementation=name)
    assert load_classifier(config, ("no", "yes"), vocabulary=100).config._attn_implementation == name  # type: ignore[attr-defined]


def test_lora_has_its_rank_scale_and_dropout() -> None:
    config = parse(QUICK + "method: lora\nlora: {r: 4, lora_alpha: 12, lora_dropout: 0.25}\n").config
    model = apply_method(load_classifier(config, ("no", "yes"), vocabulary=100), config, "SEQ_CLS")
    (layer, *_) = [module for module in model.modules() if hasattr(module, "lora_A")]
    assert layer.lora_A["default"].weight.shape[0] == 4  # type: ignore[index]
    assert layer.scaling["default"] == 3  # type: ignore[index]
    assert layer.lora_dropout["default"].p == 0.25  # type: ignore[index]


def test_prompt_tuning_has_so_many_virtual_tokens() -> None:
    config = parse(QUICK + "method: prompt-tuning\nprompt_tuning: {num_virtual_tokens: 7}\n").config
    model = apply_method(load_classifier(config, ("no", "yes"), vocabulary=100), config, "SEQ_CLS")
    assert dict(model.named_parameters())["prompt_encoder.default.embedding.weight"].shape == (7, 128)


def test_texts_are_cut_and_rows_counted_as_asked(tmp_path: Path) -> None:
    trainer = made(tmp_path, rows=40)
    assert len(trainer.train_dataset) == 40
    assert max(map(len, trainer.train_dataset["input_ids"])) == 32


@pytest.mark.parametrize(
    ("options", "evaluated"),
    [
        ("eval_strategy: epoch, num_train_epochs: 2, per_device_train_batch_size: 32", [2, 4]),
        ("eval_strategy: steps, eval_steps: 3, num_train_epochs: 2, per_device_train_batch_size: 16", [3, 6, 8]),
        ("eval_strategy: steps, eval_steps: 0.5, num_train_epochs: 2, per_device_train_batch_size: 32", [2, 4]),
    ],
)
def test_evaluations_come_when_they_should(options: str, evaluated: list[int], tmp_path: Path) -> None:
    """The Trainer adds one at the end."""
    source = f"{QUICK}data: {{max_length: 8, max_train_samples: 64}}\ntraining: {{{options}, logging_steps: 2}}\n"
    config = parse(source).config
    trainer = make_trainer(config, exercises()["match"], prepare(config, exercises()["match"]), tmp_path, [])
    trainer.train()
    history = trainer.state.log_history
    assert [entry["step"] for entry in history if "eval_loss" in entry] == evaluated
    assert [e["step"] for e in history if "loss" in e] == [1, *range(2, trainer.state.max_steps + 1, 2)]
