"""Configs from text and to text: the only way from what a learner wrote to a `Config`."""

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from ruamel.yaml import YAML

from runner import config_rules
from runner.catalog import MODELS
from runner.config_errors import ConfigError, Problem, dotted, in_order
from runner.config_rules import total_steps
from runner.config_schema import Config, Data, Lora, Training
from runner.config_validation import validate
from runner.yaml_source import Document, read

__all__ = [
    "Config",
    "ConfigError",
    "Data",
    "Lora",
    "Parsed",
    "Problem",
    "Training",
    "parse",
    "render",
    "template",
    "total_steps",
]

_TEMPLATE = """\
exercise: {exercise}
model: minilm    # {model}; or {others}
method: full     # trains every weight; lora trains a small adapter, at a learning rate near 2e-3
training:
  num_train_epochs: 2               # passes over the training rows
  per_device_train_batch_size: 32   # rows in one step
  learning_rate: 1e-4               # how far one step moves the weights
  lr_scheduler_type: linear         # how the rate falls after the warmup; cosine and constant are others
  warmup_steps: 0.06                # the share of all steps in which the rate rises
  weight_decay: 0.01                # pulls weights towards zero
  seed: 42                          # another one shuffles the rows anew
"""


@dataclass(frozen=True, slots=True)
class Parsed:
    """A config that can be trained, and what is suspicious about it, in order of line."""

    config: Config
    warnings: tuple[Problem, ...]


def parse(source: str | bytes) -> Parsed:
    """Read a config from YAML (or JSON). Raises ConfigError with everything that is wrong with it, never another."""
    document = read(source)
    config, wrong = validate(document.data)
    refused = {problem.key for problem in document.problems if problem.key}
    problems = [*document.problems, *(problem for problem in wrong if problem.key not in refused)]
    problems += config_rules.errors(config, broken={problem.key for problem in problems})
    if problems:
        raise ConfigError(_with_lines(problems, document))
    return Parsed(config, in_order(_with_lines(config_rules.warnings(config), document)))


def _with_lines(problems: Iterable[Problem], document: Document) -> Iterator[Problem]:
    lines = {dotted(path): line for path, line in document.lines.items()}
    for problem in problems:
        yield replace(problem, line=problem.line or lines.get(problem.key))


def render(config: Config) -> str:
    """Write a config as YAML with every key; `lora` is left out where it is unused and as it was."""
    unused = {"lora"} if config.method != "lora" and config.lora == Lora() else None
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    text = io.StringIO()
    yaml.dump(config.model_dump(exclude=unused), text)
    return text.getvalue()


def template(exercise: str) -> str:
    """Return a short config to start from. Raises ConfigError for an exercise that there is not."""
    if wrong := list(config_rules.known_exercise(Config(exercise=exercise))):
        raise ConfigError(wrong)
    default = Config(exercise=exercise).model
    others = ", ".join(name for name in MODELS if name != default)
    return _TEMPLATE.format(exercise=exercise, model=MODELS[default].title, others=others)
