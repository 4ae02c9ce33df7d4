"""Discord's HTTP interface, as much of it as looking around takes: one server, its channels, what its bot may do."""

import json
from typing import Any

import discord
from aiohttp import web

BOT, GUILD, CHANNEL, HIDDEN, THREAD = "1", "10", "20", "21", "22"
ME = {"id": BOT, "username": "cohort", "discriminator": "0", "avatar": None, "bot": True}


class DiscordRest:
    """What it says of itself can be changed before it is asked."""

    def __init__(self) -> None:
        self.token = "good-token"
        self.flags = discord.ApplicationFlags()
        self.may = discord.Permissions.none()
        self.guilds = [{"id": GUILD, "name": "Lab"}]
        self.date: str | None = None

    def app(self) -> web.Application:
        app = web.Application(middlewares=[self._guard])
        app.add_routes(
            [
                web.get("/gateway", self._gateway),
                web.get("/users/@me", self._me),
                web.get("/oauth2/applications/@me", self._application),
                web.get("/users/@me/guilds", self._guilds),
                web.get("/guilds/{guild}", self._guild),
                web.get("/guilds/{guild}/members/{member}", self._member),
                web.get("/channels/{channel}", self._channel),
            ]
        )
        return app

    @web.middleware
    async def _guard(self, request: web.Request, handler: Any) -> web.StreamResponse:
        public = request.path == "/gateway"
        if not public and request.headers.get("Authorization") != f"Bot {self.token}":
            return answer({"message": "401: Unauthorized", "code": 0}, 401)
        response: web.StreamResponse = await handler(request)
        return response

    async def _gateway(self, request: web.Request) -> web.Response:
        return web.Response(headers={"Date": self.date} if self.date else None)

    async def _me(self, request: web.Request) -> web.Response:
        return answer(ME)

    async def _application(self, request: web.Request) -> web.Response:
        about = {"id": BOT, "name": "Cohort", "icon": None, "description": "", "summary": "", "verify_key": ""}
        owner = {**ME, "id": "2", "bot": False}
        more = {"owner": owner, "bot_public": True, "bot_require_code_grant": False, "flags": self.flags.value}
        return answer({**about, **more})

    async def _guilds(self, request: web.Request) -> web.Response:
        return answer([{**guild, "icon": None, "owner": False, "features": []} for guild in self.guilds])

    async def _guild(self, request: web.Request) -> web.Response:
        if request.match_info["guild"] not in [guild["id"] for guild in self.guilds]:
            return answer({"message": "Unknown Guild", "code": 10004}, 404)
        everyone = {"id": GUILD, "name": "@everyone", "permissions": str(self.may.value), "position": 0, "color": 0}
        about = {"id": GUILD, "name": "Lab", "owner_id": "2", "features": [], "emojis": [], "stickers": []}
        marks = {"hoist": False, "managed": False, "mentionable": False}
        return answer({**about, "roles": [{**everyone, **marks, "colors": {"primary_color": 0}}]})

    async def _member(self, request: web.Request) -> web.Response:
        marks = {"deaf": False, "mute": False, "flags": 0, "joined_at": "2026-03-02T12:00:00+00:00"}
        return answer({"user": ME, "roles": [], "nick": None, **marks})

    async def _channel(self, request: web.Request) -> web.Response:
        channel = request.match_info["channel"]
        if channel == HIDDEN:
            return answer({"message": "Missing Access", "code": 50001}, 403)
        about: dict[str, Any] = {"id": channel, "guild_id": GUILD, "name": "results", "type": 0, "position": 0}
        if channel == THREAD:
            times = {"archived": False, "auto_archive_duration": 60, "archive_timestamp": "2026-03-02T12:00:00+00:00"}
            about |= {"type": 11, "parent_id": CHANNEL, "owner_id": "2", "thread_metadata": times}
            about |= {"message_count": 0, "member_count": 1}
        return answer({**about, "permission_overwrites": []})


def answer(value: Any, status: int = 200) -> web.Response:
    """Answer in JSON, with the bare content type that discord.py looks for."""
    return web.Response(body=json.dumps(value).encode(), status=status, content_type="application/json")
