"""A lesson's file as Markdown blocks that know their lines, so that every error can say where."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode
from mdit_py_plugins.front_matter import front_matter_plugin

Part = tuple[SyntaxTreeNode, tuple[SyntaxTreeNode, ...]]

_MARKDOWN = MarkdownIt("commonmark").use(front_matter_plugin).enable("table")


class LessonError(ValueError):
    """A file does not have the form of a lesson; `line` counts from 1."""

    def __init__(self, path: str, line: int, message: str) -> None:
        super().__init__(f"{path}:{line}: {message}")
        self.path, self.line, self.message = path, line, message


@dataclass(frozen=True, slots=True)
class Page:
    """The file's lines and its top-level blocks."""

    path: str
    lines: tuple[str, ...]
    blocks: tuple[SyntaxTreeNode, ...]

    @classmethod
    def read(cls, file: Path, path: str = "") -> Self:
        """Parse a file; its path is kept as it stands in messages: from `lessons/` on, where it is not given."""
        text = file.read_text(encoding="utf-8")
        path = path or "/".join(("lessons", file.parent.name, file.name))
        return cls(path, tuple(text.splitlines()), blocks(text))

    def parts(self, start: str) -> tuple[Part, ...]:
        """Return each `##` heading with the blocks under it; `start` says in errors what comes first."""
        nodes = self.blocks[1:]
        starts = [index for index, node in enumerate(nodes) if node.tag == "h2"]
        if not starts or starts[0] != 0:
            raise self.error(first_line(nodes[0]) if nodes else 1, f"{start} comes first")
        ends = [*starts[1:], len(nodes)]
        return tuple((nodes[a], nodes[a + 1 : b]) for a, b in zip(starts, ends, strict=True))

    def text(self, nodes: Sequence[SyntaxTreeNode]) -> str:
        """Return the Markdown of neighbouring blocks exactly as it was written."""
        return "\n".join(self.lines[first_line(nodes[0]) - 1 : last_line(nodes[-1])]).strip() if nodes else ""

    def error(self, line: int, message: str) -> LessonError:
        """Make the error that points at a line of this file."""
        return LessonError(self.path, line, message)


def blocks(text: str) -> tuple[SyntaxTreeNode, ...]:
    """Parse Markdown into its top-level blocks."""
    return tuple(SyntaxTreeNode(_MARKDOWN.parse(text)).children)


def first_line(node: SyntaxTreeNode) -> int:
    """Return the line a block starts on, counted from 1."""
    return node.map[0] + 1 if node.map else 1


def last_line(node: SyntaxTreeNode) -> int:
    """Return the last line of a block, counted from 1."""
    return node.map[1] if node.map else 1


def plain(node: SyntaxTreeNode) -> str:
    """Return the Markdown inside a heading, a paragraph, or the paragraphs of a quote."""
    if node.type == "blockquote":
        return "\n\n".join(plain(child) for child in node.children)
    return node.children[0].content if node.children else ""


def slug(text: str) -> str:
    """Return a text as it stands in names and anchors: `loss-scaling` for *Loss scaling*."""
    return "-".join(re.findall(r"[a-z0-9]+", text.casefold()))


def is_fence(node: SyntaxTreeNode, language: str) -> bool:
    """Say whether a block is code fenced as this language, whatever else stands behind it (`python gpu`)."""
    return node.type == "fence" and node.info.split()[:1] == [language]
