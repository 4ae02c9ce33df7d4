"""What a run's model does well and badly, measured on the validation split and kept as `analysis.json`.

The training process measures it, and whoever shows it needs no torch. Its size is bounded: few labels, few rows,
clipped texts.
"""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from runner.run_dir import RunDir

FILE = "analysis.json"
MOST_LABELS = 12  # classes in a confusion matrix; the rest are one
OTHERS = "all others"
TEXT_CHARACTERS = 240


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Mistake(_Frozen):
    """One row that a classifier got wrong, as the model read it."""

    texts: tuple[str, ...]
    true: str
    predicted: str
    confidence: float = Field(description="the probability that the model gave to its answer")


class Errors(_Frozen):
    """Where one head of a classifier errs: a confusion matrix, and the mistakes that it was surest of."""

    head: str
    labels: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...] = Field(description="rows: the true label; columns: the predicted one")
    f1: tuple[float, ...] = Field(description="of each label")
    mistakes: tuple[Mistake, ...] = ()


class PositionLoss(_Frozen):
    """A language model's mean loss over some neighbouring positions of a block."""

    first: int = Field(description="the first of the positions; 1 is predicted from one token")
    loss: float = Field(description="nats a token")


class Sample(_Frozen):
    """What a language model writes when it goes on from the beginning of a file."""

    prompt: str
    written: str


class Analysis(_Frozen):
    """All that was measured: `errors` of a classifier's heads; `positions` and `samples` of a language model."""

    errors: tuple[Errors, ...] = ()
    positions: tuple[PositionLoss, ...] = ()
    samples: tuple[Sample, ...] = ()

    @classmethod
    def of(cls, run_dir: RunDir) -> Self | None:
        """Read a run's analysis; None when it has none."""
        data = run_dir.read(FILE)
        return cls.model_validate_json(data) if data else None

    def write(self, run_dir: RunDir) -> None:
        """Keep it with the run."""
        run_dir.write(FILE, self.model_dump_json().encode())


def clip(text: str) -> str:
    """Return the beginning of a text, in one line."""
    line = " ".join(text.split())
    return line if len(line) <= TEXT_CHARACTERS else f"{line[: TEXT_CHARACTERS - 1]}…"
