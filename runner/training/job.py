"""One run, from its config to its result."""

import platform
import shutil
import tempfile
import threading
import traceback
from importlib.metadata import version
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
from datasets import Dataset
from transformers import EvalPrediction, Trainer, set_seed

from runner import curves
from runner.catalog import PACKAGED, Catalog, Model
from runner.config import Config
from runner.exercise import Exercise
from runner.metrics import Rows, interval
from runner.run_dir import Result, RunDir, Start, step_of
from runner.training.arguments import precision, supports_bf16, use_threads
from runner.training.checkpoints import Checkpoints, check_size
from runner.training.device import EnergyMeter, device_memory, device_name, peak_memory
from runner.training.limits import Limits, Stop, cancel_signal, explain
from runner.training.methods import ADAPTERS, count_parameters
from runner.training.recorder import Recorder
from runner.training.tasks import Prepared, prepare
from runner.training.tasks.prepared import first_rows
from runner.training.teacher import Teacher, load_teacher
from runner.training.trainer import PaddingMeter, make_trainer

TRAIN_SAMPLE = 500  # rows of the train split that the final model is scored on, to show overfitting


def train(run_dir: RunDir, config: Config, catalog: Catalog = PACKAGED) -> Result:
    """Train a config and leave everything but the result in the run directory; SIGTERM cancels it."""
    use_threads()
    with cancel_signal() as cancelled:
        return Job(run_dir, config, catalog, cancelled).run()


class Job:
    """One training, and what is known of it so far."""

    def __init__(self, run_dir: RunDir, config: Config, catalog: Catalog, cancelled: threading.Event) -> None:
        self.run_dir = run_dir
        self.config = config
        self.exercise = catalog.exercises[config.exercise]
        self.models = catalog.models
        self.recorder = Recorder(run_dir)
        self.limits = Limits(self.recorder, self.exercise.budget, cancelled)
        self.facts: dict[str, Any] = {
            "metric": self.exercise.metric.name,
            "seed": config.training.seed,
            "device": device_name(),
            "versions": _versions(),
            "revisions": _revisions(self.exercise, catalog.models[config.model]),
        }

    def run(self) -> Result:
        """Train and return the result, also when that fails: nothing is raised."""
        # In the run directory if that is a folder here: what a run writes then counts against its quota.
        work = Path(tempfile.mkdtemp(prefix="cohort-", dir=self.run_dir.local_folder()))
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

    def _train(self, work: Path) -> dict[str, Any]:
        training = self.config.training
        set_seed(training.seed)  # before the model: its new layers are drawn at random
        prepared = prepare(self.config, self.exercise, self.models)
        parameters, trainable = count_parameters(prepared.model)
        self.facts |= {"parameters": parameters, "trainable": trainable, **prepared.facts}
        check_size(training, parameters, trainable, whole=self.config.method not in ADAPTERS)
        start = Start(
            total_steps=0,
            parameters=parameters,
            trainable=trainable,
            train_rows=len(prepared.train),
            device=self.facts["device"],
            data_hash=self.facts["data_hash"],
        )
        self.recorder.expect(start, prepared.tokens)
        padding = PaddingMeter(prepared)
        checkpoints = Checkpoints(self.run_dir, work, training)
        latest = self._go_on(checkpoints)
        callbacks = [checkpoints, self.recorder, self.limits]  # in this order: limits read what was recorded
        teacher = self._teacher(prepared, work)
        trainer = make_trainer(self.config, self.exercise, prepared, checkpoints.folder, callbacks, padding, teacher)
        self.facts |= {"precision": precision(trainer.args), "supports_bf16": supports_bf16()}
        self.limits.check()
        meter = EnergyMeter()
        try:
            trainer.train(resume_from_checkpoint=str(latest) if latest else None)
        finally:
            self.facts["energy_joules"] = meter.joules()
        self.facts["padding"] = round(padding.share, 3)
        scores = self._scores(trainer, prepared)
        prepared.save(work / "model")
        self._keep(work / "model")
        checkpoints.remove()
        return scores

    def _teacher(self, prepared: Prepared, work: Path) -> Teacher | None:
        if self.config.method != "distillation":
            return None
        return load_teacher(self.run_dir.inputs().teacher, self.config, self.exercise, prepared, work)

    def _go_on(self, checkpoints: Checkpoints) -> Path | None:
        """Return the checkpoint to go on from, if there is one; what was recorded before it is taken over.

        It is this run's own, after a machine was lost, or that of the run that this one resumes.
        """
        given, own = self.run_dir.inputs().resume, self.run_dir.checkpoints()
        source = self.run_dir if own or not given else RunDir(given)
        latest = checkpoints.fetch(source)
        earlier = source.events()[0] if latest else []
        hashes = [event.data_hash for event in earlier if isinstance(event, Start)]
        if latest and hashes[-1:] == [self.facts["data_hash"]]:
            self.recorder.go_on(earlier, step_of(latest), own=source is self.run_dir)
            return latest
        checkpoints.remove()
        if given or latest:
            self.recorder.note("What it should go on from is gone, or of other data, so training starts anew.")
        return None

    def _scores(self, trainer: Trainer, prepared: Prepared) -> dict[str, Any]:
        score = prepared.score
        validation = self._look_closer(trainer, prepared)
        predicted = _predict(trainer, prepared.test)
        test = score(predicted)
        return {
            "validation": validation,
            "test": test.pop("score"),
            "test_interval": _interval(prepared, predicted),
            "train_score": score(_predict(trainer, first_rows(prepared.train, TRAIN_SAMPLE)))["score"],
            "also": test,
        }

    def _look_closer(self, trainer: Trainer, prepared: Prepared) -> float:
        """Keep what the trained model does well and badly on the validation split; return its score there."""
        predicted = _predict(trainer, prepared.validation)
        try:
            prepared.analyse(predicted).write(self.run_dir)
        except Exception:  # as a picture: it takes nothing from the run
            traceback.print_exc()
        return prepared.score(predicted)["score"]

    def _keep(self, folder: Path) -> None:
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
            resumed_at=done.resumed_at,
            train_tokens=done.tokens,
            train_seconds=round(done.seconds, 2),
            examples_per_second=round(done.examples_per_second, 1),
            peak_memory_bytes=peak_memory(),
            device_memory_bytes=device_memory(),
        )


def _predict(trainer: Trainer, rows: Dataset) -> EvalPrediction:
    """Return what a model says of rows; `predict`, unlike `evaluate`, writes no event: the test split stays hidden."""
    output = trainer.predict(rows)
    return EvalPrediction(predictions=np.asarray(output.predictions), label_ids=np.asarray(output.label_ids))


def _interval(prepared: Prepared, predicted: EvalPrediction) -> tuple[float, float]:
    """Return the interval of the score that the rows alone would explain."""
    found, true = np.asarray(predicted.predictions), np.asarray(predicted.label_ids)

    def score(rows: Rows) -> float:
        return prepared.score(EvalPrediction(predictions=found[rows], label_ids=true[rows]))["score"]

    return interval(score, len(true))


def _versions() -> dict[str, str]:
    packages = ("torch", "transformers", "datasets", "peft", "accelerate")
    return {"python": platform.python_version(), **{package: version(package) for package in packages}}


def _revisions(exercise: Exercise, model: Model) -> dict[str, str]:
    """Return the commits of what came from the hub."""
    found = {exercise.dataset: exercise.revision, model.name: model.revision}
    return {name: revision for name, revision in found.items() if revision}
