"""Checks values against the schema, and says pydantic's errors in a learner's words.

What is allowed is read from the models' JSON schema, so a new key needs no words of its own.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from runner.catalog import PACKAGED, Catalog
from runner.config_errors import Problem, dotted, shown_value
from runner.config_names import right_names, unknown_key
from runner.config_schema import SECTIONS, Config, SweptConfig
from runner.yaml_source import MAX_PROBLEMS

Path = tuple[str, ...]
C = TypeVar("C", bound=Config)


def validate(data: dict[str, Any], catalog: Catalog = PACKAGED, *, schema: type[C]) -> tuple[C, list[Problem]]:
    """Return a config of all that is right in `data`, defaults standing for the rest, and what is wrong.

    An exercise that is missing or of the wrong type is the empty string.
    """
    try:
        return schema.model_validate(data), []
    except ValidationError as error:
        wrong = {_path(details): details for details in error.errors(include_url=False)}
    problems = [Problem(_explain(path, wrong[path], catalog), key=dotted(path)) for path in list(wrong)[:MAX_PROBLEMS]]
    if (more := len(wrong) - MAX_PROBLEMS) > 0:
        problems.append(Problem(f"{more:,} more keys are wrong than are listed here"))
    return schema.model_validate({"exercise": ""} | _without(data, wrong)), problems


def _path(details: ErrorDetails) -> Path:
    """Return the path of the key; the branches of a union that pydantic adds to it are cut off."""
    location = details["loc"]
    return tuple(str(part) for part in location[: 2 if location[0] in SECTIONS else 1])


def _without(data: Mapping[str, Any], paths: Mapping[Path, Any], above: Path = ()) -> dict[str, Any]:
    """Return a copy of a section without some keys."""
    return {
        key: _without(value, paths, (key,)) if isinstance(value, dict) and not above else value
        for key, value in data.items()
        if (*above, key) not in paths
    }


def _explain(path: Path, details: ErrorDetails, catalog: Catalog) -> str:
    match details["type"]:
        case "extra_forbidden":
            return unknown_key(path)
        case _ if path == ("exercise",) and (details["type"] == "missing" or details["input"] is None):
            return f"missing; {right_names('', catalog.exercises, 'exercises')}"
        case _:
            return wrong_value(details["input"], _schema(path))


def wrong_value(value: Any, schema: dict[str, Any]) -> str:
    """Say what a value is and what its JSON schema needs."""
    needed = f"{_or(_allowed(schema))} is needed"
    kinds = {part.get("type") for part in schema.get("anyOf", [schema])}
    match value:
        case None:
            return f"there is no value; {needed}, or leave the key out"  # only exercise has no default
        case bool():
            return f"{shown_value(value)} is a boolean; {needed}"
        case float() if "integer" in kinds:
            return f"{shown_value(value)} is not a whole number; {needed}"
        case int() | float() if kinds & {"integer", "number"}:
            return f"{shown_value(value)} is out of range; {needed}"
        case str() if "enum" in schema:
            return f"{shown_value(value)} is not a choice; {right_names(value, schema['enum'], 'choices')}"
        case str():
            unquote = ", without quotes" if kinds & {"integer", "number"} and _is_number(value) else ""
            return f"{shown_value(value)} is text; {needed}{unquote}"
        case int() | float():
            return f"{shown_value(value)} is a number; {needed}"
        case _:
            return f"this is a {'list' if isinstance(value, list) else 'section of keys'}; {needed}"


def _allowed(schema: dict[str, Any]) -> list[str]:
    """Return the alternatives that a JSON schema allows, in words."""
    match schema:
        case {"anyOf": parts}:
            return [words for part in parts for words in _allowed(part)]
        case {"enum": choices}:
            return list(choices)
        case {"const": choice}:
            return [choice]
        case {"type": "boolean"}:
            return ["true", "false"]
        case {"type": "null"}:
            return ["null"]
        case {"type": "integer"}:
            return [f"a whole number{_range(schema)}"]
        case {"type": "number"}:
            return [f"a number{_range(schema)}"]
        case {"type": "string"}:
            return ["a name"]
        case _:
            return ["a section of keys"]


def _range(schema: dict[str, Any]) -> str:
    if "minimum" in schema and "maximum" in schema:
        return f" from {schema['minimum']:,} to {schema['maximum']:,}"
    bounds = {"minimum": "at least", "exclusiveMinimum": "over", "maximum": "at most", "exclusiveMaximum": "below"}
    words = [f"{word} {schema[bound]:,}" for bound, word in bounds.items() if bound in schema]
    return f" {' and '.join(words)}" if words else ""


def _or(words: list[str]) -> str:
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def number_kinds(path: Path) -> set[str]:
    """Return which of `integer` and `number` a key's value may be."""
    schema = _schema(path)
    return {part.get("type", "") for part in schema.get("anyOf", [schema])} & {"integer", "number"}


@cache
def _schema(path: Path) -> dict[str, Any]:
    *section, name = path
    model = SECTIONS[".".join(section)] if section or name in Config.model_fields else SweptConfig
    schema: dict[str, Any] = model.model_json_schema()["properties"][name]
    return schema
