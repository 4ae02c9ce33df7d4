"""What is fetched for a group: by the real process, from a real hub, and by nobody twice."""

import asyncio
import json
import sys

import psutil
import pytest

from bot.study import addition, catalog
from bot.study.hub import BROKEN, Fetcher, Hub
from runner.engines.machine import clean_environment
from tests import hub_repos
from tests.hub_server import TOKEN, HubServer

NOWHERE = "http://127.0.0.1:1"  # nobody listens there
SOURCE = "name: topics\ntask: text-classification\ndataset: lab/gated-topics\ntext_columns: [text]\nheads: {topic: }\n"


def hub_at(folder, endpoint=NOWHERE, **options):
    usual = {"most_bytes": 10**8, "most_seconds": 240}
    return Hub(endpoint=endpoint, home=folder / "huggingface", store=str(folder / "runs/hub"), **(usual | options))


async def test_what_an_admin_adds_is_fetched_with_the_token_and_can_then_be_named(store, clock, people, tmp_path):
    group, (ann, _, _) = people
    with HubServer().serving() as server:
        server.add("datasets", "lab/gated-topics", {"t.parquet": hub_repos.parquet(hub_repos.topics(100))}, gated=True)
        fetcher = Fetcher(store, hub_at(tmp_path, server.url, token=TOKEN), clock)
        async with store.write() as session:
            await addition.add_exercise(session, group, ann, SOURCE, clock.now)
        assert await fetcher.tick()
        assert not await fetcher.tick()
    async with store.read() as session:
        exercise = await catalog.exercise(session, group, "topics")
    card = await addition.card_of(exercise)
    assert card["rows"] == {"train": 76, "validation": 8, "test": 16}
    assert str(tmp_path / "runs/hub/data") in exercise.files
    assert TOKEN not in repr(hub_at(tmp_path, token=TOKEN))


async def test_a_hub_that_cannot_be_reached_is_said(tmp_path):
    outcome = await hub_at(tmp_path).fetch("model", "lab/tiny-bert")
    assert outcome == {"error": f"the hub at {NOWHERE} cannot be reached; try again later"}


async def test_what_takes_too_long_is_stopped_and_leaves_no_process(tmp_path):
    outcome = await hub_at(tmp_path, most_seconds=0.2).fetch("model", "lab/tiny-bert")
    assert outcome["error"].startswith("it took longer than 0 s to fetch")
    assert not fetching()


async def test_data_that_unpack_to_far_more_than_may_be_downloaded_do_not_fill_the_disk(tmp_path):
    bomb = hub_repos.parquet({"text": ["a" * 100_000] * 300, "topic": ["x", "y"] * 150})  # 30 MB in a few kB
    with HubServer().serving() as server:
        server.add("datasets", "lab/gated-topics", {"train.parquet": bomb})
        outcome = await hub_at(tmp_path, server.url, most_bytes=10**6).fetch("exercise", SOURCE)
    assert outcome == {
        "error": "the data of lab/gated-topics cannot be read: they unpack to more than there is room for"
    }
    assert not (tmp_path / "runs").exists()


async def test_a_bot_that_stops_leaves_what_it_was_at_to_the_next(store, clock, people, tmp_path):
    group, (ann, _, _) = people
    async with store.write() as session:
        await addition.add_model(session, group, ann, "lab/tiny-bert", clock.now)
    tick = asyncio.create_task(Fetcher(store, hub_at(tmp_path), clock).tick())
    while not fetching():
        await asyncio.sleep(0.02)
    tick.cancel()
    with pytest.raises(asyncio.CancelledError):
        await tick
    assert not fetching()
    async with store.write() as session:
        assert (await addition.claim(session, clock.now)).name == "lab/tiny-bert"


async def test_a_process_that_breaks_is_said_kindly_and_logged(tmp_path, caplog):
    outcome = await hub_at(tmp_path).fetch("exercise", "this is no exercise")
    assert outcome == {"error": BROKEN}
    assert "runner.hub ended with code 1" in caplog.text


async def test_no_token_reaches_what_trains(monkeypatch):
    for name in ("HF_TOKEN", "COHORT_HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.setenv(name, TOKEN)
    assert TOKEN not in json.dumps(clean_environment())
    assert clean_environment()["HF_HUB_OFFLINE"] == "1"


def fetching():
    """Return the processes below this one that fetch."""
    wanted = [sys.executable, "-m", "runner.hub"]
    return [p for p in psutil.Process().children() if p.status() != psutil.STATUS_ZOMBIE and p.cmdline()[:3] == wanted]
