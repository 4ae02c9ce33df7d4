"""How long until a chat has our first response when many learners type `/drill` at once. Run it by hand:

python -m tests.bench.acknowledge [LEARNERS [ROUNDS]]

The chats' servers and their people are processes of their own (`crowds.py`) that speak over real sockets; ours has the
real adapters, commands and store. The console has no server: there, the answer is the first response.
"""

import asyncio
import multiprocessing
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from multiprocessing.connection import Connection
from statistics import quantiles
from typing import Any

import discord

import bot.commands  # noqa: F401  (registers the commands)
from bot.app import RemoteChat, utc_now
from bot.chat.built_in import NAME as BUILT_IN
from bot.chat.on_discord import DiscordChat
from bot.chat.on_slack import OneTeam, SlackChat
from bot.command import Services
from bot.dispatch import Dispatcher, Request
from bot.store.database import Store
from bot.study.membership import Sender
from lessons import curriculum
from tests.bench import crowds
from tests.slack_server import APP_TOKEN, BOT_TOKEN, SIGNING_SECRET

Seconds = list[float]
Measure = Callable[[Dispatcher, int, int], Awaitable[Seconds]]


async def main(learners: int = 200, rounds: int = 3) -> None:
    """Print the table."""
    title = f"{learners} learners at once, {rounds} times"
    print(f"{title:32} {'p50 ms':>8} {'p99 ms':>8} {'most ms':>8}")
    for name, measure in CHATS.items():
        async with dispatcher() as dispatch:
            seconds = await measure(dispatch, learners, rounds)
        cuts = quantiles(seconds, n=100)
        print(f"{name:32} {cuts[49] * 1e3:8.0f} {cuts[98] * 1e3:8.0f} {max(seconds) * 1e3:8.0f}", flush=True)


@asynccontextmanager
async def dispatcher() -> AsyncIterator[Dispatcher]:
    """Build what every chat brings its requests to, on a fresh store."""
    with tempfile.TemporaryDirectory(prefix="cohort-bench-") as home:
        store = Store(f"sqlite+aiosqlite:///{home}/cohort.db")
        await store.migrate()
        yield Dispatcher(store, Services(curriculum(), f"{home}/runs", lambda: 1), utc_now, lambda: None)
        await store.close()


async def console(dispatch: Dispatcher, learners: int, rounds: int) -> Seconds:
    """Ask without a chat between."""

    async def ask(number: int) -> float:
        began = time.perf_counter()
        sender = Sender(BUILT_IN, f"u{number}", f"U{number}", "UTC")
        await dispatch(Request(sender, "#lab", "drill", {}, ("#lab", "lab")))
        return time.perf_counter() - began

    await ask(0)
    return [seconds for _ in range(rounds) for seconds in await asyncio.gather(*map(ask, range(learners)))]


async def remote(
    crowd: Callable[[Connection, int, int], None],
    join: Callable[[Dispatcher, str], RemoteChat],
    dispatch: Dispatcher,
    learners: int,
    rounds: int,
) -> Seconds:
    """Start a chat's server with its people, join it, say where we are, and wait for what they measured."""
    line, far_end = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=crowd, args=(far_end, learners, rounds), daemon=True)
    process.start()
    far_end.close()
    chat = join(dispatch, await hear(line))
    await chat.start()
    line.send(chat.url if isinstance(chat, SlackChat) and crowd is crowds.slack_over_http else "")
    seconds: Seconds = await hear(line)
    await chat.stop()
    process.join()
    return seconds


async def hear(line: Connection) -> Any:
    return await asyncio.to_thread(line.recv)


def discord_chat(dispatch: Dispatcher, url: str) -> RemoteChat:
    discord.http.Route.BASE = url
    return DiscordChat(dispatch, "token")


def slack_chat(dispatch: Dispatcher, url: str, **keys: str) -> RemoteChat:
    return SlackChat(dispatch, OneTeam(BOT_TOKEN, url), **keys, base_url=url, host="127.0.0.1", port=0)


CHATS: dict[str, Measure] = {
    "console, the answer": console,
    "Discord": partial(remote, crowds.discord, discord_chat),
    "Slack, Socket Mode": partial(remote, crowds.slack, partial(slack_chat, app_token=APP_TOKEN)),
    "Slack, HTTP": partial(remote, crowds.slack_over_http, partial(slack_chat, signing_secret=SIGNING_SECRET)),
}


if __name__ == "__main__":
    asyncio.run(main(*map(int, sys.argv[1:])))
