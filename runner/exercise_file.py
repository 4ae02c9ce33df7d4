"""Exercises that an admin writes: the keys of `runner/exercises/*.yaml`, for a data set of the hub.

Read as strictly as configs are: every error has its line, its key and what would be right, all of them at once. What
can only be known from the data (labels, sizes, columns) is looked at by `runner.hub`, which makes an `Exercise` of it.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from runner.catalog import PACKAGED
from runner.config_errors import ConfigError, Problem, dotted, quoted
from runner.config_names import right_names
from runner.config_schema import Config
from runner.config_validation import validate, wrong_value
from runner.exercise import Budget
from runner.yaml_source import MAX_PROBLEMS, Document, read

NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?")
_REVISION = re.compile(r"(?!.*\.\.)[A-Za-z0-9][A-Za-z0-9._/-]{0,99}")
METRICS = {
    "text-classification": ("accuracy", "macro-f1"),
    "multi-task": ("macro-f1", "accuracy"),
    "text-generation": ("bits-per-byte",),
}  # of each task, its usual one first
BASELINES = {
    "text-classification": ("linear", "majority"),
    "multi-task": ("linear", "majority"),
    "text-generation": ("zlib", "xz", "unigram"),
}

_STAND_IN = {"name": "x", "task": "text-classification", "dataset": "org/name", "text_columns": ["text"]}

Task = Literal["text-classification", "multi-task", "text-generation"]
Text = Annotated[str, Field(min_length=1, max_length=200)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class SplitNames(_Strict):
    """What the data set calls its splits; without a test split a seeded share of the train split is hidden."""

    train: Text = "train"
    validation: Text | None = None
    test: Text | None = None


class MetricName(_Strict):
    """How it is scored; unit and direction follow from the name."""

    name: Literal["accuracy", "macro-f1", "bits-per-byte"]


class BudgetFile(_Strict):
    """What one run may spend."""

    train_tokens: int = Field(gt=0, le=10**9)
    seconds: int = Field(900, gt=0, le=3_000)


class ExerciseFile(_Strict):
    """One exercise as its author writes it; what is left out is measured or usual."""

    name: str
    title: Text | None = None
    summary: str = Field("", max_length=1_000)
    task: Task
    dataset: str = Field(description="org/name")
    subset: Text | None = Field(None, description="of a data set that has several")
    revision: str = Field("main", description="a branch, a tag or a commit; it is pinned to the commit")
    splits: SplitNames = SplitNames()
    text_columns: list[Text] = Field(min_length=1, max_length=2)
    heads: dict[Text, list[Text] | None] = Field(
        default_factory=dict, description="label columns, with their labels where the data have only numbers"
    )
    metric: MetricName | None = None
    baseline: Literal["linear", "majority", "zlib", "xz", "unigram"] | None = None
    budget: BudgetFile | None = Field(None, description="by default two and a half passes, in a quarter of an hour")
    defaults: dict[str, Any] = Field(default_factory=dict, description="of a config that says nothing else")

    @property
    def metric_name(self) -> str:
        """The metric, or the task's usual one."""
        return self.metric.name if self.metric else METRICS[self.task][0]

    @property
    def baseline_name(self) -> str:
        """The baseline, or the task's usual one."""
        return self.baseline or BASELINES[self.task][0]

    def budget_for(self, epoch_tokens: int) -> Budget:
        """Return the budget, or two and a half passes over the train split."""
        if self.budget:
            return Budget(**self.budget.model_dump())
        return Budget(train_tokens=max(1, round(2.5 * epoch_tokens)), seconds=900)


def read_exercise(source: str | bytes) -> ExerciseFile:
    """Read an exercise from YAML. Raises ConfigError with everything that is wrong with it."""
    document = read(source)
    file, wrong = _validate(document.data)
    refused = {problem.key for problem in document.problems if problem.key}
    problems = [*document.problems, *(problem for problem in wrong if problem.key not in refused)]
    broken = {problem.key.partition(".")[0] for problem in problems}
    for rule, reads in RULES:
        if broken.isdisjoint(reads):
            problems += rule(file)
    if problems:
        raise ConfigError(_with_lines(problems, document))
    return file


def _validate(data: dict[str, Any]) -> tuple[ExerciseFile, list[Problem]]:
    """Return an exercise of all that is right, something standing in for the rest, and what is wrong."""
    try:
        return ExerciseFile.model_validate(data), []
    except ValidationError as error:
        wrong = {_path(details): details for details in error.errors(include_url=False)}
    tops = {path[0] for path in wrong}
    right = {key: value for key, value in data.items() if key not in tops}
    problems = [Problem(_explain(path, details), key=dotted(path)) for path, details in wrong.items()]
    return ExerciseFile.model_validate(_STAND_IN | right), problems[:MAX_PROBLEMS]


def _with_lines(problems: list[Problem], document: Document) -> Iterator[Problem]:
    lines = {dotted(path): line for path, line in document.lines.items()}
    for problem in problems:
        yield replace(problem, line=problem.line or lines.get(problem.key) or lines.get(problem.key.rpartition(".")[0]))


# ---- what pydantic says, in an author's words


def _path(details: ErrorDetails) -> tuple[str, ...]:
    """Return the path of the key: of a list or of free keys only down to the key that holds them."""
    top, *below = (str(part) for part in details["loc"])
    keys = _properties(top)
    return (
        (top, below[0]) if below and (below[0] in keys or (keys and details["type"] == "extra_forbidden")) else (top,)
    )


def _properties(key: str) -> Mapping[str, Any]:
    """Return the JSON schema's properties of a section; none of a key that is no section."""
    schema = ExerciseFile.model_json_schema()
    found = schema["properties"].get(key, {})
    names = [part.get("$ref", "") for part in [found, *found.get("allOf", []), *found.get("anyOf", [])]]
    section = next((name.rpartition("/")[2] for name in names if name), None)
    return dict(schema["$defs"][section]["properties"]) if section else {}


def _explain(path: tuple[str, ...], details: ErrorDetails) -> str:
    *section, name = path
    keys = _properties(section[0]) if section else ExerciseFile.model_fields
    match details["type"]:
        case "extra_forbidden":
            return f"unknown key; {right_names(name, keys, 'keys')}"
        case "missing":
            return f"missing; {_NEEDED.get(name, 'it is needed')}"
        case _ if path == ("heads",):
            return "this is a section: a label column, and after the colon a list of its labels or nothing"
        case _ if path == ("text_columns",):
            return "this is a list of one or two columns, such as [text]"
        case _:
            schema = (_properties(section[0]) if section else ExerciseFile.model_json_schema()["properties"])[name]
            return wrong_value(details["input"], schema)


_NEEDED = {
    "name": "what people call it, such as news",
    "task": right_names("", METRICS, "tasks"),
    "dataset": "the data set's name on the Hub, such as org/name",
    "text_columns": "the columns that are read, such as [text]",
    "train_tokens": "how many tokens a run may train on",
}


# ---- what a key alone cannot say


def own_name(file: ExerciseFile) -> Iterator[Problem]:
    """A name is short and plain, and no packaged exercise has it."""
    if not NAME.fullmatch(file.name):
        yield Problem(f"{quoted(file.name)} is no name: small letters, digits and -, 32 at most", key="name")
    elif file.name in PACKAGED.exercises:
        yield Problem(f"{file.name} is packaged; take another name", key="name")


def named_dataset(file: ExerciseFile) -> Iterator[Problem]:
    """A data set is a name on the Hub, never a path."""
    if what := wrong_repo(file.dataset):
        yield Problem(f"{what}; a data set is named org/name, as in its address on the Hub", key="dataset")


def plain_revision(file: ExerciseFile) -> Iterator[Problem]:
    """A revision is a name, too."""
    if not _REVISION.fullmatch(file.revision):
        yield Problem(f"{quoted(file.revision)} is no branch, tag or commit, such as main", key="revision")


def columns_fit_task(file: ExerciseFile) -> Iterator[Problem]:
    """Classification has one label column, multi-task several, a language model none, and one text."""
    heads, texts = len(file.heads), len(file.text_columns)
    match file.task:
        case "text-classification" if heads != 1:
            yield Problem(f"one label column is needed, such as {{label: }}, and {heads} are given", key="heads")
        case "multi-task" if heads < 2:
            yield Problem(f"two or more label columns are needed, and {heads} is given", key="heads")
        case "text-generation" if heads:
            yield Problem("a language model has no label columns; leave it out", key="heads")
    if file.task == "text-generation" and texts > 1:
        yield Problem(f"a language model reads one column, and {texts} are given", key="text_columns")
    for column in set(file.text_columns) & set(file.heads):
        yield Problem(f"{quoted(column)} is read as a text already", key="heads")


def labels_differ(file: ExerciseFile) -> Iterator[Problem]:
    """A label column has two labels or more, each once."""
    for column, labels in file.heads.items():
        if labels is not None and (len(labels) < 2 or len(set(labels)) < len(labels)):
            yield Problem("two labels or more are needed, each once", key=dotted(("heads", column)))


def measured_fittingly(file: ExerciseFile) -> Iterator[Problem]:
    """Metric and baseline are the task's."""
    for key, given, fitting in (
        ("metric", file.metric_name, METRICS[file.task]),
        ("baseline", file.baseline_name, BASELINES[file.task]),
    ):
        if given not in fitting:
            where = "metric.name" if key == "metric" else key
            yield Problem(f"{given} does not fit {file.task}; write {' or '.join(fitting)}", key=where)


def defaults_are_configs(file: ExerciseFile) -> Iterator[Problem]:
    """Defaults are keys of configs, other than the exercise."""
    if "exercise" in file.defaults:
        yield Problem("the exercise is this one; leave it out", key="defaults.exercise")
        return
    _, problems = validate({"exercise": file.name, **file.defaults}, schema=Config)
    yield from (replace(problem, key=f"defaults.{problem.key}".removesuffix(".")) for problem in problems)


Rule = Callable[[ExerciseFile], Iterator[Problem]]
# Each rule with the keys that it reads: it is asked only when these are right themselves.
RULES: tuple[tuple[Rule, tuple[str, ...]], ...] = (
    (own_name, ("name",)),
    (named_dataset, ("dataset",)),
    (plain_revision, ("revision",)),
    (columns_fit_task, ("task", "heads", "text_columns")),
    (labels_differ, ("heads",)),
    (measured_fittingly, ("task", "metric", "baseline")),
    (defaults_are_configs, ("defaults",)),
)


def wrong_repo(name: str) -> str | None:
    """Say what is wrong with a name on the Hub, as `org/name`; None when nothing is."""
    from huggingface_hub.errors import HFValidationError  # a second the first time, and only admins need it
    from huggingface_hub.utils._validators import validate_repo_id

    if re.match(r"[/~.]|[A-Za-z]:", name) or ".." in name or "\\" in name:
        return f"{quoted(name)} looks like a path"
    try:
        validate_repo_id(name)
    except HFValidationError:
        return f"{quoted(name)} is no name on the Hub"
    return None if name.count("/") == 1 else f"{quoted(name)} lacks its owner"
