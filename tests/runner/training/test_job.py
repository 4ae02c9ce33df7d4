"""Training: real runs of a tiny model, and what they leave in their directory."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch

from runner import training
from runner.analysis import Analysis
from runner.catalog import MODELS, PACKAGED, ModelError
from runner.config import Config, parse
from runner.data import DataError, load
from runner.exercise import exercises
from runner.history import History
from runner.run_dir import Checkpoint, Result, RunDir
from runner.training import job
from runner.training.heartbeat import heartbeat
from runner.training.limits import explain
from runner.training.methods import count_parameters, load_classifier, load_language_model
from runner.training.tasks import text_classification
from tests.runner.training.runs import train

QUICK = """
exercise: match
model: tiny
data: {max_length: 8, max_train_samples: 128}
training:
  num_train_epochs: 1
  learning_rate: 1.0e-3
  eval_steps: 2
  logging_steps: 1
"""
DIVERGES = QUICK.replace("1.0e-3", "1") + "  adam_beta1: 0.99\n  adam_beta2: 0\n  adam_epsilon: 1.0e-30\n"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finished")
    train(folder, QUICK)
    return folder


def test_a_run_reports_its_start_every_step_and_its_evaluations(finished: Path) -> None:
    history = History.of(RunDir(str(finished)).events()[0])
    assert history.start
    assert (history.start.total_steps, history.start.train_rows) == (4, 128)
    assert [step.step for step in history.steps] == [1, 2, 3, 4]
    assert [evaluation.step for evaluation in history.evals] == [2, 4]
    assert all(step.grad_norm for step in history.steps)


def test_a_result_has_the_scores_with_their_baselines_and_what_they_cost(finished: Path) -> None:
    result = RunDir(str(finished)).result()
    assert result
    assert result.metric == "accuracy"
    assert None not in (result.validation, result.test, result.train_score)
    assert set(result.baselines) == {"majority", "linear"}
    assert result.validation == History.of(RunDir(str(finished)).events()[0]).evals[-1].score
    assert (result.steps, result.train_tokens) == (4, 128 * 8)
    assert result.peak_memory_bytes > 10**8
    assert result.versions["torch"] == torch.__version__


def test_a_run_leaves_its_model_as_safetensors_and_its_curves_and_nothing_else(finished: Path) -> None:
    assert {path.name for path in finished.iterdir()} == {
        "analysis.json", "config.yaml", "curves.png", "events.jsonl", "heartbeat", "model", "result.json",
    }  # fmt: skip
    saved = {path.name for path in (finished / "model").iterdir()}
    assert {"model.safetensors", "config.json", "tokenizer.json"} <= saved
    assert not [name for name in saved if name.endswith((".bin", ".pt", ".pkl"))]


def test_a_run_leaves_a_closer_look_at_the_validation_split_of_bounded_size(finished: Path) -> None:
    analysis = Analysis.of(RunDir(str(finished)))
    assert analysis
    (errors,) = analysis.errors
    assert errors.labels == ("no", "yes")
    assert sum(map(sum, errors.counts)) == load("match").validation.num_rows
    right = sum(errors.counts[n][n] for n in range(2)) / sum(map(sum, errors.counts))
    assert right == pytest.approx(RunDir(str(finished)).result().validation)  # type: ignore[union-attr]
    assert {len(mistake.texts) for mistake in errors.mistakes} == {2}  # a name and a docstring
    assert (finished / "analysis.json").stat().st_size < 10_000


def test_a_run_that_has_ended_is_not_trained_again(finished: Path) -> None:
    before = (finished / "events.jsonl").read_bytes()
    assert training.run(str(finished)) == 0
    assert (finished / "events.jsonl").read_bytes() == before


def test_the_same_config_gives_the_same_curve(finished: Path, tmp_path: Path) -> None:
    first = History.of(RunDir(str(finished)).events()[0])
    _, again = train(tmp_path, QUICK)
    assert [step.loss for step in again.steps] == [step.loss for step in first.steps]


def test_lora_trains_and_saves_the_adapter_alone(tmp_path: Path) -> None:
    result, _ = train(tmp_path, QUICK + "method: lora\n")
    assert result.status == "succeeded"
    assert result.trainable == 2 * 2 * (2 * 128 * 8) + 128 * 2 + 2  # layers x (query, value) x A and B; the head
    assert (tmp_path / "model" / "adapter_model.safetensors").stat().st_size < 10**6
    assert not (tmp_path / "model" / "model.safetensors").exists()


def test_the_best_checkpoint_is_scored_and_no_checkpoint_stays(tmp_path: Path) -> None:
    result, history = train(tmp_path, QUICK + "  load_best_model_at_end: true\n")
    assert result.validation == max(evaluation.score for evaluation in history.evals)
    assert any(isinstance(event, Checkpoint) for event in RunDir(str(tmp_path)).events()[0])
    assert not list(tmp_path.rglob("checkpoint-*"))


def test_a_run_that_diverges_fails_with_the_step_and_keeps_its_curve(tmp_path: Path) -> None:
    result, history = train(tmp_path, DIVERGES)
    assert result.status == "failed"
    assert result.error
    assert result.error.startswith(f"Training diverged: the loss became nan at step {history.steps[-1].step}.")
    assert (tmp_path / "curves.png").exists()
    assert result.test is None


def test_sigterm_cancels_a_run(tmp_path: Path) -> None:
    def cancel_when_started() -> None:
        while not (tmp_path / "events.jsonl").exists():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=cancel_when_started, daemon=True).start()
    result, _ = train(tmp_path, QUICK.replace("num_train_epochs: 1", "num_train_epochs: 50"))
    assert (result.status, result.error) == ("cancelled", "The run was cancelled.")


def train_within(folder: Path, **budget: int) -> tuple[Result, History]:
    """Train under another budget, which the check of the config has not seen."""
    exercise = exercises()["match"]
    limited = exercise.model_copy(update={"budget": exercise.budget.model_copy(update=budget)})
    run_dir = RunDir(str(folder))
    run_dir.create(QUICK)
    result = job.train(run_dir, parse(QUICK).config, PACKAGED.plus(exercises=[limited]))
    return result, History.of(run_dir.events()[0])


def test_a_run_out_of_time_ends_with_what_to_do(tmp_path: Path) -> None:
    result, _ = train_within(tmp_path, seconds=0)
    assert result.status == "timed_out"
    assert result.error
    assert result.error.startswith("The run reached its time limit of 0 s before its first step: use fewer epochs")


def test_a_run_that_has_spent_its_tokens_ends_early_and_is_scored(tmp_path: Path) -> None:
    result, history = train_within(tmp_path, train_tokens=300)
    assert (result.status, result.steps) == ("succeeded", 2)
    assert [note.text for note in history.notes] == [
        "Training ended at step 2 of 4: the exercise's budget of 300 tokens is spent."
    ]
    assert result.test is not None


def test_a_run_whose_directory_is_full_says_so(tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").symlink_to("/dev/full")  # every write to it is one to a full disk
    RunDir(str(tmp_path)).create(QUICK)
    assert training.run(str(tmp_path)) == 1
    result = RunDir(str(tmp_path)).result()
    assert result
    assert (result.status, (result.error or "")[:8]) == ("failed", "The disk")


def test_a_heart_that_cannot_beat_for_a_moment_beats_again(tmp_path: Path) -> None:
    run_dir = RunDir(str(tmp_path / "not-there-yet"))
    with heartbeat(run_dir):
        run_dir.create(QUICK)
        while run_dir.last_beat() is None:
            time.sleep(0.01)


def test_a_run_without_data_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_exercise: object) -> None:
        raise DataError("sympy is missing: pip install sympy")

    monkeypatch.setattr(text_classification, "splits_of", missing)
    result, _ = train(tmp_path, QUICK)
    assert (result.status, result.error) == ("failed", "Sympy is missing: pip install sympy.")


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (MemoryError(), "Out of memory: lower"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), "Out of memory: lower"),
        (OSError(28, "No space left on device"), "The disk, or what a run may write to it, is full"),
        (OSError(27, "File too large"), "The disk, or what a run may write to it, is full"),
        (ModelError("there is no model 'x'"), "There is no model 'x'."),
        (ValueError("/home/me/secret"), "Training broke off with an unexpected ValueError; the log has"),
    ],
)
def test_an_error_is_explained_in_one_sentence(error: Exception, sentence: str) -> None:
    assert explain(error).startswith(sentence)


@pytest.mark.parametrize("name", MODELS)
def test_the_catalog_says_truly_how_large_a_model_is(name: str) -> None:
    if MODELS[name].architecture == "decoder":
        model = load_language_model(Config(exercise="stdlib", model=name), vocabulary=1024)
        assert count_parameters(model)[0] == MODELS[name].parameters
        return
    model = load_classifier(Config(exercise="match", model=name), ("no", "yes"), vocabulary=30522)
    head, _ = count_parameters(model.get_submodule("classifier"))
    assert count_parameters(model)[0] - head == MODELS[name].parameters


def test_a_run_is_scored_on_its_exercise_s_metric(tmp_path: Path) -> None:
    result, _ = train(tmp_path, QUICK.replace("match", "library").replace("max_length: 8", "max_length: 16"))
    assert result.metric == "macro-f1"


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "runner", *arguments], capture_output=True, text=True)


def test_a_run_can_be_started_from_a_shell(tmp_path: Path) -> None:
    RunDir(str(tmp_path)).create(QUICK)
    done = command(str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert RunDir(str(tmp_path)).result().status == "succeeded"  # type: ignore[union-attr]


def test_a_folder_without_a_config_is_refused(tmp_path: Path) -> None:
    done = command(str(tmp_path))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"there is no config.yaml in {tmp_path}\n"
    assert not list(tmp_path.iterdir())


def test_a_bad_config_is_refused_and_the_result_says_why(tmp_path: Path) -> None:
    RunDir(str(tmp_path)).create("exercise: match\ntraining: {learnig_rate: 1}\n")
    assert training.run(str(tmp_path)) == 2
    result = RunDir(str(tmp_path)).result()
    assert result
    assert result.status == "failed"
    assert "learnig_rate" in (result.error or "")


def test_a_finished_run_comes_out_the_same_again(finished: Path) -> None:
    before = {path.name for path in finished.iterdir()}
    done = command(str(finished), "--again")
    assert done.returncode == 0, done.stderr
    assert "the same" in done.stdout
    assert {path.name for path in finished.iterdir()} == before


def test_a_run_with_another_score_is_told_apart(finished: Path, tmp_path: Path) -> None:
    result = RunDir(str(finished)).result()
    assert result
    other = RunDir(str(tmp_path))
    other.create(QUICK)
    other.finish(result.model_copy(update={"test": 0.99, "device": "another"}))
    done = command(str(tmp_path), "--again")
    assert done.returncode == 1
    assert "NOT the same" in done.stdout
    assert "the device differs: another then" in done.stdout


def test_a_run_that_did_not_succeed_cannot_be_repeated(tmp_path: Path) -> None:
    done = command(str(tmp_path), "--again")
    assert (done.returncode, done.stdout) == (2, "")
    assert "nothing to repeat" in done.stderr
