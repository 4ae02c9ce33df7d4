"""Limits hold: a run without bounds is stopped with a sentence that says which limit and by how much, and all else
goes on.
"""

import re
from collections.abc import Callable

import pytest

from runner.engines import JobStatus
from runner.run_dir import RunDir
from tests.runner.engines.looks import Factory, eventually, release, size, starts, state

Folder = Callable[[str], str]


@pytest.mark.parametrize(
    ("job", "options", "status", "sentence"),
    [
        ("print", ["--log", "2000000"], "failed", r"wrote ([\d.]+) [MG]B to its log, and the limit is 2 MB"),
        ("write", ["--disk", "5000000"], "failed", r"wrote ([\d.]+) MB of files, and the limit is 5 MB"),
        ("grow", ["--memory", "300000000"], "failed", r"used ([\d.]+) MB of memory, and the limit is 300 MB"),
        ("fork", ["--processes", "20"], "failed", r"had ([\d,]+) processes, and the limit is 20"),
        ("stubborn", ["--hard-seconds", "1"], "timed_out", r"went on for (\d+) seconds, and the limit is 1 seconds"),
    ],
)
async def test_a_run_over_a_limit_is_killed_with_a_sentence_and_its_neighbour_goes_on(
    local: Factory, folder: Folder, job: str, options: list[str], status: str, sentence: str
) -> None:
    engine, run_dir = local(*options, slots=2), folder(job)
    if job != "stubborn":  # the clock would end this one, too
        await engine.start("2.1", neighbour := folder("release"))
        await eventually(lambda: starts(neighbour))
    await engine.start("1.1", run_dir)
    assert await state(engine, "1.1", "exited") == JobStatus("exited", -9)
    result = RunDir(run_dir).result()
    assert result
    assert result.status == status
    found = re.search(sentence, result.error or "")
    assert found, result.error
    assert size(run_dir, "log.txt") <= 10_000_000
    if job != "stubborn":
        release(neighbour)
        assert await state(engine, "2.1", "exited") == JobStatus("exited", 0)
    await engine.start("3.1", folder("quick"))
    assert await state(engine, "3.1", "exited") == JobStatus("exited", 0)


async def test_a_run_on_a_cpu_that_asks_for_more_and_more_memory_does_not_get_it(
    local: Factory, folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    engine, run_dir = local("--memory", "1000000000"), folder("allocate")
    await engine.start("1.1", run_dir)
    assert (await state(engine, "1.1", "exited")).code != 0
    result = RunDir(run_dir).result()
    assert result
    assert re.search(r"of memory, and the limit is|more than 1 GB of memory", result.error or "")


async def test_a_run_directory_without_room_ends_its_run_alone(local: Factory, folder: Folder) -> None:
    engine, run_dir = local(), folder("full")
    await engine.start("1.1", run_dir)
    assert await state(engine, "1.1", "exited") == JobStatus("exited", 1)
    assert b"No space left on device" in (RunDir(run_dir).read("log.txt") or b"")
    await engine.start("2.1", folder("quick"))
    assert await state(engine, "2.1", "exited") == JobStatus("exited", 0)
