"""The registry: every command, every action of a button or form, and every announcement, declared once.

It is the single source for Discord's command tree, Slack's manifest, the console's completion and `/help`.
"""

import inspect
import types
import typing
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from sqlmodel.ext.asyncio.session import AsyncSession

from bot.store.tables import Group, Learner
from bot.study.tutor.budget import Limits
from bot.view import Message, Reply, Upload
from lessons import Curriculum


@dataclass(frozen=True, slots=True)
class Services:
    """What commands may use besides the store."""

    curriculum: Curriculum
    runs: str  # URL under which run directories are made
    slots: Callable[[], int]  # how many runs train at once
    tutor: Limits | None = None  # what the tutor's model may take; None: there is no model


@dataclass(frozen=True, slots=True)
class Context:
    """Who asks, where and when; the session commits when the command returns and rolls back when it raises."""

    session: AsyncSession
    services: Services
    learner: Learner
    group: Group | None  # in a direct message: the group the learner was last seen in
    channel: str
    direct: bool
    now: datetime


# Asked at every key stroke, so quick: one from what is in memory, the other with one query.
Completer = Callable[[Services, str], Awaitable[list[str]]]
GroupCompleter = Callable[[AsyncSession, Group | None], Awaitable[list[str]]]
Handler = Callable[..., Awaitable[Reply]]
Announcer = Callable[[AsyncSession, Services, str, datetime], Awaitable[Message | None]]


H = TypeVar("H", bound=Handler)
A = TypeVar("A", bound=Announcer)


@dataclass(frozen=True, slots=True)
class Param:
    """What is said of an option in its annotation: `exercise: Annotated[str, Param("which one", ...)]`.

    `of_group` completes it from what the group has; `choices` are then those of every group. With `rest` it is all
    that is typed behind the command.
    """

    help: str
    choices: tuple[str, ...] = ()
    complete: Completer | None = None
    of_group: GroupCompleter | None = None
    rest: bool = False

    @property
    def is_closed(self) -> bool:
        """Whether nothing but a choice is right."""
        return bool(self.choices) and self.of_group is None

    @property
    def is_completed(self) -> bool:
        """Whether words are proposed while it is typed, other than fixed choices."""
        return self.complete is not None or self.of_group is not None


@dataclass(frozen=True, slots=True)
class CommandOption:
    """One typed option of a route."""

    name: str
    type: type[str] | type[int] | type[float] | type[bool] | type[Upload]
    required: bool
    param: Param


@dataclass(frozen=True, slots=True)
class Route:
    """A command or an action. Privacy and slowness are fixed before it runs: a chat's first response sets them."""

    name: str
    run: Handler
    help: str
    options: tuple[CommandOption, ...]
    command: bool
    private: bool
    slow: bool
    admin: bool

    @property
    def family(self) -> str:
        """The heading in `/help` that its file belongs under."""
        return FAMILIES.get(self.run.__module__.rpartition(".")[2], "More")


# The files of `bot/commands`, in the order in which people need them, with their headings in `/help`.
FAMILIES = {
    "interview": "You",
    "me": "You",
    "placement": "You",
    "reminders": "You",
    "privacy": "You",
    "plan": "Learn",
    "learn": "Learn",
    "drill": "Learn",
    "ask": "Learn",
    "project": "Learn",
    "guide": "Learn",
    "runs": "Train",
    "template": "Train",
    "compare": "Train",
    "group_drill": "Together",
    "season": "Together",
    "exercises": "Together",
    "group": "Together",
    "runner": "Together",
}

ROUTES: dict[str, Route] = {}
ANNOUNCEMENTS: dict[str, Announcer] = {}


def commands() -> list[Route]:
    """Return the commands, family by family."""
    order = [*dict.fromkeys(FAMILIES.values()), "More"]
    return sorted((route for route in ROUTES.values() if route.command), key=lambda route: order.index(route.family))


def command(
    name: str, about: str, *, private: bool = True, slow: bool = False, admin: bool = False
) -> Callable[[H], H]:
    """Register a slash command; its typed parameters become the options."""
    return _register(name, about, command=True, private=private, slow=slow, admin=admin)


def action(name: str, *, private: bool = True, slow: bool = False, admin: bool = False) -> Callable[[H], H]:
    """Register what a button, a menu or a form does; ids and filled-in fields become its parameters."""
    return _register(name, "", command=False, private=private, slow=slow, admin=admin)


def announcement(kind: str) -> Callable[[A], A]:
    """Register how something said unasked is drawn from its subject's id; None when there is nothing left to say."""

    def register(draw: A) -> A:
        if kind in ANNOUNCEMENTS:
            raise ValueError(f"announcement {kind} is already taken")
        ANNOUNCEMENTS[kind] = draw
        return draw

    return register


def _register(name: str, about: str, *, command: bool, private: bool, slow: bool, admin: bool) -> Callable[[H], H]:
    def register(run: H) -> H:
        if name in ROUTES:
            raise ValueError(f"{name} is already taken")
        ROUTES[name] = Route(name, run, about, _options(run), command, private, slow, admin)
        return run

    return register


def _options(run: Handler) -> tuple[CommandOption, ...]:
    hints = typing.get_type_hints(run, include_extras=True)
    parameters = list(inspect.signature(run).parameters.values())[1:]
    return tuple(_option(parameter, hints[parameter.name]) for parameter in parameters)


def _option(parameter: inspect.Parameter, hint: Any) -> CommandOption:
    param = Param("")
    if typing.get_origin(hint) is typing.Annotated:
        hint, param = typing.get_args(hint)[:2]
    if isinstance(hint, types.UnionType):
        hint = next(kind for kind in hint.__args__ if kind is not types.NoneType)
    if hint not in (str, int, float, bool, Upload):
        raise TypeError(f"option {parameter.name}: {hint} is not a type that every chat can ask for")
    return CommandOption(parameter.name, hint, parameter.default is inspect.Parameter.empty, param)
