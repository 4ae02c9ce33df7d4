"""Buttons, menus and forms as Discord's components, and what comes back from them.

A component carries its action in its custom id and nothing is remembered about it, so it works after a restart.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Self, TypeVar, cast

import discord
from discord import ui

from bot.chat.discord_text import shorten
from bot.view import Button, Field, Form, Menu, Message, Option, read_action

ROWS, ROW_BUTTONS, SELECT_OPTIONS = 5, 5, 25
BUTTON_LABEL, OPTION_LABEL, PLACEHOLDER = 80, 100, 150
FORM_TITLE, FIELD_LABEL, FIELD_HELP, FIELD_VALUE = 45, 45, 100, 4_000
PRESS = "press"  # the custom id of a select whose options are buttons that found no room
AGAIN = "~"  # tells apart components of one message that do the same; Discord refuses equal ids

_STYLES = {
    "plain": discord.ButtonStyle.secondary,
    "primary": discord.ButtonStyle.primary,
    "danger": discord.ButtonStyle.danger,
}

Row = tuple[Button, ...] | Menu
T = TypeVar("T")


class Pressable(ui.DynamicItem[ui.Item[Any]], template=r"(?s).+"):
    """Every button and menu of ours, whenever it was sent: the client hears of it as the event `press`."""

    @classmethod
    async def from_custom_id(cls, interaction: discord.Interaction, item: ui.Item[Any], match: Any, /) -> Self:
        """Take a component that was found in a message."""
        return cls(item)

    async def callback(self, interaction: discord.Interaction) -> None:
        """Hand the press on."""
        interaction.client.dispatch("press", interaction)


def batches(items: Sequence[T], size: int) -> list[tuple[T, ...]]:
    """Cut a sequence into runs of at most `size`."""
    return [tuple(items[start : start + size]) for start in range(0, len(items), size)]


def rows_of(message: Message) -> tuple[list[Row], list[str]]:
    """Lay out a message's buttons and menu; return the rows, and the labels that are too long to show whole.

    Buttons that five rows have no room for become a menu.
    """
    options = message.menu.options if message.menu else ()
    menus = [replace(message.menu, options=part) for part in batches(options, SELECT_OPTIONS) if message.menu]
    room = ROW_BUTTONS * max(1, ROWS - len(menus))
    shown = len(message.buttons) if len(message.buttons) <= room else room - ROW_BUTTONS
    more = [Option(button.label, button.action) for button in message.buttons[shown:]]
    selects = [Menu(PRESS, part, "More choices") for part in batches(more, SELECT_OPTIONS)]
    rows: list[Row] = [*batches(message.buttons[:shown], ROW_BUTTONS), *selects, *menus]
    return rows, [*_long(rows)]


def _long(rows: Sequence[Row]) -> Iterator[str]:
    for row in rows:
        if isinstance(row, Menu):
            words = [word for option in row.options for word in (option.label, option.description)]
            yield from (word for word in words if len(word) > OPTION_LABEL)
        else:
            yield from (button.label for button in row if len(button.label) > BUTTON_LABEL)


def view(rows: Sequence[Row]) -> ui.View:
    """Make the components of one message; `rows` are at most five."""
    made = ui.View(timeout=None)
    seen: Counter[str] = Counter()
    for number, row in enumerate(rows):
        items = [_select(row, seen)] if isinstance(row, Menu) else [_button(button, seen) for button in row]
        for item in items:
            made.add_item(Pressable(item, row=number))
    return made


def _button(button: Button, seen: Counter[str]) -> ui.Button[Any]:
    return ui.Button(
        label=shorten(button.label, BUTTON_LABEL) or "…",
        custom_id=_distinct(button.action, seen),
        style=_STYLES[button.style],
    )


def _select(menu: Menu, seen: Counter[str]) -> ui.Select[Any]:
    values: Counter[str] = Counter()
    options = [
        discord.SelectOption(
            label=shorten(option.label, OPTION_LABEL) or "…",
            value=_distinct(option.value, values),
            description=shorten(option.description, OPTION_LABEL) or None,
        )
        for option in menu.options
    ]
    placeholder = shorten(menu.placeholder, PLACEHOLDER) or None
    return ui.Select(custom_id=_distinct(menu.action, seen), placeholder=placeholder, options=options)


def _distinct(name: str, seen: Counter[str]) -> str:
    seen[name] += 1
    return name if seen[name] == 1 else f"{name}{AGAIN}{seen[name]}"


def read_press(interaction: discord.Interaction) -> tuple[str, dict[str, str]]:
    """Return the route and the ids of a pressed button or a chosen option."""
    data = cast(dict[str, Any], interaction.data)
    pressed = _same(data["custom_id"])
    chosen = [_same(value) for value in data.get("values", [])]
    if pressed == PRESS:
        return read_action(chosen[0])
    name, ids = read_action(pressed)
    return name, ids | ({"choice": chosen[0]} if chosen else {})


def _same(name: str) -> str:
    head, again, number = name.rpartition(AGAIN)
    return head if again and number.isdecimal() else name


def dialog(form: Form) -> ui.Modal:
    """Make a form's window. It is stopped at once: discord.py would keep it by its id, which people share."""
    made = ui.Modal(title=shorten(form.title, FORM_TITLE), custom_id=form.action)
    for field in form.fields:
        label = shorten(field.label, FIELD_LABEL)
        more = shorten(field.label, FIELD_HELP) if label != field.label else None
        made.add_item(ui.Label(text=label, description=more, component=_input(field)))
    made.stop()
    return made


def _input(field: Field) -> ui.Item[Any]:
    if field.kind == "file":
        return ui.FileUpload(custom_id=field.name, required=field.required)
    if field.kind == "choice" and 0 < len(field.options) <= SELECT_OPTIONS:
        return _choice(field)
    fits = len(field.value) <= FIELD_VALUE
    return ui.TextInput(
        custom_id=field.name,
        style=discord.TextStyle.long if field.kind == "long" else discord.TextStyle.short,
        default=field.value if fits else None,
        placeholder=None if fits else "what it is now is too long to show here",
        required=field.required,
        max_length=FIELD_VALUE,
    )


def _choice(field: Field) -> ui.Select[Any]:
    select: ui.Select[Any] = ui.Select(custom_id=field.name, required=field.required)
    for option in field.options:
        select.add_option(
            label=shorten(option.label, OPTION_LABEL),
            value=option.value,
            description=shorten(option.description, OPTION_LABEL) or None,
            default=option.value == field.value,
        )
    return select


def read_form(interaction: discord.Interaction) -> tuple[str, dict[str, str | discord.Attachment]]:
    """Return the route, the ids and the filled-in fields of a form that was sent."""
    data = cast(dict[str, Any], interaction.data)
    name, ids = read_action(data["custom_id"])
    uploads = data.get("resolved", {}).get("attachments", {})
    values: dict[str, str | discord.Attachment] = dict(ids)
    for label in data["components"]:
        field = label["component"]
        given = field["value"] if "value" in field else next(iter(field.get("values", [])), "")
        if given in uploads:
            values[field["custom_id"]] = discord.Attachment(data=uploads[given], state=interaction._state)
        else:
            values[field["custom_id"]] = given
    return name, values
