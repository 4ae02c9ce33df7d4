from importlib import import_module
from pathlib import Path

import pytest

import bot.commands  # noqa: F401
from bot.cli import MANIFESTS

DEPLOY = Path(__file__).parents[3] / "deploy"


@pytest.mark.parametrize(("chat", "file"), [("discord", "discord.md"), ("slack", "slack-manifest.yaml")])
def test_what_is_deployed_is_what_the_registry_says(chat, file):
    manifest = import_module(MANIFESTS[chat]).manifest()
    assert (DEPLOY / file).read_text() == manifest, f"stale: run `cohort manifest {chat} > deploy/{file}`"
