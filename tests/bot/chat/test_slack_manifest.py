import pytest
from ruamel.yaml import YAML

import bot.commands  # noqa: F401  (registers the commands)
from bot.chat.slack_interactions import HOME, HOME_BUTTONS
from bot.chat.slack_manifest import manifest
from bot.command import ROUTES, commands
from bot.view import read_action

URL = "https://cohort.example"


@pytest.mark.parametrize("url", [None, URL])
def test_the_manifest_says_what_slack_must_know(url):
    found = YAML(typ="safe").load(manifest(url))
    settings, (slash,) = found["settings"], found["features"]["slash_commands"]
    assert settings["socket_mode_enabled"] == (url is None)
    events = url and f"{url}/slack/events"
    assert settings["event_subscriptions"].get("request_url") == settings["interactivity"].get("request_url") == events
    assert slash.get("url") == events
    assert {"chat:write", "commands", "im:history", "files:write"} <= set(found["oauth_config"]["scopes"]["bot"])


def test_for_many_workspaces_it_has_oauth_and_hears_of_installations_that_end():
    found = YAML(typ="safe").load(manifest(URL, many=True))
    assert found["oauth_config"]["redirect_urls"] == [f"{URL}/slack/oauth_redirect"]
    assert found["settings"]["token_rotation_enabled"]
    assert "app_uninstalled" in found["settings"]["event_subscriptions"]["bot_events"]


def test_the_command_s_hint_names_every_command():
    (slash,) = YAML(typ="safe").load(manifest())["features"]["slash_commands"]
    assert slash["usage_hint"].split(" | ") == list(dict.fromkeys(route.name.split()[0] for route in commands()))


def test_names_and_descriptions_are_within_slack_s_limits():
    found = YAML(typ="safe").load(manifest())
    (slash,) = found["features"]["slash_commands"]
    assert len(slash["usage_hint"]) <= 1000
    assert len(slash["description"]) <= 2000
    assert len(found["display_information"]["description"]) <= 140
    for shortcut in found["features"]["shortcuts"]:
        assert len(shortcut["name"]) <= 24
        assert 0 < len(shortcut["description"]) <= 150


def test_everything_that_the_manifest_and_the_home_tab_offer_exists():
    offered = [shortcut["callback_id"] for shortcut in YAML(typ="safe").load(manifest())["features"]["shortcuts"]]
    offered += [*HOME, "say", *(read_action(button.action)[0] for button in HOME_BUTTONS)]
    assert set(offered) <= set(ROUTES)
