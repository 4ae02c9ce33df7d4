"""What a learner can train on, read from their words: devices by model, memory and number."""

import re
from dataclasses import dataclass
from typing import Literal

from bot.study.interview_vocabulary import ANY_GPU, APPLE, CPU, HARDWARE_UNKNOWN, MANY_GPUS
from bot.study.interview_words import SPELLED_COUNTS, affirmed, mentions, plain, spelled

Kind = Literal["cpu", "apple", "gpu", "large-gpu", "multi-gpu", "unknown"]
LARGE_GB = 40

# Memory in GB by model; of a model with several sizes the smallest, because what fits there fits everywhere.
_MEMORY: dict[str, int] = {
    r"gb200|b200": 180, r"gh200": 96, r"h200|h20": 141, r"h[18]00": 80, r"mi300x?": 192, r"mi2[15]0x?": 64,
    r"a[18]00": 40, r"(?:rtx )?pro 6000": 96, r"(?:rtx )?a?6000(?: ada)?": 48, r"l40s?": 48, r"a40": 48,
    r"(?:rtx )?5090": 32, r"[43]090(?: ?ti)?": 24, r"50[87]0 ?ti": 16, r"5080": 16, r"5070": 12, r"50[56]0(?: ?ti)?": 8,
    r"4080(?: ?super)?": 16, r"4070 ?ti ?super": 16, r"4070(?: ?ti| ?super)?": 12, r"40[56]0(?: ?ti)?": 8,
    r"3080 ?ti": 12, r"3080": 10, r"3070(?: ?ti)?": 8, r"3060 ?ti": 8, r"3060": 12, r"3050(?: ?ti)?": 4,
    r"2080 ?ti": 11, r"20[78]0(?: ?super)?": 8, r"2060(?: ?super)?": 6,
    r"1080 ?ti": 11, r"10[78]0(?: ?ti)?": 8, r"1060|1660(?: ?ti| ?super)?": 6, r"1[06]50(?: ?ti)?": 4,
    r"titan(?: ?rtx| ?xp| ?v)?": 12, r"v100": 16, r"p100|t4": 16, r"p40|l4|a10g?|a30": 24, r"k80": 12,
    r"(?:rtx )?a5[05]00": 24, r"(?:rtx )?a4500": 20, r"(?:rtx )?a4000": 16, r"(?:rtx )?a2000": 6, r"a1000": 4,
    r"7900 ?xtx": 24, r"7900 ?xt": 20, r"7[78]00 ?xt": 12, r"9070(?: ?xt)?": 16, r"6[89]00(?: ?xt)?": 16,
    r"arc a7[57]0": 8,
}  # fmt: skip
_OLD = r"titan|v100|p100|t4|p40|k80|2080|2070|2060|1080|1070|1060|1660|1[06]50"  # before Ampere: no bf16
_RENTED: dict[str, tuple[str, int, int]] = {  # words: device, its memory, how many
    r"colab": ("Colab's T4", 16, 1),
    r"kaggle": ("Kaggle's T4", 16, 1),
    r"p4de?(?:\.\w+)?": ("A100", 40, 8),
    r"p5(?:\.\w+)?": ("H100", 80, 8),
    r"g4dn(?:\.\w+)?": ("T4", 16, 1),
    r"g5(?:\.\w+)?": ("A10G", 24, 1),
    r"p3(?:\.\w+)?": ("V100", 16, 1),
}


@dataclass(frozen=True, slots=True)
class Hardware:
    """What a learner can train on; `memory_gb` is one device's, 0 where it is not known."""

    kind: Kind
    device: str = ""
    count: int = 1
    memory_gb: int = 0
    bf16: bool = False

    @property
    def words(self) -> str:
        """Say it in a few words, such as `2 x RTX 3090, 24 GB each`; nothing where only the kind is known."""
        if not self.device and not self.memory_gb:
            return ""
        many = f"{self.count} x " if self.count > 1 else ""
        memory = f"{self.memory_gb} GB{' each' if self.count > 1 else ''}" if self.memory_gb else ""
        return ", ".join(filter(None, [f"{many}{self.device or 'a GPU'}", memory]))


def read_hardware(text: str) -> Hardware | None:
    """Read hardware from typed words; None where they name none."""
    said = plain(text)
    return _named(said) or _apple(said) or _unnamed(said) or _rented(said) or _without(said)


def _named(said: str) -> Hardware | None:
    """Find the first device by its model."""
    found = [
        (mention.start, -len(mention.text), mention.text, memory)
        for pattern, memory in _MEMORY.items()
        if (mention := affirmed(rf"(?:\d{{1,2}} ?[x×*] ?)?(?:{pattern})s?(?:-\d+gb)?", said))
    ]
    if not found:
        return None
    start, _, text, memory = min(found)
    name = re.sub(r"^\d{1,2} ?[x×*] ?|(?<=\d)s$", "", text)
    count = _count(said, start, text)
    stated = _stated_memory(said)
    return _gpu(_display(name), count, stated or memory, bf16=not re.search(rf"\b(?:{_OLD})\b", name))


def _gpu(device: str, count: int, memory: int, *, bf16: bool) -> Hardware:
    kind: Kind = "multi-gpu" if count > 1 else "large-gpu" if memory >= LARGE_GB else "gpu"
    return Hardware(kind, device, count, memory, bf16)


def _count(said: str, start: int, text: str) -> int:
    """Return how many of a device there are: `2x3090`, `3090 x2`, `8 H100s`, `dual 4090`, `kaggle's two T4s`."""
    if inside := re.match(r"(\d{1,2}) ?[x×*]", text):
        return int(inside[1])
    if before := re.search(rf"(?<![a-z0-9])(\d|{SPELLED_COUNTS})(?: nvidia| rtx| geforce)* ?[x×*]? ?$", said[:start]):
        return int(spelled(before[1]))
    after = re.match(r" ?[x×*] ?(\d)(?!\d)", said[start + len(text) :])
    return int(after[1]) if after else 1


def _stated_memory(said: str) -> int:
    """Return the memory that is stated and not the machine's own, in GB; 0 where there is none."""
    for match in re.finditer(r"(\d+(?:\.\d+)?) ?(gb|gib|g|mb|mib)(?![a-z0-9])(?! ?(?:of )?(?:ram|system))", said):
        gigabytes = float(match[1]) / (1024 if match[2].startswith("m") else 1)
        return max(1, round(gigabytes))
    return 0


def _display(name: str) -> str:
    """Write a model as its maker does: `RTX 4090`, `A100`."""
    name = name.upper().replace(" TI", " Ti").replace(" ADA", " Ada").replace(" SUPER", " Super")
    if re.match(r"[2-5]0\d0", name):
        return f"RTX {name}"
    return f"GTX {name}" if re.match(r"1[06]\d0", name) else name


def _apple(said: str) -> Hardware | None:
    found = affirmed(APPLE, said)
    if found is None:
        return None
    if "intel" in said:
        return Hardware("cpu", "an Intel Mac")
    chip = re.search(r"\bm[1-5](?: ?(?:pro|max|ultra))?\b", said)
    return Hardware("apple", f"Apple {chip[0].title()}" if chip else "a Mac", 1, _stated_memory(said), bf16=False)


def _unnamed(said: str) -> Hardware | None:
    """Find GPUs that are mentioned without their model."""
    if affirmed(MANY_GPUS, said):
        return Hardware("multi-gpu", count=2)
    several = re.search(rf"(?<![a-z0-9])(\d+|{SPELLED_COUNTS}) ?(?:x )?(?:gpus|graphics cards|grafikkarten)", said)
    if several and spelled(several[1]) > 1:
        return Hardware("multi-gpu", count=int(spelled(several[1])))
    if affirmed(ANY_GPU, said):
        memory = _stated_memory(said)
        return Hardware("large-gpu" if memory >= LARGE_GB else "gpu", memory_gb=memory)
    return None


def _rented(said: str) -> Hardware | None:
    for pattern, (device, memory, count) in _RENTED.items():
        if affirmed(pattern, said):
            return _gpu(device, count, memory, bf16=device not in ("T4", "V100") and "T4" not in device)
    return None


def _without(said: str) -> Hardware | None:
    if affirmed(HARDWARE_UNKNOWN, said) or any(
        said.startswith(mention.text) for mention in mentions(HARDWARE_UNKNOWN, said)
    ):
        return Hardware("unknown")
    denied = any(mention.denied for mention in mentions(ANY_GPU, said))
    return Hardware("cpu") if denied or next(mentions(CPU, said), None) else None
