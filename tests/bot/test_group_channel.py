"""What an admin sets for the group's channel cannot be set in a direct message."""

import pytest

import bot.commands  # noqa: F401  (registers them)
from bot.command import Services
from bot.dispatch import Dispatcher, Request
from bot.study.membership import Sender
from bot.view import Edit, Message
from lessons import curriculum


@pytest.mark.parametrize(
    ("route", "values"), [("group drill", {"channel": "here"}), ("group.results", {"where": "here"})]
)
async def test_here_is_refused_in_a_direct_message_and_taken_in_a_channel(store, clock, route, values):
    dispatch = Dispatcher(store, Services(curriculum(), "memory://runs", lambda: 1), clock, lambda: None)
    ann = Sender("local", "ann", "Ann", "UTC", admin=True)
    refused = await dispatch(Request(ann, "@ann", route, values, ("#lab", "lab"), direct=True))
    assert isinstance(refused, Message)
    assert "Say it in the channel that you mean." in refused.body
    taken = await dispatch(Request(ann, "#lab", route, values, ("#lab", "lab")))
    message = taken.message if isinstance(taken, Edit) else taken
    assert "direct message" not in message.body
