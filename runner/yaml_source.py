"""Reads untrusted YAML 1.2 into plain values and the line of each key.

The parser's events are read one by one with a stack of our own: nothing here recurses, and aliases, tags and
deep nesting are refused before they could cost anything.
"""

import re
from dataclasses import dataclass, field
from typing import Any, NoReturn

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from ruamel.yaml.nodes import ScalarNode

from runner.config_errors import ConfigError, Problem, dotted, quoted, shown_value

MAX_BYTES = 16 * 1024
MAX_DEPTH = 6
MAX_PROBLEMS = 50  # a hostile file may have thousands; each costs a search for the nearest name
MAX_DIGITS = 100  # far more than any number here needs; str() of an int refuses 4,300

_NOT_TEXT = re.compile(r"[^\t\n\r\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TAG = "tag:yaml.org,2002:"
_REFUSED: Any = object()  # stands where a value was that we do not take

# Words in the parser's message → what a learner can do; the second field: point at where the construct began.
_SYNTAX: tuple[tuple[str, bool, str], ...] = (
    ("found character '\\t'", False, "there is a tab here; YAML is indented with spaces"),
    ("mapping values are not allowed", False, "a colon that does not fit; see whether the line above ends as it should "
     "and whether each key: value has a space after its colon"),
    ("could not find expected ':'", True, "a line without a colon; each line is key: value"),
    ("expected <block end>", False, "the indentation does not fit the lines above"),
    ("unexpected end of stream", True, "a quote that is never closed"),
    ("expected ',' or", True, "a bracket that is never closed, or a comma that is missing"),
    ("unknown escape character", False, "a backslash in double quotes; use single quotes"),
    ("cannot start any token", False, "a value cannot start with this character; put the value in quotes"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Document:
    """What a source says: plain values, the line of each key by its path, and what was refused on the way.

    The lines of a list's items are there under the list's path and `item`.
    """

    data: dict[str, Any]
    lines: dict[tuple[str, ...], int]
    problems: tuple[Problem, ...]


def item(index: int) -> str:
    """Return what stands for a list's item in a path."""
    return f"[{index}]"


def read(source: str | bytes) -> Document:
    """Read a YAML mapping; values that were refused are left out of its data.

    Raises ConfigError where nothing can be read: not text, too large, too deep, not YAML, no mapping.
    """
    reader = _Reader(_text(source))
    reader.read()
    if not isinstance(reader.root, dict):
        raise ConfigError([*reader.problems, _not_a_mapping(reader.root)])
    return Document(reader.root, reader.lines, tuple(reader.problems))


def _text(source: str | bytes) -> str:
    """Return a source as text; raises ConfigError when it is too large or no text."""
    size = len(source if isinstance(source, bytes) else source.encode(errors="replace"))
    if size > MAX_BYTES:
        kilobytes = MAX_BYTES // 1024
        raise ConfigError([Problem(f"the config has {size:,} bytes; at most {kilobytes} KB are read")])
    text = source if isinstance(source, str) else _decoded(source)
    text = text.removeprefix("\ufeff")  # the byte-order mark that Windows editors write
    if found := _NOT_TEXT.search(text):
        what = f"the control character U+{ord(found[0]):04X}: is this a binary file? A config is plain text"
        raise ConfigError([Problem(what, text.count("\n", 0, found.start()) + 1)])
    return text


def _decoded(source: bytes) -> str:
    try:
        return source.decode()
    except UnicodeDecodeError as error:
        what = f"the byte 0x{source[error.start]:02x} is not UTF-8: is this a binary file, or saved as UTF-16?"
        raise ConfigError([Problem(what, source.count(b"\n", 0, error.start) + 1)]) from None


def _not_a_mapping(root: Any) -> Problem:
    if root is None:
        return Problem("the config is empty; the least it needs is a line such as exercise: match")
    if root is _REFUSED:
        return Problem("a config is key: value lines")
    hint = "; put a space after each colon" if isinstance(root, str) and ":" in root else ""
    kind = "a list" if isinstance(root, list) else shown_value(root)
    return Problem(f"a config is key: value lines, and this is {kind}{hint}", 1)


@dataclass(slots=True)
class _Frame:
    """A mapping or list that is being read; `key` is None where the key was refused."""

    value: dict[str, Any] | list[Any]
    path: tuple[str, ...]
    line: int
    key: str | None = None
    key_is_next: bool = True


@dataclass(slots=True)
class _Reader:
    text: str
    root: Any = None
    lines: dict[tuple[str, ...], int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    _stack: list[_Frame] = field(default_factory=list)
    _yaml: YAML = field(default_factory=lambda: YAML(typ="safe", pure=True))

    def read(self) -> None:
        documents = 0
        try:
            for event in self._yaml.parse(self.text):
                if isinstance(event, DocumentStartEvent):
                    documents += 1
                    if documents > 1:
                        self._refuse("a second document begins here; a config is one", _line(event))
                        return
                self._take(event)
        except YAMLError as error:
            raise ConfigError([*self.problems, _syntax_problem(error)]) from None
        except (ValueError, OverflowError):  # the parser's chr() on "\UFFFFFFFF"
            self._stop("an escape in double quotes that means no character")

    def _take(self, event: Event) -> None:
        line = _line(event)
        match event:
            case DocumentStartEvent() if event.version or event.tags:
                self._stop("lines that start with % (YAML directives) are not allowed", line)
            case AliasEvent():
                alias = f"the alias {quoted(event.anchor)}: aliases are not allowed; write the value out"
                self._refuse(alias, line, dotted(self._path()))
                self._put(_REFUSED, line)
            case ScalarEvent():
                self._put(self._scalar(event), line, merge=event.value == "<<" and event.implicit[0])
            case MappingStartEvent() | SequenceStartEvent():
                self._open(event)
            case MappingEndEvent() | SequenceEndEvent():
                frame = self._stack.pop()
                self._put(frame.value, frame.line)

    def _open(self, event: MappingStartEvent | SequenceStartEvent) -> None:
        line = _line(event)
        self._check_marks(event)
        if len(self._stack) == MAX_DEPTH:
            self._stop(f"nested over {MAX_DEPTH} levels deep; a config needs two", line)
        value: dict[str, Any] | list[Any] = {} if isinstance(event, MappingStartEvent) else []
        self._stack.append(_Frame(value, self._path(), line))

    def _put(self, value: Any, line: int, merge: bool = False) -> None:
        if not self._stack:
            self.root = value
            return
        frame = self._stack[-1]
        if isinstance(frame.value, list):
            self.lines[(*frame.path, item(len(frame.value)))] = line
            frame.value.append(value)
        elif frame.key_is_next:
            frame.key, frame.key_is_next = self._key(frame, value, line, merge), False
        else:
            if frame.key is not None and value is not _REFUSED:
                frame.value[frame.key] = value
            frame.key, frame.key_is_next = None, True

    def _key(self, frame: _Frame, value: Any, line: int, merge: bool) -> str | None:
        """Return a key that may be used, or None; its first line is kept."""
        if merge:
            self._refuse("merge keys (<<) are not allowed; write the keys out", line)
            return None
        if not isinstance(value, str):
            if value is not _REFUSED:
                self._refuse(f"{_kind_of_key(value)} where a key should be; keys are names such as seed", line)
            return None
        path = (*frame.path, value)
        if (first := self.lines.setdefault(path, line)) != line or value in frame.value:
            where = f"in line {first} and in line {line}" if first != line else "in this line"
            self._refuse(f"given twice, {where}; keep one of them", line, dotted(path))
            return None
        return value

    def _scalar(self, event: ScalarEvent) -> Any:
        """Return a scalar's value by YAML 1.2's rules; what is no null, boolean or number is text."""
        if self._check_marks(event):
            return _REFUSED
        text: str = event.value
        if not event.implicit[0]:
            return text
        kind = str(self._yaml.resolver.resolve(ScalarNode, text, (True, False))).removeprefix(_TAG)
        if kind not in ("null", "bool", "int", "float"):
            return text
        if len(text) > MAX_DIGITS:
            self._refuse(f"a number of {len(text):,} characters is too long", _line(event), dotted(self._path()))
            return _REFUSED
        return self._number(kind, event)

    def _number(self, kind: str, event: ScalarEvent) -> Any:
        try:
            value = self._yaml.constructor.construct_object(ScalarNode(_TAG + kind, event.value))
        except ValueError:  # "_" is a number to the resolver
            return event.value
        if isinstance(value, float) and not -float("inf") < value < float("inf"):
            self._refuse(f"{event.value} is not a finite number", _line(event), dotted(self._path()))
            return _REFUSED
        return value

    def _check_marks(self, event: ScalarEvent | MappingStartEvent | SequenceStartEvent) -> bool:
        """Refuse an anchor or a tag; return whether there was a tag: its value means something else then."""
        line, key = _line(event), dotted(self._path())
        if event.anchor:
            self._refuse(f"the anchor {quoted(event.anchor)}: anchors are not allowed", line, key)
        if event.tag:
            self._refuse(
                f"the tag {quoted(event.tag.replace(_TAG, '!!'))}: tags are not allowed; a config is data only",
                line,
                key,
            )
        return bool(event.tag)

    def _path(self) -> tuple[str, ...]:
        """Return the path of the value that comes next."""
        if not self._stack:
            return ()
        frame = self._stack[-1]
        return (*frame.path, frame.key) if frame.key is not None else frame.path

    def _refuse(self, message: str, line: int, key: str = "") -> None:
        self.problems.append(Problem(message, line, key))
        if len(self.problems) >= MAX_PROBLEMS:
            self._stop("there are more problems than can be listed", line)

    def _stop(self, message: str, line: int | None = None) -> NoReturn:
        raise ConfigError([*self.problems, Problem(message, line)])


def _line(event: Event) -> int:
    return int(event.start_mark.line) + 1


def _kind_of_key(value: Any) -> str:
    match value:
        case None:
            return "nothing stands"
        case dict() | list():
            return "a list or a section stands"
        case _:
            return f"{shown_value(value)} stands"


def _syntax_problem(error: YAMLError) -> Problem:
    """Say a parser's error in a learner's words, with its line."""
    if not isinstance(error, MarkedYAMLError):
        return Problem("the config has a character that YAML does not allow")
    for words, at_start, sentence in _SYNTAX:
        if words in (error.problem or ""):
            mark = (error.context_mark if at_start else None) or error.problem_mark
            return Problem(sentence, mark.line + 1 if mark else None)
    mark = error.problem_mark or error.context_mark
    return Problem(f"this is not YAML: {quoted(error.problem or error.context or '')}", mark.line + 1 if mark else None)
