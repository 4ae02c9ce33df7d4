"""A novice, an intermediate and an expert go through interview and placement; what is said, and each one's picture:

python -m tests.bench.transcripts FOLDER

Each knows the topics up to one, has heard of the next two, where easy questions go right, and is not sure of what lies
beyond.
"""

import asyncio
import sys
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import bot.commands  # noqa: F401  (registers them)
from bot.command import Services
from bot.commands.placement import UNSURE
from bot.dispatch import Dispatcher, Request
from bot.store.database import Store
from bot.study import placement
from bot.study.membership import Sender, learner_of
from bot.view import Edit, Message
from lessons import Drill, curriculum

HEARD_OF = 2  # topics beyond those that are known
EASY = 3  # difficulty, of 1 to 5


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with answers for the interview, in its order, who knows the topics up to one."""

    name: str
    answers: tuple[str, ...]
    knows: int


PEOPLE = (
    Person(
        "novice",
        ("hi, I'm Ada!", "I want to understand what all this is about", "none yet", "neither, I write SQL", "never",
         "no, what is that?", "maybe something that reads customer mails", "a spreadsheet, 2000 rows or so",
         "just my laptop", "it should be better than guessing"),
        1,
    ),
    Person(
        "intermediate",
        ("call me Ben", "fine-tune models for my job", "two years or so", "PyTorch", "on colab, a little",
         "I use the Trainer and look at the curves", "BERT-like encoders", "50k rows", "a 3090 with 24 GB",
         "F1 above 0.9"),
        6,
    ),
    Person(
        "expert",
        ("Chen", "research: new training methods", "since 2016", "both, mostly torch", "every day, on a cluster",
         "my own loops, FSDP, sweeps", "decoder LLMs", "a few billion tokens", "8x H100", "throughput, and to "
         "publish"),
        12,
    ),
)  # fmt: skip


class Talk:
    """One person's conversation by direct message."""

    def __init__(self, store: Store, dispatch: Dispatcher, person: Person) -> None:
        self.store, self.dispatch, self.person = store, dispatch, person
        self.sender = Sender("local", person.name, person.name, "UTC")

    async def do(self, said: str, route: str, **values: str) -> Message:
        """Say or press something, and print it with the reply."""
        request = Request(self.sender, f"@{self.person.name}", route, values, ("#lab", "lab"), direct=True)
        reply = await self.dispatch(request)
        message = reply.message if isinstance(reply, Edit) else reply
        assert isinstance(message, Message)
        print(f"\n{self.person.name} ▸ {said}\n")
        for text in filter(None, [message.title, message.body, *(": ".join(field) for field in message.fields)]):
            print("  " + text.replace("\n", "\n  "))
        return message

    async def interview(self) -> None:
        """Answer every question in words, and confirm."""
        await self.do("/start", "start")
        for answer in self.person.answers:
            await self.do(answer, "say", text=answer)
        await self.do("[That's right]", "interview.confirm")

    async def test(self, folder: Path) -> None:
        """Take the placement test."""
        message = await self.do("[Take the placement test]", "placement.begin")
        while drill := await self._open():
            answer = self._answer(drill)
            message = await self.do(answer, "say", text=answer)
        for file in message.files:
            (folder / f"{self.person.name}.png").write_bytes(file.data or b"")
            print(f"  [{file.name}: {file.alt}]")

    async def _open(self) -> Drill | None:
        async with self.store.read() as session:
            learner = await learner_of(session, self.person_id)
            question = await placement.latest_open(session, curriculum(), learner)
        return question.drill if question else None

    @property
    def person_id(self) -> int:
        """The learner's id: they come in this order."""
        return PEOPLE.index(self.person) + 1

    def _answer(self, drill: Drill) -> str:
        topic = curriculum().lesson(drill.lesson).topic
        if topic > self.person.knows + HEARD_OF:
            return UNSURE
        if topic <= self.person.knows or drill.difficulty <= EASY:
            right = str(drill.answer)
            return right[0] if drill.kind == "choice" else right
        return UNSURE if drill.kind != "choice" else next(x for x in "ab" if x != str(drill.answer)[0])


class Clock:
    """A time at which each thing said takes ten seconds."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 24, 9, tzinfo=UTC)

    def __call__(self) -> datetime:
        """Return the present, ten seconds on."""
        self.now += timedelta(seconds=10)
        return self.now


async def main(folder: Path) -> None:
    """Print all three conversations."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home:
        store = Store(f"sqlite+aiosqlite:///{home}/cohort.db")
        await store.migrate()
        services = Services(curriculum(), "memory://runs", lambda: 1)
        dispatch = Dispatcher(store, services, Clock(), lambda: None)
        for person in PEOPLE:
            print(f"\n{'═' * 20} {person.name} {'═' * 20}")
            talk = Talk(store, dispatch, person)
            await talk.interview()
            await talk.test(folder)
            await talk.do("/plan", "plan")
        await store.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
