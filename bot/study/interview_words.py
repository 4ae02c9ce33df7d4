"""How typed words are read: plain spelling, negation, amounts. What no rule reads stays in the learner's words."""

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

READ_LIMIT = 1_000  # characters; nobody answers in more

_PAUSE = re.compile(r"[,.;:!?()\n]\s|[,.;:!?()\n]$|\s[-–—]+\s|\b(?:but|aber|pero|mais|sondern)\b|[，。；！？、]|但")
_NOT = (
    r"not|no|non|none|never|without|neither|nor|n't|dont|doesnt|havent|isnt|cannot|cant|"
    r"nicht|kein\w*|nie|niemals|ohne|"
    r"sin|nunca|ningun\w*|tampoco|"
    r"pas|sans|jamais|aucun\w*|ni"
)
_NEGATION = re.compile(rf"(?:(?<![a-z])(?:{_NOT})(?![a-z])|n't\b|没有?|不是?|无)(?:\W*\w+){{0,3}}?\W*$")
_NEGATED_WITHIN = 30  # characters between a negation and what it negates


class Mention(NamedTuple):
    """Where a pattern was found, and whether the sentence denies it."""

    start: int
    text: str
    denied: bool


def plain(text: str) -> str:
    """Return a text in lower case without accents, straight quotes and single spaces, cut to what is read."""
    decomposed = unicodedata.normalize("NFKD", text[:READ_LIMIT]).casefold().replace("’", "'")
    return " ".join("".join(c for c in decomposed if not unicodedata.combining(c)).split())


@cache
def words(pattern: str) -> re.Pattern[str]:
    """Compile alternatives that match whole words; Chinese, which has no spaces, may stand anywhere."""
    return re.compile(rf"(?<![a-z0-9])(?:{pattern})(?![a-z0-9])")


def mentions(pattern: str, said: str) -> Iterator[Mention]:
    """Yield where `said`, in plain spelling, has the words of a pattern."""
    for match in words(pattern).finditer(said):
        before = _clause_before(said, match.start())
        yield Mention(match.start(), match[0], bool(_NEGATION.search(before[-_NEGATED_WITHIN:])))


def affirmed(pattern: str, said: str) -> Mention | None:
    """Return the first mention that is not denied."""
    return next((mention for mention in mentions(pattern, said) if not mention.denied), None)


def clauses(said: str) -> list[str]:
    """Return a text's clauses."""
    return [part.strip() for part in _PAUSE.split(said) if part and part.strip()]


def _clause_before(said: str, place: int) -> str:
    """Return the words of the same clause before a place."""
    pauses = [pause.end() for pause in _PAUSE.finditer(said, 0, place)]
    return said[pauses[-1] if pauses else 0 : place]


_SCALES = {
    r"k|thousand|thousands|tausend|mil|miles|mille|milliers": 1_000,
    r"m|mio|million|millions|millionen|millon|millones": 1_000_000,
    r"b|bn|billion|billions|milliarden?|milliards?": 1_000_000_000,
    r"hundred|hundreds|hundert|cien|cientos|cent|centaines?": 100,
    r"dozen|dozens|dutzend|docenas?|douzaines?": 12,
    r"千": 1_000,
    r"万": 10_000,
    r"百万": 1_000_000,
    r"亿": 100_000_000,
}
_SPELLED = {
    r"half a|media|un demi": 0.5,
    r"an?|one|ein|eine|un|une": 1,
    r"two|zwei|dos|deux|a couple(?: of)?|couple|dual|beide|ein paar|twin": 2,
    r"three|drei|tres|trois|a few|few|several|some|einige|unos|unas|quelques|几": 3,
    r"four|vier|cuatro|quatre|quad": 4,
    r"five|funf|cinco|cinq": 5,
    r"six|sechs|seis": 6,
    r"eight|acht|ocho|huit": 8,
    r"ten|zehn|diez|dix": 10,
    r"twenty|zwanzig|veinte|vingt": 20,
    r"fifty|funfzig|cincuenta|cinquante": 50,
}
_FIGURES = r"\d{1,3}(?:[,. ']\d{3})+(?!\d)|\d+(?:\.\d+)?e\d+|\d+(?:[.,]\d+)?"
_SCALE_WORDS = "|".join(sorted("|".join(_SCALES).split("|"), key=len, reverse=True))
_AMOUNT = re.compile(
    rf"(?<![a-z0-9.])(?P<figures>{_FIGURES})\s*(?P<scale>{_SCALE_WORDS})?(?![a-z0-9])"
    rf"|(?<![a-z0-9])(?:(?P<spelled>{'|'.join(_SPELLED)})\s+)?(?P<alone>{_SCALE_WORDS})(?![a-z0-9])"
)


def amounts(said: str) -> Iterator[float]:
    """Yield the amounts in a text in plain spelling: `about 20k`, `1,500`, `10.000`, `2 million`, `a few hundred`."""
    for match in _AMOUNT.finditer(said):
        if match["figures"]:
            yield _number(match["figures"]) * _scale(match["scale"])
        elif len(match["alone"]) > 1 or match["alone"] in "千万亿":  # a lone `m` is no million
            yield spelled(match["spelled"]) * _scale(match["alone"])


def spelled(word: str | None) -> float:
    """Return the amount that a word such as `two` or `a few` stands for; a plural alone is a few."""
    if word is None:
        return 2
    if word.isdecimal():
        return float(word)
    return next((value for pattern, value in _SPELLED.items() if re.fullmatch(pattern, word)), 1)


def _number(figures: str) -> float:
    """Read digits: groups of three are thousands, whatever separates them."""
    if re.fullmatch(r"\d{1,3}(?:[,. ']\d{3})+", figures):
        return float(re.sub(r"\D", "", figures))
    return float(figures.replace(",", "."))


def _scale(word: str | None) -> float:
    return next((value for pattern, value in _SCALES.items() if word and re.fullmatch(pattern, word)), 1)


SPELLED_COUNTS = "|".join(pattern for pattern, value in _SPELLED.items() if value >= 2)
