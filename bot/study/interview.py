"""The interview: who is this learner, what do they want and what do they have. One question at a time.

The answers are the state: the next question is the first without one, so it can be left and resumed anywhere.
"""

import re
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import delete
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.errors import UserError
from bot.store import outbox
from bot.store.database import insert_new
from bot.store.tables import Answer, Learner

SKIPPED = "skipped"
ANSWER_LIMIT = 1_000  # characters


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer to press; `words` are a pattern of words that mean it when typed."""

    value: str
    label: str
    words: str
    reflection: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """One question; without choices it takes any words."""

    key: str
    about: str
    text: str
    why: str
    choices: tuple[Choice, ...] = ()

    def read(self, text: str) -> Choice | None:
        """Find the choice that typed words mean: by its label, or the one whose words come first."""
        said = text.strip().lower()
        for choice in self.choices:
            if said in (choice.value, choice.label.lower()):
                return choice
        found = [(match.start(), choice) for choice in self.choices if (match := re.search(choice.words, said))]
        return min(found, key=lambda pair: pair[0])[1] if found else None


_DEPTH = (
    Choice(
        "none",
        "New to me",
        r"\b(none|never|no|not really|new|zero|nothing|beginner)\b",
        "Good: no habits to unlearn.",
    ),
    Choice(
        "some",
        "A little",
        r"\b(some|little|bit|course|tutorials?|basics?|playing|once|few)\b",
        "That gives us a start.",
    ),
    Choice(
        "daily",
        "I use it at work",
        r"\b(daily|work|job|years?|lots?|expert|professional(ly)?|often|research|phd)\b",
        "Then we can go fast.",
    ),
)


def _depth(key: str, about: str, text: str, why: str) -> Question:
    return Question(key, about, text, why, _DEPTH)


QUESTIONS: tuple[Question, ...] = (
    Question("name", "Name", "Hi! I'm Cohort. I have trained more models than I care to admit, most of them badly at first. What should I call you?", "So that I know who I'm talking to."),
    Question(
        "goals",
        "Goals",
        "What do you want to be able to do? One sentence is plenty.",
        "It decides which lessons come first and which examples you see.",
        (
            Choice("fine-tune", "Fine-tune models", r"fine.?tun|adapt|lora|customi[sz]e", "Fine-tuning it is; you will run your first one today."),
            Choice("understand", "Understand training", r"understand|learn|theory|how .* works?|basics|curious", "Understanding is the part that lasts."),
            Choice("ship", "Ship something at work", r"ship|product|work|job|deploy|company|startup", "Then we'll care about what breaks in practice."),
            Choice("research", "Do research", r"research|paper|phd|thesis|experiment", "Then ablations will be our friends."),
        ),
    ),
    _depth("deep_learning", "Deep learning", "How much deep learning have you done?", "So that I neither bore you nor lose you."),
    Question(
        "framework",
        "Framework",
        "PyTorch or TensorFlow: which have you used?",
        "The lessons are in PyTorch; if you come from TensorFlow I'll point at the differences.",
        (
            Choice("both", "Both", r"\bboth\b|(pytorch|torch).*(tensorflow|tf|keras)|(tensorflow|tf|keras).*(pytorch|torch)", "Bilingual, nice."),
            Choice("pytorch", "PyTorch", r"torch", "Good, that is what we use here."),
            Choice("tensorflow", "TensorFlow or Keras", r"tensorflow|\btf\b|keras", "Most of it carries over."),
            Choice("none", "Neither", r"\b(neither|none|no|not yet|never)\b|jax|sklearn|scikit", "We'll start from the tensor up."),
        ),
    ),
    _depth("gpu", "GPU computing", "And GPU computing: CUDA, memory, out-of-memory errors at 2 a.m.?", "Much of training is fitting things into memory."),
    _depth("workflows", "Training workflows", "Have you run training workflows: tracking runs, checkpoints, resuming?", "It tells me where your runs are likely to hurt."),
    Question(
        "model_type",
        "Model",
        "What kind of model do you want to train?",
        "I pick examples of that kind.",
        (
            Choice("classifier", "A text classifier", r"classif|sentiment|bert|encoder|label", "A fine place to learn: the loss tells you everything."),
            Choice("language-model", "A language model", r"llm|language model|gpt|llama|generat|chat|causal|decoder", "The tokens will be many."),
            Choice("other", "Something else", r"vision|image|audio|speech|multi|other|not sure|don'?t know|diffusion", "The training loop is the same; the data differs."),
        ),
    ),
    Question(
        "dataset_size",
        "Data",
        "How much data will you train on?",
        "Small data overfits, large data needs streaming: different lessons.",
        (
            Choice("large", "Over 100,000 rows", r"million|billion|huge|\bbig\b|large|\d{3,}\s*k\b|\btb\b|\bgb\b|\d{6,}|over 100", "Then loading speed will matter."),
            Choice("medium", "1,000 to 100,000 rows", r"\d{1,2}\s*k\b|thousand|medium|\d{1,2},?\d{3}\b", "A comfortable size."),
            Choice("small", "Under 1,000 rows", r"small|few|hundred|tiny|\b\d{1,3}\b(?!\s*(k|m|thousand|million|billion))|under", "Overfitting will be the enemy."),
            Choice("unknown", "I don't know yet", r"don'?t know|not sure|no idea|unknown|none", "Fine, we use ours until then."),
        ),
    ),
    Question(
        "hardware",
        "Hardware",
        "What hardware can you use?",
        "Templates are filled in for it: batch size, precision, length.",
        (
            Choice("multi-gpu", "Several GPUs", r"\b[2-9]\s*x|several|cluster|multi|nodes?|8 gpus", "Lucky you; the distributed lessons will pay."),
            Choice("large-gpu", "One large GPU (40 GB or more)", r"a100|h100|h200|80 ?gb|48 ?gb|40 ?gb|a6000|l40", "Plenty of room."),
            Choice("gpu", "One GPU (8 to 24 GB)", r"gpu|rtx|[2345]0[6789]0|\bt4\b|colab|kaggle|v100|24 ?gb|16 ?gb|12 ?gb|8 ?gb|nvidia|cuda", "Enough for almost everything here."),
            Choice("cpu", "Only a CPU", r"cpu|laptop|mac|none|nothing|no", "The group's runner has your back, and small models teach the same lessons."),
        ),
    ),
    Question("performance", "A good result", "Last one: what would count as a good result for you? A score, a speed, a deadline?", "A target tells us when to stop tuning."),
)  # fmt: skip

_BY_KEY = {question.key: question for question in QUESTIONS}


@dataclass(frozen=True, slots=True)
class Step:
    """Where the interview stands: the reflection of the last answer and the next question, or None at the end."""

    question: Question | None
    number: int
    reflection: str = ""


async def start(session: AsyncSession, learner: Learner, *, again: bool = False) -> Step:
    """Begin, or go on where it was left; `again` forgets the answers and begins anew."""
    if again:
        await session.exec(delete(Answer).where(col(Answer.learner_id) == learner.id))
    return await _next(session, learner)


async def present(session: AsyncSession, learner: Learner) -> Step:
    """Return where the interview stands, and change nothing."""
    given = await answers(session, learner)
    question = next((question for question in QUESTIONS if question.key not in given), None)
    return Step(question, len(given) + 1)


async def answer(session: AsyncSession, learner: Learner, key: str, text: str, now: datetime) -> Step:
    """Take the answer to one question, pressed or typed. Raises UserError when it is not the one being asked."""
    if key not in _BY_KEY:
        raise UserError("That question is no longer part of the interview.", "`/start` goes on with it.")
    step = await _next(session, learner)
    if step.question is None or step.question.key != key:
        raise UserError("You have answered that one already.", "`/start` shows where we are.")
    text = text.strip()
    if not text:
        raise UserError("That was empty.", "A word or two is enough, or skip it.")
    choice = step.question.read(text)
    if choice and text == choice.value:  # pressed, not typed
        text = choice.label
    said = Answer(
        learner_id=learner.id,
        question=key,
        text=text[:ANSWER_LIMIT],
        value=choice.value if choice else None,
        answered_at=now,
    )
    if not await insert_new(session, said):  # two devices answered at once
        raise UserError("You have answered that one already.", "`/start` shows where we are.")
    if key == "name":
        learner.name = _name(text)
    return await _next(session, learner, _reflect(learner, key, text, choice))


async def skip(session: AsyncSession, learner: Learner, now: datetime) -> Step:
    """Leave the present question unanswered and go on."""
    step = await _next(session, learner)
    if step.question:
        await insert_new(
            session,
            Answer(learner_id=learner.id, question=step.question.key, text="", value=SKIPPED, answered_at=now),
        )
    return await _next(session, learner, "Skipped; we can come back to it.")


async def back(session: AsyncSession, learner: Learner) -> Step:
    """Ask the question before the present one again."""
    step = await _next(session, learner)
    last = len(QUESTIONS) if step.question is None else QUESTIONS.index(step.question)
    if last > 0:
        await session.exec(
            delete(Answer).where(col(Answer.learner_id) == learner.id, col(Answer.question) == QUESTIONS[last - 1].key)
        )
    return await _next(session, learner, "Of course, once more.")


async def invite(session: AsyncSession, learner: Learner, now: datetime) -> None:
    """Ask the present question by direct message."""
    key = f"interview:{learner.id}:{now.timestamp()}"
    await outbox.tell(session, learner, key=key, kind="interview", subject=str(learner.id), at=now)


async def pause(session: AsyncSession, learner: Learner) -> None:
    """Stop asking; nothing is lost."""
    learner.interview = "paused"
    session.add(learner)


def about(key: str) -> str:
    """Return what a question is about, in a word or two."""
    return _BY_KEY[key].about


async def answers(session: AsyncSession, learner: Learner) -> dict[str, Answer]:
    """Return what was answered, by question and in the interview's order."""
    found = {a.question: a for a in await session.exec(select(Answer).where(Answer.learner_id == learner.id))}
    return {question.key: found[question.key] for question in QUESTIONS if question.key in found}


def level(given: dict[str, Answer]) -> str:
    """Guess a level from what a learner says of their experience: a prior for the first lessons, no more."""
    points = {"daily": 2, "some": 1, "pytorch": 1, "both": 1}
    total = sum(
        points.get(given[key].value or "", 0)
        for key in ("deep_learning", "framework", "gpu", "workflows")
        if key in given
    )
    return "beginner" if total < 4 else "intermediate" if total < 6 else "advanced"


async def _next(session: AsyncSession, learner: Learner, reflection: str = "") -> Step:
    """Go on to the question that is next, or end the interview."""
    step = await present(session, learner)
    learner.interview = "asking" if step.question else "done"
    if step.question is None and learner.level is None:
        learner.level = level(await answers(session, learner))
    session.add(learner)
    return replace(step, reflection=reflection)


def _name(text: str) -> str:
    """Take the name out of what people say instead of just their name."""
    said = re.sub(
        r"^(hi|hey|hello)?[,! ]*(i am|i'm|im|my name is|call me|it's|name's)\s+",
        "",
        text,
        flags=re.IGNORECASE,
    )
    words = [word for word in said.split() if word.isprintable()]
    return " ".join(words)[:40].strip(" .,!@#`*") or "friend"


def _reflect(learner: Learner, key: str, text: str, choice: Choice | None) -> str:
    if key == "name":
        return f"Good to meet you, {learner.name}."
    if choice is None:
        return "Noted, in your words."
    heard = "" if text.strip().lower() in (choice.value, choice.label.lower()) else f"({choice.label}.) "
    return heard + choice.reflection
