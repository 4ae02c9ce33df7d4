import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.view import ACTION_LIMIT, action, read_action


def test_an_action_carries_ids_and_reads_back():
    text = action("drill.answer", review=12, choice="b")
    assert text == "drill.answer:review=12,choice=b"
    assert read_action(text) == ("drill.answer", {"review": "12", "choice": "b"})
    assert read_action("drill.next") == ("drill.next", {})


def test_an_action_longer_than_a_chat_can_carry_is_refused():
    with pytest.raises(ValueError, match=str(ACTION_LIMIT)):
        action("lesson.open", slug="x" * ACTION_LIMIT)


def test_an_id_that_would_read_back_as_two_is_refused():
    with pytest.raises(ValueError, match="not an action"):
        action("lesson.open", slug="a,b=c")


@given(st.text())
def test_whatever_stands_in_a_button_is_read_without_an_error(text):
    name, ids = read_action(text)
    assert isinstance(name, str)
    assert isinstance(ids, dict)
