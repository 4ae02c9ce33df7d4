"""Docstrings of installed libraries, read with `ast.parse`: nothing is imported, so nothing of theirs runs.

Files are visited in the order of a hash of their names and only until a library has given enough: a fair sample
of a large library for a third of the walk's time.
"""

import ast
import hashlib
import re
import sysconfig
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from platform import python_version

KINDS = ("class", "function", "method")
LIBRARIES = ("huggingface_hub", "networkx", "numpy", "pandas", "stdlib", "sympy", "torch", "transformers")
PER_LIBRARY = 2600

_SKIPPED = {"test", "tests", "testing", "site-packages", "_vendor", "idlelib", "lib2to3", "turtledemo"}
_BRANDS = r"hugging\s?face(?:[ _]hub)?|pytorch|torch|transformers|sympy|pandas|networkx|numpy|python|np|pd|nx|hf"
_DIRECTIVE = re.compile(r"\.\. [\w:-]+::.*|:[\w:]+:(?=`)|https?://\S+|^\s*>>>.*", re.MULTILINE)
_IDENTIFIER = re.compile(
    r"""(?:~|\b)(?:
        \w+(?:\.\w+)+          # a.dotted.path
      | \w*[A-Za-z\d]_\w+      # snake_case
      | _+\w+
      | [A-Za-z]+[a-z\d][A-Z]\w*  # CamelCase
      | \w+(?=\(\))            # call()
    )(?:\(\))?""",
    re.VERBOSE,
)
_SECTION = re.compile(
    r"^\s*(?:[A-Z]\w+(?: \w+)?:[ \t]*$|[A-Z][\w ]+\n\s*[-=~]{3,}|:\w+|@\w+)", re.MULTILINE
)  # "Args:", an underlined heading, ":param x:"
_LIBRARY_NAME = re.compile(rf"\b(?:{_BRANDS})\b", re.IGNORECASE)
_SHORTEST, _LONGEST = 20, 300  # characters kept


class DataError(Exception):
    """The data cannot be had; the message is a sentence for whoever asked."""


@dataclass(frozen=True, slots=True)
class Docstring:
    """A function's or class's name and the start of its docstring, with every name in it masked."""

    library: str
    file: str
    kind: str
    name: str
    summary: str
    text: str


def versions() -> dict[str, str]:
    """Return the version of each library; raises DataError that names all that are not installed."""
    found, missing = {"stdlib": python_version()}, []
    for library in LIBRARIES:
        try:
            found.setdefault(library, "" if library == "stdlib" else version(library))
        except PackageNotFoundError:
            missing.append(library)
    if missing:
        raise DataError(
            f"the built-in data are read from installed libraries, and {', '.join(missing)} "
            f"{'is' if len(missing) == 1 else 'are'} missing: pip install {' '.join(missing)}"
        )
    return found


def collect(library: str) -> list[Docstring]:
    """Return up to about PER_LIBRARY different docstrings of a library, in an order that never changes."""
    found: dict[str, Docstring] = {}
    for file, path in source_files(library):
        for docstring in _read(library, file, path):
            found.setdefault(docstring.summary.lower(), docstring)
        if len(found) >= PER_LIBRARY:
            break
    return list(found.values())


def fraction(text: str) -> float:
    """Return a number in [0, 1) that depends on the text alone: the data's only source of chance."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=7).digest()) / 2**56


def clean(docstring: str, name: str) -> tuple[str, str]:
    """Return a docstring's first paragraph, and its prose up to the first section, names masked, a line each.

    Both are empty when too little is left.
    """
    own = re.compile(rf"\b{re.escape(name)}\b", re.IGNORECASE)
    prose = _SECTION.split(_DIRECTIVE.sub("", docstring), maxsplit=1)[0].strip()
    masked = _LIBRARY_NAME.sub("NAME", _IDENTIFIER.sub("NAME", own.sub("NAME", prose)))
    plain = re.sub(r"[`*\\]+", "", masked)
    summary = _one_line(re.split(r"\n\s*\n", plain, maxsplit=1)[0])
    return (summary, _one_line(plain)) if len(summary) >= _SHORTEST and plain.isascii() else ("", "")


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else line[:_LONGEST].rsplit(" ", 1)[0]


def source_files(library: str) -> list[tuple[str, Path]]:
    """Return the names and paths of a library's own modules, in an order that never changes."""
    base = Path(sysconfig.get_path("stdlib" if library == "stdlib" else "purelib"))
    root = base if library == "stdlib" else base / library
    names = (path.relative_to(root) for path in root.rglob("*.py"))
    kept = [name.as_posix() for name in names if not _SKIPPED.intersection(name.parts)]
    return [(name, root / name) for name in sorted(kept, key=lambda name: (fraction(f"{library}/{name}"), name))]


def _read(library: str, file: str, path: Path) -> Iterator[Docstring]:
    try:
        with warnings.catch_warnings(action="ignore"):  # old escapes in other people's strings
            tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):  # a template or a test of the parser, not a module
        return
    nodes = list(ast.walk(tree))
    methods = {id(child) for node in nodes if isinstance(node, ast.ClassDef) for child in node.body}
    for node in nodes:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) or node.name.startswith("__"):
            continue
        kind = "class" if isinstance(node, ast.ClassDef) else "method" if id(node) in methods else "function"
        summary, text = clean(ast.get_docstring(node) or "", node.name)
        if summary:
            yield Docstring(library, file, kind, node.name.strip("_"), summary, text)
