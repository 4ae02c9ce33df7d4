"""One run, from its config to its result."""

import platform
import resource
import shutil
import tempfile
import threading
import traceback
from importlib.metadata import version
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import torch
from datasets import Dataset
from transformers import DataCollatorWithPadding, EvalPrediction, Trainer, set_seed

from runner import curves
from runner.config import Config
from runner.data import load
from runner.exercise import exercises
from runner.metrics import METRICS
from runner.run_dir import Result, RunDir, Start
from runner.training.arguments import training_arguments, use_threads
from runner.training.limits import Limits, Stop, cancel_signal, explain
from runner.training.model import count_parameters, load_model, load_tokenizer
from runner.training.recorder import Recorder
from runner.training.tokenized import tokenized

TRAIN_SAMPLE = 500  # rows of the train split that the final model is scored on, to show overfitting


def train(run_dir: RunDir, config: Config) -> Result:
    """Train a config and leave everything but the result in the run directory; SIGTERM cancels it."""
    use_threads()
    with cancel_signal() as cancelled:
        return Job(run_dir, config, cancelled).run()


class Job:
    """One training, and what is known of it so far."""

    def __init__(self, run_dir: RunDir, config: Config, cancelled: threading.Event) -> None:
        self.run_dir = run_dir
        self.config = config
        self.exercise = exercises()[config.exercise]
        self.recorder = Recorder(run_dir)
        self.limits = Limits(self.recorder, self.exercise.budget, cancelled)
        self.facts: dict[str, Any] = {
            "metric": self.exercise.metric.name,
            "seed": config.training.seed,
            "device": device_name(),
            "versions": _versions(),
        }

    def run(self) -> Result:
        """Train and return the result, also when that fails: nothing is raised."""
        work = Path(tempfile.mkdtemp(prefix="cohort-", dir=_local_folder(self.run_dir)))
        try:
            scores = self._train(work)
            result = self._result(status="succeeded", **scores)
        except Stop as stop:
            result = self._result(status=stop.status, error=str(stop))
        except Exception as error:
            traceback.print_exc()
            result = self._result(status="failed", error=explain(error))
        finally:
            shutil.rmtree(work, ignore_errors=True)
        self._draw()
        return result

    def _train(self, work: Path) -> dict[str, float]:
        splits = load(self.exercise.dataset)
        metric = self.exercise.metric.name
        self.facts |= {
            "data_hash": splits.card.hash,
            "baselines": {name: scores[metric] for name, scores in splits.card.baselines.items()},
        }
        tokenizer, length = load_tokenizer(), self.config.data.max_length
        data = {name: tokenized(splits, name, tokenizer, length) for name in ("train", "validation", "test")}
        rows = min(self.config.data.max_train_samples or len(data["train"]), len(data["train"]))
        data["train"] = data["train"].select(range(rows))
        trainer = self._trainer(tokenizer, data, work)
        self.limits.check()
        trainer.train()
        scores = self._scores(trainer, data)
        self._save(trainer.model, tokenizer, work / "model")
        return scores

    def _trainer(self, tokenizer: Any, data: dict[str, Dataset], work: Path) -> Trainer:
        training, train = self.config.training, data["train"]
        set_seed(training.seed)  # before the model: its new layers are drawn at random
        model = load_model(self.config, self.exercise.labels, len(tokenizer))
        parameters, trainable = count_parameters(model)
        self.facts |= {"parameters": parameters, "trainable": trainable}
        start = Start(
            total_steps=0,
            parameters=parameters,
            trainable=trainable,
            train_rows=len(train),
            device=self.facts["device"],
        )
        self.recorder.expect(start, int(train.with_format("numpy")["length"][:].sum()))
        return Trainer(
            model=model,
            args=training_arguments(training, self.exercise.metric, work / "checkpoints"),
            train_dataset=train,
            eval_dataset=data["validation"],
            data_collator=DataCollatorWithPadding(tokenizer),
            compute_metrics=self._compute_metrics,
            callbacks=[self.recorder, self.limits],  # in this order: limits read what was recorded
        )

    def _compute_metrics(self, predictions: EvalPrediction) -> dict[str, float]:
        logits, labels = np.asarray(predictions.predictions), np.asarray(predictions.label_ids)
        return {"score": METRICS[self.exercise.metric.name](logits.argmax(-1), labels)}

    def _scores(self, trainer: Trainer, data: dict[str, Dataset]) -> dict[str, float]:
        sample = data["train"].select(range(min(TRAIN_SAMPLE, len(data["train"]))))
        evals = self.recorder.history.evals
        if evals and evals[-1].step == trainer.state.global_step and not trainer.args.load_best_model_at_end:
            validation = evals[-1].score
        else:
            validation = _score(trainer, data["validation"])
        return {
            "validation": validation,
            "test": _score(trainer, data["test"]),
            "train_score": _score(trainer, sample),
        }

    def _save(self, model: Any, tokenizer: Any, folder: Path) -> None:
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        fs, path = fsspec.core.url_to_fs(f"{self.run_dir.url}/model")
        fs.put(str(folder), path, recursive=True)

    def _draw(self) -> None:
        config, history = self.config, self.recorder.history
        title = f"{config.exercise} · {config.model} · {config.method}"
        try:
            picture = curves.draw(history, title, self.exercise.metric, self.facts.get("baselines", {}))
            self.run_dir.write("curves.png", picture)
        except Exception:  # a picture that cannot be drawn takes nothing from the run
            traceback.print_exc()

    def _result(self, **outcome: Any) -> Result:
        done = self.recorder
        return Result(
            **outcome,
            **self.facts,
            steps=done.steps,
            train_tokens=done.tokens,
            train_seconds=round(done.seconds, 2),
            examples_per_second=round(done.rows / done.seconds, 1) if done.seconds else 0.0,
            peak_memory_bytes=_peak_memory(),
        )


def _score(trainer: Trainer, rows: Dataset) -> float:
    """Score a model; `predict`, unlike `evaluate`, writes no event: the test split stays hidden."""
    return float((trainer.predict(rows).metrics or {})["test_score"])  # the prefix is the Trainer's own


def device_name() -> str:
    """Return the name of the GPU or CPU that trains, as its maker writes it."""
    if torch.cuda.is_available():
        return str(torch.cuda.get_device_name())
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _peak_memory() -> int:
    if torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated())
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _versions() -> dict[str, str]:
    packages = ("torch", "transformers", "datasets", "peft", "accelerate")
    return {"python": platform.python_version(), **{package: version(package) for package in packages}}


def _local_folder(run_dir: RunDir) -> str | None:
    """Return the run directory's path if it is a folder here: what a run writes then counts against its quota."""
    fs, path = fsspec.core.url_to_fs(run_dir.url)
    return path if fs.protocol in ("file", ("file", "local")) else None
