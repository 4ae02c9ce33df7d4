"""An admin's story, with a real hub: an exercise and a model are added in chat, trained, ranked and removed."""

from pathlib import Path

import pytest
from test_scenarios import ConsoleActor, plain, told

from bot.app import App
from bot.settings import Settings
from tests import hub_repos
from tests.hub_server import HubServer

EXERCISE = """\
name: topics
title: Sport or science?
task: text-classification
dataset: lab/topics
text_columns: [text]
heads: {topic: }
splits: {test: test}
budget: {train_tokens: 100000, seconds: 600}
"""
CONFIG = (
    "exercise: topics\nmodel: lab/tiny-bert\ntraining: {max_steps: 8, learning_rate: 1e-3, "
    "per_device_train_batch_size: 16}\ndata: {max_length: 32}\n"
)


async def test_an_admin_adds_an_exercise_and_a_model_and_learners_train_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COHORT_CACHE", str(tmp_path / "cache"))
    with HubServer().serving() as hub:
        hub_repos.fill(hub)
        settings = Settings(home=tmp_path / "home", hf_endpoint=hub.url)
        async with App(settings, keep_runner=False) as app:
            ann, bo = ConsoleActor(app, "ann", tmp_path), ConsoleActor(app, "bo", tmp_path)
            await _set_up(ann, bo)
            await _train(ann, bo)
            await _remove(ann, bo)


async def _set_up(ann: ConsoleActor, bo: ConsoleActor) -> None:
    refused = plain(await bo.do("/submit", {"config": CONFIG}))
    assert "there is no exercise topics" in refused.replace('"', "")
    assert "none of the Hub's models that this group allows" in refused
    assert "Exercise topics is in" in plain(await _form(ann, EXERCISE))
    seen = await told(ann, "Exercise topics: ready", "Sport or science?")
    for words in ("360 rows", "science, sport", "Baseline: linear", "100,000 tokens"):
        assert words in plain(seen), seen
    assert "Model lab/tiny-bert is in" in plain(await ann.do("/group models allow:lab/tiny-bert"))
    await told(ann, "Model lab/tiny-bert: ready", "encoder, 21,408 parameters", "up to 64 tokens")
    await ann.do("/group models allow:lab/gated")
    await told(ann, "Model lab/gated: refused", "lab/gated is gated: somebody has to accept its terms at")


async def _form(ann: ConsoleActor, source: str) -> str:
    await ann.do("/group exercises")
    return await ann.do("[Add one]", {"exercise": source})


async def _train(ann: ConsoleActor, bo: ConsoleActor) -> None:
    assert "Sport or science?" in plain(await bo.do("/template config topics"))
    assert "Run 1 is in" in plain(await bo.do("/submit", {"config": CONFIG}))
    await told(bo, "Run 1 · topics · Bo", "Linear baseline")
    assert "You lead." in plain(await bo.do("/leaderboard topics"))
    assert "topics: 1." in plain(await bo.do("/profile"))
    assert "model: lab/tiny-bert" in plain(await bo.do("/run config 1"))
    assert "README.md" in plain(await bo.do("/run share 1"))


async def _remove(ann: ConsoleActor, bo: ConsoleActor) -> None:
    assert "topics is removed" in plain(await ann.do("/group exercises remove:topics"))
    assert "there is no exercise" in plain(await bo.do("/submit", {"config": CONFIG}))
    assert "Run 1 · topics · Bo" in plain(await bo.do("/run show 1"))
    assert "You lead." in plain(await bo.do("/leaderboard topics"))
    assert "has no exercise" in plain(await ann.do("/group exercises show:topics"))
