"""A run directory reads the same in a folder and in object storage."""

import fsspec
import pytest

from runner.run_dir import Note, Result, RunDir


@pytest.fixture(params=["folder", "object storage"])
def run_dir(request: pytest.FixtureRequest, tmp_path) -> RunDir:
    if request.param == "folder":
        return RunDir(str(tmp_path / "runs" / "r1"))
    return RunDir(f"{request.getfixturevalue('storage').url}/r1")


def test_what_is_written_is_read_whole_from_an_offset_and_from_the_end(run_dir):
    run_dir.create("exercise: match\n")
    run_dir.create("exercise: match\n")
    assert run_dir.read("config.yaml") == b"exercise: match\n"
    assert run_dir.read("config.yaml", 10) == b"match\n"
    assert run_dir.read("config.yaml", 16) == b""
    assert run_dir.read("config.yaml", -6) == b"match\n"
    assert run_dir.read("config.yaml", -4000) == b"exercise: match\n"
    run_dir.write("config.yaml", b"")
    assert run_dir.read("config.yaml") == b""
    assert run_dir.read("config.yaml", -10) == b""


def test_what_is_not_there_is_none(run_dir):
    run_dir.create("exercise: match\n")
    assert run_dir.read("log.txt") is None
    assert run_dir.read("log.txt", 7) is None
    assert run_dir.read("log.txt", -7) is None
    assert run_dir.result() is None
    assert run_dir.last_beat() is None
    assert run_dir.events() == ([], 0)


def test_another_process_writes_and_each_read_sees_the_newest(run_dir, tmp_path):
    run_dir.create("exercise: match\n")
    local = RunDir(str(tmp_path / "work"))
    local.create("")
    offset, seen = 0, []
    for words in ("one", "two", "three"):
        local.append(Note(text=words))
        other = fsspec.core.url_to_fs(run_dir.url, skip_instance_cache=True)[0]
        other.pipe_file(run_dir.path("events.jsonl"), local.read("events.jsonl"))
        events, offset = run_dir.events(offset)
        seen += [event.text for event in events]
        assert run_dir.events(offset) == ([], offset)
    assert seen == ["one", "two", "three"]
    run_dir.finish(Result(status="failed", error="first"))
    run_dir.finish(Result(status="failed", error="second"))
    assert run_dir.result().error == "second"


def test_a_log_that_has_become_shorter_is_read_as_empty_behind_its_end(run_dir):
    run_dir.create("exercise: match\n")
    assert run_dir.read("config.yaml", 17) == b""
    assert run_dir.read("config.yaml", 1000) == b""
