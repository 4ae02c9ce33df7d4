"""Training scripts to start from: jinja2 templates, filled in for a kind of hardware."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pydantic import BaseModel, ConfigDict, Field
from ruamel.yaml import YAML

FOLDER = Path(__file__).parent / "templates"
Precision = Literal["fp32", "fp16", "bf16"]
Positive = Annotated[int, Field(gt=0)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Size(_Strict):
    """What fits, for one kind of training."""

    model: str
    batch: Positive = Field(description="rows, or blocks of tokens, that a device takes at once")
    rows: Positive = Field(description="the same for one update, over accumulation and devices")
    length: Positive = Field(description="tokens")
    learning_rate: float = Field(gt=0, description="for this model and these rows an update")
    checkpointing: bool = False
    train_rows: Positive | None = None
    why: str = Field(description="the memory that it takes, in half a sentence")


class Profile(_Strict):
    """A kind of hardware, and what fits there."""

    title: str
    precision: Precision
    attention: Literal["sdpa", "eager"] = "sdpa"
    classifier: Size
    causal_lm: Size
    lora: Size


@dataclass(frozen=True, slots=True)
class Template:
    """A script: how it is asked for, its file's name when filled in, its data and the lesson that explains it."""

    name: str
    title: str
    file: str
    dataset: str
    lesson: str
    size: Literal["classifier", "causal_lm", "lora"] = "classifier"
    resumes: bool = True

    @property
    def stem(self) -> str:
        """The file's name without its ending, under which the script keeps what it makes."""
        return self.file.removesuffix(".py")


_REVIEWS = "cornell-movie-review-data/rotten_tomatoes"
_TEMPLATES = (
    Template("trainer", "Text classification with the Trainer", "trainer.py", _REVIEWS, "basic-training-scripts"),
    Template("loop", "A training loop of your own", "custom_loop.py", _REVIEWS, "custom-training-loops"),
    Template("lora", "LoRA on instructions", "lora.py", "databricks/databricks-dolly-15k", "lora", "lora"),
    Template("causal-lm", "A causal language model", "causal_lm.py", "roneneldan/TinyStories", "batching", "causal_lm"),
    Template(
        "multi-task", "One encoder, two tasks", "multi_task.py", "nyu-mll/multi_nli", "custom-models", resumes=False
    ),
    Template(
        "distributed",
        "A loop on several GPUs, by torchrun",
        "distributed.py",
        _REVIEWS,
        "distributed-training",
        resumes=False,
    ),
    # Not accelerate.py: Python would import that file in place of the package.
    Template("accelerate", "A loop with Accelerate", "accelerate_loop.py", _REVIEWS, "data-parallelism"),
)
# As huggingface_hub's validate_repo_id has it, and stricter at the beginning.
_NAME = re.compile(r"(?:[A-Za-z0-9][\w.\-]{0,95}/)?[A-Za-z0-9][\w.\-]{0,95}", re.ASCII)


def templates() -> Mapping[str, Template]:
    """Return the scripts by the name that they are asked for."""
    return {template.name: template for template in _TEMPLATES}


@cache
def profiles() -> Mapping[str, Profile]:
    """Return the kinds of hardware by name, from the smallest."""
    table = YAML(typ="safe", pure=True).load(FOLDER / "hardware.yaml")
    return {name: Profile.model_validate(profile) for name, profile in table.items()}


def render(
    name: str,
    profile: str,
    *,
    model: str | None = None,
    dataset: str | None = None,
    precision: Precision | None = None,
) -> str:
    """Return a script filled in for a kind of hardware, with its own model and data unless others are named.

    Raises KeyError for a template or profile that there is not, ValueError for what is no name on the Hub.
    """
    template, settings = templates()[name], profiles()[profile]
    if precision:
        settings = settings.model_copy(update={"precision": precision})
    size: Size = getattr(settings, template.size)
    return (
        _environment()
        .get_template(f"{template.file}.j2")
        .render(
            template=template,
            profile=settings,
            size=size,
            model=_on_the_hub(model or size.model),
            dataset=_on_the_hub(dataset or template.dataset),
        )
    )


def _on_the_hub(name: str) -> str:
    """Return a repository's name; raises ValueError unless the Hub could have one of that name."""
    if not _NAME.fullmatch(name) or "--" in name or ".." in name or name.endswith((".git", "-", ".")):
        raise ValueError(f"{name[:60]!r} is no name on the Hub: names look like 'google-bert/bert-base-uncased'")
    return name


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701  (it makes Python, not HTML; values are written by `literal`)
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["literal"] = _literal
    return environment


def _literal(value: str | float | None) -> str:
    """Write a value as Python source and as people do: strings in double quotes, a learning rate as 5e-5."""
    if isinstance(value, float):
        return f"{value:.1e}".replace(".0e", "e").replace("e-0", "e-")
    return json.dumps(value) if isinstance(value, str) else repr(value)
