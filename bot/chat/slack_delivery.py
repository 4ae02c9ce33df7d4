"""What is said unasked on Slack: said once, edited in place, and given up where trying again cannot help."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from slack_sdk.errors import SlackApiError

from bot.chat.slack_blocks import Json, render
from bot.chat.slack_workspace import Workspace, code
from bot.delivery import UndeliverableError
from bot.view import Message

EVENT = "cohort_delivery"  # the metadata's type
HISTORY = 200  # messages looked through for what was said already
REMEMBERED = 10_000  # deliveries
UNREADABLE = ("not_in_channel", "missing_scope")  # no reason not to speak there
HOPELESS = frozenset(
    {
        "account_inactive",
        "cannot_dm_bot",
        "cant_update_message",
        "channel_not_found",
        "edit_window_closed",
        "is_archived",
        "message_not_found",
        "not_in_channel",
        "restricted_action",
        "user_disabled",
        "user_not_found",
    }
)


@dataclass(slots=True)
class Said:
    """What became of one delivery: its messages' timestamps in their order, and whether its files are there."""

    parts: dict[int, str] = field(default_factory=dict)
    has_files: bool = False


class Deliveries:
    """Sends and edits. A delivery's key is kept in the message's metadata, by which it is found again.

    What this process did not say itself, the one before it may have said: a channel's history is read once before
    its first message, and again whenever an answer was lost.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._read: set[str] = set()  # channels whose history is known
        self._said: dict[str, Said] = {}  # by key

    async def send(self, address: str, message: Message, key: str) -> str:
        """Say something once; return its reference. Raises UndeliverableError."""
        with _hopeless():
            channel = await self._workspace.resolve(address)
            await self._look_back(channel)
            said = self._said.setdefault(key, Said())
            try:
                await self._send(channel, message, key, said)
            except Exception:  # was it said? the history knows
                self._read.discard(channel)
                raise
            self._forget()
            return ",".join(said.parts[part] for part in sorted(said.parts))

    async def edit(self, address: str, reference: str, message: Message) -> None:
        """Replace a message; its files stay as they are. Raises UndeliverableError."""
        with _hopeless():
            channel = await self._workspace.resolve(address)
            stamps, postings = reference.split(","), render(message)
            for stamp, posting in zip(stamps, postings, strict=False):
                await self._workspace.client.chat_update(channel=channel, ts=stamp, **posting.body())
            for posting in postings[len(stamps) :]:
                await self._workspace.post(channel, posting)
            for stamp in stamps[len(postings) :]:
                await self._workspace.client.chat_delete(channel=channel, ts=stamp)

    async def _send(self, channel: str, message: Message, key: str, said: Said) -> None:
        for part, posting in enumerate(render(message)):
            if part not in said.parts:
                metadata = {"event_type": EVENT, "event_payload": {"key": key, "part": part}}
                said.parts[part] = await self._workspace.post(channel, posting, metadata=metadata)
        if message.files and not said.has_files:
            await self._workspace.share(channel, message.files, said.parts[0])
            said.has_files = True

    async def _look_back(self, channel: str) -> None:
        """Learn from a channel's history what was said there."""
        if channel in self._read:
            return
        for message in await self._history(channel):
            metadata = message.get("metadata") or {}
            if metadata.get("event_type") == EVENT:
                payload = metadata["event_payload"]
                said = self._said.setdefault(payload["key"], Said())
                said.parts[payload["part"]] = message["ts"]
                said.has_files |= bool(message.get("reply_count"))  # they are in its thread
        self._read.add(channel)

    async def _history(self, channel: str) -> list[Json]:
        """Read a channel's last messages, joining it where that is needed; none where that is not allowed."""
        try:
            return await self._messages(channel)
        except SlackApiError as error:
            if code(error) not in UNREADABLE:
                raise
        with suppress(SlackApiError):
            await self._workspace.client.conversations_join(channel=channel)
            return await self._messages(channel)
        return []

    async def _messages(self, channel: str) -> list[Json]:
        client = self._workspace.client
        answer = await client.conversations_history(channel=channel, limit=HISTORY, include_all_metadata=True)
        messages: list[Json] = answer["messages"]
        return messages

    def _forget(self) -> None:
        while len(self._said) > REMEMBERED:
            del self._said[next(iter(self._said))]


@contextmanager
def _hopeless() -> Iterator[None]:
    """Tell apart what trying again cannot help."""
    try:
        yield
    except SlackApiError as error:
        if code(error) in HOPELESS:
            raise UndeliverableError(f"Slack says {code(error)}") from error
        raise
