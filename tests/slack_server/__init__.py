"""A fake Slack that the real slack_sdk and slack_bolt talk to: Web API, Socket Mode, signed HTTP, and its people."""

from tests.slack_server.person import Person, elements, words
from tests.slack_server.server import SlackServer
from tests.slack_server.state import APP_TOKEN, BOT_TOKEN, SIGNING_SECRET, TEAM, Fault, File, Post

__all__ = [
    "APP_TOKEN",
    "BOT_TOKEN",
    "SIGNING_SECRET",
    "TEAM",
    "Fault",
    "File",
    "Person",
    "Post",
    "SlackServer",
    "elements",
    "words",
]
