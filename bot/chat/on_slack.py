"""Slack: commands, buttons, forms, direct messages and a home tab, in one workspace or many, through slack_bolt.

With an app token, Slack talks to us through a socket that we open (Socket Mode); with a signing secret, by signed
HTTP requests to `/slack/events`. Either way a request is acknowledged before the work on it begins; only a form may
wait a little for what is wrong with it.
"""

import asyncio
import logging
import re
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from aiohttp import web
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.app.async_server import AsyncSlackAppServer
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.chat.slack_blocks import Json
from bot.chat.slack_delivery import Deliveries
from bot.chat.slack_interactions import Checked, Dispatch, Interactions
from bot.chat.slack_mrkdwn import COMMAND
from bot.chat.slack_teams import Authorize, InstalledTeams, OneTeam, Teams
from bot.chat.slack_workspace import API, NAME, code
from bot.errors import UserError
from bot.view import Message

__all__ = ["NAME", "InstalledTeams", "OneTeam", "SlackChat", "Teams"]

log = logging.getLogger(__name__)

PATH = "/slack/events"
ANYTHING = re.compile("")
REMEMBERED = 1000  # deliveries of Slack's, which may come twice
NOT_INSTALLED = "I am not installed in this workspace any more. An admin can install me anew."
FORM_PATIENCE = 2.0  # seconds for checking what was filled in; Slack gives up after 3
AT_ONCE = 16  # answers worked on; of more, the rest wait, so that acknowledging does not
STOP_PATIENCE = 10.0  # seconds for answers that are under way
BACKLOG = 1024  # connections that wait to be taken; one that finds no place is tried again only after a second

Work = Callable[[Interactions, Json], Coroutine[None, None, None]]


class SlackChat:
    """Cohort on Slack. Channels are addressed as `T1:C2`, people's direct messages as `@T1:U3`."""

    def __init__(
        self,
        dispatch: Dispatch,
        teams: Teams,
        *,
        app_token: str | None = None,
        signing_secret: str | None = None,
        base_url: str = API,
        host: str = "0.0.0.0",  # noqa: S104  (Slack comes from outside)
        port: int = 3000,
    ) -> None:
        if not app_token and not signing_secret:
            raise UserError(
                "Slack needs one thing more than its tokens for the bot.",
                "An app token (xapp-…) for Socket Mode, or the signing secret for HTTP.",
            )
        self._dispatch = dispatch
        self._teams = teams
        self._app_token = app_token
        self._signing_secret = signing_secret
        self._base_url = base_url
        self._address = (host, port)
        self._seen: deque[str] = deque(maxlen=REMEMBERED)
        self._room = asyncio.Semaphore(AT_ONCE)
        self._answering: set[asyncio.Task[None]] = set()
        self._interactions: dict[str, Interactions] = {}  # by team
        self._deliveries: dict[str, Deliveries] = {}
        self._socket: AsyncSocketModeHandler | None = None
        self._server: web.AppRunner | None = None

    async def start(self) -> None:
        """Connect, which takes until Slack can be reached; raises UserError when it refuses our tokens."""
        try:
            await self._teams.start()
            app = self._listening()
            await (self._open_socket(app, self._app_token) if self._app_token else self._serve(app))
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Take nothing new, finish what is being answered, and disconnect."""
        if self._socket:
            await self._socket.close_async()  # type: ignore[no-untyped-call]
        if self._server:
            await self._server.cleanup()
        if self._answering:
            await asyncio.wait(self._answering, timeout=STOP_PATIENCE)
        await self._teams.close()

    async def idle(self) -> None:
        """Wait until everything that people did has been answered."""
        while self._answering:
            await asyncio.wait(self._answering)

    @property
    def url(self) -> str:
        """Where Slack's requests are taken, without Socket Mode."""
        assert self._server  # noqa: S101  (started)
        host, port = self._server.addresses[0][:2]
        return f"http://{host}:{port}{PATH}"

    async def send(self, channel: str, message: Message, nonce: str, under: str | None = None) -> str:
        """Say something once, in the thread of another message if given; return its reference.

        Raises UndeliverableError.
        """
        deliveries = await self._deliveries_of(channel)
        return await deliveries.send(channel, message, nonce, under)

    async def edit(self, channel: str, reference: str, message: Message) -> None:
        """Replace a message. Raises UndeliverableError."""
        deliveries = await self._deliveries_of(channel)
        await deliveries.edit(channel, reference, message)

    async def _deliveries_of(self, address: str) -> Deliveries:
        team = await self._teams.of(address.removeprefix("@").rpartition(":")[0])
        return self._deliveries.setdefault(team.id, Deliveries(team))

    async def _interactions_of(self, body: Json) -> Interactions:
        team = await self._teams.of(body.get("team_id") or (body.get("team") or {}).get("id", ""))
        return self._interactions.setdefault(team.id, Interactions(team, self._dispatch))

    def _listening(self) -> AsyncApp:
        app = AsyncApp(
            client=AsyncWebClient(base_url=self._base_url),
            signing_secret=self._signing_secret,
            authorize=Authorize(self._teams),  # type: ignore[arg-type]  # None is allowed: not installed
            oauth_settings=self._teams.oauth,
            user_facing_authorize_error_message=NOT_INSTALLED,
        )
        app.command(COMMAND)(self._listener(Interactions.command))
        app.action(ANYTHING)(self._listener(Interactions.press))
        app.view(ANYTHING)(self._on_form)
        app.shortcut(ANYTHING)(self._listener(Interactions.shortcut))
        app.event("message")(self._listener(Interactions.message))
        app.event("app_home_opened")(self._listener(Interactions.home))
        if self._teams.oauth:
            app.enable_token_revocation_listeners()
        return app

    def _listener(self, work: Work) -> Callable[..., Awaitable[None]]:
        """Acknowledge at once and work in the background; what Slack brings again is acknowledged only."""

        async def listener(ack: AsyncAck, body: Json) -> None:
            if self._is_new(body):
                self._begin(work, body)
            await ack()

        return listener

    async def _on_form(self, ack: AsyncAck, body: Json) -> None:
        """Acknowledge a form with what is wrong in it, where that is known in time: it then stays open."""
        checked: Checked = asyncio.get_running_loop().create_future()
        if self._is_new(body):
            task = self._begin(lambda interactions, body: interactions.form(body, checked), body)
            either: list[asyncio.Future[Any]] = [task, checked]
            await asyncio.wait(either, timeout=FORM_PATIENCE, return_when=asyncio.FIRST_COMPLETED)
        if checked.done() and (errors := checked.result()):
            await ack(response_action="errors", errors=errors)
        else:
            checked.cancel()
            await ack()

    def _is_new(self, body: Json) -> bool:
        key = str(body.get("event_id") or body["trigger_id"])
        if key in self._seen:
            return False
        self._seen.append(key)
        return True

    def _begin(self, work: Work, body: Json) -> asyncio.Task[None]:
        task = asyncio.create_task(self._do(work, body))
        self._answering.add(task)
        task.add_done_callback(self._answered)
        return task

    async def _do(self, work: Work, body: Json) -> None:
        async with self._room:
            await work(await self._interactions_of(body), body)

    def _answered(self, task: asyncio.Task[None]) -> None:
        self._answering.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("something done on Slack stays without an answer", exc_info=error)

    async def _open_socket(self, app: AsyncApp, token: str) -> None:
        self._socket = AsyncSocketModeHandler(app, token)
        try:
            self._socket.client.wss_uri = await self._socket.client.issue_new_wss_url()
        except SlackApiError as error:  # connect_async would try again for ever
            raise UserError(
                f"Slack refuses the app token: {code(error)}.",
                "It begins with xapp- and has the scope connections:write.",
            ) from None
        await self._socket.connect_async()  # type: ignore[no-untyped-call]

    async def _serve(self, app: AsyncApp) -> None:
        host, port = self._address
        self._server = web.AppRunner(AsyncSlackAppServer(port, PATH, app, host).web_app)
        await self._server.setup()
        await web.TCPSite(self._server, host, port, backlog=BACKLOG).start()
