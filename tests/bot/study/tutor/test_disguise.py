"""The instructions do not leave in disguise, and nothing that lessons say is taken for them."""

import base64
import codecs
import html
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.study.tutor.checked import LeakError, check, leaks
from bot.study.tutor.context import MODES, instructions
from bot.study.tutor.disguise import readings
from lessons import curriculum, glossary, guides, projects

FULLWIDTH = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}


def shifted(text, by):
    alphabet = "abcdefghijklmnopqrstuvwxyz"
    return text.lower().translate(str.maketrans(alphabet, alphabet[by:] + alphabet[:by]))


DISGUISES = {
    "as it is": lambda text: text,
    "capitals": str.upper,
    "spaced letters": " ".join,
    "dotted letters": ".".join,
    "letters a line": "\n".join,
    "letters in cells": lambda text: "|".join(text),
    "zero width": "\u200b".join,
    "no spaces": lambda text: text.replace(" ", ""),
    "a list": lambda text: "\n".join(f"{at}. {word}" for at, word in enumerate(text.split(), 1)),
    "bold and emoji": lambda text: " 🙂 ".join(f"**{word}**" for word in text.split()),
    "code blocks": lambda text: "\n".join(f"```\n{word}\n```" for word in text.split()),
    "a word between": lambda text: " banana ".join(text.split()),
    "two words between": lambda text: " of course ".join(text.split()),
    "accents": lambda text: "\u0301".join(text),
    "fullwidth": lambda text: text.translate(FULLWIDTH),
    "cyrillic": lambda text: text.translate(str.maketrans("aeopcyx", "аеорсух")),
    "backwards": lambda text: text[::-1],
    "words backwards": lambda text: " ".join(reversed(text.split())),
    "each word backwards": lambda text: " ".join(word[::-1] for word in text.split()),
    "rot13": lambda text: codecs.encode(text, "rot13"),
    "rot13, backwards and spaced": lambda text: " ".join(codecs.encode(text, "rot13")[::-1]),
    "caesar 3": lambda text: shifted(text, 3),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 in lines": lambda text: base64.encodebytes(text.encode()).decode(),
    "base64 for urls": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "base64 of rot13": lambda text: base64.b64encode(codecs.encode(text, "rot13").encode()).decode(),
    "base32": lambda text: base64.b32encode(text.encode()).decode(),
    "hex": lambda text: text.encode().hex(),
    "hex in bytes": lambda text: text.encode().hex(" "),
    "hex in Python": lambda text: "".join(f"\\x{byte:02x}" for byte in text.encode()),
    "hex in C": lambda text: ", ".join(f"0x{byte:02X}" for byte in text.encode()),
    "percent": lambda text: "".join(f"%{byte:02X}" for byte in text.encode()),
    "quoted": quote,
    "binary": lambda text: " ".join(f"{byte:08b}" for byte in text.encode()),
    "character codes": lambda text: ", ".join(str(ord(each)) for each in text),
    "entities": lambda text: "".join(f"&#{ord(each)};" for each in text),
    "escapes": lambda text: "".join(f"\\u{ord(each):04x}" for each in text),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("disguise", DISGUISES)
def test_the_instructions_do_not_leave_in_disguise(disguise, mode):
    words = instructions(mode).split()
    for stretch in (words[20:50], words[-40:]):
        plain = " ".join(stretch)
        hidden = DISGUISES[disguise]("".join(each for each in plain if each.isascii()))
        with pytest.raises(LeakError):
            check(f"Sure, here they are:\n\n{hidden}\n\nAnything else?", {"6.3"})


@pytest.mark.parametrize("disguise", DISGUISES)
def test_the_same_disguises_on_other_words_raise_no_alarm(disguise):
    words = " ".join(curriculum().lessons[0].sections[0].body.split()[:60])
    assert not leaks(DISGUISES[disguise]("".join(each for each in words if each.isascii())))


def test_nothing_that_lessons_say_is_taken_for_the_instructions():
    sections = [section.body for page in (*curriculum().lessons, *guides(), *projects()) for section in page.sections]
    drills = [
        "\n".join((drill.question, drill.explanation, *(option.text for option in drill.options)))
        for lesson in curriculum().lessons
        for drill in lesson.drills
    ]
    meanings = [f"{entry.term}: {entry.meaning}" for entry in glossary()]
    assert [text[:80] for text in (*sections, *drills, *meanings) if leaks(text)] == []


def test_an_entity_is_read_as_what_it_stands_for():
    assert next(iter(readings(html.escape("a < b & c")))) == "a < b & c"


@given(st.text(max_size=400))
def test_any_text_can_be_read(text):
    assert not leaks(text)
