"""One way in: whatever is typed or pressed in any chat becomes a Request, and its answer a Reply."""

import logging
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from bot.command import ROUTES, CommandOption, Context, Route, Services, commands
from bot.errors import UserError, nearest
from bot.store.database import Store
from bot.study.membership import Sender, group_in, identify
from bot.view import Message, Reply, Upload

log = logging.getLogger(__name__)

Value = str | Upload


@dataclass(frozen=True, slots=True)
class Request:
    """What an adapter brings in: who did what, where.

    `group` is the chat's id and name of the group, if any; `direct` says that words typed here are heard.
    """

    sender: Sender
    channel: str
    route: str
    values: Mapping[str, Value] = field(default_factory=dict)
    group: tuple[str, str] | None = None
    direct: bool = False


class Dispatcher:
    """Runs routes: one transaction each, with errors turned into words."""

    def __init__(
        self, store: Store, services: Services, clock: Callable[[], datetime], changed: Callable[[], None]
    ) -> None:
        self._store = store
        self._services = services
        self._clock = clock
        self._changed = changed  # wakes the loops that send and train

    async def __call__(self, request: Request) -> Reply:
        """Answer a request; never raises."""
        try:
            route = find_route(request.route)
            if route.admin and not request.sender.admin:
                raise UserError("That is for whoever manages this group.", "Ask somebody who does.")
            values = {option.name: _read(option, request.values) for option in route.options}
            given = {name: value for name, value in values.items() if value is not None}
            async with self._store.write() as session:
                reply = await route.run(await self._context(session, request), **given)
        except UserError as error:
            return Message("\n\n".join(filter(None, [str(error), error.hint])))
        except Exception:
            reference = secrets.token_hex(3)
            log.exception("[%s] %s failed for %s", reference, request.route, request.sender.id)
            return Message(f"Something broke on our side, and nothing was changed. It is in the log as `{reference}`.")
        self._changed()
        return reply

    async def complete(self, request: Request, option: str, partial: str) -> list[str]:
        """Return at most 25 completions of an option's value."""
        found = next((o for o in find_route(request.route).options if o.name == option), None)
        if found is None:
            return []
        words = list(found.param.choices)
        if found.param.complete:
            words = await found.param.complete(self._services, partial)
        elif found.param.of_group:
            async with self._store.read() as session:
                words = await found.param.of_group(session, await group_in(session, request.sender, request.group))
        return [word for word in words if partial.lower() in word.lower()][:25]

    async def _context(self, session: AsyncSession, request: Request) -> Context:
        now = self._clock()
        learner, group = await identify(session, request.sender, request.group, now)
        return Context(session, self._services, learner, group, request.channel, request.direct, now)


def find_route(name: str) -> Route:
    """Return a route, or raise UserError with the nearest command."""
    if route := ROUTES.get(name):
        return route
    names = [route.name for route in commands()]
    raise UserError(f"There is no command `/{_quote(name)}`.{nearest(name, names)}", "`/help` lists what there is.")


def _read(option: CommandOption, values: Mapping[str, Value]) -> Any:
    """Turn what was typed into the option's type."""
    value = values.get(option.name)
    if value is None or value == "":
        if option.required:
            raise UserError(f"`{option.name}` is missing{_help(option)}.")
        return None
    if option.type is Upload:
        if isinstance(value, Upload):
            return value
        raise UserError(f"`{option.name}` needs a file.")
    if isinstance(value, Upload):
        raise UserError(f"`{option.name}` takes a word, not a file.")
    if option.param.is_closed and value not in option.param.choices:
        choices = ", ".join(option.param.choices)
        raise UserError(
            f"`{option.name}` cannot be `{_quote(value)}`.{nearest(value, option.param.choices)}",
            f"It can be: {choices}.",
        )
    return _convert(option, value)


def _convert(option: CommandOption, value: str) -> str | int | float | bool:
    try:
        match option.type:
            case t if t is bool:
                return {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}[value.lower()]
            case t if t is int:
                return int(value.removeprefix("#"))
            case t if t is float:
                return float(value)
            case _:
                return value
    except (ValueError, KeyError):
        kind = {int: "a whole number", float: "a number", bool: "yes or no"}[option.type]
        raise UserError(f"`{option.name}` needs {kind}, not `{_quote(value)}`.") from None


def _help(option: CommandOption) -> str:
    return f" ({option.param.help})" if option.param.help else ""


def _quote(text: str) -> str:
    """Make a stranger's words safe to repeat: short, on one line, no code ends, no mentions."""
    safe = "".join(c if c.isprintable() else " " for c in text).replace("`", "'").replace("@", "@\u200b")
    return safe if len(safe) <= 60 else safe[:59] + "…"
