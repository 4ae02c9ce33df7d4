"""What people do on Slack, as requests: commands, presses, forms, shortcuts, direct messages, the home tab."""

import asyncio
import logging
import re
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace

from bot.chat import slack_mrkdwn as mrkdwn
from bot.chat.command_line import read_command
from bot.chat.slack_answer import Answer, Origin
from bot.chat.slack_blocks import Json, filled_in, home
from bot.chat.slack_workspace import Workspace
from bot.command import ROUTES
from bot.dispatch import Request, Value, find_route
from bot.errors import UserError
from bot.view import Button, Edit, Form, Message, Refused, Reply, Upload, read_action

log = logging.getLogger(__name__)

CONFIGS = (".yaml", ".yml")
SUBMIT, ASK = "submit", "ask"  # what the shortcuts do, and with a shared config the first
HOME = ("profile", "plan")  # what the home tab shows, and what can be done there
HOME_BUTTONS = (
    Button("Drill now", "drill.next", "primary"),
    Button("Lessons", "lesson"),
    Button("Submit a run", SUBMIT),
    Button("Ask", ASK),
    Button("What I can do", "help"),
)

Dispatch = Callable[[Request], Awaitable[Reply]]
Checked = asyncio.Future[dict[str, str]]  # what is wrong with a form's fields; nothing, when it was taken
Given = Mapping[str, str | Json]  # a file is as Slack describes it


class Interactions:
    """Turns each of Slack's payloads into a request, and the reply into an answer. Payloads are trusted: bolt has
    checked their signature, or they came through our own socket.
    """

    def __init__(self, workspace: Workspace, dispatch: Dispatch) -> None:
        self._workspace = workspace
        self._dispatch = dispatch

    async def command(self, body: Json) -> None:
        """Run `/cohort …`; alone, it shows help."""
        origin = await self._origin(body["user_id"], body["channel_id"], body)
        async with self._errors_told(origin):
            route, values = read_command(mrkdwn.unescape(body["text"]).strip() or "help")
            _refuse_files(route, values)
            await self._run(origin, route, values)

    async def press(self, body: Json) -> None:
        """Run a button's action, or a menu's with what was chosen."""
        origin = await self._origin(body["user"]["id"], (body.get("channel") or {}).get("id"), body)
        pressed = body["actions"][0]
        chosen = pressed.get("selected_option")
        name, ids = read_action(pressed["action_id"].partition(":")[2])
        async with self._errors_told(origin):
            await self._run(origin, name, {**ids, "choice": chosen["value"]} if chosen else ids)

    async def form(self, body: Json, checked: Checked) -> None:
        """Run a form's action with what was filled in.

        `checked` is told what is wrong with it, by field; where nobody waits for that any more, a message is.
        """
        view = body["view"]
        origin = replace(Origin.load(view["private_metadata"]), user=body["user"]["id"], trigger=body.get("trigger_id"))
        name, ids = read_action(view["callback_id"])
        async with self._errors_told(origin):
            reply = await self._dispatch(await self._request(origin, name, {**ids, **filled_in(view["state"])}))
            errors = dict(reply.errors) if isinstance(reply, Refused) else {}
            told = not checked.done()
            if told:
                checked.set_result(errors)
            if not (told and errors):
                await self._show(origin, name, reply)

    async def shortcut(self, body: Json) -> None:
        """Run a shortcut. One on a message submits its config, a file or between code fences, or asks about it."""
        origin = await self._origin(body["user"]["id"], (body.get("channel") or {}).get("id"), body)
        message = body.get("message") or {}
        async with self._errors_told(origin):
            if body["callback_id"] == ASK:
                words = mrkdwn.unescape(message.get("text", "")).strip()
                await self._run(origin, ASK, {"question": words} if words else {})
                return
            file = next((file for file in message.get("files", []) if file["name"].endswith(CONFIGS)), None)
            values = {_file_option(body["callback_id"]): file} if file else {}
            await self._run(origin, body["callback_id"], values, _code(message.get("text", "")))

    async def message(self, body: Json) -> None:
        """Take a direct message: words are said, and a shared config is submitted."""
        event = body["event"]
        if event.get("channel_type") != "im" or event.get("subtype") not in (None, "file_share") or "bot_id" in event:
            return
        origin = Origin(event["user"], event["channel"], direct=True)
        for file in event.get("files", []):
            async with self._errors_told(origin):
                if not file["name"].endswith(CONFIGS):
                    raise UserError(f"I can't read `{file['name']}`.", "Configs are files that end in `.yaml`.")
                await self._run(origin, SUBMIT, {_file_option(SUBMIT): file})
        if event.get("text") and not event.get("files"):
            async with self._errors_told(origin):
                await self._run(origin, "say", {"text": mrkdwn.unescape(event["text"])})

    async def home(self, body: Json) -> None:
        """Draw the home tab when somebody opens it."""
        event = body["event"]
        if event.get("tab") == "home":
            origin = Origin(event["user"], direct=True)
            replies = [await self._dispatch(await self._request(origin, name, {})) for name in HOME]
            shown = [reply for reply in replies if isinstance(reply, Message)]
            await self._workspace.client.views_publish(user_id=event["user"], view=home(shown, HOME_BUTTONS))

    async def _origin(self, user: str, channel: str | None, body: Json) -> Origin:
        """Say where something was done. A command can be typed in the direct messages of two other people, too."""
        direct = channel is None or (channel[0] == "D" and channel == await self._workspace.direct(user))
        return Origin(user, channel, body.get("response_url"), body.get("trigger_id"), direct)

    async def _run(self, origin: Origin, route: str, values: Given, draft: str = "") -> None:
        reply = await self._dispatch(await self._request(origin, route, values))
        await self._show(origin, route, _prefilled(reply, draft) if isinstance(reply, Form) else reply)

    async def _show(self, origin: Origin, route: str, reply: Reply) -> None:
        answer = self._answer(origin, route)
        match reply:
            case Form():
                await answer.ask(reply)
            case Refused(Message() as message) | (Message() as message):
                await answer.say(message)
            case Refused(Edit(message)) | Edit(message):
                await answer.replace(message)

    async def _request(self, origin: Origin, route: str, given: Given) -> Request:
        team = self._workspace
        values: dict[str, Value] = {
            name: value if isinstance(value, str) else await team.download(value["id"]) for name, value in given.items()
        }
        talks = origin.channel is None or origin.channel[0] == "D"  # in others' direct messages we cannot speak
        channel = f"@{team.id}:{origin.user}" if talks else f"{team.id}:{origin.channel}"
        sender = await team.person(origin.user)
        return Request(sender, channel, route, values, (team.id, team.name), direct=origin.direct)

    def _answer(self, origin: Origin, route: str = "") -> Answer:
        known = ROUTES.get(route)
        return Answer(self._workspace, origin, private=known is None or known.private)

    @asynccontextmanager
    async def _errors_told(self, origin: Origin) -> AsyncIterator[None]:
        """Tell people their mistakes; of ours, only a reference."""
        try:
            yield
        except UserError as error:
            await self._answer(origin).say(Message("\n\n".join(filter(None, [str(error), error.hint]))))
        except Exception:
            reference = secrets.token_hex(3)
            log.exception("[%s] answering %s on Slack failed", reference, origin.user)
            await self._answer(origin).say(
                Message(f"I could not show you the answer to that. It is in the log as `{reference}`.")
            )


def _file_option(route: str) -> str:
    return next(option.name for option in find_route(route).options if option.type is Upload)


def _refuse_files(route: str, values: Mapping[str, str]) -> None:
    """Say that a command cannot carry a file on Slack, and what can."""
    for option in find_route(route).options:
        if option.type is Upload and option.name in values:
            raise UserError(
                f"There is no file `{values[option.name][:60]}` in a command: Slack cannot send one along.",
                f"Drop the file into our direct messages, or fill in the form that `/{route}` opens.",
            )


def _code(text: str) -> str:
    """Return what stands between code fences in somebody's message."""
    found = re.search(r"```\n?(.*?)\n?```", mrkdwn.unescape(text), re.DOTALL)
    return found[1] if found else ""


def _prefilled(form: Form, draft: str) -> Form:
    """Put a draft into a form's long fields."""
    if not draft:
        return form
    return replace(form, fields=tuple(replace(f, value=draft) if f.kind == "long" else f for f in form.fields))
