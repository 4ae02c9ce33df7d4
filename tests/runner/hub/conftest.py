"""One hub for all tests of a worker, and a process that fetches from it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import hub_repos
from tests.hub_server import TOKEN, HubServer
from tests.runner.hub_fetcher import Fetcher


@pytest.fixture(scope="session")
def hub() -> Iterator[HubServer]:
    with HubServer().serving() as server:
        hub_repos.fill(server)
        yield server


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs") / "hub"


@pytest.fixture(scope="session")
def fetch(hub: HubServer, store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fetcher]:
    fetcher = Fetcher(hub.url, tmp_path_factory.mktemp("huggingface"), store)
    yield fetcher
    fetcher.close()


@pytest.fixture(scope="session")
def fetch_with_token(hub: HubServer, store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fetcher]:
    fetcher = Fetcher(hub.url, tmp_path_factory.mktemp("huggingface"), store, TOKEN)
    yield fetcher
    fetcher.close()
