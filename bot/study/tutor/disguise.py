"""What a text says beneath a disguise, so that what may not be said is found in it, however it is written.

Found: other spacing, case, accents, punctuation, numbering, look-alike letters, letters shifted in the alphabet (rot13
and any other), text backwards by letters or words, one or two words between words, base64, base32, hex, binary,
character codes, entities, escapes. Not found: translations, retellings, ciphers with a key, a few words an answer.
"""

import base64
import binascii
import html
import re
import unicodedata
from collections.abc import Callable, Iterator
from itertools import pairwise
from urllib.parse import unquote

WINDOW = 40  # letters, about eight words
CODED = 48  # characters of a code that are worth reading
APART = (2, 3)  # every second word, every third

# Cyrillic and Greek letters that look like Latin ones.
_ALIKE = str.maketrans("аеорсухіѕјһԁтмнвκοατεινυ", "aeopcyxisjhdtmhbkoateivu")
_BASE64 = re.compile(rf"[A-Za-z0-9+/_-]{{{CODED},}}")
_BASE32 = re.compile(rf"[A-Z2-7]{{{CODED},}}")
_HEX = re.compile(rf"[0-9A-Fa-f]{{{CODED},}}")
_HEX_MARKS = re.compile(r"0x|\\x|[\s,:;%]")
_NUMBERS = re.compile(rf"(?:\b\d{{2,3}}\b[\s,;]*){{{CODED},}}")
_BINARY = re.compile(rf"(?:\b[01]{{7,8}}\b[\s,;]*){{{CODED},}}")
_ESCAPE = re.compile(r"\\u([0-9A-Fa-f]{4})")


def windows(text: str) -> set[bytes]:
    """Return what a text says as steps from letter to letter, every `WINDOW` in a row.

    A shift in the alphabet changes no step, and what stands between letters is no part of them.
    """
    letters = _letters(text)
    steps = bytes((after - before) % 26 for before, after in pairwise(letters))
    return {steps[at : at + WINDOW] for at in range(len(steps) - WINDOW + 1)}


def turned(text: str) -> Iterator[str]:
    """Yield a text forwards and backwards: by letters, by words, and each word by itself."""
    words = text.split()
    yield text
    yield text[::-1]
    yield " ".join(reversed(words))
    yield " ".join(word[::-1] for word in words)


def readings(text: str) -> Iterator[str]:
    """Yield a text and whatever is coded in it."""
    text = unquote(html.unescape(_ESCAPE.sub(lambda match: chr(int(match[1], 16)), text)))
    yield text
    words = text.split()
    yield from (" ".join(words[start::step]) for step in APART for start in range(step))
    for numbers, base in ((_NUMBERS, 10), (_BINARY, 2)):
        for match in numbers.finditer(text):
            yield "".join(chr(int(code, base)) for code in re.findall(r"\d+", match[0]))
    for match in _HEX.finditer(_HEX_MARKS.sub("", text)):
        yield from _decoded(match[0], 2, bytes.fromhex)
    joined = "".join(words)
    for match in _BASE32.finditer(joined):
        yield from _decoded(match[0], 8, base64.b32decode)
    for match in _BASE64.finditer(joined):
        yield from _decoded(match[0], 4, base64.urlsafe_b64decode)


def _decoded(code: str, group: int, decode: Callable[[str], bytes]) -> Iterator[str]:
    """Yield a code's text; it may begin anywhere, for words before it may have run into it."""
    code = code.replace("+", "-").replace("/", "_")
    for start in range(group):
        whole = code[start : start + (len(code) - start) // group * group]
        try:
            yield decode(whole).decode("utf-8", "ignore")
        except (binascii.Error, ValueError):
            continue


def _letters(text: str) -> bytes:
    plain = unicodedata.normalize("NFKD", text).casefold().translate(_ALIKE)
    return re.sub(rb"[^a-z]", b"", plain.encode("ascii", "ignore"))
