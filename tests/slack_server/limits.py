"""Slack's published limits on messages and views, checked as the real service does: what breaks one is refused.

Written from docs.slack.dev, apart from the renderer's own numbers; slack_sdk's models look at every block as well.
"""

from collections.abc import Iterator
from typing import Any

from slack_sdk.errors import SlackObjectFormationError
from slack_sdk.models.blocks import Block

Json = dict[str, Any]

TEXTS = {"plain_text", "mrkdwn"}
SURFACES = {
    "message": {"header", "section", "divider", "image", "actions", "context", "rich_text", "markdown", "table"},
    "modal": {"header", "section", "divider", "image", "actions", "context", "rich_text", "input"},
    "home": {"header", "section", "divider", "image", "actions", "context", "rich_text", "input"},
}
METADATA_BYTES = 16_000


def problems_of_message(body: Json) -> list[str]:
    """Return what Slack would refuse in a message's arguments."""
    blocks = body.get("blocks") or []
    found = list(_blocks(blocks, "message", 50))
    if len(body.get("text", "")) > 4_000:
        found.append("msg_too_long: text of over 4,000 characters")
    if not blocks and not body.get("text"):
        found.append("no_text")
    if sum(map(_weight, blocks)) > 13_000:  # seen by others, not published
        found.append("msg_blocks_too_long")
    if (metadata := body.get("metadata")) and set(metadata) != {"event_type", "event_payload"}:
        found.append("metadata_must_be_sent_with_event_type_and_payload")
    if len(str(body.get("metadata", ""))) > METADATA_BYTES:
        found.append("metadata_too_large")
    return found


def problems_of_view(view: Json) -> list[str]:
    """Return what Slack would refuse in a modal or a home tab."""
    found = list(_blocks(view["blocks"], view["type"], 100))
    if view["type"] == "modal":
        for name in ("title", "submit", "close"):
            found += _text(view.get(name), f"view.{name}", 24, plain=True) if name in view else []
        found += ["view.title is missing"] if "title" not in view else []
        has_input = any(block["type"] == "input" for block in view["blocks"])
        found += ["view.submit is missing"] if has_input and "submit" not in view else []
        found += _longer(view.get("private_metadata", ""), "view.private_metadata", 3_000)
    found += _longer(view.get("callback_id", ""), "view.callback_id", 255)
    return found


def _blocks(blocks: list[Json], surface: str, limit: int) -> Iterator[str]:
    if len(blocks) > limit:
        yield f"{len(blocks)} blocks, and {limit} are allowed"
    ids = [block["block_id"] for block in blocks if "block_id" in block]
    if len(set(ids)) < len(ids):
        yield "block_ids are not unique"
    actions = [element["action_id"] for block in blocks for element in block.get("elements", [])]
    if len(set(actions)) < len(actions):
        yield "action_ids are not unique"
    for n, block in enumerate(blocks):
        where = f"blocks[{n}]"
        if block["type"] not in SURFACES[surface]:
            yield f"{where}: {block['type']} is not allowed in a {surface}"
        yield from _longer(block.get("block_id", ""), f"{where}.block_id", 255)
        yield from _block(block, where)
    try:
        for parsed in Block.parse_all(blocks):
            parsed.to_dict()  # validates what is inside, too
    except SlackObjectFormationError as error:
        yield f"slack_sdk: {error}"


def _block(block: Json, where: str) -> Iterator[str]:
    match block["type"]:
        case "header":
            yield from _text(block["text"], f"{where}.text", 150, plain=True)
        case "section":
            if "text" not in block and "fields" not in block:
                yield f"{where}: a section needs text or fields"
            if "text" in block:
                yield from _text(block["text"], f"{where}.text", 3_000)
            if not 1 <= len(block.get("fields", [None])) <= 10:
                yield f"{where}: 1 to 10 fields"
            for field in block.get("fields", []):
                yield from _text(field, f"{where}.fields", 2_000)
        case "actions":
            if not 1 <= len(block["elements"]) <= 25:
                yield f"{where}: 1 to 25 elements"
            for element in block["elements"]:
                yield from _element(element, where)
        case "input":
            yield from _text(block["label"], f"{where}.label", 2_000, plain=True)
            yield from _element(block["element"], where)


def _element(element: Json, where: str) -> Iterator[str]:
    yield from _longer(element["action_id"], f"{where}.action_id", 255)
    if not element["action_id"]:
        yield f"{where}: an action_id is empty"
    if "placeholder" in element:
        yield from _text(element["placeholder"], f"{where}.placeholder", 150, plain=True)
    match element["type"]:
        case "button":
            yield from _text(element["text"], f"{where}.button", 75, plain=True)
            yield from _longer(element.get("value", ""), f"{where}.value", 2_000)
            if element.get("style", "primary") not in ("primary", "danger"):
                yield f"{where}: no style {element['style']}"
        case "static_select":
            yield from _select(element, where)
        case "plain_text_input":
            yield from _longer(element.get("initial_value", ""), f"{where}.initial_value", 3_000)
        case "file_input":
            if not 1 <= element.get("max_files", 10) <= 10:
                yield f"{where}: 1 to 10 files"
        case kind:
            yield f"{where}: {kind} is not known here"


def _select(element: Json, where: str) -> Iterator[str]:
    groups = element.get("option_groups") or [{"options": element.get("options", [])}]
    if len(groups) > 100:
        yield f"{where}: {len(groups)} option groups"
    for group in groups:
        if not 1 <= len(group["options"]) <= 100:
            yield f"{where}: {len(group['options'])} options, and 1 to 100 are allowed"
        for option in group["options"]:
            yield from _text(option["text"], f"{where}.option", 75, plain=True)
            yield from _longer(option["value"], f"{where}.option.value", 150)
            if "description" in option:
                yield from _text(option["description"], f"{where}.option.description", 75, plain=True)


def _text(text: Any, where: str, limit: int, *, plain: bool = False) -> Iterator[str]:
    if not isinstance(text, dict) or text.get("type") not in TEXTS:
        yield f"{where}: not a text object"
        return
    if plain and text["type"] != "plain_text":
        yield f"{where}: must be plain_text"
    if not text["text"]:
        yield f"{where}: empty"
    yield from _longer(text["text"], where, limit)


def _longer(text: str, where: str, limit: int) -> Iterator[str]:
    if len(text) > limit:
        yield f"{where}: {len(text)} characters, and {limit} are allowed"


def _weight(block: Json) -> int:
    """Return roughly how many characters a block counts."""
    if isinstance(block, dict):
        return sum(len(key) + _weight(value) for key, value in block.items())
    return sum(map(_weight, block)) if isinstance(block, list) else len(str(block))
