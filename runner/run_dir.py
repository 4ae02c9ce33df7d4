"""The run directory: the whole interface between the bot and a training process.

`config.yaml` and `inputs.json` go in, and `own.json` where the config names an exercise or a model of the group's own;
`events.jsonl` (append-only), `heartbeat`, `log.txt`, `curves.png`, `analysis.json`, `checkpoints/` and `model/` come
out, and `result.json` is written last and atomically: a run that has one has ended.
The directory is any fsspec URL, so bot and workers may share object storage instead of a disk.
"""

import errno
import json
import time
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import fsspec
from fsspec.implementations.local import LocalFileSystem
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from runner.catalog import Own

CHECKPOINTS = "checkpoints"  # the folder in a run directory


def checkpoint_name(step: int) -> str:
    """Return the name that transformers gives to a checkpoint's folder."""
    return f"checkpoint-{step}"


def step_of(checkpoint: Path) -> int:
    """Return the step of a checkpoint's folder."""
    return int(checkpoint.name.rpartition("-")[2])


class _Event(BaseModel):
    # A diverged loss is NaN, which JSON numbers cannot say; as a string it comes back whole.
    model_config = ConfigDict(frozen=True, extra="ignore", ser_json_inf_nan="strings")

    time: float = Field(default_factory=time.time, description="seconds since the epoch")


class Start(_Event):
    """Training is about to take its first step."""

    type: Literal["start"] = "start"
    total_steps: int
    parameters: int
    trainable: int
    train_rows: int
    device: str
    data_hash: str | None = None
    resumed_at: int = Field(default=0, description="the step of the checkpoint that it goes on from; 0: a new start")


class Step(_Event):
    """One logged training step; `loss` is the mean since the last one logged."""

    type: Literal["step"] = "step"
    step: int
    epoch: float
    loss: float
    learning_rate: float
    grad_norm: float | None = None


class Eval(_Event):
    """One evaluation on the validation split."""

    type: Literal["eval"] = "eval"
    step: int
    epoch: float
    loss: float
    score: float


class Checkpoint(_Event):
    """A checkpoint was saved, whole."""

    type: Literal["checkpoint"] = "checkpoint"
    step: int
    seconds: float = Field(default=0.0, description="of training up to it")


class Note(_Event):
    """A sentence for the learner."""

    type: Literal["note"] = "note"
    text: str


Event = Annotated[Start | Step | Eval | Checkpoint | Note, Field(discriminator="type")]
_EVENT: TypeAdapter[Event] = TypeAdapter(Event)


class Inputs(BaseModel):
    """What a run is given besides its config: URLs of other run directories, which no learner chooses."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    resume: str | None = Field(default=None, description="the run whose last checkpoint it goes on from")
    teacher: str | None = Field(default=None, description="the run whose model it learns from")


class Result(BaseModel):
    """How a run ended. Scores are on the exercise's metric; `test` is the hidden split's."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    status: Literal["succeeded", "failed", "cancelled", "timed_out"]
    error: str | None = Field(default=None, description="a sentence for the learner, when it did not succeed")
    metric: str | None = None
    validation: float | None = None
    test: float | None = None
    test_interval: tuple[float, float] | None = Field(default=None, description="95%, over the rows of the test split")
    also: dict[str, float] = Field(
        default_factory=dict, description="of the test split: each head's score, and the like"
    )
    train_score: float | None = Field(default=None, description="the metric on a sample of the train split")
    baselines: dict[str, float] = Field(default_factory=dict, description="majority, linear: on the test split")
    head_baselines: dict[str, dict[str, float]] = Field(
        default_factory=dict, description="of a task with several heads, by head: as baselines"
    )
    data_hash: str | None = None
    revisions: dict[str, str] = Field(default_factory=dict, description="commits of what came from the hub, by name")
    steps: int = 0
    resumed_at: int = Field(default=0, description="the step that this run went on from; 0: it began anew")
    train_tokens: int = 0
    train_seconds: float = 0.0
    examples_per_second: float = 0.0
    peak_memory_bytes: int = Field(default=0, description="taken from the GPU by torch; on a CPU resident")
    energy_joules: float | None = Field(
        default=None, description="of the GPU from the first step to the last, evaluations included; None: not measured"
    )
    device_memory_bytes: int = Field(default=0, description="of the GPU that trained; 0 on a CPU")
    padding: float = Field(default=0.0, description="share of the tokens in training batches that were padding")
    precision: Literal["", "fp32", "bf16", "fp16"] = ""
    supports_bf16: bool = False
    parameters: int = 0
    trainable: int = 0
    device: str = ""
    seed: int | None = None
    versions: dict[str, str] = Field(default_factory=dict)


class RunDir:
    """Reads and writes one run's directory."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._fs, self._root = fsspec.core.url_to_fs(self.url)

    def path(self, name: str) -> str:
        """Return the path of a file inside, for the directory's own file system."""
        return f"{self._root}/{name}"

    def create(self, config: str, inputs: Inputs | None = None, own: Own | None = None) -> None:
        """Make the directory with its config and what it is given; doing it twice changes nothing."""
        self._fs.makedirs(self._root, exist_ok=True)
        if inputs:
            self.write("inputs.json", inputs.model_dump_json().encode())
        if own and own != Own():
            self.write("own.json", own.model_dump_json(indent=2).encode())
        self.write("config.yaml", config.encode())

    def inputs(self) -> Inputs:
        """Return what the run is given besides its config."""
        data = self.read("inputs.json")
        return Inputs.model_validate_json(data) if data else Inputs()

    def write(self, name: str, data: bytes) -> None:
        """Replace a file so that a reader sees the old content or the new, never a part."""
        if not isinstance(self._fs, LocalFileSystem):  # object storage shows an object whole or not at all
            self._fs.pipe_file(self.path(name), data)
            return
        partial = self.path(f".{name}.partial")
        self._fs.pipe_file(partial, data)
        self._fs.mv(partial, self.path(name))

    def read(self, name: str, start: int = 0) -> bytes | None:
        """Return a file's bytes from `start` (from the end if negative), or None when there is no such file."""
        path = self.path(name)
        try:
            if start <= 0:
                data = bytes(self._fs.cat_file(path, start=start or None))
                return data[start:]  # a file that is shorter than asked for comes whole
            return bytes(self._fs.cat_file(path, start=start - 1))[1:]  # storage refuses to read at the very end
        except FileNotFoundError:
            return None
        except OSError as error:
            if error.errno == errno.EINVAL:  # how s3fs says that the file ends before `start`
                return b""
            raise

    def own(self) -> Own:
        """Return the group's own exercise and model, if the config names such."""
        data = self.read("own.json")
        return Own.model_validate_json(data) if data else Own()

    def append(self, event: Event) -> None:
        """Add one line to `events.jsonl`."""
        line = event.model_dump_json(exclude_none=True) + "\n"
        with self._fs.open(self.path("events.jsonl"), "ab") as file:
            file.write(line.encode())

    def events(self, offset: int = 0) -> tuple[list[Event], int]:
        """Return the events that start at byte `offset`, and the offset to go on from.

        A line that is still being written is left for the next call.
        """
        data = self.read("events.jsonl", offset) or b""
        whole = data[: data.rfind(b"\n") + 1]
        return [_EVENT.validate_json(line) for line in whole.splitlines() if line], offset + len(whole)

    def checkpoints(self) -> list[int]:
        """Return the steps of the whole checkpoints that are there, in order: see `runner.training.checkpoints`."""
        if not self._fs.exists(self.path(CHECKPOINTS)):
            return []
        told = {event.step for event in self.events()[0] if isinstance(event, Checkpoint)}
        return [step for step in sorted(told) if self._fs.exists(self.path(f"{CHECKPOINTS}/{checkpoint_name(step)}"))]

    def local_folder(self) -> Path | None:
        """Return the directory's path on this machine, or None when it is in object storage."""
        return Path(self._root) if isinstance(self._fs, LocalFileSystem) else None

    def get(self, name: str, target: Path) -> None:
        """Copy a folder inside to a path on this machine where there is none yet."""
        target.parent.mkdir(parents=True, exist_ok=True)
        self._fs.get(self.path(name), str(target), recursive=True)

    def put(self, source: Path, folder: str) -> None:
        """Copy a folder on this machine into one inside, in place of what is there of that name."""
        target = self.path(f"{folder}/{source.name}")
        if self._fs.exists(target):
            self._fs.rm(target, recursive=True)
        self._fs.makedirs(self.path(folder), exist_ok=True)
        self._fs.put(str(source), target, recursive=True)

    def keep_only(self, folder: str, names: Collection[str]) -> None:
        """Remove all of a folder inside but what is named."""
        if self._fs.exists(self.path(folder)):
            for path in self._fs.ls(self.path(folder), detail=False):
                if path.rstrip("/").rpartition("/")[2] not in names:
                    self._fs.rm(path, recursive=True)

    def beat(self) -> None:
        """Say that the run is alive."""
        self.write("heartbeat", json.dumps(time.time()).encode())

    def last_beat(self) -> datetime | None:
        """Return when the run last said that it is alive, by the worker's clock."""
        data = self.read("heartbeat")
        return datetime.fromtimestamp(json.loads(data), UTC) if data else None

    def finish(self, result: Result) -> None:
        """Write the result: the last thing a run does."""
        self.write("result.json", result.model_dump_json(indent=2).encode())

    def result(self) -> Result | None:
        """Return how the run ended, or None while it has not."""
        data = self.read("result.json")
        return Result.model_validate_json(data) if data else None
