"""Numbers as people write them: `1,234`, `0.5 GB`, `5e-4`, `50%`, `about 250 steps`."""

import math
import re
from dataclasses import dataclass
from typing import Self

from lessons.answer import UnreadableAnswerError

_DIGITS = r"[+-]?(?:[1-9]\d{0,2}(?:[, _]\d{3})+(?:\.\d+)?|\d+(?:[.,]\d+)?|\.\d+)(?:e[+-]?\d+)?"
_GIVEN = re.compile(rf"(?:about|around|roughly|approximately|[≈~=])?\s*({_DIGITS})\s*([^\d]*)", re.IGNORECASE)
_KEY = re.compile(rf"({_DIGITS})\s*([^±]*?)\s*(?:±\s*({_DIGITS})\s*(%?))?", re.IGNORECASE)

_BYTES = {"b": 1.0, "byte": 1.0} | {
    f"{prefix}{suffix}": base**power
    for power, prefix in enumerate("kmgt", start=1)
    for suffix, base in (("b", 1000.0), ("ib", 1024.0))
}
_SECONDS = {
    "ms": 0.001,
    "s": 1.0,
    "sec": 1.0,
    "second": 1.0,
    "min": 60.0,
    "minute": 60.0,
    "h": 3600.0,
    "hour": 3600.0,
}
_MULTIPLES = {"k": 1e3, "thousand": 1e3, "m": 1e6, "million": 1e6, "billion": 1e9}


@dataclass(frozen=True, slots=True)
class Number:
    """A number to compute; `tolerance` is absolute, in the answer's own unit."""

    value: float
    unit: str = ""
    tolerance: float = 0.0

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a key such as `250 steps`, `0.69 ± 0.01` or `1.5 GB ± 5%` (of 1.5); raises ValueError."""
        match = _KEY.fullmatch(text.strip())
        if match is None:
            raise ValueError(f"`{text}` is no number; write for example `250 steps`, `0.69 ± 0.01` or `1.5 GB ± 5%`")
        value, tolerance = _to_float(match[1]), _to_float(match[3] or "0")
        return cls(value, match[2], tolerance * abs(value) / 100 if match[4] else tolerance)

    def __str__(self) -> str:
        gap = "" if self.unit in ("", "%") else " "
        return f"{self.value:,.10g}{gap}{self.unit}"

    def judge(self, given: str) -> tuple[bool, str | None]:
        """Read a number with or without a unit and compare it within the tolerance."""
        match = _GIVEN.fullmatch(given.strip().replace("−", "-"))
        value = _to_float(match[1]) if match else math.nan
        if match is None or not math.isfinite(value):
            raise UnreadableAnswerError(f"I need a number{self._of_what()}, such as 12, 0.5 or 5e-4.")
        return any(self._equals(each) for each in self._in_own_unit(value, _singular(match[2]))), None

    def _equals(self, value: float) -> bool:
        # A float's rounding is no mistake: 0.1 * 3 counts as 0.3.
        return math.isclose(value, self.value, rel_tol=1e-9, abs_tol=self.tolerance * (1 + 1e-9))

    def _in_own_unit(self, value: float, unit: str) -> tuple[float, ...]:
        """Return what the learner may have meant; a share may be written as 0.5 or as 50%."""
        own = _singular(self.unit)
        for scale in (_BYTES, _SECONDS):
            if own in scale and unit:
                if unit not in scale:
                    raise UnreadableAnswerError(f"I need a number{self._of_what()}.")
                return (value * scale[unit] / scale[own],)
        if own == "%" and not unit:
            return (value, value * 100)
        if unit in ("%", "percent"):
            return (value if own == "%" else value / 100,)
        return (value * _MULTIPLES.get(unit.split()[0] if unit else "", 1.0),)

    def _of_what(self) -> str:
        return f" in {self.unit}" if self.unit else ""


def _to_float(digits: str) -> float:
    if re.fullmatch(r"[+-]?[1-9]\d{0,2}([, _]\d{3})+(\.\d+)?(e[+-]?\d+)?", digits, re.IGNORECASE):
        return float(re.sub("[, _]", "", digits))
    return float(digits.replace(",", "."))


def _singular(unit: str) -> str:
    unit = unit.strip(" .").casefold()
    return unit.removesuffix("s") if len(unit) > 2 else unit
