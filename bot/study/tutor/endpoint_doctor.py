"""Looks at the tutor's endpoint: is it there, does it take the key, has it the model, does it stream an answer?

What an endpoint says about an error is not repeated: it may quote the key.
"""

import asyncio
import time
from collections.abc import Callable
from difflib import get_close_matches
from typing import TYPE_CHECKING

from bot.check import Check
from bot.study.tutor.llm import Model, ModelError, Said

if TYPE_CHECKING:
    from openai import AsyncOpenAI

NAME = "tutor"
PATIENCE = 20.0  # seconds without a word
SLOW = 5.0  # seconds to the first word, which a learner waits for
HELLO = (Said("user", "Say hello in one word."),)
LISTED = 5
URL = "COHORT_OPENAI_BASE_URL is where the API begins, mostly with /v1 at the end: http://127.0.0.1:8000/v1."
KEY = "COHORT_OPENAI_API_KEY holds the endpoint's own key, copied whole; a local endpoint mostly needs none."


async def examine(
    base_url: str | None,
    key: str | None,
    name: str,
    *,
    patience: float = PATIENCE,
    slow: float = SLOW,
    clock: Callable[[], float] = time.monotonic,
) -> Check:
    """Ask an endpoint for its models and for a word; raises ImportError without the SDK."""
    from openai import AsyncOpenAI

    async with AsyncOpenAI(base_url=base_url, api_key=key or "none", timeout=patience, max_retries=0) as client:
        where = str(client.base_url).rstrip("/")
        try:
            async with asyncio.timeout(2 * patience):
                listed = await _listed(client)
                return await _talk(Model(client, name, 8_192, clock=clock), where, listed, slow, clock)
        except Exception as error:  # a foreign endpoint may break in any way
            return _bad(error, where, patience)


async def _listed(client: "AsyncOpenAI") -> list[str] | None:
    """Return the names of the models that an endpoint has; None when it has no such list."""
    from openai import NotFoundError

    try:
        return [model.id async for model in client.models.list()]
    except (NotFoundError, AttributeError, TypeError, ValueError):  # the conversation decides
        return None


async def _talk(model: Model, where: str, listed: list[str] | None, slow: float, clock: Callable[[], float]) -> Check:
    """Stream an answer as the tutor does."""
    counted: list[int] = []
    began, first = clock(), 0.0
    try:
        async for _ in model.stream(HELLO, counted.append):
            first = first or clock() - began
    except ModelError as error:
        if listed is not None and model.name not in listed:
            return _unknown(model.name, where, listed)
        raise error.__cause__ or error from None
    if not first:
        return Check(NAME, False, f"{model.name} at {where} answers nothing", "Try another model, or its chat version.")
    if first > slow:
        fix = "Learners wait for that. A smaller model or a faster machine helps."
        return Check(NAME, None, f"{model.name} at {where} is slow: its first word came after {first:.1f} s", fix)
    usage = "" if counted else "; it does not count tokens, so budgets are estimated"
    return Check(NAME, True, f"{model.name} at {where} answers, the first word after {first:.1f} s{usage}")


def _unknown(name: str, where: str, listed: list[str]) -> Check:
    near = get_close_matches(name, listed, 1, 0.5)
    has = ", ".join(near or listed[:LISTED]) or "none at all"
    guess = f"did you mean {has}?" if near else f"it has {has}"
    fix = "COHORT_OPENAI_MODEL is one of the names that the endpoint lists at /models."
    return Check(NAME, False, f"there is no model {name} at {where}; {guess}", fix)


def _bad(error: Exception, where: str, patience: float) -> Check:
    from openai import APIConnectionError, APIStatusError, APITimeoutError

    match error:
        case APITimeoutError() | TimeoutError():
            found = f"{where} did not answer within {patience:.0f} s"
            fix = "Is it still loading its model? Is the machine busy?"
        case APIConnectionError():
            found, fix = f"{where} cannot be reached", f"Does the server run? {URL}"
        case APIStatusError():
            found, fix = _refused(error.status_code, where)
        case _:
            found, fix = f"{where} does not answer as OpenAI's API does ({type(error).__name__})", URL
    return Check(NAME, False, found, fix)


def _refused(status: int, where: str) -> tuple[str, str]:
    match status:
        case 401 | 403:
            return f"{where} refuses the key ({status})", KEY
        case 404 | 405:
            return f"{where} has no chat completions, or not this model ({status})", URL
        case 429:
            return f"{where} takes no more requests now (429)", "Is the account's quota used up, or unpaid?"
        case _ if status >= 500:
            return f"{where} is broken ({status})", "Its own log says why."
        case _:
            return f"{where} does not take the tutor's request ({status})", "Is it a chat model? Its own log says more."
