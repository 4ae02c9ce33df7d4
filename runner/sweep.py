"""A sweep: one config with lists and ranges, and the ordinary configs that it stands for.

A learner writes it as any config. `runner.sweep_source` reads it; nothing else in the runner knows of sweeps.
"""

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from math import prod
from typing import Any, Literal

from ruamel.yaml import YAML

from runner.config_errors import Problem

Setting = dict[str, Any]  # dotted key → value
SEED = "training.seed"


@dataclass(frozen=True, slots=True)
class Choice:
    """A key with some values to try; of an ablation the first one is the base."""

    key: str
    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Range:
    """A numeric key of which a search tries values from `low` to `high`, both included."""

    key: str
    low: float
    high: float
    log: bool
    whole: bool = field(metadata={"description": "whole numbers only"})

    def at(self, share: float) -> float:
        """Return the value that lies so far between the ends, 0 being the low one, as it would be tried."""
        if self.log:
            return self.fit(self.low * (self.high / self.low) ** share)
        return self.fit(self.low + share * (self.high - self.low))

    def fit(self, value: float) -> float:
        """Return the value that is trained: whole, or of three significant digits, and within the range."""
        rounded = round(value) if self.whole else float(f"{value:.3g}")
        return min(max(rounded, self.low), self.high)


Axis = Choice | Range


@dataclass(frozen=True, slots=True)
class SweepPlan:
    """What a sweep does: settings of its axes, each trained once a seed.

    Of a grid and an ablation the settings are known beforehand; a search chooses each by the ones before it.
    """

    base: Mapping[str, Any] = field(metadata={"description": "the config as it was written, less the axes"})
    axes: tuple[Axis, ...]
    seeds: tuple[int, ...] = field(metadata={"description": "empty: one run a setting, with the config's own seed"})
    kind: Literal["grid", "ablation", "search"]
    trials: int = field(metadata={"description": "settings, each a run a seed"})
    sampler: Literal["tpe", "random"] = "tpe"
    warnings: tuple[Problem, ...] = ()

    @property
    def runs(self) -> int:
        """How many runs the whole sweep takes."""
        return self.trials * max(1, len(self.seeds))

    @property
    def exercise(self) -> str:
        """The exercise that all of its runs are of."""
        return str(self.base["exercise"])

    def settings(self) -> Iterator[Setting]:
        """Yield the settings that are known beforehand; none of a search."""
        if self.kind != "search":
            yield from combinations(self.choices(), self.kind)

    def choices(self) -> list[Choice]:
        """Return the axes that are lists."""
        return [axis for axis in self.axes if isinstance(axis, Choice)]

    def configs(self, setting: Setting) -> list[str]:
        """Return the configs of one setting as YAML, one a seed."""
        return [write(with_values(self.base, setting | seed)) for seed in [{SEED: s} for s in self.seeds] or [{}]]


def combinations(choices: list[Choice], kind: str) -> Iterator[Setting]:
    """Yield all combinations of a grid, or of an ablation the base and each change of one key."""
    if kind == "grid":
        for values in product(*(choice.values for choice in choices)):
            yield {choice.key: value for choice, value in zip(choices, values, strict=True)}
        return
    base = {choice.key: choice.values[0] for choice in choices}
    yield base
    for choice in choices:
        yield from (base | {choice.key: value} for value in choice.values[1:])


def how_many(choices: list[Choice], kind: str) -> int:
    """Return how many combinations there are, without making them."""
    sizes = [len(choice.values) for choice in choices]
    return prod(sizes) if kind == "grid" else 1 + sum(size - 1 for size in sizes)


def with_values(data: Mapping[str, Any], setting: Setting) -> dict[str, Any]:
    """Return a copy of a config's data with dotted keys set."""
    copy = {key: dict(value) if isinstance(value, Mapping) else value for key, value in data.items()}
    for dotted_key, value in setting.items():
        section, _, name = dotted_key.rpartition(".")
        (copy.setdefault(section, {}) if section else copy)[name] = value
    return copy


def write(data: Mapping[str, Any]) -> str:
    """Write a config's data as YAML, keys in their order."""
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    text = io.StringIO()
    yaml.dump(dict(data), text)
    return text.getvalue()


def short(key: str) -> str:
    """Return a dotted key as a table or a picture names it."""
    return key.rpartition(".")[2]


def shown(value: Any) -> str:
    """Write a value as people write it in a config: 1e-3 and not 0.001, true and not True."""
    match value:
        case bool():
            return str(value).lower()
        case float():
            return f"{value:g}" if abs(value) >= 0.01 or value == 0 else _scientific(value)
        case None:
            return "null"
        case dict():
            return ", ".join(f"{name} {shown(each)}" for name, each in value.items())
        case _:
            return str(value)


def _scientific(value: float) -> str:
    mantissa, _, exponent = f"{value:.2e}".partition("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"


def named(setting: Setting) -> str:
    """Name a setting in one line: `learning_rate 1e-4, method lora`."""
    return ", ".join(f"{short(key)} {shown(value)}" for key, value in setting.items()) or "this config"
