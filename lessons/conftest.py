"""Runs every Python block of every lesson and guide, and compares what it prints with the block that shows it.

What a `python` block prints stands in an `output` block directly below it; a block without one prints
nothing. The blocks of a lesson share their names, as if typed into one session. A `python torchrun=2` block is
a script of its own for two processes. A `python gpu` block is for `make lessons-gpu` on a machine with a GPU: it
shares the lesson's names, and what it prints is shown rather than compared. The code of drills is
not run here: some of it is wrong on purpose, and `output` drills are run by tests/lessons, each on its own.
"""

import contextlib
import io
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

import torch
from sybil import Document, Example, Region, Sybil
from sybil.evaluators.python import PythonEvaluator
from sybil.parsers.markdown import CodeBlockParser

_SHOWN = re.compile(r"\s*^```output\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE)
_LAUNCH = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2")
_GPU = bool(os.environ.get("COHORT_LESSONS_GPU"))
_run = PythonEvaluator()


def run_here(example: Example) -> str | None:
    """Run one block in the lesson's session; returns what differs from the output shown below it."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        _run(example)
    return _compare(example, printed.getvalue())


def run_on_gpu(example: Example) -> None:
    """Run one block in the lesson's session, and show what it prints."""
    print(f"\n{example.path}:{example.line}")
    _run(example)


def run_in_two_processes(example: Example) -> str | None:
    """Run one block as a script under torchrun, on CPU; returns what differs from the output shown below it."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, "script.py")
        script.write_text(str(example.parsed), encoding="utf-8")
        ended = subprocess.run(  # noqa: S603  (the lesson's own text)
            [*_LAUNCH, str(script)], capture_output=True, text=True, env=environment, timeout=120, check=False
        )
    if ended.returncode:
        return f"{example.path}:{example.line} ended with {ended.returncode}\n{ended.stderr[-4000:]}"
    return _compare(example, ended.stdout)


def _compare(example: Example, printed: str) -> str | None:
    match = _SHOWN.match(example.document.text, example.region.end)
    shown = match["text"] if match else ""
    if printed.rstrip() == shown.rstrip():
        return None
    return f"{example.path}:{example.line} printed\n{printed}\nbut the lesson shows\n{shown}"


def blocks_before_drills(
    language: str, evaluate: Callable[[Example], str | None]
) -> Callable[[Document], Iterable[Region]]:
    """Make a parser of the blocks in the lesson's own text."""
    parse = CodeBlockParser(language, evaluate)

    def find(document: Document) -> Iterable[Region]:
        drills = document.text.find("\n## Drills\n")
        return (region for region in parse(document) if drills < 0 or region.start < drills)

    return find


def one_thread(_: dict[str, object]) -> None:
    """Keep the sums' order, so that printed digits are the same everywhere, and no thread spins."""
    torch.set_num_threads(1)


def all_threads(_: dict[str, object]) -> None:
    """Give the threads back to the tests that follow."""
    torch.set_num_threads(_THREADS)


_THREADS = torch.get_num_threads()
_KINDS: dict[str, Callable[[Example], str | None]] = {"python": run_here, "python torchrun=2": run_in_two_processes}
if _GPU:
    _KINDS["python gpu"] = run_on_gpu


pytest_collect_file = Sybil(
    parsers=[blocks_before_drills(language, run) for language, run in _KINDS.items()],
    patterns=("[0-9]*-*.md", "guides/*.md"),
    setup=one_thread,
    teardown=all_threads,
).pytest()
