"""How fast reminders are composed and handed to the outbox when all learners are due at once. Run it by hand:

python -m tests.bench.reminders [LEARNERS ...]

On SQLite, by the loop that the bot runs, one transaction a batch. Half of the learners have been silent for over a
week, and as many more learners as are due are reminded at another hour, so that the due ones have to be found. The
stall is the longest for which the event loop answered nothing else; on a busy machine its CPU time says what we did.
"""

import asyncio
import gc
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from datetime import time as hour
from typing import Any

from bot.store.database import Store, insert_all_new
from bot.store.tables import Learner
from bot.study.reminder import remind_due

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ZONES = ("Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "UTC")
CHUNK = 5_000
TICK = 0.001  # seconds


async def main(sizes: list[int]) -> None:
    """Print the table."""
    print(f"{'':12} {'reminders a second':^21} {'longest stall, ms':^19}")
    print(f"{'learners due':>12} {'of time':>10} {'of CPU':>10} {'of time':>9} {'of CPU':>9}")
    for learners in sizes:
        with tempfile.TemporaryDirectory(prefix="cohort-bench-") as home:
            store = Store(f"sqlite+aiosqlite:///{home}/cohort.db")
            await store.migrate()
            for start in range(0, 2 * learners, CHUNK):
                async with store.write() as session:
                    await insert_all_new(session, Learner, list(people(start, min(start + CHUNK, 2 * learners))))
            gc.collect()
            seconds, cpu, stalls = await measure(store, learners)
            await store.close()
        longest = " ".join(f"{max(stall) * 1e3:9.1f}" for stall in zip(*stalls, strict=True))
        print(f"{learners:12,} {learners / seconds:10,.0f} {learners / cpu:10,.0f} {longest}", flush=True)


def people(start: int, end: int) -> Iterator[dict[str, Any]]:
    """Make learners: every second one is due now, and every second of those has been silent."""
    for number in range(start, end):
        yield {
            "chat": "discord",
            "external_id": str(10**17 + number),
            "name": f"U{number}",
            "timezone": ZONES[number % len(ZONES)],
            "reminder_time": hour(number % 24),
            "next_reminder_at": NOW if number % 2 else NOW + timedelta(hours=1),
            "active_at": NOW - timedelta(days=1 if number % 4 == 1 else 10),
        }


async def measure(store: Store, learners: int) -> tuple[float, float, list[tuple[float, float]]]:
    """Return the time and the CPU time it took to remind everybody, and what `watch` saw meanwhile."""
    stalls: list[tuple[float, float]] = []
    watching = asyncio.create_task(watch(stalls))
    await asyncio.sleep(0)
    began, cpu, reminded = time.perf_counter(), time.process_time(), 0
    while reminded < learners:
        async with store.write() as session:
            reminded += await remind_due(session, NOW)
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    watching.cancel()
    return seconds, cpu, stalls


async def watch(stalls: list[tuple[float, float]]) -> None:
    """Note, every millisecond, how late the loop came back to us, and the CPU time that it had spent until then."""
    while True:
        before, worked = time.perf_counter(), time.thread_time()
        await asyncio.sleep(TICK)
        stalls.append((time.perf_counter() - before - TICK, time.thread_time() - worked))


if __name__ == "__main__":
    asyncio.run(main([int(size) for size in sys.argv[1:]] or [1_000, 10_000, 100_000]))
