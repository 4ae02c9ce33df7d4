"""A text as the terms it is searched by."""

import re
from collections.abc import Iterator
from functools import lru_cache
from threading import Lock

import Stemmer

# What a question is made of, whatever it is about.
_QUESTION_WORDS = """
    a about actually after again all also am an and any are as at be been before begin best better between both but
    by can could did difference do does during else ever every example first for from get give go goes good got had
    happen happens has have hello help helps here hey hi how i if im in into is it its just know let like look made
    make makes many may mean means more most much my name need new no normal not now of off often ok okay on one only or
    other our out please put really right say see shall she should show so some something start still such take tell
    than thank thanks that the their them then there these they thing things this those to today together too two up
    us use used uses using very vs want was way we well were what whats when where which while who why will with
    without work works would write wrong yes you your
"""
_EMPTY = frozenset(_QUESTION_WORDS.split())
# Several words, or several spellings, for one thing.
_ONE = (
    (re.compile(r"(?i)\bout[ -]of[ -]memory\b|OutOfMemory\w*|\boom\b"), " outofmemory "),
    (re.compile(r"(?i)\blr\b"), "learning rate"),
    (re.compile(r"(?i)\bvram\b"), "gpu memory"),
    (re.compile(r"(?i)\bfine[ -]?tun(?=e|i)"), "finetun"),
    (re.compile(r"(?i)\bpre-train"), "pretrain"),
)
_WORD = re.compile(r"[^\W_]+(?:_[^\W_]+)*")
_PART = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+")
_STEMMER, _TURN = Stemmer.Stemmer("english"), Lock()  # a stemmer serves one thread at a time


def terms(text: str) -> list[str]:
    """Return the stems of a text's words, less the empty ones; `DataLoader` counts whole and in parts.

    Everyday words are not turned into the field's: a table of them gained nothing on the bench.
    """
    return [_stem(word) for word in _words(text)]


@lru_cache(maxsize=20_000)
def _stem(word: str) -> str:
    with _TURN:
        stem: str = _STEMMER.stemWord(word)
    return stem


def _words(text: str) -> Iterator[str]:
    for spelling, same in _ONE:
        text = spelling.sub(same, text)
    for word in _WORD.findall(text):
        parts = _PART.findall(word)
        for each in (word, *parts) if len(parts) > 1 else (word,):
            if (lower := each.lower()) not in _EMPTY:
                yield lower
