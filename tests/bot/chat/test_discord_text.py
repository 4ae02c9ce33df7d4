import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.chat.discord_text import shorten, split, table, to_discord


@pytest.mark.parametrize(
    ("markdown", "discord"),
    [
        ("one\ntwo", "one two"),
        ("one  \ntwo\\\nthree", "one\ntwo\nthree"),
        ("### Third\n\n#### Fourth", "### Third\n\n**Fourth**"),
        ("- a\n  b\n  - c\n- d", "- a b\n  - c\n- d"),
        ("3. three\n4. four", "3. three\n4. four"),
        ("> said\n> so", "> said so"),
        ("```python\nx = 1\n```", "```python\nx = 1\n```"),
        ("    indented = True", "```\nindented = True\n```"),
        ("see ![a curve](https://x.y/z.png)", "see [a curve](https://x.y/z.png)"),
        ("| a | bb |\n|---|---|\n| `1` | **2** |", "```\na  bb\n─────\n1  2\n```"),
        ("~~~\n```\n~~~", "```\n`\u200b``\n```"),
        ("snake_case and 2 * 3 * 4", "snake_case and 2 * 3 * 4"),
    ],
)
def test_markdown_is_written_as_discord_reads_it(markdown, discord):
    assert to_discord(markdown) == discord


def test_code_in_a_list_stands_where_discord_shows_it_as_code():
    assert to_discord("- do\n\n  ```\n  x\n  ```\n- then") == "- do\n```\nx\n```\n- then"


def test_a_table_counts_wide_characters_as_two_columns():
    lines = table([("name", "score"), ("李雷", "1"), ("ann", "22")]).split("\n")
    assert lines[1:-1] == ["name  score", "───────────", "李雷  1", "ann   22"]


def test_a_table_may_have_rows_of_different_lengths():
    assert "a  b  c" in table([("a",), ("a", "b", "c"), ()])


def test_shortening_stops_at_a_word_and_says_so():
    assert shorten("a word that is too long", 12) == "a word…"
    assert shorten("fits", 4) == "fits"


@given(st.text(st.characters(blacklist_categories=["Cs"]), max_size=3_000), st.integers(100, 500))
def test_pieces_fit_and_lose_no_character_that_is_seen(text, limit):
    pieces = split(text, limit)
    assert all(len(piece) <= limit for piece in pieces)
    seen = re.sub(r"[\s`]", "", "".join(pieces))
    assert seen == re.sub(r"[\s`]", "", text) or "```" in text


@given(st.lists(st.text("ab \n", min_size=1, max_size=300), min_size=1, max_size=8), st.integers(100, 400))
def test_every_piece_of_a_text_with_code_has_whole_fences(parts, limit):
    fenced = [f"```python\n{part.strip()}\n```" if place % 2 else part for place, part in enumerate(parts)]
    text = "\n\n".join(fenced)
    pieces = split(text, limit)
    assert all(len(piece) <= limit and piece.count("```") % 2 == 0 for piece in pieces)
    inner = [re.findall(r"```python\n(.*?)```", piece, re.DOTALL) for piece in pieces]
    code = "".join("".join(found) for found in inner)
    assert re.sub(r"\s", "", code) == re.sub(r"\s", "", "".join(p for place, p in enumerate(parts) if place % 2))


def test_a_cut_in_code_opens_the_same_language_again():
    pieces = split("```yaml\n" + "key: value\n" * 100 + "```", 300)
    assert all(piece.startswith("```yaml\n") and piece.endswith("\n```") for piece in pieces)
    assert all(len(first) > 200 for first, _ in pairwise(pieces))
