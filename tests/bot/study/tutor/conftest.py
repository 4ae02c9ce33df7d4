"""A tutor with a real client and a real endpoint, whose answers a test writes."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from openai import AsyncOpenAI, Timeout
from tutor_lab import KEY, Lab, make_lab

from bot.store.database import Store
from bot.study.tutor.llm import Model
from tests.llm_server import MODEL, LlmServer, serving


@pytest.fixture
async def llm() -> AsyncIterator[LlmServer]:
    async with serving() as server:
        yield server


@pytest.fixture
async def model(llm: LlmServer) -> AsyncIterator[Model]:
    """A model that loses patience in a second, so that slow endpoints can be tested."""
    client = AsyncOpenAI(base_url=llm.base_url, api_key=KEY, timeout=Timeout(1.0), max_retries=2)
    model = Model(client, MODEL, 8_192)
    yield model
    await model.close()


@pytest.fixture
async def sqlite(tmp_path: Path) -> AsyncIterator[Store]:
    store = Store(f"sqlite+aiosqlite:///{tmp_path / 'cohort.db'}")
    await store.migrate()
    yield store
    await store.close()


@pytest.fixture
async def lab(sqlite: Store, model: Model, clock: Any) -> AsyncIterator[Lab]:
    lab = make_lab(sqlite, model, clock)
    yield lab
    await lab.writer.close()
