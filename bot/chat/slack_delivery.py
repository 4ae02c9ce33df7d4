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
UNREADABLE = ("not_in_channel", "missing_scope", "thread_not_found")  # no reason not to speak there
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
        "thread_not_found",
        "user_disabled",
        "user_not_found",
    }
)


@dataclass(frozen=True, slots=True)
class Place:
    """A channel, or the thread in it that hangs on the message with that timestamp."""

    channel: str
    thread: str | None = None


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
        self._read: set[Place] = set()  # those whose history is known
        self._said: dict[str, Said] = {}  # by key

    async def send(self, address: str, message: Message, key: str, under: str | None = None) -> str:
        """Say something once, in the thread of the message whose reference is `under`, if given.

        Returns its reference: its messages' timestamps, behind that of its thread if it has one. Raises
        UndeliverableError.
        """
        with _hopeless():
            place = Place(await self._workspace.resolve(address), under.split(",")[0] if under else None)
            await self._look_back(place)
            said = self._said.setdefault(key, Said())
            try:
                await self._send(place, message, key, said)
            except Exception:  # was it said? the history knows
                self._read.discard(place)
                raise
            self._forget()
            stamps = ",".join(said.parts[part] for part in sorted(said.parts))
            return f"{place.thread}:{stamps}" if place.thread else stamps

    async def edit(self, address: str, reference: str, message: Message) -> None:
        """Replace a message; its files stay as they are. Raises UndeliverableError."""
        with _hopeless():
            channel = await self._workspace.resolve(address)
            thread, _, said = reference.rpartition(":")
            stamps, postings = said.split(","), render(message)
            for stamp, posting in zip(stamps, postings, strict=False):
                await self._workspace.client.chat_update(channel=channel, ts=stamp, **posting.body())
            for posting in postings[len(stamps) :]:
                await self._workspace.post(channel, posting, thread_ts=thread or None)
            for stamp in stamps[len(postings) :]:
                await self._workspace.client.chat_delete(channel=channel, ts=stamp)

    async def _send(self, place: Place, message: Message, key: str, said: Said) -> None:
        for part, posting in enumerate(render(message)):
            if part not in said.parts:
                metadata = {"event_type": EVENT, "event_payload": {"key": key, "part": part}}
                where = {"thread_ts": place.thread, "metadata": metadata}
                said.parts[part] = await self._workspace.post(place.channel, posting, **where)
        if message.files and not said.has_files:
            await self._workspace.share(place.channel, message.files, place.thread or said.parts[0])
            said.has_files = True

    async def _look_back(self, place: Place) -> None:
        """Learn from the history of a channel or a thread what was said there."""
        if place in self._read:
            return
        last = Said()
        for message in sorted(await self._history(place), key=lambda message: message["ts"]):
            metadata = message.get("metadata") or {}
            if metadata.get("event_type") == EVENT:
                payload = metadata["event_payload"]
                last = self._said.setdefault(payload["key"], Said())
                last.parts[payload["part"]] = message["ts"]
                if not place.thread:
                    last.has_files |= bool(message.get("reply_count"))  # they are in its thread
            elif place.thread and message.get("files"):  # in a thread, files follow their words
                last.has_files = True
        self._read.add(place)

    async def _history(self, place: Place) -> list[Json]:
        """Read the last messages of a place, joining it where that is needed; none where that is not allowed."""
        try:
            return await self._messages(place)
        except SlackApiError as error:
            if code(error) not in UNREADABLE:
                raise
        with suppress(SlackApiError):
            await self._workspace.client.conversations_join(channel=place.channel)
            return await self._messages(place)
        return []

    async def _messages(self, place: Place) -> list[Json]:
        client = self._workspace.client
        how: Json = {"channel": place.channel, "limit": HISTORY, "include_all_metadata": True}
        if place.thread:
            answer = await client.conversations_replies(ts=place.thread, **how)
        else:
            answer = await client.conversations_history(**how)
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
