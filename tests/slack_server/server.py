"""The fake Slack: serves the Web API and Socket Mode, and delivers what people do to the app under test."""

import asyncio
import hashlib
import hmac
import json
import uuid
from contextlib import suppress
from typing import Self
from urllib.parse import urlencode

import aiohttp
from aiohttp import web

from tests.slack_server.state import SIGNING_SECRET, Json, Workspace
from tests.slack_server.web_api import WebApi

KINDS = {"command": "slash_commands", "interaction": "interactive", "event": "events_api"}


class SlackServer(Workspace):
    """A workspace with its doors open: `async with SlackServer() as slack`; the app's base URL is `slack.api`."""

    def __init__(self, patience: float = 3.0) -> None:
        super().__init__()
        self.app_url: str | None = None  # where HTTP deliveries go; None: Socket Mode
        self.patience = patience  # seconds after which what is not acknowledged is sent again
        self.connected = asyncio.Event()
        self.connections = 0
        self.deliveries: list[str] = []  # every attempt to deliver something
        self._api = WebApi(self)
        self._sockets: list[web.WebSocketResponse] = []
        self._waiting: dict[str, asyncio.Future[Json]] = {}

    @property
    def api(self) -> str:
        return f"{self._api.url}/api/"

    @property
    def url(self) -> str:
        return self._api.url

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=2**24)
        app.add_routes([*self._api.routes(), web.get("/link", self._link)])
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self._api.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        self._http = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.close()
        for socket in self._sockets:
            await socket.close()
        await self._runner.cleanup()

    async def deliver(self, kind: str, payload: Json) -> Json:
        """Bring something to the app until it is acknowledged, three times at most; return the acknowledgement."""
        for _ in range(3):
            self.deliveries.append(kind)
            with suppress(TimeoutError):
                async with asyncio.timeout(self.patience):
                    return await (self._post(kind, payload) if self.app_url else self._send(kind, payload))
        raise TimeoutError(f"the app never acknowledged a {kind}")

    async def refresh(self) -> None:
        """Make the app connect anew, as Slack does every few hours."""
        self.connected.clear()
        await self._sockets[-1].send_json({"type": "disconnect", "reason": "refresh_requested"})
        await self.connected.wait()

    async def _link(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_json({"type": "hello", "num_connections": len(self._sockets) + 1})
        self._sockets.append(socket)
        self.connections += 1
        self.connected.set()
        async for message in socket:
            if message.type is aiohttp.WSMsgType.TEXT:
                answer = json.loads(message.data)
                if waiting := self._waiting.pop(answer["envelope_id"], None):
                    waiting.set_result(answer.get("payload") or {})
        self._sockets.remove(socket)
        return socket

    async def _send(self, kind: str, payload: Json) -> Json:
        await self.connected.wait()
        envelope_id = str(uuid.uuid4())
        envelope = {"envelope_id": envelope_id, "type": KINDS[kind], "payload": payload}
        answer: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
        self._waiting[envelope_id] = answer
        await self._sockets[-1].send_json(envelope | {"accepts_response_payload": kind != "event"})
        return await answer

    async def _post(self, kind: str, payload: Json) -> Json:
        assert self.app_url
        match kind:
            case "command":
                body, content_type = urlencode(payload), "application/x-www-form-urlencoded"
            case "interaction":
                body, content_type = urlencode({"payload": json.dumps(payload)}), "application/x-www-form-urlencoded"
            case _:
                body, content_type = json.dumps(payload), "application/json"
        headers = self.signature(body) | {"Content-Type": content_type}
        async with self._http.post(self.app_url, data=body, headers=headers) as answer:
            text = await answer.text()
            if answer.status != 200:
                raise RuntimeError(f"the app answered {answer.status}: {text}")
            acknowledged: Json = json.loads(text) if text.startswith("{") else {}
        return acknowledged

    def signature(self, body: str, secret: str = SIGNING_SECRET) -> dict[str, str]:
        """Sign a request as Slack does."""
        moment = str(int(self.now()))
        digest = hmac.new(secret.encode(), f"v0:{moment}:{body}".encode(), hashlib.sha256).hexdigest()
        return {"X-Slack-Request-Timestamp": moment, "X-Slack-Signature": f"v0={digest}"}
