"""Answers what was asked of the tutor: reads what it needs, asks the model, and lets the answer grow in the store.

No transaction is open while the model writes. A question is claimed, so that one process answers it; a process that
dies leaves it to the next one, and one that the model does not answer is answered from the lessons alone.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime

from bot.store.database import Store
from bot.store.tables import Turn
from bot.study.catalog import of_turn
from bot.study.tutor import knowledge, turns
from bot.study.tutor.checked import Checked, LeakError, check
from bot.study.tutor.context import Data, Past, pack, tokens
from bot.study.tutor.in_flight import InFlight
from bot.study.tutor.llm import Model, ModelError
from bot.study.tutor.summary import sum_up_older
from lessons import Curriculum
from runner.catalog import Catalog

log = logging.getLogger(__name__)

AT_ONCE = 8  # answers
LONGEST = 12_000  # characters; three times what the model is asked for
EVERY = 1.0  # seconds between two looks at a growing answer
CUT = "*(I was cut off here. Ask me to go on, if you like.)*"


@dataclass(slots=True)
class _Draft:
    """An answer while it is written: what the model said, and the tokens it took as far as the endpoint tells."""

    base: str | None
    catalog: Catalog
    text: str = ""
    tokens: int = 0
    read: int = field(default=0)

    def count(self, tokens: int) -> None:
        self.tokens = tokens

    @property
    def cost(self) -> int:
        """What is to be counted: what the endpoint says, else an estimate."""
        return self.tokens or self.read + tokens(self.text)


class Writer:
    """Answers open questions, each time `tick` is called; `changed` wakes whoever says it."""

    def __init__(
        self,
        store: Store,
        curriculum: Curriculum,
        model: Model,
        clock: Callable[[], datetime],
        changed: Callable[[], None],
    ) -> None:
        self._store = store
        self._curriculum = curriculum
        self._model = model
        self._clock = clock
        self._changed = changed
        self.in_flight = InFlight(AT_ONCE)

    async def tick(self) -> None:
        """Begin to answer what is waiting; it goes on behind our back. Must be called well within a claim's time."""
        async with self._store.write() as session:
            if self.in_flight.ids:
                await turns.renew(session, self.in_flight.ids, self._clock())
            found = await turns.claim(session, self._clock(), self.in_flight.room)
        for turn in found:
            self.in_flight.begin(turn.id, self._answer(turn))

    async def close(self) -> None:
        """Stop writing; what is unfinished is begun anew by the next process."""
        if unfinished := await self.in_flight.cancel():
            async with self._store.write() as session:
                await turns.release(session, unfinished)

    async def _answer(self, turn: Turn) -> None:
        try:
            await self._write(turn)
            await sum_up_older(self._store, self._model, turn, self._clock)
        except Exception:
            log.exception("the tutor failed on turn %d", turn.id)
            await self._end(turn, "failed")  # unless it had ended before

    async def _write(self, turn: Turn) -> None:
        async with self._store.read() as session:
            data, past, base = await knowledge.of(session, self._curriculum, turn, self._clock())
            offered = await of_turn(session, turn)
        for context in (self._model.context, self._model.context // 2):
            draft = _Draft(base, offered)
            try:
                wanted = await self._stream(turn, draft, data, past, context)
            except ModelError as error:
                if error.too_long and not draft.text:
                    continue  # its tokens are more than we counted: once more with half of it
                await self._keep_what_there_is(turn, draft)
            except LeakError:
                log.warning("turn %d repeated the instructions; it is answered from the lessons", turn.id)
                await self._end(turn, "failed", draft, answer="")
            else:
                await self._finish(turn, draft, wanted=wanted)
            return
        await self._end(turn, "failed")

    async def _stream(
        self, turn: Turn, draft: _Draft, data: Sequence[Data], past: Sequence[Past], context: int
    ) -> bool:
        """Let the answer grow; return False when it was stopped."""
        said = pack(turn.mode, data, past, turn.question, context)
        draft.read = sum(tokens(each.content) for each in said)
        clock = asyncio.get_running_loop().time
        shown_at = 0.0
        async with aclosing(self._model.stream(said, draft.count)) as pieces:
            async for piece in pieces:
                draft.text += piece
                if len(draft.text) > LONGEST:
                    raise ModelError("it does not stop")
                if clock() - shown_at >= EVERY:
                    shown_at = clock()
                    if not await self._show(turn, draft):
                        return False
        return True

    async def _show(self, turn: Turn, draft: _Draft) -> bool:
        async with self._store.write() as session:
            wanted = await turns.grow(session, turn, self._checked(draft, done=False).text, self._clock())
        self._changed()
        return wanted

    def _checked(self, draft: _Draft, *, done: bool) -> Checked:
        return check(draft.text, knowledge.marks(self._curriculum), draft.base, catalog=draft.catalog, done=done)

    async def _finish(self, turn: Turn, draft: _Draft, *, wanted: bool) -> None:
        if not wanted:  # it was stopped, and is ended already
            await self._spend(turn, draft)
            return
        checked = self._checked(draft, done=True)
        status = "answered" if checked.text else "failed"
        await self._end(turn, status, draft, answer=checked.text, proposal=checked.proposal)

    async def _keep_what_there_is(self, turn: Turn, draft: _Draft) -> None:
        """End an answer that broke off: by what was said before, if it was anything, else from the lessons."""
        draft.text = draft.text[:LONGEST]
        if text := self._checked(draft, done=True).text:
            await self._end(turn, "answered", draft, answer=f"{text}\n\n{CUT}")
        else:
            await self._end(turn, "failed")

    async def _end(self, turn: Turn, status: str, draft: _Draft | None = None, **values: str | None) -> None:
        async with self._store.write() as session:
            await turns.end(session, turn, status, self._clock(), **values)
            if draft:
                await turns.spend(session, turn, draft.cost, self._clock())
        self._changed()

    async def _spend(self, turn: Turn, draft: _Draft) -> None:
        async with self._store.write() as session:
            await turns.spend(session, turn, draft.cost, self._clock())
