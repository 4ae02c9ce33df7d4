"""Distillation: a student comes to answer as its teacher does, and without the teacher's share nothing changes."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn.functional import cross_entropy, kl_div

from runner import training
from runner.again import run_again
from runner.config import parse
from runner.exercise import exercises
from runner.history import History
from runner.run_dir import Inputs, Result, RunDir
from runner.training.tasks import Prepared, prepare
from runner.training.teacher import divergence, load_teacher
from tests.runner.training.runs import succeed

LIBRARY = """
exercise: library
model: tiny
data: {max_length: 16, max_train_samples: 128}
training: {learning_rate: 1e-3, num_train_epochs: 4, per_device_train_batch_size: 16, logging_steps: 1,
  eval_strategy: "no"}
"""
MULTI = LIBRARY.replace("library", "multi")
LANGUAGE = """
exercise: stdlib
data: {max_length: 32, max_train_samples: 32, vocab_size: 512}
training: {num_train_epochs: 2, per_device_train_batch_size: 8, eval_strategy: "no", logging_steps: 1}
"""
STUDENT = "method: distillation\ndistillation: {teacher: 1, ALPHA}\n"
EXERCISES = {"library": LIBRARY, "multi": MULTI, "stdlib": LANGUAGE}


@pytest.fixture(scope="module")
def teachers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A run of each exercise that has succeeded."""
    folders = {name: tmp_path_factory.mktemp(name) for name in EXERCISES}
    for name, config in EXERCISES.items():
        succeed(folders[name], config)
    return folders


def study(folder: Path, config: str, teacher: Path | None) -> Result:
    """Train a student, whose own first weights come from another seed than its teacher's."""
    run_dir = RunDir(str(folder))
    run_dir.create(config.replace("training: {", "training: {seed: 7, "), Inputs(teacher=teacher and str(teacher)))
    training.run(run_dir.url)
    result = run_dir.result()
    assert result
    return result


def logits(model: Any, prepared: Prepared) -> tuple[torch.Tensor, torch.Tensor]:
    rows = prepared.collate([prepared.validation[n] for n in range(64)])
    labels = rows.pop("labels")
    rows.pop("length", None)
    with torch.no_grad():
        return model.eval()(**rows)["logits"], labels


def distance(exercise: str, teacher: Path, student: Path) -> float:
    """Return the KL divergence on validation rows between two runs' saved models."""
    config = parse(EXERCISES[exercise] + STUDENT.replace(", ALPHA", "")).config
    prepared = prepare(config, exercises()[exercise])
    models = [
        load_teacher(str(folder), config, exercises()[exercise], prepared, folder).model
        for folder in (teacher, student)
    ]
    (its, labels), (mine, _) = (logits(model, prepared) for model in models)
    return sum(w * float(divergence(a, b, 1.0).mean()) for w, a, b in prepared.answers(mine, its, labels))


@pytest.mark.parametrize("exercise", EXERCISES)
def test_a_student_comes_nearer_to_its_teacher_than_to_the_labels_alone(
    exercise: str, teachers: dict[str, Path], tmp_path: Path
) -> None:
    config = EXERCISES[exercise]
    alone, taught = tmp_path / "alone", tmp_path / "taught"
    assert study(alone, config, None).status == "succeeded"
    result = study(taught, config + STUDENT.replace("ALPHA", "alpha: 1"), teachers[exercise])
    assert result.status == "succeeded", result.error
    assert distance(exercise, teachers[exercise], taught) < 0.7 * distance(exercise, teachers[exercise], alone)


def test_without_the_teachers_share_it_is_plain_training(teachers: dict[str, Path], tmp_path: Path) -> None:
    plain = study(tmp_path / "plain", LIBRARY, None)
    taught = study(tmp_path / "taught", LIBRARY + STUDENT.replace("ALPHA", "alpha: 0"), teachers["library"])
    assert taught.test == plain.test
    curves = [History.of(RunDir(str(tmp_path / name)).events()[0]).steps for name in ("plain", "taught")]
    assert [step.loss for step in curves[0]] == pytest.approx([step.loss for step in curves[1]], abs=1e-6)
    assert [s.grad_norm for s in curves[0]] == pytest.approx([s.grad_norm for s in curves[1]], rel=1e-5)


@pytest.mark.parametrize("method", ["full", "lora", "ia3", "prompt-tuning"])
@pytest.mark.parametrize("exercise", ["library", "multi"])
def test_what_a_run_saved_teaches_as_it_answered_itself(exercise: str, method: str, tmp_path: Path) -> None:
    """Also an adapter, whose own random weights are drawn again from its run's seed."""
    source = f"{EXERCISES[exercise]}method: {method}\n"
    found, config = exercises()[exercise], parse(source).config
    torch.manual_seed(config.training.seed)
    taught = prepare(config, found)
    for parameter in taught.model.parameters():
        if parameter.requires_grad:
            parameter.data += 0.1 * torch.randn_like(parameter)  # as if it had been trained
    RunDir(str(tmp_path)).create(source)
    taught.save(tmp_path / "model")
    before = torch.random.get_rng_state()
    teacher = load_teacher(str(tmp_path), config, found, taught, tmp_path)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert not any(parameter.requires_grad for parameter in teacher.model.parameters())
    (mine, _), (its, _) = logits(taught.model, taught), logits(teacher.model, taught)
    assert torch.allclose(mine, its, atol=1e-5)


@pytest.mark.parametrize(
    ("config", "teacher", "sentence"),
    [
        (LIBRARY, "multi", "The teacher was trained on multi, and this run is on library."),
        (LANGUAGE.replace("512", "600"), "stdlib", "another tokenizer (512 entries, and this run has 600)"),
        (LIBRARY, None, "The teacher's run is gone"),
    ],
)
def test_a_teacher_that_does_not_fit_is_refused_before_training(
    config: str, teacher: str | None, sentence: str, teachers: dict[str, Path], tmp_path: Path
) -> None:
    result = study(tmp_path, config + STUDENT.replace(", ALPHA", ""), teachers[teacher] if teacher else None)
    assert (result.status, result.steps) == ("failed", 0)
    assert sentence in (result.error or "")


def test_a_teacher_with_other_labels_or_without_a_model_is_refused(teachers: dict[str, Path], tmp_path: Path) -> None:
    copied = tmp_path / "copied"
    shutil.copytree(teachers["library"], copied)
    (copied / "config.yaml").write_text(MULTI)
    result = study(tmp_path / "other", MULTI + STUDENT.replace(", ALPHA", ""), copied)
    assert "does not fit multi as it is now" in (result.error or "")
    shutil.rmtree(copied / "model")
    assert "no model" in (study(tmp_path / "none", MULTI + STUDENT.replace(", ALPHA", ""), copied).error or "")


def test_the_divergence_is_kl_with_its_gradient_as_large_at_any_temperature() -> None:
    generator = torch.Generator().manual_seed(0)
    student, teacher = (torch.randn(64, 5, generator=generator) for _ in range(2))
    at_one = divergence(student, teacher, 1.0)
    expected = kl_div(student.log_softmax(-1), teacher.softmax(-1), reduction="none").sum(-1)
    assert at_one.tolist() == pytest.approx(expected.tolist(), abs=1e-5)

    def gradient(temperature: float) -> float:
        leaf = student.clone().requires_grad_()
        divergence(leaf, teacher, temperature).mean().backward()
        assert leaf.grad is not None
        return float(leaf.grad.norm())

    assert gradient(4.0) == pytest.approx(gradient(1.0), rel=0.25)


def test_balanced_classes_and_accumulated_batches_mix_with_a_teacher(teachers: dict[str, Path], tmp_path: Path) -> None:
    """The logged loss is the labels' own: near that of guessing at first, however batches are accumulated."""
    for number, weights in enumerate(("none", "balanced")):
        folder = tmp_path / str(number)
        config = LIBRARY.replace("logging_steps", "gradient_accumulation_steps: 2, logging_steps")
        config += f"class_weights: {weights}\n" + STUDENT.replace("ALPHA", "alpha: 0.5")
        assert study(folder, config, teachers["library"]).status == "succeeded"
        first = History.of(RunDir(str(folder)).events()[0]).steps[0]
        assert first.loss == pytest.approx(float(cross_entropy(torch.zeros(1, 8), torch.tensor([0]))), abs=0.3)


def test_it_comes_out_the_same_again(teachers: dict[str, Path], tmp_path: Path) -> None:
    study(tmp_path, LIBRARY + STUDENT.replace(", ALPHA", ""), teachers["library"])
    assert run_again(RunDir(str(tmp_path)))[0]
