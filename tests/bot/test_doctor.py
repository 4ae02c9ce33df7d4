"""The doctor, with a good patient, a bad one, and one who has not started yet."""

import asyncio
from email.utils import formatdate
from time import time

import discord
import pytest
from aiohttp.test_utils import TestServer
from discord_rest import CHANNEL, GUILD, DiscordRest

from bot.chat.discord_manifest import permissions
from bot.chat.slack_manifest import SCOPES
from bot.doctor import Check, database, examine, report
from bot.settings import Settings
from bot.store.database import Store
from bot.store.tables import Group
from runner.engines.supervisor import socket_path
from tests.slack_server import APP_TOKEN, BOT_TOKEN, SlackServer


async def checks(settings: Settings) -> dict[str, Check]:
    return {check.name: check for check in await examine(settings)}


async def test_before_the_first_start_nothing_is_bad_and_nothing_is_left_behind(tmp_path):
    found = await checks(Settings(home=tmp_path / "new" / "home"))
    assert [name for name, check in found.items() if check.ok is False] == []
    assert "The first start makes it." in found["database"].fix
    assert found["clock"].found == "not compared: no chat is set"
    assert "can be started, with 1 free slot" in found["runner"].found
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_unix_connection(socket_path(tmp_path / "new" / "home" / "runner"))


async def test_where_runs_train_elsewhere_nothing_of_training_is_asked_of_this_machine(tmp_path):
    found = await checks(Settings(home=tmp_path, engine="none"))
    assert "cohort runner --claim" in found["runner"].found
    assert "torch" not in found
    found = await checks(Settings(home=tmp_path, engine="ray", ray_address="http://127.0.0.1:9"))
    assert found["runner"].ok is False
    assert "http://127.0.0.1:9" in found["runner"].found
    assert "COHORT_RAY_ADDRESS" in found["runner"].fix


async def test_all_is_well_with_both_chats(tmp_path, monkeypatch):
    rest = DiscordRest()
    rest.may = permissions()
    settings = Settings(home=tmp_path)
    store = Store(settings.database)
    await store.migrate()
    async with store.write() as session:
        session.add(Group(chat="discord", external_id=GUILD, name="Lab", results_channel=CHANNEL))
    await store.close()
    async with TestServer(rest.app()) as server, SlackServer() as slack:
        slack.scopes = set(SCOPES)
        monkeypatch.setattr(discord.http.Route, "BASE", str(server.make_url("")).rstrip("/"))
        keys = {"discord_token": rest.token, "slack_bot_token": BOT_TOKEN, "slack_app_token": APP_TOKEN}
        found = await checks(Settings(home=tmp_path, **keys, slack_api_url=slack.api))
    assert {name for name, check in found.items() if check.ok} >= {
        "database",
        "clock",
        "disk",
        "runner",
        "torch",
        "Discord",
        "Discord intents",
        "Discord servers",
        "Discord, Lab",
        "Slack",
        "Slack scopes",
        "Slack way in",
    }


async def test_everything_bad_says_what_to_do_and_no_secret(tmp_path, monkeypatch):
    (tmp_path / "runner").write_text("not a folder")
    (tmp_path / "library" / "torch").mkdir(parents=True)
    (tmp_path / "library" / "torch" / "__init__.py").write_text("raise ImportError('libcudart.so.13: cannot open')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "library"))
    rest = DiscordRest()
    rest.date = formatdate(time() - 300, usegmt=True)
    async with TestServer(rest.app()) as server, SlackServer() as slack:
        monkeypatch.setattr(discord.http.Route, "BASE", str(server.make_url("")).rstrip("/"))
        secrets = {"discord_token": "hush-1", "slack_bot_token": "hush-2", "slack_app_token": "hush-3"}
        url = "postgresql+asyncpg://ann:hush-4@127.0.0.1:1/cohort"
        found = await checks(Settings(home=tmp_path, database_url=url, **secrets, slack_api_url=slack.api))
    assert {name for name, check in found.items() if check.ok is False and check.fix} == {
        "database",
        "clock",
        "runner",
        "torch",
        "Discord",
        "Slack",
    }
    assert found["clock"].found.endswith(" s fast")
    assert "libcudart.so.13" in found["torch"].found
    assert "hush" not in str(found)


async def test_an_outdated_database_says_which_version_it_has(tmp_path):
    (tmp_path / "cohort.db").touch()
    found, _ = await database(Settings(home=tmp_path))
    assert found.ok is False
    assert "at version none" in found.found
    assert "cohort db upgrade" in found.fix


@pytest.mark.parametrize("url", ["sqlite+aiosqlite:///{home}/broken.db", "nonsense", "nodriver://ann:hush@host/db"])
async def test_a_database_that_cannot_be_used_is_one_bad_line(tmp_path, url):
    (tmp_path / "broken.db").write_bytes(b"this is no database" * 100)
    found, _ = await database(Settings(home=tmp_path, database_url=url.format(home=tmp_path)))
    assert found.ok is False
    assert found.fix
    assert "hush" not in found.found
    assert "\n" not in found.found


def test_a_report_shows_what_to_do_about_what_is_not_good_and_counts_what_is_bad():
    lines = report(
        [
            Check("clock", True, "within 30 s", "unseen"),
            Check("data sets", None, "not built yet", "Build them."),
            Check("disk", False, "full", "Make room."),
        ]
    )
    assert lines.splitlines() == [
        "good  clock      within 30 s",
        "note  data sets  not built yet",
        "                 → Build them.",
        "BAD   disk       full",
        "                 → Make room.",
        "",
        "1 of 3 are bad.",
    ]
