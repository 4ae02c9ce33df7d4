"""Configs from text and to text: the only way from what a learner wrote to a `Config`."""

import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from ruamel.yaml import YAML

from runner import config_rules
from runner.catalog import PACKAGED, Catalog
from runner.config_defaults import default, usual_learning_rate, with_defaults
from runner.config_errors import ConfigError, Problem, dotted, in_order
from runner.config_rules import fitting_models, total_steps, unused_sections
from runner.config_schema import SECTIONS, Config, Data, Lora, Training
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
    "default",
    "parse",
    "render",
    "template",
    "total_steps",
    "usual_learning_rate",
]

# What a starter config says of `training`, with why; the values are the exercise's own.
_STARTER = {
    "num_train_epochs": "passes over the training rows",
    "per_device_train_batch_size": "rows in one step",
    "learning_rate": "how far one step moves the weights",
    "lr_scheduler_type": "how the rate falls after the warmup; constant is another way",
    "warmup_steps": "the share of all steps in which the rate rises",
    "weight_decay": "pulls weights towards zero",
    "seed": "another one shuffles the rows anew; [1, 2, 3] submits a run of each",
}


@dataclass(frozen=True, slots=True)
class Parsed:
    """A config that can be trained, what is suspicious about it, in order of line, and the line of each key."""

    config: Config
    warnings: tuple[Problem, ...]
    lines: Mapping[str, int] = field(default_factory=dict, compare=False)


def parse(source: str | bytes, catalog: Catalog = PACKAGED) -> Parsed:
    """Read a config from YAML (or JSON), of exercises and models in the catalog.

    Raises ConfigError with everything that is wrong with it, never another.
    """
    document = read(source)
    config, wrong = validate(with_defaults(document.data, catalog), catalog, schema=Config)
    refused = {problem.key for problem in document.problems if problem.key}
    problems = [*document.problems, *(problem for problem in wrong if problem.key not in refused)]
    problems += config_rules.errors(config, {problem.key for problem in problems}, catalog)
    if problems:
        raise ConfigError(_with_lines(problems, document))
    warnings = in_order(_with_lines(config_rules.warnings(config, catalog), document))
    return Parsed(config, warnings, _lines(document))


def _lines(document: Document) -> dict[str, int]:
    return {dotted(path): line for path, line in document.lines.items()}


def _with_lines(problems: Iterable[Problem], document: Document) -> Iterator[Problem]:
    lines = _lines(document)
    for problem in problems:
        yield replace(problem, line=problem.line or lines.get(problem.key))


def render(config: Config, catalog: Catalog = PACKAGED) -> str:
    """Write a config as YAML with every key, less the untouched sections of other methods and tasks."""
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    text = io.StringIO()
    untouched = {name for name in unused_sections(config, catalog) if getattr(config, name) == SECTIONS[name]()}
    yaml.dump(config.model_dump(mode="json", exclude=untouched), text)
    return text.getvalue()


def template(exercise: str, catalog: Catalog = PACKAGED) -> str:
    """Return a short config to start from. Raises ConfigError for an exercise that there is not."""
    if wrong := list(config_rules.known_exercise(Config(exercise=exercise), catalog)):
        raise ConfigError(wrong)
    config = Config.model_validate(with_defaults({"exercise": exercise}, catalog))
    others = ", ".join(name for name in fitting_models(catalog.exercises[exercise], catalog) if name != config.model)
    lines = [
        (f"exercise: {exercise}", ""),
        (f"model: {config.model}", f"{catalog.models[config.model].title}; or {others}"),
        ("method: full", "trains every weight; lora trains a small adapter, at a learning rate near 2e-3"),
        ("training:", ""),
        *((f"  {key}: {_plain(getattr(config.training, key))}", why) for key, why in _STARTER.items()),
    ]
    return "".join(f"{line:<36}# {why}\n" if why else f"{line}\n" for line, why in lines)


def _plain(value: float | str) -> str:
    """Write a number as people do: 2 and not 2.0, 1e-4 and not 0.0001."""
    if not isinstance(value, float):
        return str(value)
    return f"{value:g}" if value >= 0.01 or not value else f"{value:.0e}".replace("e-0", "e-")
