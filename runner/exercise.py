"""Exercises: what a group competes on. Each is one YAML file, read here and nowhere else."""

from functools import cache
from importlib.resources import files
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from ruamel.yaml import YAML


class Metric(BaseModel):
    """How an exercise is scored; ranks and records read the direction from here."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    unit: str = "%"
    higher_is_better: bool = True
    tie: float = Field(default=0.025, description="scores closer than this are the same: two standard errors")

    def better(self, a: float, b: float) -> bool:
        """Say whether score `a` beats score `b`."""
        return a > b if self.higher_is_better else a < b

    def clearly_better(self, a: float, b: float) -> bool:
        """Say whether score `a` beats score `b` by more than chance."""
        return self.better(a, b) and abs(a - b) >= self.tie

    def format(self, score: float) -> str:
        """Write a score as people read it; percentages are stored as shares of one."""
        return f"{score:.1%}" if self.unit == "%" else f"{score:.3f} {self.unit}".rstrip()

    def difference(self, a: float, b: float) -> str:
        """Write how far two scores are apart; shares differ by points."""
        return f"{abs(a - b) * 100:.1f} points" if self.unit == "%" else self.format(abs(a - b))


class Budget(BaseModel):
    """What one run may spend, the same for everybody, so that ranks are fair."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    train_tokens: int = Field(gt=0, description="non-padding tokens seen in training")
    seconds: int = Field(gt=0, description="wall clock from the run's start")


class Exercise(BaseModel):
    """One exercise: its data, its score and its budget."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    title: str
    summary: str
    task: Literal["text-classification", "multi-task", "text-generation"]
    dataset: str = Field(description="a built-in data set's name, or org/name on the hub")
    subset: str | None = Field(default=None, description="of a data set of the hub that has several")
    revision: str | None = Field(default=None, description="the commit that a data set of the hub is pinned to")
    files: str | None = Field(default=None, description="URL of the folder with what was made of it")
    text_columns: tuple[str, ...]
    heads: dict[str, tuple[str, ...]] = Field(
        default_factory=dict, description="the labels of each label column; a language model has none"
    )
    metric: Metric
    baseline: str = Field(description="the baseline that a score is compared with")
    budget: Budget
    train_rows: int = Field(description="rows in the train split; of source code, its bytes")
    tokens_per_row: float = Field(description="mean non-padding tokens a row, measured with minilm's tokenizer")
    defaults: dict[str, Any] = Field(
        default_factory=dict, description="what a config has where it says nothing and the schema's default is wrong"
    )


@cache
def exercises() -> dict[str, Exercise]:
    """Return the packaged exercises by name."""
    yaml = YAML(typ="safe", pure=True)
    found = [
        Exercise.model_validate(yaml.load(file.read_text(encoding="utf-8")))
        for file in files("runner").joinpath("exercises").iterdir()
        if file.name.endswith(".yaml")
    ]
    return {exercise.name: exercise for exercise in sorted(found, key=lambda e: e.name)}
