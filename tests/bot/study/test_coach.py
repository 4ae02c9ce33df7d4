"""Each rule on a run that really does it, and on a sound run, where every rule is silent."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bot.study import coach
from lessons import curriculum
from runner.config import Config, parse
from runner.history import History
from runner.run_dir import Result, RunDir, Start, Step

SHORT = "num_train_epochs: 1, per_device_train_batch_size: 16"
CONFIGS = {
    "diverged": f"training: {{learning_rate: 3.0e-3, eval_steps: 0.5, {SHORT}}}\ndata: {{max_train_samples: 320}}",
    "learning_rate_too_low": f"training: {{learning_rate: 1.0e-6, eval_steps: 0.5, {SHORT}}}\n"
    "data: {max_train_samples: 320}",
    "overfit": "training: {num_train_epochs: 10, per_device_train_batch_size: 16, learning_rate: 2.0e-4}\n"
    "data: {max_train_samples: 96, max_length: 32}",
    "underfit": f"training: {{learning_rate: 2.0e-4, eval_steps: 0.34, {SHORT}}}\ndata: {{max_train_samples: 1600}}",
    "sound": "data: {max_train_samples: 2600}\ntraining: {per_device_train_batch_size: 16}",
}


@pytest.fixture(scope="module", params=CONFIGS)
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, RunDir]:
    """A run of MiniLM on `match`, by the command that everybody can use."""
    run_dir = RunDir(str(tmp_path_factory.mktemp(request.param)))
    run_dir.create(f"exercise: match\n{CONFIGS[request.param]}\n")
    quiet = {**os.environ, "OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0"}
    ended = subprocess.run([sys.executable, "-m", "runner", run_dir.url], env=quiet, capture_output=True, check=False)
    assert ended.returncode == 0, ended.stderr.decode()[-2000:]
    return request.param, run_dir


def read(run_dir: RunDir) -> tuple[History, Config, Result]:
    result = run_dir.result()
    assert result
    return History.of(run_dir.events()[0]), parse(run_dir.read("config.yaml") or b"").config, result


def test_a_real_run_gets_the_finding_that_fits_and_no_other(trained):
    fault, run_dir = trained
    found = coach.diagnose(*read(run_dir))
    assert [finding.rule for finding in found] == ([] if fault == "sound" else [fault])
    assert Path(run_dir.path("curves.png")).stat().st_size > 10_000


def test_every_finding_says_what_why_and_what_to_change(trained):
    _, run_dir = trained
    history, config, result = read(run_dir)
    for finding in coach.diagnose(history, config, result):
        assert any(character.isdigit() for character in finding.evidence)
        assert curriculum().lesson(finding.lesson)
        for key, value in finding.change.items():
            section, _, name = key.partition(".")
            assert getattr(getattr(config, section), name) != value


def history(losses: list[float]) -> History:
    start = Start(total_steps=len(losses), parameters=1, trainable=1, train_rows=1, device="cpu")
    steps = [Step(step=n, epoch=n / 10, loss=loss, learning_rate=1e-4) for n, loss in enumerate(losses, 1)]
    return History.of([start, *steps])


def config(text: str) -> Config:
    return parse(f"exercise: match\n{text}").config


def test_a_loss_that_is_no_number_is_divergence_whatever_the_rate():
    losses = [0.7, 0.9, 4.0, float("nan"), float("nan")]
    (finding,) = coach.diagnose(history(losses), config(""), Result(status="failed"))
    assert finding.rule == "diverged"
    assert "step 4" in finding.what
    assert "4.00" in finding.evidence


def test_a_run_that_was_stopped_at_once_gets_no_finding():
    assert coach.diagnose(history([0.7]), config("training: {learning_rate: 1.0e-6}"), Result(status="cancelled")) == []
    assert coach.diagnose(History.of([]), config(""), Result(status="failed")) == []


def test_an_optimizer_that_does_not_divide_by_its_gradients_has_a_usual_rate_of_its_own():
    sgd = config("training: {optim: sgd, learning_rate: 1.0e-4}")
    (finding,) = coach.diagnose(history([0.693] * 20), sgd, Result(status="succeeded"))
    assert finding.rule == "learning_rate_too_low"
    assert finding.change == {"training.learning_rate": 0.1}


def test_lora_has_a_usual_rate_of_its_own():
    lora = config("method: lora\ntraining: {learning_rate: 5.0e-5}")
    (finding,) = coach.diagnose(history([0.693] * 20), lora, Result(status="succeeded"))
    assert finding.rule == "learning_rate_too_low"
    assert finding.change == {"training.learning_rate": 2e-3}
