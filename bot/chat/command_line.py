"""Reads a typed command line, such as `run show 3` or `submit exercise:match my.yaml`, into a route and its options."""

import re
import shlex

from bot.command import CommandOption, commands
from bot.dispatch import find_route
from bot.errors import UserError, nearest
from bot.view import Upload


def read_command(text: str) -> tuple[str, dict[str, str]]:
    """Return the command's name and its options as typed; a file option's value is a path or a name.

    Options are named (`name:value`, `name=value`) or stand in their order. Raises UserError with the nearest command.
    """
    words = _words(text)
    name = next((" ".join(words[:n]) for n in (2, 1) if _is_command(" ".join(words[:n]))), words[0] if words else "")
    route = find_route(name)
    if sentence := next((option for option in route.options if option.param.rest), None):
        said = text.strip().removeprefix(name).strip().removeprefix(f"{sentence.name}:")
        return route.name, {sentence.name: said} if said else {}
    values: dict[str, str] = {}
    for word in words[len(name.split()) :]:
        option, value = _named(word, route.options) or (_fitting(word, route.options, values), word)
        if option is None:
            raise UserError(f"I don't know what `{word[:40]}` is for.", usage(name, route.options))
        values[option.name] = value
    return route.name, values


def usage(name: str, options: tuple[CommandOption, ...]) -> str:
    """Write how a command is called."""
    return f"Use: `/{' '.join([name, *(o.name if o.required else f'[{o.name}]' for o in options)])}`"


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:  # an apostrophe that opens no quotation
        return text.split()


def _is_command(name: str) -> bool:
    return any(route.name == name for route in commands())


def _named(word: str, options: tuple[CommandOption, ...]) -> tuple[CommandOption, str] | None:
    match = re.match(r"([a-z_]+)[:=](.*)", word, re.DOTALL)
    option = next((o for o in options if match and o.name == match[1]), None)
    return (option, match[2]) if option and match else None


def _fitting(word: str, options: tuple[CommandOption, ...], taken: dict[str, str]) -> CommandOption | None:
    """Choose the option that a bare word is for: the first free one whose choices have it, then the first that has one
    like it or takes any.
    """
    free = [option for option in options if option.name not in taken]
    exact = next((option for option in free if word in option.param.choices), None)
    if exact:
        return exact
    looks_like_file = "/" in word or "." in word
    for option in free:
        param = option.param
        fits = nearest(word, param.choices) if param.is_closed else (option.type is Upload) == looks_like_file
        if fits:
            return option
    return free[0] if free else None
