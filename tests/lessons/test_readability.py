"""How prose is counted: sentences, words, syllables, and Flesch's reading ease."""

import pytest

from lessons.readability import hardest, reading_ease, sentences, syllables


def test_sentences_are_those_of_paragraphs_and_lists_with_their_lines() -> None:
    text = "## Why\n\nOne. `Two` follows, e.g. so?\n\n- **three** words\n\n```python\nno = 1.0\n```\n\n| no |\n|---|\n"
    assert [(each.text, each.line) for each in sentences(text)] == [
        ("One.", 3),
        ("It follows, e.g so?", 3),
        ("three words", 5),
    ]


@pytest.mark.parametrize("text", ["A rate of 3.5 is fine", "Goyal et al. found it", "[a link](https://x.org) here"])
def test_what_ends_no_sentence_does_not(text: str) -> None:
    assert len(list(sentences(text))) == 1


@pytest.mark.parametrize(
    ("word", "count"),
    [("loss", 1), ("rate", 1), ("trained", 1), ("table", 2), ("gradient", 2), ("validation", 4), ("2e-5", 1)],
)
def test_syllables_are_groups_of_vowels(word: str, count: int) -> None:
    assert syllables(word) == count


def test_short_words_in_short_sentences_are_easy() -> None:
    easy, hard = "The cat sat on the mat. It was fat.", "Regularization necessitates considerable experimentation."
    assert reading_ease(sentences(easy)) > 100 > 0 > reading_ease(sentences(hard))
    assert reading_ease([]) == 100


def test_the_hardest_sentences_come_first() -> None:
    prose = list(
        sentences("The cat sat on the mat in the sun. Optimization of hyperparameters is notoriously difficult to do.")
    )
    assert [each.text[:3] for each in hardest(prose, 1)] == ["Opt"]
