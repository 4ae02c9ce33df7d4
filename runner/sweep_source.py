"""Reads a sweep from what a learner wrote, as strictly as a config: all that is wrong, with lines and nearest names.

A list in place of a value is an axis, and so is `{from: …, to: …, scale: log}`; seeds repeat every setting. Each
value is checked by itself, then settings as whole configs, so that no run of a sweep fails for its config.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

from runner import config_rules
from runner.catalog import PACKAGED, Catalog
from runner.config_defaults import with_defaults
from runner.config_errors import ConfigError, Problem, dotted, in_order, shown_value
from runner.config_names import right_names
from runner.config_schema import KEYS, SECTIONS, SweepOptions, SweptConfig
from runner.config_validation import Path, number_kinds, validate
from runner.sweep import SEED, Axis, Choice, Range, Setting, SweepPlan, combinations, how_many, with_values
from runner.yaml_source import MAX_PROBLEMS, Document, item, read

MAX_RUNS = 64
SAMPLES = 64  # settings of a search that are checked as whole configs
INSIDE = (0.0, 0.382, 0.618, 1.0)  # where a range is checked by itself; not at its middle, which may be a round number
WIDE = 20.0  # of a linear range, high over low: nearly all of it is then within the highest tenfold


def read_sweep(source: str | bytes, catalog: Catalog = PACKAGED) -> SweepPlan | None:
    """Return the sweep that a config describes; None when it describes one run, right or wrong.

    Its exercises and models are those of the catalog. Raises ConfigError with everything that is wrong with a sweep, or
    when the source cannot be read at all.
    """
    document = read(source)
    swept = dict(_swept(document.data))
    if not swept and "sweep" not in document.data:
        return None
    return _Reader(document, swept, catalog).plan()


def _swept(data: dict[str, Any]) -> Iterator[tuple[Path, Any]]:
    """Yield the keys that have a list or a range where a value would be."""
    for key, value in data.items():
        if key in SECTIONS and isinstance(value, dict):
            for name, inner in value.items():
                if name in KEYS[key] and _is_axis((key, name), inner):
                    yield (key, name), inner
        elif key in KEYS[""] and key not in {"exercise", *SECTIONS} and _is_axis((key,), value):
            yield (key,), value


def _is_axis(path: Path, value: Any) -> bool:
    if path[0] == "sweep":
        return False
    return isinstance(value, list) or (isinstance(value, dict) and bool(number_kinds(path)))


@dataclass(slots=True)
class _Reader:
    document: Document
    swept: dict[Path, Any]
    catalog: Catalog
    problems: list[Problem] = field(default_factory=list)

    def plan(self) -> SweepPlan:
        self.problems += self.document.problems
        refused = {problem.key for problem in self.problems}
        given = ((path, value) for path, value in self.swept.items() if dotted(path) not in refused)
        axes = [axis for path, value in given if (axis := self._axis(path, value))]
        base = _without(self.document.data, self.swept)
        config, wrong = self._validated(with_defaults(with_values(base, _first(axes)), self.catalog))
        taken = {problem.key for problem in self.problems}
        self.problems += (problem for problem in wrong if problem.key not in taken)
        base.pop("sweep", None)
        plan = self._planned(base, axes, config.sweep)
        warnings = self._check_configs(base, _examples(axes, plan.kind if plan else "search"))
        if self.problems or plan is None:
            raise ConfigError(self._placed(self.problems))
        return replace(plan, warnings=in_order(self._placed([*warnings, *_narrow(axes)])))

    def _axis(self, path: Path, given: Any) -> Axis | None:
        """Return what a list or a range stands for; None, and problems, when something is wrong with it."""
        before = len(self.problems)
        axis = self._choice(path, given) if isinstance(given, list) else self._range(path, given)
        return axis if len(self.problems) == before else None

    def _choice(self, path: Path, values: list[Any]) -> Choice | None:
        key = dotted(path)
        if len(values) < 2:
            what = "a list of one value" if values else "an empty list"
            self._say(f"{what}; give two or more to compare, or one without brackets", key)
        elif len(values) > MAX_RUNS:
            self._say(f"a list of {len(values)} values, and a sweep has at most {MAX_RUNS} runs", key)
        else:
            for index, value in enumerate(values):
                line = self.document.lines.get((*path, item(index)))
                if value in values[:index]:
                    self._say(f"{shown_value(value)} is given twice; a run of it more would say nothing new", key, line)
                else:
                    self._check_value(path, value, line)
        return Choice(key, tuple(values))

    def _range(self, path: Path, given: dict[str, Any]) -> Range | None:
        for name in given:
            if name not in ("from", "to", "scale"):
                names = right_names(name, ("from", "to", "scale"), "keys of a range")
                self._say(f"unknown key; {names}", dotted((*path, name)))
        low, high = (self._end(path, given, name) for name in ("from", "to"))
        if given.get("scale", "linear") not in ("linear", "log"):
            self._say(right_names(str(given["scale"]), ("linear", "log"), "scales"), dotted((*path, "scale")))
        return None if low is None or high is None else self._between(path, low, high, given.get("scale") == "log")

    def _end(self, path: Path, given: dict[str, Any], name: str) -> float | None:
        """Return one end of a range; None, and a problem, when it is not one."""
        end = given.get(name)
        if name not in given:
            self._say(f"a range needs {name}: write {{from: …, to: …}}", dotted(path))
        elif not self._check_value(path, end, self.document.lines.get((*path, name))):
            return None
        elif isinstance(end, bool) or not isinstance(end, int | float):
            self._say(f"{name} is not a number", dotted(path))
        else:
            return end
        return None

    def _between(self, path: Path, low: float, high: float, log: bool) -> Range | None:
        if low >= high:
            self._say(f"from {low:g} to {high:g} is no range; from is the lower end", dotted(path))
        elif log and low <= 0:
            self._say("a logarithmic scale needs from above 0", dotted(path))
        else:
            return Range(dotted(path), low, high, log, whole="number" not in number_kinds(path))
        return None

    def _check_value(self, path: Path, value: Any, line: int | None) -> bool:
        """Check one value by itself; whether it is of the right type and within the key's bounds."""
        key = dotted(path)
        _, wrong = self._validated(with_values({"exercise": ""}, {key: value}))
        found = [problem for problem in wrong if problem.key == key]
        for problem in found:
            self._say(problem.message, key, line)
        return not found

    def _planned(self, base: dict[str, Any], axes: list[Axis], options: SweepOptions) -> SweepPlan | None:
        """Return the plan, or None where what is wrong leaves it open how many runs there are."""
        if len(axes) < len(self.swept) or not self._fits(axes, options):
            return None
        seeds = next((axis.values for axis in axes if axis.key == SEED and isinstance(axis, Choice)), ())
        others = tuple(axis for axis in axes if axis.key != SEED)
        kind = _kind(axes, options)
        choices = [axis for axis in others if isinstance(axis, Choice)]
        trials = options.trials if kind == "search" else how_many(choices, kind)
        plan = SweepPlan(base, others, seeds, kind, trials or 0, options.sampler)
        if plan.runs > MAX_RUNS:
            sizes = [len(choice.values) for choice in choices] if kind == "grid" else [plan.trials]
            times = " × ".join(map(str, [*sizes, *([len(seeds)] if seeds else [])]))
            key = axes[0].key if kind == "grid" else "sweep"
            self._say(f"{times} = {plan.runs} runs, and a sweep has at most {MAX_RUNS}; try fewer values or seeds", key)
            return None
        return plan

    def _fits(self, axes: list[Axis], options: SweepOptions) -> bool:
        """Say whether the options suit the axes."""
        before = len(self.problems)
        kind = _kind(axes, options)
        searched = [axis for axis in axes if axis.key != SEED]
        for axis in axes:
            if isinstance(axis, Range) and axis.key == SEED:
                self._say("seeds are listed: [1, 2, 3]", axis.key)
            elif isinstance(axis, Range) and kind != "search":
                self._say(f"a range is for a search; with kind: {kind} list the values", axis.key)
        if not axes and not any(problem.key.startswith("sweep") for problem in self.problems):
            self._say("no key has a list or a range, so there is nothing to compare", "sweep")
        elif kind != "grid" and not searched:
            self._say("only seeds are listed; leave sweep out, and each of them is a run", "sweep")
        elif kind == "search":
            self._check_trials(searched, options)
        else:
            for name in ("trials", "sampler"):
                if name in options.model_fields_set:
                    self._say(f"not used with kind: {kind}, which runs all that is listed", f"sweep.{name}")
        return len(self.problems) == before

    def _check_trials(self, searched: list[Axis], options: SweepOptions) -> None:
        choices = [axis for axis in searched if isinstance(axis, Choice)]
        if options.trials is None:
            key = next((axis.key for axis in searched if isinstance(axis, Range)), "sweep")
            self._say("a search needs a number of settings to try: write sweep: {trials: 8}", key)
        elif len(choices) == len(searched) and how_many(choices, "grid") <= options.trials:
            there = how_many(choices, "grid")
            self._say(f"there are only {there} combinations; leave sweep out, and all of them run", "sweep.trials")

    def _check_configs(self, base: dict[str, Any], settings: Iterator[Setting]) -> list[Problem]:
        """Check settings as whole configs; return what is suspicious, of each value the first thing."""
        broken = {problem.key for problem in self.problems}
        found: dict[tuple[str, int | None], Problem] = {}
        warned: dict[tuple[str, int | None], Problem] = {}
        for setting in islice(settings, 4 * MAX_RUNS):
            config, _ = self._validated(with_defaults(with_values(base, setting), self.catalog))
            wrong = list(config_rules.errors(config, broken, self.catalog))
            for problem in wrong or (() if broken else config_rules.warnings(config, self.catalog)):
                placed = self._at_value(problem, setting)
                (found if wrong else warned).setdefault((placed.key, placed.line), placed)
        self.problems += list(found.values())[:MAX_PROBLEMS]
        return list(warned.values())[:MAX_PROBLEMS]

    def _at_value(self, problem: Problem, setting: Setting) -> Problem:
        """Give a problem the line of the value that has it, where that is one of a list."""
        path = tuple(problem.key.split("."))
        values = self.swept.get(path)
        if not isinstance(values, list) or setting.get(problem.key) not in values:
            return problem
        index = values.index(setting[problem.key])
        return replace(problem, line=self.document.lines.get((*path, item(index))))

    def _validated(self, data: dict[str, Any]) -> tuple[SweptConfig, list[Problem]]:
        return validate(data, self.catalog, schema=SweptConfig)

    def _say(self, message: str, key: str, line: int | None = None) -> None:
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(Problem(message, line, key))

    def _placed(self, problems: list[Problem]) -> Iterator[Problem]:
        lines = {dotted(path): line for path, line in self.document.lines.items()}
        for problem in problems:
            yield replace(problem, line=problem.line or lines.get(problem.key))


def _without(data: dict[str, Any], paths: dict[Path, Any]) -> dict[str, Any]:
    """Return a copy of a config's data without some keys."""
    copy = with_values(data, {})
    for *section, name in paths:
        del (copy[section[0]] if section else copy)[name]
    return copy


def _first(axes: list[Axis]) -> Setting:
    """Return a setting to check the rest of the config with."""
    return {axis.key: axis.values[0] if isinstance(axis, Choice) else axis.low for axis in axes}


def _kind(axes: list[Axis], options: SweepOptions) -> Any:
    is_search = options.trials is not None or any(isinstance(axis, Range) for axis in axes)
    return options.kind if options.kind != "auto" else "search" if is_search else "grid"


def _examples(axes: list[Axis], kind: str) -> Iterator[Setting]:
    """Yield settings to check: all that are listed, or of a search each axis along its length and random ones."""
    if kind != "search":
        yield from combinations([axis for axis in axes if isinstance(axis, Choice)], kind)
        return
    points = {axis.key: _points(axis) for axis in axes}
    for key, values in points.items():
        yield from (_first(axes) | {key: value} for value in values)
    chance = random.Random(0)  # noqa: S311  (no secret)
    for _ in range(SAMPLES):
        yield {key: chance.choice(values) for key, values in points.items()}


def _points(axis: Axis) -> list[Any]:
    return list(axis.values) if isinstance(axis, Choice) else [axis.at(share) for share in INSIDE]


def _narrow(axes: list[Axis]) -> Iterator[Problem]:
    """A linear scale over several powers of ten hardly tries the low ones."""
    for axis in axes:
        if isinstance(axis, Range) and not axis.log and axis.low > 0 and axis.high > WIDE * axis.low:
            what = f"on a linear scale nine in ten values are above {axis.low + 0.1 * (axis.high - axis.low):.2g}"
            yield Problem(f"{what}; scale: log tries every power of ten alike", key=axis.key)
