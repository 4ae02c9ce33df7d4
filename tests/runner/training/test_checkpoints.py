"""Checkpoints: a run that was broken off and goes on comes out as one that was never broken off."""

import resource
import shutil
from pathlib import Path

import fsspec
import pytest

from runner import training
from runner.config import parse
from runner.history import History
from runner.run_dir import Checkpoint, Inputs, Note, Result, RunDir, Start
from runner.training import job
from runner.training.checkpoints import check_size
from runner.training.limits import Limits, Stop
from tests.runner.training.runs import train

# Two epochs of six steps; the checkpoint is in the middle of the second, whose order of rows must be known again.
SAVES = "num_train_epochs: 2, logging_steps: 1, save_strategy: steps, save_steps: 4, learning_rate: 1e-3"
MATCH = f"""
exercise: match
model: tiny
data: {{max_length: 16, max_train_samples: 190, word_dropout: 0.2}}
training: {{{SAVES}, per_device_train_batch_size: 16, gradient_accumulation_steps: 2, eval_steps: 4}}
"""
MULTI = f"""
exercise: multi
model: tiny
data: {{max_length: 16, max_train_samples: 96}}
training: {{{SAVES}, per_device_train_batch_size: 16, eval_strategy: "no", train_sampling_strategy: random}}
"""
LANGUAGE = f"""
exercise: stdlib
method: lora
data: {{max_length: 32, max_train_samples: 24, vocab_size: 512}}
training: {{{SAVES}, per_device_train_batch_size: 4, eval_strategy: "no", neftune_noise_alpha: 5}}
"""


def break_off(monkeypatch: pytest.MonkeyPatch, run_dir: RunDir, config: str, step: int) -> None:
    """Cancel a run at a step, as its owner could."""

    class CancelsThere(Limits):
        def check(self, now: int = 0, total: int = 0) -> None:
            if now == step:
                self._cancelled.set()
            super().check(now, total)

    with monkeypatch.context() as patch:
        patch.setattr(job, "Limits", CancelsThere)
        run_dir.create(config)
        assert training.run(run_dir.url) == 1
    assert result_of(run_dir).status == "cancelled"


def result_of(run_dir: RunDir) -> Result:
    result = run_dir.result()
    assert result
    return result


def losses(run_dir: RunDir) -> dict[int, float]:
    return {step.step: step.loss for step in History.of(run_dir.events()[0]).steps}


@pytest.mark.parametrize("config", [MATCH, MULTI, LANGUAGE], ids=["match", "multi", "stdlib"])
def test_a_resumed_run_gives_what_an_uninterrupted_one_gives(
    config: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, _ = train(tmp_path / "whole", config)
    broken, after = RunDir(str(tmp_path / "broken")), RunDir(str(tmp_path / "after"))
    break_off(monkeypatch, broken, config, step=10)
    assert broken.checkpoints()[-1] == 8
    after.create(config, Inputs(resume=broken.url))
    assert training.run(after.url) == 0
    result = result_of(after)
    assert (result.resumed_at, result.steps, result.train_tokens) == (8, whole.steps, whole.train_tokens)
    assert result.test == pytest.approx(whole.test, abs=1e-6)
    assert result.train_score == pytest.approx(whole.train_score, abs=1e-6)
    assert losses(after) == pytest.approx(losses(RunDir(str(tmp_path / "whole"))), abs=2e-4)
    assert list(losses(after)) == list(range(1, 13))
    assert result.train_seconds > 0
    assert not (tmp_path / "after" / "checkpoints").exists()
    assert broken.checkpoints()[-1] == 8  # it can be resumed once more


def test_a_run_that_its_machine_lost_goes_on_in_its_own_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_dir = RunDir(str(tmp_path))
    break_off(monkeypatch, run_dir, MULTI, step=10)
    (tmp_path / "result.json").unlink()  # a process that was killed leaves none
    shutil.copytree(tmp_path / "checkpoints" / "checkpoint-8", tmp_path / "checkpoints" / "checkpoint-10")
    (tmp_path / "checkpoints" / "checkpoint-10" / "model.safetensors").write_bytes(b"torn")
    assert training.run(run_dir.url) == 0
    assert result_of(run_dir).resumed_at == 8
    starts = [event for event in run_dir.events()[0] if isinstance(event, Start)]
    assert [start.resumed_at for start in starts] == [0, 8]


def test_checkpoints_of_a_run_in_object_storage_are_there_and_the_best_is_gone_back_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    storage = fsspec.filesystem("memory")
    config = MATCH.replace("eval_steps: 4", "eval_steps: 4, load_best_model_at_end: true")
    run_dir, after = RunDir("memory://runs/first"), RunDir("memory://runs/second")
    break_off(monkeypatch, run_dir, config, step=11)
    kept = run_dir.checkpoints()
    best = max(History.of(run_dir.events()[0]).evals, key=lambda e: (e.score, -e.step))
    assert kept == sorted({best.step, 8})  # the last, and the best besides
    after.create(config, Inputs(resume=run_dir.url))
    assert training.run(after.url) == 0
    assert result_of(after).validation == max(e.score for e in History.of(after.events()[0]).evals)
    assert after.checkpoints() == []
    assert storage.exists("/runs/second/model/model.safetensors")
    storage.rm("/runs", recursive=True)


def test_patience_is_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing gets better, so the third evaluation without a better one ends the run, broken off or not."""
    config = """
exercise: match
model: tiny
data: {max_length: 8, max_train_samples: 64}
early_stopping_patience: 3
training: {learning_rate: 1e-12, num_train_epochs: 20, per_device_train_batch_size: 16, eval_steps: 2, save_steps: 2,
  save_strategy: steps, load_best_model_at_end: true}
"""
    broken, after = RunDir(str(tmp_path / "broken")), RunDir(str(tmp_path / "after"))
    break_off(monkeypatch, broken, config, step=5)
    after.create(config, Inputs(resume=broken.url))
    assert training.run(after.url) == 0
    assert result_of(after).steps == 8


ANEW = "What it should go on from is gone, or of other data, so training starts anew."


def test_a_run_whose_checkpoint_is_gone_starts_anew_and_says_so(tmp_path: Path) -> None:
    run_dir = RunDir(str(tmp_path / "run"))
    run_dir.create(MULTI, Inputs(resume=str(tmp_path / "erased")))
    assert training.run(run_dir.url) == 0
    assert ANEW in [event.text for event in run_dir.events()[0] if isinstance(event, Note)]
    assert (result_of(run_dir).resumed_at, result_of(run_dir).steps) == (0, 12)


def test_a_checkpoint_on_other_data_is_not_gone_on_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken, after = RunDir(str(tmp_path / "broken")), RunDir(str(tmp_path / "after"))
    break_off(monkeypatch, broken, MULTI, step=5)
    changed = (tmp_path / "broken" / "events.jsonl").read_text().replace('"data_hash":"', '"data_hash":"old')
    (tmp_path / "broken" / "events.jsonl").write_text(changed)
    after.create(MULTI, Inputs(resume=broken.url))
    assert training.run(after.url) == 0
    assert ANEW in [event.text for event in after.events()[0] if isinstance(event, Note)]
    assert result_of(after).resumed_at == 0


def test_checkpoints_are_kept_as_often_and_as_many_as_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = MULTI.replace("save_steps: 4", "save_steps: 2, save_total_limit: 2")
    break_off(monkeypatch, RunDir(str(tmp_path)), config, step=9)
    told = [event.step for event in RunDir(str(tmp_path)).events()[0] if isinstance(event, Checkpoint)]
    assert told == [2, 4, 6, 8]
    assert RunDir(str(tmp_path)).checkpoints() == [6, 8]


def test_checkpoints_that_do_not_fit_are_refused_before_training(monkeypatch: pytest.MonkeyPatch) -> None:
    config = parse("exercise: match\ntraining: {save_strategy: steps}").config.training
    check_size(config, 10**9, 10**9, whole=True)  # no limit
    monkeypatch.setattr(resource, "getrlimit", lambda _kind: (2 * 10**9, -1))
    check_size(config, 22 * 10**6, 22 * 10**6, whole=True)
    check_size(config, 110 * 10**6, 10**6, whole=False)
    with pytest.raises(Stop, match=r"takes 1.3 GB, up to 3 of them .* may write 2 GB: leave save_strategy out"):
        check_size(config, 110 * 10**6, 110 * 10**6, whole=True)
