"""Work that goes on behind our back, by the id of the row that it is about."""

import asyncio
from collections.abc import Coroutine
from functools import partial


class InFlight:
    """At most `most` tasks at once; each is forgotten when it ends."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._tasks: dict[int, asyncio.Task[None]] = {}

    @property
    def ids(self) -> list[int]:
        """The rows that are being worked on."""
        return list(self._tasks)

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        """The tasks themselves."""
        return list(self._tasks.values())

    @property
    def room(self) -> int:
        """How many more may begin."""
        return self._most - len(self._tasks)

    def begin(self, row_id: int, work: Coroutine[None, None, None]) -> None:
        """Begin work on a row."""
        task = asyncio.create_task(work)
        self._tasks[row_id] = task
        task.add_done_callback(partial(self._forget, row_id))

    async def cancel(self) -> list[int]:
        """Stop everything; return the rows that were left unfinished."""
        unfinished, tasks = self.ids, self.tasks
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return unfinished

    def _forget(self, row_id: int, _task: asyncio.Task[None]) -> None:
        del self._tasks[row_id]
