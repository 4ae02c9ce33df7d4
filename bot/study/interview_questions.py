"""The interview's questions, what can be pressed, and the words that mean the same when typed.

The words stand in `interview_vocabulary`, in five languages; how they are found, in `interview_words`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from bot.study.hardware import read_hardware
from bot.study.interview_vocabulary import (
    BOTH,
    DAILY,
    GOALS,
    LARGE,
    MANY_YEARS,
    MODELS,
    NEITHER,
    NEW,
    NO,
    NOT_KNOWN,
    RESULTS,
    SMALL,
    SOME,
    TENSORFLOW,
    TORCH,
    WISH,
    YEARS,
)
from bot.study.interview_words import affirmed, amounts, clauses, mentions, plain, words

Reader = Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer to press. Of several choices whose words were typed the strongest holds, then the first said."""

    value: str
    label: str
    words: str
    reflection: str
    strength: int = 0


@dataclass(frozen=True, slots=True)
class Question:
    """One question; without choices it takes any words. `reader` decides where words alone do not."""

    key: str
    about: str
    text: str
    why: str
    choices: tuple[Choice, ...] = ()
    reader: Reader | None = field(default=None, compare=False)

    def choice(self, value: str | None) -> Choice | None:
        """Return the choice with a value."""
        return next((choice for choice in self.choices if choice.value == value), None)

    def read(self, text: str) -> Choice | None:
        """Return the choice that an answer means, pressed or typed; None where no rule can tell."""
        said = plain(text)
        for choice in self.choices:
            if said in (choice.value, plain(choice.label)):
                return choice
        return self.choice(self.reader(said)) if self.reader else _strongest(self.choices, said)


def _strongest(choices: tuple[Choice, ...], said: str) -> Choice | None:
    found = [(-each.strength, found.start, each) for each in choices if (found := affirmed(each.words, said))]
    return min(found, key=lambda rank: rank[:2])[2] if found else None


_FROM_DAILY = 2  # years


def _read_depth(said: str) -> str | None:
    years = re.search(YEARS, said)
    many = affirmed(MANY_YEARS, said)
    if affirmed(DAILY, said) or many or (years and float(years[1].replace(",", ".")) >= _FROM_DAILY):
        return "daily"
    if _begins_with_no(said):
        return "none"
    return "some" if years or affirmed(SOME, said) else "none" if next(mentions(NEW, said), None) else None


def _begins_with_no(said: str) -> bool:
    """Say whether the first clause is a plain no: `not really, I just rerun the notebook`, but not `not at work, …`."""
    first = clauses(said)[:1]
    denies = bool(first and words(NO).match(first[0]))
    return denies and not next(mentions(DAILY, first[0]), None) and not affirmed(SOME, first[0])


def _depth(key: str, about: str, text: str, why: str, reflections: tuple[str, str, str]) -> Question:
    labels = (("none", "New to me", NEW), ("some", "A little", SOME), ("daily", "I use it at work", DAILY))
    choices = [Choice(*label, reflection) for label, reflection in zip(labels, reflections, strict=True)]
    return Question(key, about, text, why, tuple(choices), _read_depth)


def _read_framework(said: str) -> str | None:
    said = words(WISH).sub(" ", said)  # what they want to use, they have not used
    torch, tensorflow = affirmed(TORCH, said), affirmed(TENSORFLOW, said)
    if torch or tensorflow:
        return "both" if torch and tensorflow else "pytorch" if torch else "tensorflow"
    if affirmed(BOTH, said):
        return "both"
    return "none" if next(mentions(NEITHER, said), None) else None


_LARGE, _MEDIUM = 100_000, 1_000  # rows
_NO_DATASET = 1e13  # rows: somebody leant on a key


def _read_size(said: str) -> str | None:
    if rows := read_rows(said):
        return "large" if rows > _LARGE else "medium" if rows >= _MEDIUM else "small"
    if affirmed(LARGE, said):
        return "large"
    if affirmed(SMALL, said):
        return "small"
    return "unknown" if next(mentions(NOT_KNOWN, said), None) else None


def read_rows(text: str) -> int | None:
    """Return how many rows typed words speak of, the largest amount; None where they name none."""
    said = re.sub(r"\d+(?:[.,]\d+)? ?(?:[kmgt]i?b|gigabytes?)(?![a-z])|\d+ classes", " ", plain(text))
    return round(max((amount for amount in amounts(said) if amount < _NO_DATASET), default=0)) or None


def _read_hardware(said: str) -> str | None:
    found = read_hardware(said)
    return found.kind if found else None


QUESTIONS: tuple[Question, ...] = (
    Question(
        "name",
        "Name",
        "Hi, I'm Cohort. I have trained more models than I care to admit, most of them badly at first. "
        "Before we train yours: ten short questions.\n\nWhat should I call you?",
        "So that I know who I'm talking to. It is also the name your runs carry on the leaderboard.",
    ),
    Question(
        "goals",
        "Goal",
        "What do you want to be able to do in a few months? One sentence is plenty.",
        "It decides which lessons come first. Somebody who ships needs checkpoints before they need ablations.",
        (
            Choice("fine-tune", "Fine-tune models", GOALS["fine-tune"], "Your first run can be today."),
            Choice(
                "understand",
                "Understand training",
                GOALS["understand"],
                "Understanding is the part that lasts when the libraries change.",
            ),
            Choice("ship", "Ship something at work", GOALS["ship"], "Then we'll care about what breaks in practice."),
            Choice(
                "research",
                "Do research",
                GOALS["research"],
                "Then ablations will be your friends, sooner than you'd like.",
            ),
        ),
    ),
    _depth(
        "deep_learning",
        "Deep learning",
        "How much deep learning have you done so far? Tutorials count.",
        "So that I neither bore you nor lose you. It is a first guess: what you answer later counts for more.",
        ("Good: no habits to unlearn.", "That gives us a start.", "Then we can go fast."),
    ),
    Question(
        "framework",
        "Framework",
        "PyTorch or TensorFlow: which have you used?",
        "The lessons are in PyTorch. If you come from TensorFlow, I know what you'll trip over: the loop is yours.",
        (
            Choice("pytorch", "PyTorch", TORCH, "Good, that is what everything here is written in."),
            Choice(
                "tensorflow",
                "TensorFlow or Keras",
                TENSORFLOW,
                "Most of it carries over; you'll write the loop that `fit` hid.",
            ),
            Choice("both", "Both", "both", "Bilingual, nice."),
            Choice("none", "Neither", "neither", "We'll start from the tensor up."),
        ),
        _read_framework,
    ),
    _depth(
        "gpu",
        "GPU computing",
        "And GPU computing: CUDA, memory, out-of-memory errors at 2 a.m.?",
        "Half of training is fitting things into memory. It tells me how early to talk about it.",
        (
            "You'll meet your first out-of-memory error with company.",
            "Enough to know the error message, then.",
            "Then I can skip the part about restarting the kernel.",
        ),
    ),
    _depth(
        "workflows",
        "Training workflows",
        "Have you run training workflows: tracking runs, checkpoints, resuming after a crash?",
        "It tells me where your runs are likely to hurt.",
        (
            "Everybody's first lost run hurts; we'll see to it that yours is short.",
            "A habit worth growing.",
            "Good habits; you'll feel at home.",
        ),
    ),
    Question(
        "model_type",
        "Model",
        "What kind of model do you want to train?",
        "I pick examples and exercises of that kind.",
        (
            Choice(
                "classifier",
                "A text classifier",
                MODELS["classifier"],
                "A fine place to learn: the loss tells you everything.",
            ),
            Choice(
                "language-model",
                "A language model",
                MODELS["language-model"],
                "Next-token prediction: simple to say, hungry to run.",
            ),
            Choice(
                "vision",
                "Images",
                MODELS["vision"],
                "The training loop is the same; the augmentation is the fun part.",
                1,
            ),
            Choice("other", "Something else", MODELS["other"], "The training loop is the same; the data differs.", 1),
            Choice(
                "unknown",
                "I don't know yet",
                MODELS["unknown"],
                "Then start with a classifier: it trains in minutes and makes every mistake visible.",
                -1,
            ),
        ),
    ),
    Question(
        "dataset_size",
        "Data",
        "How much data do you have to train on? Rows, files, gigabytes, a guess.",
        "Small data overfits and large data has to be streamed: different lessons.",
        (
            Choice("small", "Under 1,000 rows", "small", "Overfitting will be your sparring partner."),
            Choice("medium", "1,000 to 100,000 rows", "medium", "A comfortable size for fine-tuning."),
            Choice("large", "Over 100,000 rows", "large", "Then loading speed will matter as much as the model."),
            Choice("unknown", "None yet, or I don't know", "unknown", "Fine, you can use ours until then."),
        ),
        _read_size,
    ),
    Question(
        "hardware",
        "Hardware",
        "What can you train on? A GPU, a laptop, Colab: name what you have.",
        "Templates are filled in for it: batch size, precision, text length.",
        (
            Choice(
                "cpu", "Only a CPU", "cpu", "The group's runner has your back, and small models teach the same lessons."
            ),
            Choice(
                "apple", "A Mac with an M chip", "apple", "Good for small models; the group's runner takes the rest."
            ),
            Choice("gpu", "One GPU (under 40 GB)", "gpu", "Enough for almost everything here."),
            Choice("large-gpu", "One large GPU (40 GB or more)", "large-gpu", "Plenty of room."),
            Choice("multi-gpu", "Several GPUs", "multi-gpu", "Lucky you; the distributed lessons will pay."),
            Choice(
                "unknown",
                "I don't know",
                "unknown",
                "The group's runner will do; run `nvidia-smi` some day and tell me.",
            ),
        ),
        _read_hardware,
    ),
    Question(
        "performance",
        "A good result",
        "Last one: what would count as a good result for you? A score, a speed, a date?",
        "A target tells us when to stop tuning. Most people stop too late.",
        (
            Choice(
                "score", "A score to beat", RESULTS["score"], "A number to aim at: we'll hold your runs against it."
            ),
            Choice("speed", "Fast enough", RESULTS["speed"], "Then we measure seconds, not only scores."),
            Choice(
                "deadline",
                "Done by a date",
                RESULTS["deadline"],
                "Then we start with what is good enough and improve while there is time.",
            ),
            Choice(
                "learning",
                "That I have learnt it",
                RESULTS["learning"],
                "The best target there is, and the drills will tell you when.",
                -1,
            ),
        ),
    ),
)

BY_KEY = {question.key: question for question in QUESTIONS}
