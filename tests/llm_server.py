"""A server that speaks OpenAI's chat completions, for the tutor's tests: it streams, counts, breaks and misbehaves.

It answers with what it is told to and keeps every request, so that tests see what was really sent over HTTP.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from aiohttp import web

MODEL = "tiny-tutor"


@dataclass
class Answer:
    """What the server does with one request.

    `ending` of a stream: done; cut (the connection is lost), unfinished (it just ends), garbage (no JSON in the
    middle), odd (JSON of another form), silence (nothing more ever comes).
    """

    text: str = "All right. [1.4]"
    status: int = 200
    error: str = ""
    headers: Mapping[str, str] = field(default_factory=lambda: {"retry-after-ms": "5"})
    ending: Literal["done", "cut", "unfinished", "garbage", "odd", "silence"] = "done"
    usage: int | None = 321
    pieces: int = 4
    pause: float = 0.0  # seconds between two pieces


class LlmServer:
    """Give `answers` to requests one after the other; the last one stays."""

    def __init__(self) -> None:
        self.answers: list[Answer] = [Answer()]
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.models: list[str] | None = [MODEL]
        self.base_url = ""

    @property
    def said(self) -> str:
        """All words of the last request."""
        return "\n".join(message["content"] for message in self.requests[-1]["messages"])

    async def list_models(self, request: web.Request) -> web.Response:
        if self.models is None:
            raise web.HTTPNotFound
        data = [{"id": name, "object": "model", "created": 1, "owned_by": "us"} for name in self.models]
        return web.json_response({"object": "list", "data": data})

    async def complete(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.requests.append(body)
        self.keys.append(request.headers.get("Authorization", ""))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer.status != 200:
            error = {"error": {"message": answer.error, "type": "error"}}
            return web.json_response(error, status=answer.status, headers=answer.headers)
        if body.get("stream"):
            return await self._stream(request, answer)
        message = {"role": "assistant", "content": answer.text}
        usage = {"usage": _usage(answer.usage)} if answer.usage is not None else {}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return web.json_response(
            {"id": "c1", "object": "chat.completion", "model": MODEL, "choices": [choice], **usage}
        )

    async def _stream(self, request: web.Request, answer: Answer) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        size = max(1, -(-len(answer.text) // answer.pieces))
        for at in range(0, len(answer.text), size):
            await _send(response, _chunk({"content": answer.text[at : at + size]}))
            await asyncio.sleep(answer.pause)
        match answer.ending:
            case "cut":
                assert request.transport
                request.transport.abort()
            case "garbage":
                await response.write(b"data: {this is no JSON\n\n")
            case "odd":
                await _send(response, {"choices": [{"delta": None}]})
            case "silence":
                await asyncio.sleep(30)
            case "done":
                await _send(response, _chunk({}, "stop"))
                if answer.usage is not None:
                    await _send(response, {**_chunk({}), "choices": [], "usage": _usage(answer.usage)})
                await response.write(b"data: [DONE]\n\n")
        return response


def _chunk(delta: dict[str, str], reason: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    return {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": MODEL, "choices": [choice]}


def _usage(total: int) -> dict[str, int]:
    return {"prompt_tokens": total - total // 4, "completion_tokens": total // 4, "total_tokens": total}


async def _send(response: web.StreamResponse, data: dict[str, Any]) -> None:
    await response.write(f"data: {json.dumps(data)}\n\n".encode())


@asynccontextmanager
async def serving() -> AsyncIterator[LlmServer]:
    """Serve on a free port of this machine."""
    server = LlmServer()
    app = web.Application()
    app.router.add_post("/v1/chat/completions", server.complete)
    app.router.add_get("/v1/models", server.list_models)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.base_url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    try:
        yield server
    finally:
        await runner.cleanup()
