"""One Slack workspace as the bot sees it: who is there, and how words and files get to them."""

import asyncio
import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from aiohttp import ClientConnectorError, ClientError, ClientSession
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import (
    AsyncConnectionErrorRetryHandler,
    AsyncRateLimitErrorRetryHandler,
)
from slack_sdk.http_retry.request import HttpRequest
from slack_sdk.http_retry.response import HttpResponse
from slack_sdk.http_retry.state import RetryState
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.chat.slack_blocks import Json, Posting
from bot.errors import UserError
from bot.study.membership import Sender
from bot.view import File, Upload

log = logging.getLogger(__name__)

NAME = "slack"
API = "https://slack.com/api/"
PEOPLE_CACHED = 24 * 3600.0  # seconds
FILE_LIMIT = 8 * 2**20  # bytes
TIMEOUT = 30.0  # seconds
RATE_LIMIT_RETRIES = 3
PAUSE, PAUSE_LIMIT = 1.0, 60.0  # seconds between two tries to connect
REFUSED = ("account_inactive", "invalid_auth", "not_authed", "token_expired", "token_revoked")
ONCE = ("chat.postMessage", "chat.postEphemeral", "files.completeUploadExternal")  # not to be said twice
QUIET: Json = {"unfurl_links": False, "unfurl_media": False}


class Reconnect(AsyncConnectionErrorRetryHandler):
    """Tries again when the connection broke, but not what may have been done although its answer was lost."""

    async def _can_retry_async(
        self,
        *,
        state: RetryState,
        request: HttpRequest,
        response: HttpResponse | None = None,
        error: Exception | None = None,
    ) -> bool:
        if request.url.endswith(ONCE) and not isinstance(error, ClientConnectorError):
            return False
        return await super()._can_retry_async(state=state, request=request, response=response, error=error)


class Workspace:
    """One workspace's people, channels and files. Ids of people and channels carry its id: `T1:U2`, `T1:C3`."""

    def __init__(
        self, client: AsyncWebClient, session: ClientSession, team_id: str, team: str, user_id: str, bot_id: str
    ) -> None:
        self.client = client
        self.id = team_id
        self.name = team
        self.bot_user = user_id
        self.bot_id = bot_id
        self._session = session
        self._people: dict[str, tuple[Sender, float]] = {}
        self._direct: dict[str, str] = {}

    def with_token(self, token: str) -> Self:
        """Go on with a new token."""
        self.client.token = token
        return self

    async def person(self, user: str) -> Sender:
        """Return somebody with their name and timezone, asked of Slack once a day."""
        known, until = self._people.get(user, (None, 0.0))
        if known and time.monotonic() < until:
            return known
        try:
            found: Json = (await self.client.users_info(user=user))["user"]
        except SlackApiError as error:  # strangers of a shared channel, or a scope that is missing
            log.warning("Slack does not say who %s is: %s", user, code(error))
            return Sender(NAME, f"{self.id}:{user}", user)
        profile = found.get("profile", {})
        name = profile.get("display_name") or profile.get("real_name") or found["name"]
        admin = bool(found.get("is_admin") or found.get("is_owner"))
        sender = Sender(NAME, f"{self.id}:{user}", name, found.get("tz"), admin)
        self._people[user] = (sender, time.monotonic() + PEOPLE_CACHED)
        return sender

    async def resolve(self, address: str) -> str:
        """Return the id of a channel; `@` and a person stand for their direct messages."""
        place = address.removeprefix("@").rpartition(":")[2]
        return await self.direct(place) if address.startswith("@") else place

    async def direct(self, user: str) -> str:
        """Return the channel of somebody's direct messages with us."""
        if user not in self._direct:
            self._direct[user] = (await self.client.conversations_open(users=user))["channel"]["id"]
        return self._direct[user]

    async def post(self, channel: str, posting: Posting, **more: Any) -> str:
        """Post a message; return its timestamp, which is its id."""
        answer = await self.client.chat_postMessage(channel=channel, **posting.body(), **QUIET, **more)
        return str(answer["ts"])

    async def respond(self, url: str, posting: Posting, **how: Any) -> bool:
        """Answer an interaction; False when its URL is too old or used up."""
        hook = AsyncWebhookClient(url, session=self._session, retry_handlers=self.client.retry_handlers)
        answer = await hook.send_dict({**posting.body(), **QUIET, **how})
        return answer.status_code == 200

    async def share(self, channel: str, files: Sequence[File], thread: str | None = None) -> None:
        """Upload files into a channel, joining it where that is needed, or into a message's thread."""
        uploads = [
            {"file": file.path or file.data, "filename": file.name, "title": file.name, "alt_txt": file.alt or None}
            for file in files
        ]
        try:
            await self.client.files_upload_v2(channel=channel, thread_ts=thread, file_uploads=uploads)
        except SlackApiError as error:
            if code(error) != "not_in_channel":
                raise
            await self.client.conversations_join(channel=channel)
            await self.client.files_upload_v2(channel=channel, thread_ts=thread, file_uploads=uploads)

    async def download(self, file: str) -> Upload:
        """Fetch a file that somebody shared; raises UserError when it is too large or cannot be read."""
        about: Json = (await self.client.files_info(file=file))["file"]
        if about.get("size", 0) > FILE_LIMIT:
            raise UserError(f"`{about['name']}` is too large.", f"I read up to {FILE_LIMIT // 2**20} MB.")
        headers = {"Authorization": f"Bearer {self.client.token}"}
        async with self._session.get(about["url_private_download"], headers=headers) as answer:
            if answer.status != 200 or answer.content_type == "text/html":  # a sign-in page: the scope is missing
                raise UserError(f"Slack does not let me read `{about['name']}`.", "Try `/submit` without a file.")
            return Upload(Path(about["name"]).name, await answer.read())


def retrying_client(session: ClientSession, token: str, base_url: str) -> AsyncWebClient:
    """Return a client that waits out rate limits and broken connections."""
    retries = [Reconnect(), AsyncRateLimitErrorRetryHandler(max_retry_count=RATE_LIMIT_RETRIES)]
    return AsyncWebClient(token=token, base_url=base_url, session=session, retry_handlers=retries)


async def identify(client: AsyncWebClient) -> dict[str, str]:
    """Ask Slack who we are, until it can be reached; raises UserError when it does not know the token."""
    pause = PAUSE
    while True:
        try:
            answer = await client.auth_test()
            return {key: answer[key] for key in ("team_id", "team", "user_id", "bot_id")}
        except SlackApiError as error:
            if code(error) in REFUSED:
                raise UserError(
                    f"Slack refuses the bot's token: {code(error)}.", "It begins with xoxb-, from the app's OAuth page."
                ) from None
            log.warning("Slack does not say who we are: %s", code(error))
        except (ClientError, TimeoutError) as error:
            log.warning("Slack cannot be reached: %r", error)
        await asyncio.sleep(pause)
        pause = min(2 * pause, PAUSE_LIMIT)


def code(error: SlackApiError) -> str:
    """Return Slack's name for what went wrong."""
    data = error.response.data if hasattr(error.response, "data") else {}
    return str(data.get("error", "unknown") if isinstance(data, dict) else "unknown")
