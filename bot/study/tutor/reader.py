"""Reads what rules read badly, with the model: is a drill's short answer right, what does an interview's answer mean?

No transaction is open meanwhile. Where the model does not answer within ten seconds, or a process died over it, the
rules mark the drill, and the interview's answer stays in the learner's own words.
"""

import logging
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from bot.errors import UserError
from bot.store import outbox
from bot.store.database import Store
from bot.store.tables import Learner, Reading, Review
from bot.study import drill, interview, streak
from bot.study.interview_questions import BY_KEY
from bot.study.tutor import budget, judge, readings
from bot.study.tutor.in_flight import InFlight
from bot.study.tutor.llm import Model
from lessons import Curriculum, Verdict

log = logging.getLogger(__name__)

AT_ONCE = 8


class Reader:
    """Reads what waits, each time `tick` is called; `changed` wakes whoever says what was found."""

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
        """Begin to read what is waiting; it goes on behind our back."""
        async with self._store.write() as session:
            found = await readings.claim(session, self._clock(), self.in_flight.room)
        for reading in found:
            self.in_flight.begin(reading.id, self._read(reading))

    async def close(self) -> None:
        """Stop reading; what is unfinished is begun anew by the next process."""
        if unfinished := await self.in_flight.cancel():
            async with self._store.write() as session:
                await readings.release(session, unfinished)

    async def _read(self, reading: Reading) -> None:
        try:
            await (self._mark(reading) if reading.review_id else self._understand(reading))
        except Exception:
            log.exception("reading %d failed", reading.id)

    async def _mark(self, reading: Reading) -> None:
        async with self._store.read() as session:
            review = await session.get(Review, reading.review_id)
        asked = self._curriculum.find_drill(review.drill) if review else None
        found: dict[str, Any] = {}
        spent: list[int] = []
        if asked:
            late = self._clock() - reading.asked_at > readings.GIVEN_UP
            grade = None if late else await judge.grade(self._model, asked, reading.words, spent.append)
            found = asdict(judge.verdict(asked, reading.words, grade))
        await self._end(reading, found, sum(spent))

    async def _understand(self, reading: Reading) -> None:
        question = BY_KEY.get(reading.question or "")
        spent: list[int] = []
        value = None
        if question:
            choices = {choice.value: choice.label for choice in question.choices}
            value = await judge.read_answer(self._model, question.text, choices, reading.words, spent.append)
        await self._end(reading, {"value": value} if value else {}, sum(spent))

    async def _end(self, reading: Reading, found: dict[str, Any], tokens: int = 0) -> None:
        """Keep what was found, and let the drill or the interview have it."""
        async with self._store.write() as session:
            await budget.spend(session, reading.learner_id, reading.group_id, tokens, self._clock())
            first = await readings.end(session, reading, found, self._clock())
            learner = await session.get(Learner, reading.learner_id)
            if first and found and learner:
                await self._tell(session, learner, reading, found)
        self._changed()

    async def _tell(self, session: AsyncSession, learner: Learner, reading: Reading, found: dict[str, Any]) -> None:
        now, kind = self._clock(), "drill.marked"
        if reading.review_id:
            try:
                await self._close_drill(session, learner, reading, Verdict(**found))
            except UserError:
                return  # they had the answer shown meanwhile
        else:
            kind = "interview.understood"
            if not await interview.understand(session, learner, reading.question or "", reading.words, found["value"]):
                return
        key = f"reading:{reading.id}"
        await outbox.tell(session, learner, key=key, kind=kind, subject=str(reading.id), at=now)

    async def _close_drill(self, session: AsyncSession, learner: Learner, reading: Reading, verdict: Verdict) -> None:
        """Close a drill as of when it was answered: the wait is not the learner's."""
        at = reading.asked_at
        await drill.answer(
            session, self._curriculum, learner, reading.review_id or 0, reading.words, at, verdict=verdict
        )
        await streak.note_activity(session, learner, at)
