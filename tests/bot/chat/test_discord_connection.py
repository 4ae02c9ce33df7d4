"""Logging in, connecting and leaving, over real sockets: a small server speaks as much of Discord as that takes."""

import asyncio
import json
from typing import Any

import discord
import pytest
from aiohttp import WSMsgType, web

from bot.chat import on_discord
from bot.chat.on_discord import DiscordChat
from bot.errors import UserError
from bot.view import Message

IDENTIFY, RESUME = 2, 6
ME = {"id": "1", "username": "cohort", "discriminator": "0", "avatar": None, "bot": True}


def answer(value: Any, status: int = 200) -> web.Response:
    """Answer in JSON, with the bare content type that discord.py looks for."""
    return web.Response(body=json.dumps(value).encode(), status=status, content_type="application/json")


class Server:
    """Discord's login, command list, messages and gateway."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.refuses = False
        self.posted: list[dict[str, Any]] = []
        self.connections: asyncio.Queue[int] = asyncio.Queue()
        self.drop = asyncio.Event()

    def app(self) -> web.Application:
        app = web.Application()
        app.add_routes(
            [
                web.get("/users/@me", self.me),
                web.get("/oauth2/applications/@me", self.application),
                web.get("/applications/1/commands", self.commands),
                web.put("/applications/1/commands", self.commands),
                web.get("/gateway/bot", self.gateway),
                web.post("/channels/{id}/messages", self.post),
                web.get("/ws", self.socket),
            ]
        )
        return app

    async def me(self, request: web.Request) -> web.Response:
        return answer({"message": "401"}, status=401) if self.refuses else answer(ME)

    async def application(self, request: web.Request) -> web.Response:
        owner = {**ME, "id": "2", "bot": False}
        about = {"id": "1", "name": "Cohort", "icon": None, "description": "", "summary": "", "owner": owner}
        return answer({**about, "bot_public": True, "bot_require_code_grant": False, "verify_key": "", "flags": 0})

    async def commands(self, request: web.Request) -> web.Response:
        return answer([])

    async def gateway(self, request: web.Request) -> web.Response:
        limit = {"total": 1000, "remaining": 1000, "reset_after": 0, "max_concurrency": 1}
        return answer({"url": f"{self.url}/ws", "shards": 1, "session_start_limit": limit})

    async def post(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.posted.append(body)
        message = {"id": "77", "channel_id": request.match_info["id"], "author": ME, "content": body["content"]}
        empty: dict[str, Any] = {"embeds": [], "attachments": [], "mentions": [], "mention_roles": [], "components": []}
        times = {"timestamp": "2026-03-02T12:00:00+00:00", "edited_timestamp": None}
        marks = {"type": 0, "tts": False, "pinned": False, "mention_everyone": False}
        return answer({**message, **empty, **times, **marks})

    async def socket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_json({"op": 10, "d": {"heartbeat_interval": 45_000}})
        async for frame in socket:
            op = json.loads(frame.data)["op"] if frame.type is WSMsgType.TEXT else None
            if op in (IDENTIFY, RESUME):
                ready = {
                    "v": 10,
                    "user": ME,
                    "guilds": [],
                    "session_id": "s",
                    "shard": [0, 1],
                    "application": {"id": "1", "flags": 0},
                }
                await socket.send_json(
                    {"op": 0, "t": "READY", "s": 1, "d": {**ready, "resume_gateway_url": f"{self.url}/ws"}}
                )
                await self.connections.put(op)
                await self.drop.wait()
                self.drop.clear()
                await socket.close(code=4000)
        return socket


@pytest.fixture
def server(unused_tcp_port: int, monkeypatch: pytest.MonkeyPatch) -> Server:
    server = Server(f"ws://127.0.0.1:{unused_tcp_port}")
    monkeypatch.setattr(discord.http.Route, "BASE", f"http://127.0.0.1:{unused_tcp_port}")
    monkeypatch.setattr(on_discord, "RETRY", 0.05)
    return server


async def serve(server: Server) -> web.AppRunner:
    runner = web.AppRunner(server.app(), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", int(server.url.rpartition(":")[2])).start()
    return runner


async def test_a_refused_token_is_said_at_once(server):
    server.refuses = True
    runner = await serve(server)
    chat = DiscordChat(None, "wrong")
    with pytest.raises(UserError, match="refuses the bot's token"):
        await chat.start()
    await chat.stop()
    assert chat.client.is_closed()
    await runner.cleanup()


async def test_it_can_leave_while_discord_cannot_be_reached(server):
    chat = DiscordChat(None, "token")
    await chat.start()
    await chat.stop()
    assert chat.client.is_closed()


async def test_it_connects_when_discord_comes_back_speaks_and_leaves(server):
    chat = DiscordChat(None, "token")
    await chat.start()
    with pytest.raises(ConnectionError):
        await chat.send("5", Message("hello"), "key")
    runner = await serve(server)
    async with asyncio.timeout(20):
        assert await server.connections.get() == IDENTIFY
        await chat.client.wait_until_ready()
        assert await chat.send("5", Message("hello"), "key") == "77"
        assert server.posted[0]["enforce_nonce"] is True
        server.drop.set()
        assert await server.connections.get() == RESUME
    await chat.stop()
    assert chat.client.is_closed()
    await runner.cleanup()
