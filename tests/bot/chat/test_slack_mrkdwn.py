import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bot.commands  # noqa: F401  (registers the commands)
from bot.chat.slack_mrkdwn import aligned, cut, escape, fenced, inline, native, sections, unescape

WORDS = re.compile(r"[^\W_]+")
# What makes up CommonMark, without what names things that are not shown: links' targets and fences' languages.
SCRAPS = st.sampled_from(
    ["*", "**", "_", "~~", " ", "  ", "\n", "\n\n", "# ", "> ", "- ", "<b>", "&", "|", "---", "é漢🎉"]
)
PROSE = st.lists(st.text(st.characters(categories=["L"]), min_size=1, max_size=12) | SCRAPS, max_size=120).map(
    lambda parts: re.sub("~{3,}", "~~", "".join(parts))
)


@pytest.mark.parametrize(
    ("markdown", "mrkdwn"),
    [
        ("**bold** and *italic* and ~~gone~~", "*bold* and _italic_ and ~gone~"),
        ("a\nb  \nc", "a b\nc"),
        ("# Title *now*", "*Title now*"),
        ("[the `docs`](https://x.y/?a=1&b=2)", "<https://x.y/?a=1&amp;b=2|the docs>"),
        ("[next](../02/lesson.md)", "next"),
        ("![a curve](https://x.y/z.png)", "<https://x.y/z.png|a curve>"),
        ("`a < b` & <b>", "`a &lt; b` &amp; &lt;b&gt;"),
        ("<!channel> @everyone", "&lt;!channel&gt; @everyone"),
        ("`` a`b ``", "`aˋb`"),
        ("- one\n- two\n  - three", "• one\n• two\n    • three"),
        ("3. three\n4. four", "3. three\n4. four"),
        ("> said\n> so", "> said so"),
        ("---", "———"),
        ("```py\nif x < 1:\n    y\n```", "```\nif x &lt; 1:\n    y\n```"),
        ("- do:\n\n  ```\n  if x:\n      y\n  ```", "• do:\n```\nif x:\n    y\n```"),
        ("| a | b |\n|---|---|\n| 1 | `&` |", "```\na  b\n1  &amp;\n```"),
        ("Say `/submit match`, or `/nothing`.", "Say `/cohort submit match`, or `/nothing`."),
    ],
)
def test_commonmark_becomes_mrkdwn(markdown, mrkdwn):
    assert sections(markdown) == [mrkdwn]


@settings(deadline=None)
@given(PROSE)
def test_no_word_is_lost_and_no_piece_is_too_long(text):
    pieces = sections(text, 100)
    assert all(0 < len(piece) <= 100 for piece in pieces)
    shown = WORDS.findall(unescape_marks(" ".join(pieces)))
    assert "".join(shown) == "".join(WORDS.findall(unescape_marks(text)))


def unescape_marks(text: str) -> str:
    return re.sub(r"&(amp|lt|gt);", "&", text).replace("<b>", "b")


@settings(deadline=None)
@given(st.text(st.sampled_from("ab &<>\n"), max_size=800))
def test_code_that_is_cut_stays_code_and_whole(code):
    pieces = cut(fenced(code), 120)
    assert all(len(piece) <= 120 for piece in pieces)
    assert all(piece.startswith("```\n") and piece.endswith("\n```") for piece in pieces)
    inner = "".join(piece[4:-4] for piece in pieces)
    assert inner.replace("\n", "") == escape(code.rstrip()).replace("\n", "")


def test_backticks_in_code_cannot_end_it():
    assert fenced("a\n```\nb").count("```") == 2


def test_a_table_is_aligned_by_the_width_that_is_seen():
    assert aligned([("Who", "Score"), ("漢字", "1"), ("Ann", "0.5", "extra\nline")]).split("\n") == [
        "Who   Score",
        "漢字  1",
        "Ann   0.5    extra line",
    ]


def test_an_empty_table_is_nothing():
    assert aligned([]) == ""


def test_what_slack_sends_reads_as_it_was_typed():
    assert unescape("a &lt;b&gt; &amp;amp; <https://x.y|x.y> <@U1|ann> <https://z>") == "a <b> &amp; x.y ann https://z"


def test_commands_are_written_as_they_are_typed_here():
    assert native("/run show 3") == "/cohort run show 3"
    assert native("/usr/bin") == "/usr/bin"
    assert inline("none yet: `/start`") == "none yet: `/cohort start`"
