"""What a model wrote, made fit to be shown: it pings nobody, cites what exists and proposes what trains.

A model repeats what it reads, and what it reads may be meant to misuse it; so its words are checked as a stranger's.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from bot.study.tutor.context import MODES, instructions
from bot.study.tutor.disguise import readings, turned, windows
from runner.catalog import PACKAGED, Catalog
from runner.config import Config, ConfigError, parse, render, template
from runner.yaml_source import read

UNFIT = "*(I had a change in mind that the runner would refuse, so I leave it out.)*"
CHECKING = "*(A change to the config; I am checking it.)*"
# Places that lessons link to. A link elsewhere would carry what a stranger wants under the tutor's name.
HOSTS = ("huggingface.co", "pytorch.org", "python.org", "arxiv.org", "scikit-learn.org", "wikipedia.org")

_FENCE = re.compile(
    r"(?ms)^ {0,3}(?P<open>(?P<tick>[`~])(?P=tick){2,})(?P<info>[^\n`]*)"
    r"(?:\n(?P<code>.*?)(?:(?P<end>^ {0,3}(?P=open)(?P=tick)*[ \t]*$)|\Z)|\Z)"
)
_MENTION = re.compile(r"@(?=everyone|here|channel)|<(?=[@#!])", re.IGNORECASE)
# Control characters, and those that turn or hide text.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f]")
_MARK = r"(?:\d{1,2}\.\d{1,2}|G\d{1,2})"
_CITATION = re.compile(rf" ?\[({_MARK}(?:\s*[,;]\s*{_MARK})*)\](?!\()")
_NAMED = re.compile(r"\b([Ll]essons?) (\d{1,2}\.\d)\b")
_LINK = re.compile(r"!?\[([^\]\n]*)\]\(\s*<?([^)\s>]*)[^)\n]*\)")
_REFERENCE = re.compile(r"(?m)^ {0,3}\[[^\]\n]+\]:\s*\S+.*$")
_URL = re.compile(r"(?i)\b(?:https?://|www\.)[^\s<>)\]]+|<(?:https?|mailto|javascript|data)[^>]*>")


@dataclass(frozen=True, slots=True)
class Checked:
    """An answer's words, the marks that it cites, and a complete config that it proposes."""

    text: str
    cited: tuple[str, ...] = ()
    proposal: str | None = None


def check(
    text: str, marks: Collection[str], base: str | None = None, *, catalog: Catalog = PACKAGED, done: bool = True
) -> Checked:
    """Return an answer as it may be shown. `base` is the config that a proposed change is a change of.

    Raises LeakError when it repeats the instructions.
    """
    text = _CONTROL.sub("", text)
    if leaks(text):
        raise LeakError
    proposals: list[str] = []
    parts, last = [], 0
    for fence in _FENCE.finditer(text):
        parts += [_prose(text[last : fence.start()], marks), _code(fence, base, catalog, proposals, done=done)]
        last = fence.end()
    parts.append(_prose(text[last:], marks))
    shown = "".join(parts).strip()
    return Checked(shown, cited_in(shown), proposals[0] if proposals else None)


class LeakError(ValueError):
    """An answer repeats what the model was told in confidence."""


def leaks(text: str) -> bool:
    """Say whether a text has a stretch of the instructions in it, plain or disguised."""
    return any(not windows(reading).isdisjoint(_confidential()) for reading in readings(text))


@cache
def _confidential() -> frozenset[bytes]:
    return frozenset(window for mode in MODES for way in turned(instructions(mode)) for window in windows(way))


def cited_in(text: str) -> tuple[str, ...]:
    """Return the marks that a text cites, each once, in order."""
    found = (mark for match in _CITATION.finditer(text) for mark in re.split(r"[\s,;]+", match[1]))
    return tuple(dict.fromkeys(found))


def _prose(text: str, marks: Collection[str]) -> str:
    """Keep citations that exist, links to known places, and no mention."""

    def cite(match: re.Match[str]) -> str:
        real = [mark for mark in re.split(r"[\s,;]+", match[1]) if mark in marks]
        return "".join(f" [{mark}]" for mark in dict.fromkeys(real)) if real else ""

    text = _LINK.sub(_link, _REFERENCE.sub("", text))
    text = _URL.sub(lambda match: match[0] if _known(match[0]) else "(link left out)", text)
    text = _NAMED.sub(lambda match: match[0] if match[2] in marks else "a lesson", text)
    return _quiet(_CITATION.sub(cite, text))


def _link(match: re.Match[str]) -> str:
    return match[0] if _known(match[2]) and not match[0].startswith("!") else match[1]


def _known(url: str) -> bool:
    host = re.match(r"https://([a-z0-9.-]+)(?:[/?#]|$)", url.lower())
    return host is not None and any(host[1] == each or host[1].endswith(f".{each}") for each in HOSTS)


def _quiet(text: str) -> str:
    """Break mentions by a character that is not seen."""
    return _MENTION.sub(lambda match: f"{match[0]}\u200b", text)


def _code(fence: re.Match[str], base: str | None, catalog: Catalog, proposals: list[str], *, done: bool) -> str:
    code = fence["code"] or ""
    if _is_config(fence["info"], code, base):
        if not done:
            return CHECKING
        config = changed(base, code, catalog)
        if config is None:
            return UNFIT
        proposals.append(config)
    ending = "" if fence["end"] else ("" if fence[0].endswith("\n") else "\n") + fence["open"]
    return _quiet(fence[0]) + ending


def _is_config(info: str, code: str, base: str | None) -> bool:
    """Say whether a block is a config or, where one is talked about, a change of it."""
    language = info.split()[0].lower() if info.split() else ""
    if re.search(r"(?m)^exercise\s*:", code):
        return True
    keys = re.match(r"\s*(\w+)[\w.]*\s*:", code)
    own = keys is not None and keys[1] in Config.model_fields
    return base is not None and (language in ("yaml", "yml") or (not language and own))


def changed(base: str | None, change: str, catalog: Catalog = PACKAGED) -> str | None:
    """Return the complete config that a change in YAML makes of another; None when it would not train."""
    try:
        wanted = read(change).data
        start = base or template(str(wanted.get("exercise", "match")), catalog)
        config = _merged(parse(start, catalog).config.model_dump(), wanted)
        checked = parse(render(Config.model_validate(config, strict=False), catalog), catalog)
    except (ConfigError, ValueError, TypeError, AttributeError):
        return None
    return render(checked.config, catalog) if wanted else None


def _merged(config: dict[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """Set the keys of a change, dotted or nested."""
    for key, value in change.items():
        section, _, name = key.rpartition(".")
        place = config.get(section, config)
        name = name if section in config else key
        inner = place.get(name)
        place[name] = _merged(inner, value) if isinstance(inner, dict) and isinstance(value, Mapping) else value
    return config
