"""What each method trains, and that every option changes what it should; on a tiny model with random weights."""

from pathlib import Path
from typing import Any

import pytest
import torch

from runner.config import Config, parse
from runner.exercise import exercises
from runner.training.limits import Stop
from runner.training.methods import apply_method, count_parameters, freeze_layers, layers, load_classifier
from runner.training.tasks import prepare
from runner.training.trainer import WordDropout, layerwise_optimizer, make_trainer
from tests.runner.training.runs import succeed

LABELS = ("no", "yes")
HEAD = 128 * 2 + 2
QUICK = "exercise: match\nmodel: tiny\ndata: {max_length: 8, max_train_samples: 64}\n"


def tiny(method: str = "full", **options: Any) -> torch.nn.Module:
    config = Config(exercise="match", model="tiny", method=method, **options)
    return apply_method(load_classifier(config, LABELS, vocabulary=100), config, "SEQ_CLS")


def trained(model: torch.nn.Module) -> set[str]:
    return {name for name, parameter in model.named_parameters() if parameter.requires_grad}


def trainer(config: str, folder: Path) -> Any:
    parsed = parse(config).config
    return make_trainer(parsed, exercises()["match"], prepare(parsed, exercises()["match"]), folder, [])


@pytest.mark.parametrize(
    ("method", "count"),
    [
        ("head-only", HEAD),
        ("lora", 2 * 2 * (2 * 128 * 8) + HEAD),  # layers x (query, value) x A and B
        ("prompt-tuning", 20 * 128 + HEAD),
        ("ia3", 2 * (128 + 128 + 128 + 512) + HEAD),  # layers x (key, value, what goes into each output)
    ],
)
def test_a_method_trains_so_many_parameters_and_the_head(method: str, count: int) -> None:
    assert count_parameters(tiny(method))[1] == count


def test_bitfit_trains_biases_and_the_head() -> None:
    names = trained(tiny("bitfit"))
    assert "classifier.weight" in names
    assert all(name.endswith("bias") for name in names - {"classifier.weight"})
    assert len(names) >= 20


def test_full_trains_everything() -> None:
    total, trainable = count_parameters(tiny())
    assert total == trainable


def test_frozen_layers_are_the_lowest_and_the_embeddings() -> None:
    model = tiny()
    freeze_layers(model, 1)
    frozen = {name for name, parameter in model.named_parameters() if not parameter.requires_grad}
    assert "bert.embeddings.word_embeddings.weight" in frozen
    assert any(name.startswith("bert.encoder.layer.0.") for name in frozen)
    assert not any(name.startswith("bert.encoder.layer.1.") for name in frozen)


def test_the_rate_shrinks_with_each_layer_further_down(tmp_path: Path) -> None:
    args = trainer(QUICK, tmp_path).args
    model = tiny()
    optimizer = layerwise_optimizer(model, args, 0.5)
    assert optimizer
    rates = {id(p): group["lr"] for group in optimizer.param_groups for p in group["params"]}
    top, bottom = layers(model)[-1], layers(model)[0]
    head, embedding = model.get_submodule("classifier"), model.get_submodule("bert.embeddings.word_embeddings")
    assert [rates[id(next(module.parameters()))] / args.learning_rate for module in (head, top, bottom, embedding)] == [
        1,
        0.5,
        0.25,
        0.125,
    ]
    assert layerwise_optimizer(model, args, 1.0) is None


def test_word_dropout_replaces_that_share_of_words_and_never_the_special_ones() -> None:
    config = parse(QUICK + "\n".join(["seed: 1"]).replace("seed: 1", "")).config
    config = config.model_copy(update={"data": config.data.model_copy(update={"word_dropout": 0.5})})
    prepared = prepare(config, exercises()["match"])
    rows = WordDropout(prepared, config)
    unknown, special = prepared.tokenizer.unk_token_id, set(prepared.tokenizer.all_special_ids)
    before = [i for row in prepared.train["input_ids"] for i in row]
    after = [i for index in range(len(rows)) for i in rows[index]["input_ids"]]
    words = [(a, b) for a, b in zip(before, after, strict=True) if a not in special]
    assert all(a == b for a, b in zip(before, after, strict=True) if a in special)
    assert 0.35 < sum(b == unknown for _, b in words) / len(words) < 0.65
    drawn = []
    for rows.epoch in range(9):
        drawn.append(rows[0]["input_ids"])
    assert drawn.count(drawn[0]) < 9  # others in each epoch
    rows.epoch = 0
    assert rows[0]["input_ids"] == drawn[0]  # and the same again when an epoch is resumed


def test_balanced_classes_count_the_same_however_rare() -> None:
    config = parse("exercise: library\nmodel: tiny\nclass_weights: balanced\ndata: {max_train_samples: 37}").config
    prepared = prepare(config, exercises()["library"])
    assert prepared.loss
    labels = list(prepared.train["label"])
    by_class = [
        labels.count(label) * float(prepared.loss({"logits": torch.zeros(1, 8)}, torch.tensor([label])))
        for label in set(labels)
    ]
    assert by_class == pytest.approx([by_class[0]] * len(by_class))


@pytest.mark.parametrize(
    "change",
    [
        "training: {lr_scheduler_type: cosine}",
        "training: {lr_scheduler_type: warmup_stable_decay}",
        "training: {lr_scheduler_type: cosine_with_min_lr}",
        "training: {warmup_steps: 0.5}",
        "training: {weight_decay: 1.0}",
        "training: {max_grad_norm: 0.01, optim: sgd, learning_rate: 0.1}",
        "training: {gradient_accumulation_steps: 2}",
        "training: {label_smoothing_factor: 0.3}",
        "training: {neftune_noise_alpha: 50}",
        "training: {seed: 1}",
        "training: {optim: adafactor}",
        "training: {optim: adagrad}",
        "training: {optim: rmsprop}",
        "training: {bf16: true}",
        "layerwise_lr_decay: 0.5",
        "freeze_layers: 1",
        "data: {max_length: 8, max_train_samples: 64, word_dropout: 0.3}",
    ],
)
def test_an_option_changes_the_curve(change: str, tmp_path: Path, plain_losses: list[float]) -> None:
    source = QUICK.replace("data: {max_length: 8, max_train_samples: 64}\n", "") if change.startswith("data") else QUICK
    assert losses(tmp_path, source + change) != plain_losses


@pytest.mark.parametrize("change", ["training: {activation_checkpointing: true}", "attn_implementation: eager"])
def test_what_only_saves_memory_or_time_leaves_the_curve_as_it_is(
    change: str, tmp_path: Path, plain_losses: list[float]
) -> None:
    assert losses(tmp_path, QUICK + change) == pytest.approx(plain_losses, abs=2e-3)


@pytest.fixture(scope="module")
def plain_losses(tmp_path_factory: pytest.TempPathFactory) -> list[float]:
    return losses(tmp_path_factory.mktemp("plain"), QUICK)


def losses(folder: Path, config: str) -> list[float]:
    """Train eight small batches and return the loss after each."""
    options = {"per_device_train_batch_size": 16, "num_train_epochs": 2, "logging_steps": 1, "bf16": False}
    parsed = parse(config).config
    given = {name: getattr(parsed.training, name) for name in parsed.training.model_fields_set}
    full = {"learning_rate": 1e-3, "eval_strategy": "no"} | options | given
    changed = parsed.model_copy(update={"training": type(parsed.training)(**full)})
    made = make_trainer(changed, exercises()["match"], prepared_of(changed), folder, [])
    made.train()
    return [entry["loss"] for entry in made.state.log_history if "loss" in entry]


def prepared_of(config: Config) -> Any:
    torch.manual_seed(config.training.seed)
    return prepare(config, exercises()["match"])


@pytest.mark.parametrize("weights", ["none", "balanced"])
def test_accumulated_batches_have_the_loss_of_one_large_batch(weights: str, tmp_path: Path) -> None:
    """Not the sum of theirs: a classifier that ignores num_items_in_batch would show four times the loss."""
    source = f"{QUICK}class_weights: {weights}\ntraining: {{gradient_accumulation_steps: 4, "
    (first, *_) = losses(tmp_path, source + "per_device_train_batch_size: 4}\n")
    assert 0.5 < first < 0.9


def test_a_patient_run_stops_when_it_no_longer_gets_better(tmp_path: Path) -> None:
    result = succeed(
        tmp_path,
        QUICK + "early_stopping_patience: 1\ntraining: {learning_rate: 1e-12, num_train_epochs: 20, eval_steps: 2, "
        "load_best_model_at_end: true}\n",
    )
    assert (result.status, result.steps) == ("succeeded", 4)


def test_half_precision_without_a_gpu_is_refused_with_what_to_write(tmp_path: Path) -> None:
    if torch.cuda.is_available():
        assert trainer(QUICK + "training: {fp16: true}", tmp_path).args.fp16
        return
    with pytest.raises(Stop, match="fp16 needs a GPU, and this runner trains on a CPU"):
        trainer(QUICK + "training: {fp16: true}", tmp_path)
