"""Runs every Python block of every lesson and compares what it prints with the block that shows it.

What a `python` block prints stands in an `output` block directly below it; a block without one prints
nothing. The blocks of a lesson share their names, as if typed into one session. The code of drills is not
run here: some of it is wrong on purpose, and `output` drills are run by tests/lessons, each on its own.
"""

import contextlib
import io
import re
from collections.abc import Iterable

import torch
from sybil import Document, Example, Region, Sybil
from sybil.evaluators.python import PythonEvaluator
from sybil.parsers.markdown import CodeBlockParser

_SHOWN = re.compile(r"\s*^```output\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE)
_run = PythonEvaluator()


def compare_output(example: Example) -> str | None:
    """Run one block; returns what differs from the output shown below it."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        _run(example)
    match = _SHOWN.match(example.document.text, example.region.end)
    shown = match["text"] if match else ""
    if printed.getvalue().rstrip() == shown.rstrip():
        return None
    return f"{example.path}:{example.line} printed\n{printed.getvalue()}\nbut the lesson shows\n{shown}"


def blocks_before_drills(document: Document) -> Iterable[Region]:
    """Find the Python blocks of the lesson's own text."""
    drills = document.text.find("\n## Drills\n")
    for region in CodeBlockParser("python", compare_output)(document):
        if drills < 0 or region.start < drills:
            yield region


def one_thread(_: dict[str, object]) -> None:
    """Keep the sums' order, so that printed digits are the same everywhere, and no thread spins."""
    torch.set_num_threads(1)


def all_threads(_: dict[str, object]) -> None:
    """Give the threads back to the tests that follow."""
    torch.set_num_threads(_THREADS)


_THREADS = torch.get_num_threads()

pytest_collect_file = Sybil(
    parsers=[blocks_before_drills], pattern="[0-9]*-*.md", setup=one_thread, teardown=all_threads
).pytest()
