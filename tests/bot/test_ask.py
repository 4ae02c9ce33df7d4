"""The tutor in a whole Cohort: a question by direct message, its answer through the outbox."""

import asyncio
from pathlib import Path

import pytest
from actors import ConsoleActor
from sqlmodel import select
from test_scenarios import GOOD, told

from bot.app import App
from bot.settings import Settings
from bot.store.tables import Run
from runner.config import parse
from tests.llm_server import MODEL, Answer, serving


async def test_an_answer_comes_by_direct_message_grows_and_proposes_a_config_that_trains(tmp_path: Path) -> None:
    async with serving() as llm:
        settings = Settings(home=tmp_path, openai_model=MODEL, openai_base_url=llm.base_url, openai_api_key="sk-x")
        async with App(settings, keep_runner=False) as app:
            ann = ConsoleActor(app, "ann", tmp_path / "ann")
            llm.answers = [Answer("Clip at 1.0 [6.3]. " * 20 + "That is all.", pieces=20, pause=0.15)]
            assert "Thinking" in await ann.do("my gradients explode")
            assert "Clip at 1.0" in await told(ann, "That is all.", "Read 6.3 Gradient Clipping")
            llm.answers = [
                Answer("Halve it.\n\n```yaml\ntraining:\n  learning_rate: 5.0e-4\n```\nWatch the first steps.")
            ]
            await ann.do("/ask")
            await ann.do("[Review my config]", {"config": GOOD})
            await told(ann, "Watch the first steps.", "Submit with that change")
            assert "config of" not in llm.said
            assert "is in" in await ann.do("[Submit with that change]", {})
            async with app.store.read() as session:
                run = (await session.exec(select(Run))).one()
            config = parse(run.config).config
            assert (config.training.learning_rate, config.training.max_steps) == (5e-4, 4)


async def test_a_bot_that_stops_in_the_middle_answers_when_it_is_back(tmp_path: Path) -> None:
    async with serving() as llm:
        settings = Settings(home=tmp_path, openai_model=MODEL, openai_base_url=llm.base_url)
        llm.answers = [Answer("One. " * 50, pieces=50, pause=0.3)]
        async with App(settings, keep_runner=False) as app:
            ann = ConsoleActor(app, "ann", tmp_path / "ann")
            await ann.do("my gradients explode")
            await told(ann, "One.")
        llm.answers = [Answer("The whole answer [6.3].")]
        async with App(settings, keep_runner=False) as app:
            await told(ConsoleActor(app, "ann", tmp_path / "ann"), "The whole answer", "Read 6.3")
        assert len(llm.requests) == 2


@pytest.mark.parametrize("name", ["OPENAI_API_KEY", "COHORT_OPENAI_API_KEY"])
def test_a_key_alone_starts_no_model_and_is_never_printed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    monkeypatch.setenv(name, "sk-secret")
    settings = Settings(home=tmp_path)
    assert settings.openai_api_key is not None
    assert "sk-secret" not in repr(settings)
    assert App(settings).dispatch._services.tutor is None


async def test_a_crowd_that_asks_at_once_is_answered_by_the_lessons_quickly(app: App, tmp_path: Path) -> None:
    crowd = [ConsoleActor(app, f"p{n}", tmp_path / f"{n}") for n in range(20)]
    shown = await asyncio.gather(*(each.do("/ask my gradients explode") for each in crowd))
    assert all("Gradient Clipping" in words for words in shown)
