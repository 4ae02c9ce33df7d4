"""What can be said, in words that every chat understands. Imports no chat library.

`body` is CommonMark. Limits are each adapter's business: it splits, pages or attaches.
"""

from dataclasses import dataclass
from typing import Literal

ACTION_LIMIT = 100  # characters; Discord's custom_id is the tightest of the chats


def action(name: str, /, **ids: str | int) -> str:
    """Write an action: a route's name and the ids it needs, such as `drill.answer:review=12,choice=b`.

    Raises ValueError when it is longer than a chat can carry: state belongs in the store, not in a button.
    """
    text = f"{name}:{','.join(f'{key}={value}' for key, value in ids.items())}" if ids else name
    if len(text) > ACTION_LIMIT or any(mark in str(value) for value in ids.values() for mark in ",="):
        raise ValueError(f"not an action that fits in {ACTION_LIMIT} characters: {text!r}")
    return text


def read_action(text: str) -> tuple[str, dict[str, str]]:
    """Return an action's route and ids; what is not well formed becomes a route that does not exist."""
    name, _, ids = text.partition(":")
    pairs = [pair.partition("=") for pair in ids.split(",") if pair]
    return name, {key: value for key, _, value in pairs}


@dataclass(frozen=True, slots=True)
class Button:
    """Something to press; pressing runs its action."""

    label: str
    action: str
    style: Literal["plain", "primary", "danger"] = "plain"


@dataclass(frozen=True, slots=True)
class Option:
    """One entry of a menu or of a choice field."""

    label: str
    value: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class Menu:
    """One choice among many; the chosen value reaches the action as `choice`."""

    action: str
    options: tuple[Option, ...]
    placeholder: str = ""


@dataclass(frozen=True, slots=True)
class File:
    """A file to attach: its bytes, or the path of it. `alt` describes a picture in words."""

    name: str
    data: bytes | None = None
    path: str | None = None
    alt: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """One message. `fields` are short labelled facts; `rows` is a table whose first row is its header.

    A silent one notifies nobody, where the chat can do that.
    """

    body: str = ""
    title: str = ""
    fields: tuple[tuple[str, str], ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    buttons: tuple[Button, ...] = ()
    menu: Menu | None = None
    files: tuple[File, ...] = ()
    silent: bool = False


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace the message whose button was pressed."""

    message: Message


@dataclass(frozen=True, slots=True)
class Field:
    """One thing to fill in. A file field's value arrives as an `Upload`."""

    name: str
    label: str
    kind: Literal["short", "long", "choice", "file"] = "short"
    value: str = ""
    options: tuple[Option, ...] = ()
    required: bool = True


@dataclass(frozen=True, slots=True)
class Form:
    """Several fields asked for at once; what is filled in reaches the action under the fields' names."""

    title: str
    action: str
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that a person sent."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Refused:
    """What was filled in cannot be taken: each field that is wrong with what is wrong, in plain words.

    A chat that keeps the form open shows those; every other gives the answer.
    """

    answer: Message | Edit
    errors: tuple[tuple[str, str], ...]


Reply = Message | Edit | Form | Refused | None
