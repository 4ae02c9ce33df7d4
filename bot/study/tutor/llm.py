"""A language model behind any endpoint of OpenAI's kind: OpenAI, vLLM, llama.cpp, transformers serve.

It is given words and returns words: no tools, no functions. The SDK retries what may pass (429, 5xx, lost connections)
with backoff. After a few failures in a row the endpoint is left alone for a while, so that nobody waits for it.
"""

import asyncio
import logging
import re
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from pydantic import BaseModel, ValidationError

if TYPE_CHECKING:
    from openai import AsyncOpenAI

log = logging.getLogger(__name__)

REPLY = 900  # tokens of an answer
RETRIES = 2
SILENCE, PATIENCE = 60.0, 300.0  # seconds: between two pieces of an answer, and for all of it
FAILURES, REST = 3, 60.0  # so many in a row, and so many seconds without a call
STRUCTURED_SECONDS = 10.0

T = TypeVar("T", bound=BaseModel)


class ModelError(Exception):
    """There is no answer. `too_long`: there was more to read than the model takes."""

    def __init__(self, reason: str, *, too_long: bool = False) -> None:
        super().__init__(reason)
        self.too_long = too_long


@dataclass(frozen=True, slots=True)
class Said:
    """One message of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: str


class Model:
    """One model at one endpoint. `context` is its size in tokens, what is read and what is written together."""

    def __init__(
        self,
        client: "AsyncOpenAI",
        name: str,
        context: int,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self.name = name
        self.context = context
        self._clock = clock
        self._failures = 0
        self._rests_until = 0.0
        self._limit = "max_tokens"

    @classmethod
    def at(cls, base_url: str | None, api_key: str | None, name: str, context: int) -> "Model":
        """Return the model of an endpoint; raises ImportError without the SDK. A local endpoint needs no key."""
        from openai import AsyncOpenAI, Timeout

        timeout = Timeout(SILENCE, connect=10.0)
        client = AsyncOpenAI(base_url=base_url, api_key=api_key or "none", timeout=timeout, max_retries=RETRIES)
        return cls(client, name, context)

    @property
    def resting(self) -> bool:
        """Whether the endpoint has failed so often that it is left alone for now."""
        return self._clock() < self._rests_until

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def stream(self, said: Sequence[Said], count: Callable[[int], None]) -> AsyncGenerator[str, None]:
        """Yield an answer piece by piece; `count` gets the tokens that it took, if the endpoint says so.

        Raises ModelError, also in the middle: then what came before is all there is.
        """
        self._check_rest()
        until = self._clock() + PATIENCE
        try:
            async with aclosing(self._pieces(said, count)) as pieces:
                async for piece in pieces:
                    yield piece
                    if self._clock() > until:
                        raise TimeoutError
        except Exception as error:  # a foreign endpoint may break in any way: HTTP, JSON, missing fields
            raise self._failed(error) from error
        self._failures = 0

    async def _pieces(self, said: Sequence[Said], count: Callable[[int], None]) -> AsyncGenerator[str, None]:
        ended = False
        async with await self._create(said, REPLY, stream=True, stream_options={"include_usage": True}) as chunks:
            async for chunk in chunks:
                if chunk.usage:
                    count(chunk.usage.total_tokens)
                for choice in chunk.choices[:1]:
                    if choice.delta.content:
                        yield choice.delta.content
                    ended = ended or choice.finish_reason is not None
        if not ended:
            raise ModelError("the stream ended in the middle")

    async def ask(self, said: Sequence[Said], form: type[T], count: Callable[[int], None], reply: int = 200) -> T:
        """Return an answer in the form of a pydantic model, asking once more when it was not.

        Raises ModelError when there is none after all, within ten seconds.
        """
        self._check_rest()
        try:
            async with asyncio.timeout(STRUCTURED_SECONDS):
                return await self._in_form(said, form, count, reply)
        except Exception as error:
            raise self._failed(error) from error

    async def _in_form(self, said: Sequence[Said], form: type[T], count: Callable[[int], None], reply: int) -> T:
        text = await self._text(said, count, reply)
        try:
            found = read_form(text, form)
        except ValidationError as error:
            wrong = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()[:5])
            repair = Said("user", f"That was not the form I asked for ({wrong}). Answer with the JSON object alone.")
            text = await self._text([*said, Said("assistant", text[:2_000]), repair], count, reply)
            found = read_form(text, form)
        self._failures = 0
        return found

    async def _text(self, said: Sequence[Said], count: Callable[[int], None], reply: int) -> str:
        answer = await self._create(said, reply)
        if answer.usage:
            count(answer.usage.total_tokens)
        return answer.choices[0].message.content or ""

    async def _create(self, said: Sequence[Said], reply: int, **more: Any) -> Any:
        from openai import BadRequestError

        messages = [{"role": each.role, "content": each.content} for each in said]
        call = self._client.chat.completions.create
        create: Callable[..., Any] = call
        try:
            return await create(model=self.name, messages=messages, **{self._limit: reply}, **more)
        except BadRequestError as error:  # newer OpenAI models know this limit by another name only
            if self._limit != "max_tokens" or "max_completion_tokens" not in str(error):
                raise
            self._limit = "max_completion_tokens"
            return await create(model=self.name, messages=messages, **{self._limit: reply}, **more)

    def _check_rest(self) -> None:
        if self.resting:
            raise ModelError("the endpoint is left alone for a minute")

    def _failed(self, error: Exception) -> ModelError:
        """Count a failure. What the endpoint said stays out of the log: it may quote the key or the learner."""
        if is_too_long(error):
            return ModelError("more to read than the model takes", too_long=True)
        reason = f"{type(error).__name__} {getattr(error, 'status_code', '')}".strip()
        self._failures += 1
        if self._failures >= FAILURES:
            self._rests_until = self._clock() + REST
        log.warning("the tutor's model failed (%d in a row): %s", self._failures, reason)
        return error if isinstance(error, ModelError) else ModelError(reason)


def is_too_long(error: Exception) -> bool:
    """Say whether an endpoint refused to read so much; each says so in its own words, but names the context."""
    return getattr(error, "status_code", None) in (400, 413) and bool(re.search(r"(?i)context|too long", str(error)))


def read_form(text: str, form: type[T]) -> T:
    """Return the JSON object in a text as a pydantic model; raises ValidationError."""
    found = re.search(r"\{.*\}", text, re.DOTALL)
    return form.model_validate_json(found[0] if found else text)
