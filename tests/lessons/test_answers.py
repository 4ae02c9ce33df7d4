"""How answers are read, for each kind of drill."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lessons import Drill, Option, curriculum
from lessons.answer import AllOf, Answer, Line, OneOf, Order, Output, Refusal, Rubric
from lessons.number import Number

OPTIONS = (
    Option("Half", right=True, explanation="Yes, half."),
    Option("All", explanation="All is too much."),
    Option("None", explanation="None is too little."),
    Option("0.5", right=True, explanation="The same as half."),
)
RUBRIC = Rubric("The gradients add up.", (("add*", "sum"), ("gradient*",)), (Refusal(("vanish*",), "They grow."),))


def make_drill(answer: Answer) -> Drill:
    return Drill("x/d1", "x", "short", 1, "Why?", (), answer, (), "Because.", False, 1)


def is_right(answer: Answer, text: str) -> bool:
    verdict = make_drill(answer).check(text)
    assert verdict.understood, verdict.explanation
    return verdict.right


@pytest.mark.parametrize("text", ["b", "B", " b) ", "(b)", "b.", "option b", "All", "`all`"])
def test_a_choice_is_read_as_a_letter_or_as_the_option_itself(text: str) -> None:
    answer = OneOf((Option("Half"), Option("All", right=True), Option("None")))
    assert is_right(answer, text)


@pytest.mark.parametrize("text", ["", "e", "?", "2", "a, b", "b b", "the second one", "ä"])
def test_what_names_no_single_option_is_not_understood(text: str) -> None:
    verdict = make_drill(OneOf((Option("Half", right=True), Option("All"), Option("None")))).check(text)
    assert not verdict.understood
    assert not verdict.right
    assert "letter" in verdict.explanation


def test_a_wrong_choice_is_answered_with_its_own_explanation() -> None:
    verdict = make_drill(OneOf(OPTIONS[:3])).check("c")
    assert (verdict.right, verdict.explanation, verdict.expected) == (False, "None is too little.", "a: Half")


@pytest.mark.parametrize("text", ["a,d", "d a", "AD", "a and d"])
def test_several_letters_count_in_any_order(text: str) -> None:
    assert is_right(AllOf(OPTIONS), text)


def test_several_says_what_was_wrong_and_how_many_are_missing() -> None:
    verdict = make_drill(AllOf(OPTIONS)).check("a, b")
    assert verdict.explanation == "b: All is too much.\n1 right option is missing."
    assert verdict.expected == "a, d"


def test_order_needs_every_letter_once() -> None:
    order = Order((1, 0, 2))
    assert is_right(order, "b a c")
    assert is_right(order, "bac")
    assert not is_right(order, "a, b, c")
    assert not make_drill(order).check("b a").understood


def test_a_line_is_a_number_within_the_code() -> None:
    line = Line(4, 6)
    assert is_right(line, "4")
    assert is_right(line, "Line 4")
    assert not is_right(line, "5")
    assert not make_drill(line).check("7").understood
    assert not make_drill(line).check("the fourth").understood


def test_printed_output_forgives_spacing_and_case_but_not_content() -> None:
    output = Output("[1, 2] True")
    assert is_right(output, "`[1,2]  true`")
    assert not is_right(output, "[12] true")
    assert not make_drill(output).check("  ").understood


def test_a_sentence_needs_every_group_and_no_misconception() -> None:
    assert is_right(RUBRIC, "Old GRADIENTS are added to the new one")
    assert not is_right(RUBRIC, "It adds up")
    assert make_drill(RUBRIC).check("the gradients add up and vanish").explanation == "They grow."
    assert not make_drill(RUBRIC).check("42").understood


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("1234 steps", "1,234"),
        ("1234 steps", "1 234 steps"),
        ("1234 steps", "about 1234 steps"),
        ("0.5 GB", "500 MB"),
        ("0.5 GB", "0.5"),
        ("1 GiB", "1024 MiB"),
        ("90 s", "1.5 min"),
        ("5e-4", "0.0005"),
        ("5e-4", "5E-4"),
        ("50%", "50 %"),
        ("50%", "0.5"),
        ("50%", "50"),
        ("0.5", "50%"),
        ("0.5", ",5"[1:] + "e-1"),
        ("0.5", "0,5"),
        ("22.7M parameters ± 1%".replace("M", "e6"), "22.6 million parameters"),
        ("-3", "−3"),
        ("0.69 ± 0.01", "0.7"),
    ],
)
def test_a_number_is_read_as_people_write_it(key: str, text: str) -> None:
    assert is_right(Number.parse(key), text)


@pytest.mark.parametrize(
    ("key", "text"), [("250 steps", "125"), ("0.69 ± 0.01", "0.71"), ("0.5 GB", "0.5 MB"), ("50%", "5")]
)
def test_a_number_outside_the_tolerance_is_wrong(key: str, text: str) -> None:
    assert not is_right(Number.parse(key), text)


@pytest.mark.parametrize("text", ["", "many", "1.2.3", "3 or 4", "nan", "1e999", "5 apples"])
def test_words_where_a_number_is_needed_are_not_wrong(text: str) -> None:
    verdict = make_drill(Number.parse("0.5 GB")).check(text)
    assert not verdict.understood
    assert "a number in GB" in verdict.explanation


@pytest.mark.parametrize("key", ["many", "± 3", "3 ± few"])
def test_a_key_that_is_no_number_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="is no number"):
        Number.parse(key)


@given(value=st.floats(-1e12, 1e12).filter(bool), unit=st.sampled_from(["", " steps", " GB", " s"]))
def test_a_number_accepts_its_own_spelling(value: float, unit: str) -> None:
    assert is_right(Number.parse(f"{value!r}{unit}"), f"{value!r}{unit}")


@given(text=st.text() | st.from_regex(r"[\d,._ e+-]{0,30}[%a-zA-Z ]{0,9}"))
def test_no_text_makes_marking_fail(text: str) -> None:
    for drill in curriculum().drills:
        verdict = drill.check(text)
        assert verdict.understood or not verdict.right
        assert verdict.explanation
        assert verdict.expected


@given(order=st.permutations(range(5)))
def test_an_order_accepts_itself_and_nothing_else(order: list[int]) -> None:
    answer = Order(tuple(order))
    assert is_right(answer, str(answer))
    assert is_right(answer, "a b c d e") == (order == sorted(order))
