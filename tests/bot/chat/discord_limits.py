"""Discord's published limits: every body that leaves for Discord is checked here, in all tests of the adapter.

Sources: Discord's documentation of messages, embeds, components, modals, application commands and uploads.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

FILE_LIMIT = 10 * 2**20
BUTTON, SELECT, TEXT_INPUT, LABEL, FILE_UPLOAD = 2, 3, 4, 18, 19
MESSAGE_CALLBACKS, MODAL, AUTOCOMPLETE = (4, 7), 9, 8


@dataclass(frozen=True)
class Sent:
    """One request to Discord: its JSON body, and the sizes of the files that came with it."""

    method: str
    path: str
    body: Any
    sizes: tuple[int, ...] = ()


def problems(sent: Sent) -> list[str]:
    """Return what Discord would refuse, or what would go wrong without a word."""
    return [f"{sent.method} {sent.path}: {problem}" for problem in _problems(sent)]


def _problems(sent: Sent) -> Iterator[str]:
    body = sent.body
    if sent.method == "PUT" and sent.path.endswith("/commands"):
        yield from _commands(body)
    elif sent.path.endswith("/callback"):
        data = body.get("data") or {}
        if body["type"] in MESSAGE_CALLBACKS:
            yield from _message(data, sent.sizes, new=body["type"] == MESSAGE_CALLBACKS[0])
        elif body["type"] == MODAL:
            yield from _modal(data)
        elif body["type"] == AUTOCOMPLETE:
            yield from _autocomplete(data)
    elif sent.path.endswith("/threads"):
        yield from _length("thread name", body["name"], 100, least=1)
    elif ("/messages" in sent.path or sent.path.startswith("/webhooks")) and sent.method in ("POST", "PATCH"):
        yield from _message(body, sent.sizes, new=sent.method == "POST")


def _message(body: dict[str, Any], sizes: Sequence[int], *, new: bool) -> Iterator[str]:
    embeds, attachments = body.get("embeds") or [], body.get("attachments") or []
    yield from _length("content", body.get("content"), 2_000)
    if new and not (body.get("content") or embeds or attachments or body.get("components")):
        yield "an empty message"
    if new and (body.get("allowed_mentions") or {}).get("parse") != []:
        yield "mentions are allowed"
    if not new and not {"content", "embeds", "attachments", "components"} <= body.keys():
        yield "an edit that leaves something of the message before"
    if len(str(body.get("nonce") or "")) > 25 or ("nonce" in body and not body.get("enforce_nonce")):
        yield "a nonce that is too long or not enforced"
    names = [attachment["filename"] for attachment in attachments]
    yield from _embeds(embeds, names)
    yield from _components(body.get("components") or [])
    yield from _attachments(attachments, sizes)


def _embeds(embeds: list[dict[str, Any]], files: list[str]) -> Iterator[str]:
    if len(embeds) > 10:
        yield f"{len(embeds)} embeds"
    total = sum(len(words) for embed in embeds for words in _embed_words(embed))
    if total > 6_000:
        yield f"{total} characters in embeds"
    for embed in embeds:
        yield from _length("title", embed.get("title"), 256)
        yield from _length("description", embed.get("description"), 4_096)
        fields = embed.get("fields") or []
        if len(fields) > 25:
            yield f"{len(fields)} fields"
        for field in fields:
            yield from _length("field name", field["name"], 256, least=1)
            yield from _length("field value", field["value"], 1_024, least=1)
        url = (embed.get("image") or {}).get("url", "https://")
        if not url.startswith("https://") and url.removeprefix("attachment://") not in files:
            yield f"a picture that was not uploaded: {url}"
        if not any(embed.get(part) for part in ("title", "description", "fields", "image")):
            yield "an empty embed"


def _embed_words(embed: dict[str, Any]) -> Iterator[str]:
    yield from (embed.get("title") or "", embed.get("description") or "")
    for field in embed.get("fields") or []:
        yield from (field["name"], field["value"])


def _components(rows: list[dict[str, Any]]) -> Iterator[str]:
    if len(rows) > 5:
        yield f"{len(rows)} rows"
    parts = [part for row in rows for part in row["components"]]
    for row in rows:
        selects = sum(part["type"] == SELECT for part in row["components"])
        if len(row["components"]) > 5 or not row["components"] or (selects and len(row["components"]) > 1):
            yield "a row that is too full or empty"
    yield from _distinct("custom ids", [part["custom_id"] for part in parts])
    for part in parts:
        yield from _length("custom id", part["custom_id"], 100, least=1)
        yield from _length("label", part.get("label"), 80, least=1 if part["type"] == BUTTON else 0)
        if part["type"] == SELECT:
            yield from _select(part)


def _select(select: dict[str, Any]) -> Iterator[str]:
    options = select.get("options") or []
    if not 1 <= len(options) <= 25:
        yield f"a menu of {len(options)} options"
    yield from _length("placeholder", select.get("placeholder"), 150)
    yield from _distinct("option values", [option["value"] for option in options])
    for option in options:
        yield from _length("option label", option["label"], 100, least=1)
        yield from _length("option value", option["value"], 100, least=1)
        yield from _length("option description", option.get("description"), 100)


def _attachments(attachments: list[dict[str, Any]], sizes: Sequence[int]) -> Iterator[str]:
    names = [attachment["filename"] for attachment in attachments]
    yield from _distinct("file names", names)
    if len(attachments) > 10 or sum(sizes) > FILE_LIMIT:
        yield f"{len(attachments)} files of {sum(sizes)} bytes"
    for attachment in attachments:
        yield from _length("file description", attachment.get("description"), 1_024)
        if not re.fullmatch(r"[A-Za-z0-9._-]{1,120}", attachment["filename"]):
            yield f"a file name that Discord would change: {attachment['filename']}"


def _modal(modal: dict[str, Any]) -> Iterator[str]:
    yield from _length("modal title", modal["title"], 45, least=1)
    yield from _length("modal custom id", modal["custom_id"], 100, least=1)
    labels = modal["components"]
    if not 1 <= len(labels) <= 5:
        yield f"a form of {len(labels)} fields"
    yield from _distinct("fields", [label["component"]["custom_id"] for label in labels])
    for label in labels:
        part = label["component"]
        if label["type"] != LABEL or part["type"] not in (SELECT, TEXT_INPUT, FILE_UPLOAD):
            yield f"a form cannot hold {label}"
        yield from _length("field label", label["label"], 45, least=1)
        yield from _length("field description", label.get("description"), 100)
        yield from _length("field value", part.get("value"), 4_000)
        yield from _length("field placeholder", part.get("placeholder"), 150 if part["type"] == SELECT else 100)
        if part["type"] == SELECT:
            yield from _select(part)


def _autocomplete(data: dict[str, Any]) -> Iterator[str]:
    choices = data.get("choices") or []
    if len(choices) > 25:
        yield f"{len(choices)} completions"
    for choice in choices:
        yield from _length("completion", choice["name"], 100, least=1)
        yield from _length("completion value", str(choice["value"]), 100, least=1)


def _commands(commands: list[dict[str, Any]]) -> Iterator[str]:
    if len(commands) > 100:
        yield f"{len(commands)} commands"
    for command in commands:
        yield from _command(command)
        if (total := sum(map(len, _command_words(command)))) > 8_000:
            yield f"{command['name']}: {total} characters"


def _command(command: dict[str, Any]) -> Iterator[str]:
    options = command.get("options") or []
    if not re.fullmatch(r"[-_'\w]{1,32}", command["name"]) or command["name"] != command["name"].lower():
        yield f"the name {command['name']}"
    yield from _length(f"{command['name']}'s description", command["description"], 100, least=1)
    if len(options) > 25 or len(command.get("choices") or []) > 25:
        yield f"{command['name']}: too many options or choices"
    required = [bool(option.get("required")) for option in options if option["type"] > 2]
    if required != sorted(required, reverse=True):
        yield f"{command['name']}: an option that must be given stands after one that may"
    for choice in command.get("choices") or []:
        yield from _length("choice", choice["name"], 100, least=1)
    for option in options:
        yield from _command(option)


def _command_words(command: dict[str, Any]) -> Iterator[str]:
    yield from (command["name"], command["description"])
    for choice in command.get("choices") or []:
        yield from (choice["name"], str(choice["value"]))
    for option in command.get("options") or []:
        yield from _command_words(option)


def _length(what: str, text: str | None, most: int, *, least: int = 0) -> Iterator[str]:
    if not least <= len(text or "") <= most:
        yield f"{what} of {len(text or '')} characters"


def _distinct(what: str, values: Sequence[str]) -> Iterator[str]:
    if len(set(values)) < len(values):
        yield f"{what} that are equal: {sorted(values)}"
