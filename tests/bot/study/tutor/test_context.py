import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.study.tutor.context import MODES, Data, Past, clip, instructions, pack, tokens
from bot.study.tutor.llm import REPLY

LONG = "The learning rate decides how far a step goes. " * 400


@pytest.mark.parametrize("mode", MODES)
def test_each_mode_has_the_persona_and_instructions_of_its_own(mode):
    assert instructions(mode).startswith("Version 1")
    assert len({instructions(each) for each in MODES}) == len(MODES)


@pytest.mark.parametrize("context", [4_096, 8_192, 32_768])
@pytest.mark.parametrize("mode", MODES)
def test_everything_fits_into_the_model_whatever_there_is_to_say(mode, context):
    data = [Data(f"lesson {n}", LONG) for n in range(6)]
    said = pack(mode, data, [Past(LONG, LONG)] * 9, LONG, context)
    assert sum(tokens(each.content) for each in said) + REPLY <= context
    assert said[0].content == instructions(mode)
    assert "The learner says:\nThe learning rate" in said[-1].content


def test_the_oldest_turns_are_dropped_first_and_roles_take_turns():
    past = [Past(f"question {n}", f"answer {n} " * 60) for n in range(40)]
    said = pack("explain", [], past, "and now?", 8_192)
    roles = [each.role for each in said]
    assert roles == ["system", *["user", "assistant"] * ((len(roles) - 2) // 2), "user"]
    assert said[-3].content == "question 39"
    assert 3 < len(said) < 80


def test_the_most_important_data_are_kept_when_there_is_little_room():
    said = pack(
        "debug", [Data("config", "method: lora"), Data("lesson 1.1", LONG), Data("lesson 1.2", LONG)], [], "?", 4_096
    )
    assert "method: lora" in said[-1].content
    assert "lesson 1.2" not in said[-1].content


@given(st.text(max_size=300), st.integers(1, 60))
def test_a_clipped_text_fits_and_begins_as_it_did(text, room):
    clipped = clip(text, room)
    assert tokens(clipped) <= room or not clipped
    assert text.startswith(clipped.removesuffix("…"))


@given(st.text(alphabet='</>data \n="A', max_size=60))
def test_no_text_can_end_the_data_that_it_stands_in(text):
    block = str(Data("x", text))
    assert block.lower().replace(" ", "").count("</data") == 1
    assert block.lower().replace(" ", "").count("<data") == 1
