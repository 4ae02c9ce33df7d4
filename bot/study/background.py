"""What the interview's answers say about a learner, as one typed object that templates, plan and tutor read."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from bot.store.tables import Answer
from bot.study.hardware import Hardware, Kind, read_hardware
from bot.study.interview_questions import BY_KEY, read_rows

Experience = Literal["none", "some", "daily"]
Precision = Literal["bf16", "fp16", "fp32"]
Level = Literal["beginner", "intermediate", "advanced"]
_KINDS: tuple[Kind, ...] = ("cpu", "apple", "gpu", "large-gpu", "multi-gpu", "unknown")
_POINTS = {"daily": 2, "some": 1, "pytorch": 1, "both": 1}
_INTERMEDIATE, _ADVANCED = 4, 6  # points of at most 7
BATCH_SIZE = 32  # what the exercises' learning rates are meant for


@dataclass(frozen=True, slots=True)
class Requirements:
    """What a learner wants to train, on what, and to which end. None where they did not say."""

    model_type: str | None
    dataset_size: str | None
    rows: int | None
    hardware: Hardware
    target: str | None
    target_words: str


@dataclass(frozen=True, slots=True)
class Background:
    """Who a learner is by their own account; `words` are the answers as given, by question."""

    goal: str | None
    deep_learning: str | None
    framework: str | None
    gpu: str | None
    workflows: str | None
    requirements: Requirements
    words: Mapping[str, str]

    @property
    def level(self) -> Level:
        """A guess from experience: a prior for the first lessons, no more (its validity is r = .29)."""
        said = (self.deep_learning, self.framework, self.gpu, self.workflows)
        points = sum(_POINTS.get(value or "", 0) for value in said)
        return "beginner" if points < _INTERMEDIATE else "intermediate" if points < _ADVANCED else "advanced"


@dataclass(frozen=True, slots=True)
class Fit:
    """Settings that fit into a device; together the devices take the usual 32 rows a step, so curves compare."""

    per_device_train_batch_size: int
    gradient_accumulation_steps: int
    precision: Precision
    max_length: int


def of(answers: Mapping[str, Answer]) -> Background:
    """Return what a learner's answers say, by question."""
    value = {key: row.value if BY_KEY[key].choice(row.value) else None for key, row in answers.items()}
    text = {key: row.text for key, row in answers.items() if row.text}
    requirements = Requirements(
        model_type=value.get("model_type"),
        dataset_size=value.get("dataset_size"),
        rows=_rows(text.get("dataset_size", "")),
        hardware=hardware(answers),
        target=value.get("performance"),
        target_words=text.get("performance", ""),
    )
    return Background(
        goal=value.get("goals"),
        deep_learning=value.get("deep_learning"),
        framework=value.get("framework"),
        gpu=value.get("gpu"),
        workflows=value.get("workflows"),
        requirements=requirements,
        words=text,
    )


def hardware(answers: Mapping[str, Answer]) -> Hardware:
    """Return what a learner can train on: as they described it, or the kind that they pressed."""
    said = answers.get("hardware")
    if said is None:
        return Hardware("unknown")
    pressed = BY_KEY["hardware"].choice(said.value)
    if pressed and said.text == pressed.label:
        kind = next(kind for kind in _KINDS if kind == pressed.value)
        return Hardware(kind, count=2 if kind == "multi-gpu" else 1)
    return read_hardware(said.text) or Hardware("unknown")


def fit(found: Hardware) -> Fit:
    """Return settings for a small encoder such as MiniLM or BERT-base: smaller steps where memory is short."""
    small = {4: 8, 8: 16}  # GB: rows that a BERT-base of 128 tokens has room for, with AdamW's state
    room = next((rows for limit, rows in small.items() if 0 < found.memory_gb <= limit), BATCH_SIZE)
    batch = min(room, max(1, BATCH_SIZE // found.count))
    length = 256 if found.kind in ("large-gpu", "multi-gpu") else 128
    return Fit(batch, max(1, BATCH_SIZE // (batch * found.count)), _precision(found), length)


def _precision(found: Hardware) -> Precision:
    if found.bf16:
        return "bf16"
    return "fp16" if found.device and found.kind in ("gpu", "large-gpu", "multi-gpu") else "fp32"


def _rows(text: str) -> int | None:
    pressed = any(text == choice.label for choice in BY_KEY["dataset_size"].choices)
    return None if pressed else read_rows(text)
