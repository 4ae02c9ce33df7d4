"""People who talk with a tutor whose model is a real client of a real endpoint."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlmodel import col, select

import bot.commands  # noqa: F401  (registers them)
from bot.command import ANNOUNCEMENTS, Services
from bot.dispatch import Dispatcher, Request
from bot.store.database import Store
from bot.store.tables import Delivery, Learner, Turn
from bot.study.membership import Sender
from bot.study.tutor.budget import Limits
from bot.study.tutor.llm import Model
from bot.study.tutor.reader import Reader
from bot.study.tutor.writer import Writer
from bot.view import Edit, Message, Reply
from lessons import curriculum

KEY = "sk-a-key-that-nobody-may-see"
PLENTY = Limits(per_day=100_000, per_month=1_000_000)


@dataclass
class Lab:
    """People who talk with the tutor, and the writer who answers them."""

    store: Store
    dispatch: Dispatcher
    writer: Writer
    reader: Reader
    services: Services
    clock: Any

    async def do(self, who: str, route: str, *, direct: bool = True, **values: Any) -> Reply:
        sender = Sender("local", who, who.capitalize(), "UTC")
        request = Request(sender, f"@{who}", route, values, ("#lab", "lab"), direct)
        return await self.dispatch(request)

    async def shown(self, who: str, route: str, **values: Any) -> Message:
        reply = await self.do(who, route, **values)
        message = reply.message if isinstance(reply, Edit) else reply
        assert isinstance(message, Message)
        return message

    async def ask(self, who: str, question: str) -> Message:
        """Ask by direct message, and wait for the whole answer."""
        assert "Thinking" in (await self.shown(who, "say", text=question)).body
        return await self.answer(who)

    async def answer(self, who: str) -> Message:
        await self.writer.tick()
        turn = await self.until(who, lambda turn: turn.answered_at is not None)
        return await self.drawn(turn)

    async def drawn(self, turn: Turn) -> Message:
        async with self.store.read() as session:
            message = await ANNOUNCEMENTS["tutor.answer"](session, self.services, str(turn.id), self.clock.now)
        assert message is not None
        return message

    async def told(self, who: str, kind: str) -> Message | None:
        """Let the model read what waits, and return what somebody is then told, if anything."""
        await self.reader.tick()
        await asyncio.gather(*self.reader.in_flight.tasks)
        async with self.store.read() as session:
            mine = (Delivery.kind == kind, Delivery.channel == f"@{who}")
            latest = select(Delivery).where(*mine).order_by(col(Delivery.id).desc())
            delivery = (await session.exec(latest)).first()
            if delivery is None:
                return None
            return await ANNOUNCEMENTS[kind](session, self.services, delivery.subject, self.clock.now)

    async def turn(self, who: str) -> Turn:
        """Return somebody's last turn."""
        async with self.store.read() as session:
            theirs = select(Turn).join(Learner).where(Learner.external_id == who).order_by(col(Turn.id).desc())
            return (await session.exec(theirs.limit(1))).one()

    async def until(self, who: str, holds: Callable[[Turn], bool]) -> Turn:
        async with asyncio.timeout(60):
            while not holds(turn := await self.turn(who)):
                await asyncio.sleep(0.02)
        return turn


def make_lab(store: Store, model: Model, clock: Any, limits: Limits | None = PLENTY) -> Lab:
    services = Services(curriculum(), "memory://runs", lambda: 1, limits)
    dispatch = Dispatcher(store, services, clock, lambda: None)
    what = (store, curriculum(), model, clock, lambda: None)
    return Lab(store, dispatch, Writer(*what), Reader(*what), services, clock)
