"""Answers what somebody did on Slack, where they did it: privately or for all, in place, or as a form."""

import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Self

from slack_sdk.errors import SlackApiError

from bot.chat.slack_blocks import Json, Posting, modal, render
from bot.chat.slack_workspace import Workspace, code
from bot.view import File, Form, Message

log = logging.getLogger(__name__)

FILES_ELSEWHERE = "The file is in our direct messages."
TOO_LATE = ("expired_trigger_id", "exchanged_trigger_id", "trigger_expired")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where something was done: what Slack says of it, kept in a form's metadata until that is sent."""

    user: str
    channel: str | None = None  # none: the home tab, or a global shortcut
    response_url: str | None = None
    trigger: str | None = None
    direct: bool = False  # nobody but the bot listens here

    def dump(self) -> str:
        """Write it into a form; a trigger would have expired."""
        return json.dumps({key: value for key, value in asdict(self).items() if value and key != "trigger"})

    @classmethod
    def load(cls, metadata: str) -> Self:
        """Read it out of a form."""
        return cls(**json.loads(metadata))


class Answer:
    """The answer to one thing that somebody did."""

    def __init__(self, workspace: Workspace, origin: Origin, *, private: bool) -> None:
        self._workspace = workspace
        self._origin = origin
        self._private = private and not origin.direct  # there, an ordinary message is private, and it stays

    async def say(self, message: Message) -> None:
        """Answer with a message."""
        for posting in render(self._noted(message)):
            await self._post(posting)
        await self._share(message.files)

    async def replace(self, message: Message) -> None:
        """Answer by replacing the message that was pressed; where that has become impossible, with a new one."""
        first, *rest = render(self._noted(message))
        if not await self._respond(first, replace_original=True):
            await self._post(first)
        for posting in rest:
            await self._post(posting)
        await self._share(message.files)

    async def ask(self, form: Form) -> None:
        """Open a form; Slack allows that for three seconds."""
        try:
            view = modal(form, self._origin.dump())
            await self._workspace.client.views_open(trigger_id=self._origin.trigger or "", view=view)
        except SlackApiError as error:
            if code(error) not in TOO_LATE:
                raise
            await self.say(Message("That took me longer than Slack waits for a form. Please try once more."))

    def _noted(self, message: Message) -> Message:
        """Say where the files are: a private answer cannot hold any."""
        if not message.files or not self._private:
            return message
        return replace(message, body=f"{message.body}\n\n*{FILES_ELSEWHERE}*")

    async def _post(self, posting: Posting) -> None:
        how: Json = {"response_type": "ephemeral" if self._private else "in_channel", "replace_original": False}
        if await self._respond(posting, **how):
            return
        try:
            await self._post_in_channel(posting)
        except SlackApiError as error:  # we are not in that channel
            log.info("answering %s by direct message: %s", self._origin.user, code(error))
            await self._workspace.post(await self._direct(), posting)

    async def _respond(self, posting: Posting, **how: object) -> bool:
        url = self._origin.response_url
        return url is not None and await self._workspace.respond(url, posting, **how)

    async def _post_in_channel(self, posting: Posting) -> None:
        channel = self._origin.channel or await self._direct()
        if self._private:
            client = self._workspace.client
            await client.chat_postEphemeral(channel=channel, user=self._origin.user, **posting.body())
        else:
            await self._workspace.post(channel, posting)

    async def _share(self, files: Sequence[File]) -> None:
        """Upload files: into the channel, or by direct message."""
        if not files:
            return
        if self._private or self._origin.channel is None:
            await self._workspace.share(await self._direct(), files)
            return
        try:
            await self._workspace.share(self._origin.channel, files)
        except SlackApiError as error:
            log.info("sharing files with %s by direct message: %s", self._origin.user, code(error))
            await self._workspace.share(await self._direct(), files)

    async def _direct(self) -> str:
        return await self._workspace.direct(self._origin.user)
