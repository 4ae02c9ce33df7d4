"""Views as Block Kit, within Slack's limits: long text over several blocks, many blocks over several messages."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bot.chat import slack_mrkdwn as mrkdwn
from bot.view import Button, Field, Form, Menu, Message, Option

Json = dict[str, Any]

# Published limits, in characters and entries: docs.slack.dev/reference/block-kit
BLOCKS = 50  # in a message
HEADER = 150
FIELDS = 10  # in a section
FIELD = 300  # characters that read well side by side; Slack takes 2000
ELEMENTS = 25  # in an actions block
PLACEHOLDER = 150
OPTIONS = 100  # in a menu
LABEL = 75  # of a button or an option
MODAL_TITLE = 24
INPUT_LABEL = 2000
INPUT = 3000  # characters that a text input holds
MESSAGE = 12_000  # characters of blocks in a message; not published, but above it comes msg_blocks_too_long
NOTIFICATION = 150  # characters shown where blocks cannot be

STYLES: Mapping[str, Json] = {"plain": {}, "primary": {"style": "primary"}, "danger": {"style": "danger"}}
CONTINUED = "~"  # marks the further inputs of a text that does not fit into one


@dataclass(frozen=True, slots=True)
class Posting:
    """One Slack message: its blocks, and the text that notifications show."""

    text: str
    blocks: list[Json]

    def body(self) -> Json:
        """Return the arguments of whatever method posts it."""
        return {"text": self.text, "blocks": self.blocks}


def render(message: Message) -> list[Posting]:
    """Draw a message; what is too long for one becomes several, with the buttons on the last."""
    text = _notification(message)
    return [Posting(text, blocks) for blocks in _dealt(_blocks(message), BLOCKS) or [[]]]


def home(messages: Sequence[Message], buttons: Sequence[Button]) -> Json:
    """Draw some messages, and some buttons under them, as a home tab."""
    # What can be pressed stands in one message: its buttons are numbered, and no number may come twice in a view.
    pressed = [button for message in messages for button in message.buttons]
    menu = next((message.menu for message in messages if message.menu), None)
    drawn = [replace(message, buttons=(), menu=None) for message in messages]
    drawn.append(Message(buttons=(*pressed, *buttons), menu=menu))
    return {"type": "home", "blocks": [block for message in drawn for block in _blocks(message)]}


def modal(form: Form, metadata: str) -> Json:
    """Draw a form; `metadata` comes back with what is filled in."""
    title = [] if len(form.title) <= MODAL_TITLE else [_section(f"*{mrkdwn.escape(form.title)}*")]
    return {
        "type": "modal",
        "callback_id": form.action,
        "private_metadata": metadata,
        "title": _plain(form.title, MODAL_TITLE),
        "submit": _plain("Send"),
        "close": _plain("Cancel"),
        "blocks": [*title, *(block for field in form.fields for block in _inputs(field))],
    }


def filled_in(state: Json) -> dict[str, Any]:
    """Return what was filled into a modal's fields: texts and choices as strings, a file as Slack describes it."""
    values: dict[str, Any] = {}
    for block_id, elements in state["values"].items():
        name, _, continued = block_id.partition(CONTINUED)
        value = _value(elements["value"])
        if value is not None:
            values[name] = f"{values[name]}\n{value}" if continued and name in values else value
    return values


def _value(element: Json) -> Any:
    match element["type"]:
        case "static_select":
            return (element.get("selected_option") or {}).get("value")
        case "file_input":
            return next(iter(element.get("files") or []), None)
        case _:
            return element.get("value")


def _blocks(message: Message) -> Iterator[Json]:
    if message.title:
        yield from _title(message.title)
    yield from map(_section, mrkdwn.sections(message.body))
    yield from _fields(message.fields)
    if message.rows:
        yield from map(_section, mrkdwn.cut(mrkdwn.table(message.rows), mrkdwn.SECTION))
    yield from _actions(message.buttons, message.menu)
    if message.files and not (message.title or message.body or message.fields or message.rows):
        yield _section("\n".join(mrkdwn.escape(file.alt or file.name) for file in message.files))


def _title(title: str) -> Iterator[Json]:
    words = mrkdwn.native(title)
    if len(words) <= HEADER:
        yield {"type": "header", "text": _plain(words)}
    else:
        yield from (_section(f"*{piece}*") for piece in mrkdwn.cut(mrkdwn.escape(words), mrkdwn.SECTION - 2))


def _fields(fields: Sequence[tuple[str, str]]) -> Iterator[Json]:
    """Draw facts side by side; one that is too long for that stands alone."""
    texts = [f"*{mrkdwn.escape(name)}*\n{mrkdwn.inline(value)}" for name, value in fields]
    for part in _dealt([_markdown(text) for text in texts if len(text) <= FIELD], FIELDS):
        yield {"type": "section", "fields": part}
    for text in texts:
        if len(text) > FIELD:
            yield from map(_section, mrkdwn.cut(text, mrkdwn.SECTION))


def _actions(buttons: Sequence[Button], menu: Menu | None) -> Iterator[Json]:
    elements = [_button(n, button) for n, button in enumerate(buttons)]
    if menu:
        elements += _selects(menu, len(elements))
    long = [*(b.label for b in buttons), *(o.label for o in (menu.options if menu else ()))]
    if cut_off := [f"• {mrkdwn.escape(label)}" for label in long if len(label) > LABEL]:
        yield from map(_section, mrkdwn.cut("\n".join(cut_off), mrkdwn.SECTION))
    for part in _dealt(elements, ELEMENTS):
        yield {"type": "actions", "elements": part}


def _button(n: int, button: Button) -> Json:
    """Draw a button. Slack wants action ids to differ within a message, so the action itself is the value."""
    return {
        "type": "button",
        "text": _plain(button.label, LABEL),
        "action_id": f"{n}:{button.action}",
        "value": button.action,
    } | STYLES[button.style]


def _selects(menu: Menu, first: int) -> list[Json]:
    return [
        {
            "type": "static_select",
            "action_id": f"{n}:{menu.action}",
            "placeholder": _plain(menu.placeholder or "Choose", PLACEHOLDER),
            "options": part,
        }
        for n, part in enumerate(_dealt(map(_option, menu.options), OPTIONS), first)
    ]


def _option(option: Option) -> Json:
    described = {"description": _plain(option.description, LABEL)} if option.description else {}
    return {"text": _plain(option.label, LABEL), "value": option.value} | described


def _inputs(field: Field) -> Iterator[Json]:
    """Draw a field; a long text that is too long for one input is continued in another."""
    label = {"type": "input", "label": _plain(field.label, INPUT_LABEL), "optional": not field.required}
    match field.kind:
        case "choice":
            yield label | {"block_id": field.name, "element": _choice(field)}
        case "file":
            element = {"type": "file_input", "action_id": "value", "max_files": 1}
            yield label | {"block_id": field.name, "element": element}
        case kind:
            for n, text in enumerate(mrkdwn.cut(field.value, INPUT)):
                element = {"type": "plain_text_input", "action_id": "value", "multiline": kind == "long"}
                shown = element | ({"initial_value": text} if text else {})
                yield label | {"block_id": f"{field.name}{CONTINUED}{n}" if n else field.name, "element": shown}


def _choice(field: Field) -> Json:
    options = [_option(option) for option in field.options]
    chosen = next((option for option in options if option["value"] == field.value), None)
    groups = [
        {"label": _plain(f"{part[0]['text']['text']} …", LABEL), "options": part} for part in _dealt(options, OPTIONS)
    ]
    return (
        {"type": "static_select", "action_id": "value"}
        | ({"options": options} if len(groups) == 1 else {"option_groups": groups})
        | ({"initial_option": chosen} if chosen else {})
    )


def _notification(message: Message) -> str:
    first = mrkdwn.escape(message.title) or next(iter(mrkdwn.sections(message.body)), "") or "Cohort"
    return first if len(first) <= NOTIFICATION else f"{first[: NOTIFICATION - 1]}…"


def _section(text: str) -> Json:
    return {"type": "section", "expand": True, "text": _markdown(text)}


def _markdown(text: str) -> Json:
    return {"type": "mrkdwn", "text": text}


def _plain(text: str, limit: int | None = None) -> Json:
    shown = text if limit is None or len(text) <= limit else f"{text[: limit - 1]}…"
    return {"type": "plain_text", "text": shown, "emoji": False}


def _dealt(things: Iterable[Json], most: int) -> list[list[Json]]:
    """Deal things out in their order to as few lists as can be, each of at most so many and of a message's size."""
    found: list[list[Json]] = []
    size = 0
    for thing in things:
        adds = len(json.dumps(thing, ensure_ascii=False))
        if not found or len(found[-1]) == most or size + adds > MESSAGE:
            found.append([])
            size = 0
        found[-1].append(thing)
        size += adds
    return found
