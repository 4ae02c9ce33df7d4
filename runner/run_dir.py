"""The run directory: the whole interface between the bot and a training process.

`config.yaml` goes in, and `own.json` where it names an exercise or a model of the group's own; `events.jsonl`
(append-only), `heartbeat`, `log.txt`, `curves.png` and `model/` come out, and `result.json` is written last and
atomically: a run that has one has ended. The directory is any fsspec URL, so bot and workers may share object storage
instead of a disk.
"""

import json
import time
from datetime import UTC, datetime
from typing import Annotated, Literal

import fsspec
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from runner.catalog import Own


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
    """A model was saved."""

    type: Literal["checkpoint"] = "checkpoint"
    step: int


class Note(_Event):
    """A sentence for the learner."""

    type: Literal["note"] = "note"
    text: str


Event = Annotated[Start | Step | Eval | Checkpoint | Note, Field(discriminator="type")]
_EVENT: TypeAdapter[Event] = TypeAdapter(Event)


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
    data_hash: str | None = None
    revisions: dict[str, str] = Field(default_factory=dict, description="commits of what came from the hub, by name")
    steps: int = 0
    train_tokens: int = 0
    train_seconds: float = 0.0
    examples_per_second: float = 0.0
    peak_memory_bytes: int = 0
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

    def create(self, config: str, own: Own | None = None) -> None:
        """Make the directory with its config; doing it twice changes nothing."""
        self._fs.makedirs(self._root, exist_ok=True)
        if own and own != Own():
            self.write("own.json", own.model_dump_json(indent=2).encode())
        self.write("config.yaml", config.encode())

    def write(self, name: str, data: bytes) -> None:
        """Replace a file so that a reader sees the old content or the new, never a part."""
        partial = self.path(f".{name}.partial")
        self._fs.pipe_file(partial, data)
        self._fs.mv(partial, self.path(name))

    def read(self, name: str, start: int = 0) -> bytes | None:
        """Return a file's bytes from `start` (from the end if negative), or None when there is no such file."""
        try:
            with self._fs.open(self.path(name), "rb") as file:
                size = file.seek(0, 2)
                file.seek(max(0, size + start) if start < 0 else min(start, size))
                return bytes(file.read())
        except FileNotFoundError:
            return None

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
