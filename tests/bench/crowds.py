"""Discord and Slack with a crowd in them, for `acknowledge.py`.

Each is a process that times its people's commands, after one that warms up.

Over its line it says where its API is, hears where the bot takes HTTP (if it does), and says the seconds.
"""

import asyncio
import json
import time
from multiprocessing.connection import Connection
from typing import Any

from aiohttp import WSMsgType, web

from tests.slack_server import Person, SlackServer

IDENTIFY = 2
APP, GUILD, CHANNEL = "1", "10", "20"
ME = {"id": APP, "username": "cohort", "discriminator": "0", "avatar": None, "bot": True}
CHANNEL_OF_ALL = {"id": CHANNEL, "type": 0, "guild_id": GUILD, "name": "general", "position": 0}
TIMES = {"timestamp": "2026-03-02T12:00:00+00:00", "edited_timestamp": None}
ANSWERED_WITHIN = 60.0  # seconds, for one round


def slack(line: Connection, learners: int, rounds: int) -> None:
    """Be Slack, in Socket Mode."""
    asyncio.run(_slack(line, learners, rounds))


def slack_over_http(line: Connection, learners: int, rounds: int) -> None:
    """Be Slack, over HTTP."""
    asyncio.run(_slack(line, learners, rounds))


async def _slack(line: Connection, learners: int, rounds: int) -> None:
    async with SlackServer() as server:
        channel = server.channel("lab")
        people = [Person(server, server.person(f"U{number}", "UTC"), channel) for number in range(learners)]
        line.send(server.api)
        server.app_url = await asyncio.to_thread(line.recv) or None
        seconds: list[float] = []
        for crowd in [people[:1], *[people] * rounds]:
            shown = server.shown
            seconds += await asyncio.gather(*map(_drill_on_slack, crowd))
            while server.shown < shown + len(crowd):
                await server.more_than(server.shown, ANSWERED_WITHIN)
        line.send(seconds[1:])


async def _drill_on_slack(person: Person) -> float:
    began = time.perf_counter()
    await person.command("drill")
    return time.perf_counter() - began


def discord(line: Connection, learners: int, rounds: int) -> None:
    """Be Discord."""
    asyncio.run(_Discord(learners, rounds).serve(line))


class _Discord:
    """A gateway with one server, and what the bot calls to answer commands."""

    def __init__(self, learners: int, rounds: int) -> None:
        self._learners = learners
        self._rounds = rounds
        self._url = ""
        self._commands: list[dict[str, Any]] = []
        self._answered: dict[str, asyncio.Future[float]] = {}  # when, by interaction
        self._said = asyncio.Semaphore(0)  # grows with each answer that people can read
        self._measured = asyncio.Event()
        self._seconds: list[float] = []

    async def serve(self, line: Connection) -> None:
        app = web.Application()
        app.add_routes(
            [
                web.get("/users/@me", self._me),
                web.get("/oauth2/applications/@me", self._application),
                web.route("*", "/applications/{app}/commands", self._register),
                web.get("/gateway/bot", self._gateway),
                web.get("/ws", self._socket),
                web.post("/interactions/{id}/{token}/callback", self._callback),
                web.post("/webhooks/{app}/{token}", self._follow_up),
                web.patch("/webhooks/{app}/{token}/messages/@original", self._follow_up),
            ]
        )
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await (site := web.TCPSite(runner, "127.0.0.1", 0)).start()
        self._url = f"127.0.0.1:{runner.addresses[0][1]}"
        line.send(f"http://{self._url}")
        await self._measured.wait()
        line.send(self._seconds)
        await site.stop()

    async def _me(self, request: web.Request) -> web.Response:
        return _json(ME)

    async def _application(self, request: web.Request) -> web.Response:
        about = {"id": APP, "name": "Cohort", "icon": None, "description": "", "summary": "", "verify_key": ""}
        owner = {**ME, "id": "2", "bot": False}
        return _json({**about, "owner": owner, "bot_public": True, "bot_require_code_grant": False, "flags": 0})

    async def _register(self, request: web.Request) -> web.Response:
        if request.method == "PUT":
            given = await request.json()
            self._commands = [
                {**command, "id": str(900 + number), "application_id": APP, "version": "1"}
                for number, command in enumerate(given)
            ]
        return _json(self._commands)

    async def _gateway(self, request: web.Request) -> web.Response:
        limit = {"total": 1000, "remaining": 1000, "reset_after": 0, "max_concurrency": 1}
        return _json({"url": f"ws://{self._url}/ws", "shards": 1, "session_start_limit": limit})

    async def _socket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_json({"op": 10, "d": {"heartbeat_interval": 45_000}})
        crowd: asyncio.Task[None] | None = None
        async for frame in socket:
            if frame.type is WSMsgType.TEXT and json.loads(frame.data)["op"] == IDENTIFY:
                crowd = asyncio.create_task(self._crowd(socket))
        if crowd:
            await crowd
        return socket

    async def _crowd(self, socket: web.WebSocketResponse) -> None:
        ready = {
            "v": 10,
            "user": ME,
            "guilds": [{"id": GUILD, "unavailable": True}],
            "session_id": "s",
            "shard": [0, 1],
        }
        ready |= {"application": {"id": APP, "flags": 0}, "resume_gateway_url": f"ws://{self._url}/ws"}
        guild = {"id": GUILD, "name": "Lab", "owner_id": "2", "features": [], "emojis": [], "stickers": []}
        guild |= {"roles": [], "channels": [], "threads": [], "members": [], "member_count": self._learners}
        await socket.send_json({"op": 0, "t": "READY", "s": 1, "d": ready})
        await socket.send_json({"op": 0, "t": "GUILD_CREATE", "s": 2, "d": guild})
        people = range(self._learners)
        for crowd in [people[:1], *[people] * self._rounds]:
            self._seconds += await asyncio.gather(*(self._drill(socket, who) for who in crowd))
            async with asyncio.timeout(ANSWERED_WITHIN):
                for _ in crowd:
                    await self._said.acquire()
        del self._seconds[0]
        self._measured.set()

    async def _drill(self, socket: web.WebSocketResponse, who: int) -> float:
        interaction = str(10_000 + len(self._answered))
        answered = self._answered[interaction] = asyncio.get_running_loop().create_future()
        began = time.perf_counter()
        await socket.send_json(
            {"op": 0, "t": "INTERACTION_CREATE", "s": 3, "d": _command(interaction, str(5_000 + who))}
        )
        return await answered - began

    async def _callback(self, request: web.Request) -> web.Response:
        interaction = request.match_info["id"]
        self._answered[interaction].set_result(time.perf_counter())
        kind = (await request.json())["type"]
        if kind != 5:  # not merely acknowledged
            self._said.release()
        return _json({"interaction": {"id": interaction, "type": 2, "response_message_id": f"9{interaction}"}})

    async def _follow_up(self, request: web.Request) -> web.Response:
        self._said.release()
        empty: dict[str, Any] = {"embeds": [], "attachments": [], "mentions": [], "mention_roles": [], "components": []}
        marks = {"type": 0, "tts": False, "pinned": False, "mention_everyone": False}
        return _json({"id": "77", "channel_id": CHANNEL, "author": ME, "content": "", **empty, **TIMES, **marks})


def _command(interaction: str, user: str) -> dict[str, Any]:
    person = {"id": user, "username": f"u{user}", "discriminator": "0", "avatar": None, "global_name": f"U{user}"}
    member = {"user": person, "roles": [], "joined_at": TIMES["timestamp"], "deaf": False, "mute": False, "flags": 0}
    about = {"id": interaction, "application_id": APP, "type": 2, "token": f"t{interaction}", "version": 1}
    place = {"guild_id": GUILD, "channel_id": CHANNEL, "channel": CHANNEL_OF_ALL}
    data = {"id": "900", "name": "drill", "type": 1, "options": []}
    more = {"context": 0, "authorizing_integration_owners": {"0": GUILD}, "entitlements": [], "locale": "en-GB"}
    more |= {"attachment_size_limit": 8 * 2**20}
    return {**about, **place, **more, "member": {**member, "permissions": "0"}, "data": data, "app_permissions": "0"}


def _json(value: Any) -> web.Response:
    """Answer in JSON, with the bare content type that discord.py looks for."""
    return web.Response(body=json.dumps(value).encode(), content_type="application/json")
