"""What a person does in front of Slack: types, presses, fills in, shares; each becomes a delivery to the app."""

from collections.abc import Mapping
from typing import Any

from tests.slack_server.server import SlackServer
from tests.slack_server.state import TEAM, Channel, Json, Post, ResponseUrl, Trigger, User, View


class Person:
    """Somebody at a Slack client, looking at one channel."""

    def __init__(self, slack: SlackServer, user: User, channel: Channel) -> None:
        self.slack = slack
        self.user = user
        self.channel = channel

    @property
    def direct(self) -> Channel:
        """Their direct messages with the bot."""
        return self.slack.direct(self.user.id)

    def sees(self) -> list[Post]:
        """Return the messages in front of them, oldest first."""
        return self.slack.seen_by(self.user.id)

    async def command(self, text: str, channel: Channel | None = None) -> Json:
        """Type `/cohort text`."""
        place = channel or self.channel
        payload = {"command": "/cohort", "text": _escaped(text), "team_id": TEAM, "team_domain": "study"}
        payload |= {"channel_id": place.id, "channel_name": place.name, "user_id": self.user.id}
        payload |= {"user_name": self.user.name.lower(), **self._trigger(), "response_url": self._url(place, None)}
        return await self.slack.deliver("command", payload)

    async def say(self, text: str, files: Mapping[str, bytes] | None = None) -> Json:
        """Write the bot a direct message, with or without files."""
        shared = [self.slack.share(self.user.id, name, data) for name, data in (files or {}).items()]
        post = self.slack.post(self.direct, self.user.id, {"text": text})
        event: Json = {"type": "message", "channel_type": "im", "channel": self.direct.id, "user": self.user.id}
        event |= {"text": _escaped(text), "ts": post.ts}
        if shared:
            event |= {"subtype": "file_share", "files": [{"id": file.id, "name": file.name} for file in shared]}
        return await self.event(event)

    async def open_home(self) -> Json:
        """Open the app's home tab."""
        return await self.event({"type": "app_home_opened", "tab": "home", "user": self.user.id, "channel": "D0"})

    async def event(self, event: Json) -> Json:
        envelope = {"type": "event_callback", "team_id": TEAM, "api_app_id": "A0", "event_id": self.slack.new_id("Ev")}
        return await self.slack.deliver("event", envelope | {"event": event})

    async def press(self, label: str, post: Post | None = None) -> Json:
        """Press the newest button with a label, or one of a certain message."""
        for shown in [post] if post else reversed(self.sees()):
            for element in elements(shown.blocks):
                if element["type"] == "button" and element["text"]["text"] == label:
                    return await self._act({**element, "type": "button"}, shown)
        raise LookupError(f"no button {label}")

    async def choose(self, label: str, post: Post | None = None) -> Json:
        """Choose an option in a message's menu."""
        for shown in [post] if post else reversed(self.sees()):
            for element in elements(shown.blocks):
                for option in element.get("options", []):
                    if option["text"]["text"] == label:
                        return await self._act({**element, "selected_option": option}, shown)
        raise LookupError(f"no option {label}")

    async def press_at_home(self, label: str) -> Json:
        """Press a button of the home tab: such a press comes from no channel."""
        home = self.slack.homes[self.user.id]
        button = next(e for e in elements(home["blocks"]) if e.get("text", {}).get("text") == label)
        container = {"type": "view", "view_id": "V0"}
        return await self._interact("block_actions", actions=[button], container=container, view=home)

    async def _act(self, element: Json, post: Post) -> Json:
        place = self.slack.channels[post.channel]
        container = {"type": "message", "message_ts": post.ts, "channel_id": place.id}
        return await self._interact(
            "block_actions",
            actions=[element],
            container=container | {"is_ephemeral": post.only_for is not None},
            channel={"id": place.id, "name": place.name},
            message={"ts": post.ts, **post.body},
            response_url=self._url(place, post),
        )

    async def shortcut(self, callback_id: str) -> Json:
        """Use a global shortcut."""
        return await self._interact("shortcut", callback_id=callback_id)

    async def message_shortcut(self, callback_id: str, post: Post) -> Json:
        """Use a shortcut on somebody's message."""
        place = self.slack.channels[post.channel]
        files = [{"id": file.id, "name": file.name} for file in post.files]
        message = {"ts": post.ts, "user": post.user, **post.body, **({"files": files} if files else {})}
        channel = {"id": place.id, "name": place.name}
        url = self._url(place, None)
        return await self._interact(
            "message_action", callback_id=callback_id, message=message, channel=channel, response_url=url
        )

    @property
    def modal(self) -> View | None:
        """The modal in front of them."""
        return next((view for view in self.slack.views.values() if view.user == self.user.id), None)

    def leave(self) -> None:
        """Close the modal; the app hears nothing of it."""
        if modal := self.modal:
            del self.slack.views[modal.id]

    async def fill_in(self, values: Mapping[str, str | tuple[str, bytes]]) -> Json:
        """Fill in the modal and send it; a field that is not named keeps what it shows.

        It stays open when the app says what is wrong, by fields that it has.
        """
        modal = self.modal
        assert modal
        del self.slack.views[modal.id]
        state = {b["block_id"]: self._filled(b, values) for b in modal.body["blocks"] if b["type"] == "input"}
        view = {**modal.body, "id": modal.id, "state": {"values": state}}
        acknowledged = await self._interact("view_submission", view=view)
        if acknowledged.get("response_action") == "errors":
            assert set(acknowledged["errors"]) <= state.keys()
            self.slack.views[modal.id] = modal
        return acknowledged

    def _filled(self, block: Json, values: Mapping[str, str | tuple[str, bytes]]) -> Json:
        """Return a field's state; further inputs of a long text are cleared when the text is replaced."""
        element, name = block["element"], block["block_id"]
        first, _, continued = name.partition("~")
        value: Any = values.get(name, "" if continued and first in values else None)
        state: Json = {"type": element["type"]}
        match element["type"]:
            case "plain_text_input":
                state["value"] = (element.get("initial_value") if value is None else value) or None
                if len(state["value"] or "") > 3000:
                    raise ValueError("Slack's inputs hold 3,000 characters")
            case "static_select":
                options = [o for g in element.get("option_groups", [element]) for o in g["options"]]
                chosen = next((o for o in options if o["value"] == value), element.get("initial_option"))
                state["selected_option"] = chosen
            case "file_input":
                file = self.slack.share(self.user.id, *value) if value else None
                state["files"] = [{"id": file.id, "name": file.name}] if file else []
        return {element["action_id"]: state}

    async def _interact(self, kind: str, **payload: Any) -> Json:
        user = {"id": self.user.id, "username": self.user.name.lower(), "team_id": TEAM}
        body = {"type": kind, "team": {"id": TEAM, "domain": "study"}, "user": user, "api_app_id": "A0"}
        return await self.slack.deliver("interaction", {**body, **self._trigger(), **payload})

    def _trigger(self) -> Json:
        trigger = self.slack.new_id("Tr")
        self.slack.triggers[trigger] = Trigger(self.user.id, self.slack.now() + 3)
        return {"trigger_id": trigger}

    def _url(self, place: Channel, pressed: Post | None) -> str:
        token = self.slack.new_id("R")
        self.slack.response_urls[token] = ResponseUrl(place.id, self.user.id, pressed, self.slack.now() + 1800)
        return f"{self.slack.url}/response/{token}"


def elements(blocks: list[Json]) -> list[Json]:
    """Return the buttons and menus of some blocks."""
    return [element for block in blocks if block["type"] == "actions" for element in block["elements"]]


def words(blocks: list[Json]) -> str:
    """Return the words of some blocks as a person reads them."""
    return "\n".join(_words(block) for block in blocks)


SHOWN = ("text", "description", "placeholder", "fields", "elements", "options", "label", "element")


def _words(part: Any) -> str:
    if isinstance(part, list):
        return "\n".join(map(_words, part))
    if not isinstance(part, dict):
        return ""
    if isinstance(part.get("text"), str):
        text = part["text"]
        if part["type"] == "mrkdwn":
            text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
        return str(text)
    shown = [_words(part[key]) for key in SHOWN if key in part]
    return "\n".join(shown)


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
