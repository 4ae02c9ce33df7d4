import pytest
from hypothesis import given
from hypothesis import strategies as st

import bot.commands  # noqa: F401
from bot.chat.command_line import read_command
from bot.errors import UserError


@pytest.mark.parametrize(
    ("line", "name", "values"),
    [
        ("help", "help", {}),
        ("run show 3", "run show", {"number": "3"}),
        ("run show number:3", "run show", {"number": "3"}),
        ("submit match my.yaml", "submit", {"exercise": "match", "file": "my.yaml"}),
        ("submit my.yaml", "submit", {"file": "my.yaml"}),
        ("submit file=~/a.yaml exercise=match", "submit", {"file": "~/a.yaml", "exercise": "match"}),
        ("submit 'my file.yaml'", "submit", {"file": "my file.yaml"}),
        ("leaderboard week", "leaderboard", {"window": "week"}),
        ("leaderboard mach", "leaderboard", {"exercise": "mach"}),  # a slip, to be told so
        ("template multi", "template", {"exercise": "multi"}),  # and not the kind multi-task
        ("template lora stdlib", "template", {"kind": "lora", "exercise": "stdlib"}),
        ("lesson it's", "lesson", {"topic": "it's"}),
        ("reminders time:09:00 timezone:Europe/Berlin", "reminders", {"time": "09:00", "timezone": "Europe/Berlin"}),
    ],
)
def test_options_are_read_by_name_and_by_order(line, name, values):
    assert read_command(line) == (name, values)


def test_an_unknown_command_names_the_nearest():
    with pytest.raises(UserError, match="Did you mean submit"):
        read_command("sumbit match")


def test_a_word_too_many_shows_how_the_command_is_called():
    with pytest.raises(UserError, match="what `b` is for") as error:
        read_command("lesson a b")
    assert error.value.hint == "Use: `/lesson [topic]`"


@given(st.text(max_size=80))
def test_whatever_is_typed_reads_or_gets_a_sentence(line):
    try:
        name, values = read_command(line)
    except UserError as error:
        assert str(error)
    else:
        assert name
        assert all(isinstance(value, str) for value in values.values())
