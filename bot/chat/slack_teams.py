"""The workspaces that we are in: one whose token is in the settings, or all that installed us through OAuth."""

import asyncio
from typing import Any, Protocol

from aiohttp import ClientSession, ClientTimeout
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.authorization.async_authorize import AsyncAuthorize
from slack_bolt.oauth.async_oauth_settings import AsyncOAuthSettings
from slack_sdk.oauth.installation_store import Bot
from slack_sdk.oauth.installation_store.sqlalchemy import AsyncSQLAlchemyInstallationStore
from slack_sdk.oauth.state_store.sqlalchemy import AsyncSQLAlchemyOAuthStateStore
from slack_sdk.oauth.token_rotation.async_rotator import AsyncTokenRotator
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.chat.slack_manifest import SCOPES
from bot.chat.slack_workspace import API, TIMEOUT, Workspace, identify, retrying_client
from bot.delivery import UndeliverableError

STATE_SECONDS = 600  # in which an installation that was begun must be finished


class Teams(Protocol):
    """Where we are installed."""

    @property
    def oauth(self) -> AsyncOAuthSettings | None:
        """How workspaces install us; None where there is one that has."""

    async def start(self) -> None:
        """Get ready; raises UserError when Slack refuses us."""

    async def of(self, team: str) -> Workspace:
        """Return a workspace by its id; raises UndeliverableError where we are not installed."""

    async def close(self) -> None:
        """Close the connections."""


class OneTeam:
    """The workspace of one token. Who comes through a shared channel is taken for one of its people."""

    oauth = None

    def __init__(self, bot_token: str, base_url: str = API) -> None:
        self._token = bot_token
        self._base_url = base_url
        self._session: ClientSession | None = None
        self._workspace: Workspace | None = None

    async def start(self) -> None:
        """Ask Slack whose token it is, until it can be reached."""
        self._session = ClientSession(timeout=ClientTimeout(total=TIMEOUT))
        client = retrying_client(self._session, self._token, self._base_url)
        self._workspace = Workspace(client, self._session, **await identify(client))

    async def of(self, team: str) -> Workspace:
        """Return the workspace, whatever it is called."""
        if self._workspace is None:
            raise ConnectionError("Slack is not connected yet")
        return self._workspace

    async def close(self) -> None:
        """Close the connections."""
        if self._session:
            await self._session.close()


class InstalledTeams:
    """The workspaces that installed us; their tokens are in our database, and are renewed before they expire."""

    def __init__(self, engine: AsyncEngine, client_id: str, client_secret: str, base_url: str = API) -> None:
        self._base_url = base_url
        self._store = AsyncSQLAlchemyInstallationStore(client_id, engine)
        self._states = AsyncSQLAlchemyOAuthStateStore(STATE_SECONDS, engine)
        self._rotator = AsyncTokenRotator(
            client_id=client_id, client_secret=client_secret, client=AsyncWebClient(base_url=base_url)
        )
        self._rotating = asyncio.Lock()
        self._session: ClientSession | None = None
        self._workspaces: dict[str, Workspace] = {}
        self.oauth = AsyncOAuthSettings(
            client_id=client_id,
            client_secret=client_secret,
            scopes=list(SCOPES),
            installation_store=self._store,
            state_store=self._states,
        )

    async def start(self) -> None:
        """Make the tables that slack_sdk keeps installations in, where they are missing."""
        self._session = ClientSession(timeout=ClientTimeout(total=TIMEOUT))
        await self._store.create_tables()  # type: ignore[no-untyped-call]
        await self._states.create_tables()  # type: ignore[no-untyped-call]

    async def of(self, team: str) -> Workspace:
        """Return a workspace with a token that is valid now."""
        async with self._rotating:  # a refresh token works once
            bot = await self._bot(team)
        return self._workspaces.setdefault(team, self._open(bot)).with_token(bot.bot_token)

    async def close(self) -> None:
        """Close the connections."""
        if self._session:
            await self._session.close()

    async def _bot(self, team: str) -> Bot:
        bot = await self._store.async_find_bot(enterprise_id=None, team_id=team)
        if bot is None:
            raise UndeliverableError(f"not installed in {team}")
        if rotated := await self._rotator.perform_bot_token_rotation(bot=bot):
            await self._store.async_save_bot(rotated)
            return rotated
        return bot

    def _open(self, bot: Bot) -> Workspace:
        if self._session is None:
            raise ConnectionError("Slack is not connected yet")
        client = retrying_client(self._session, bot.bot_token, self._base_url)
        name = bot.team_name or bot.team_id or ""
        return Workspace(client, self._session, bot.team_id or "", name, bot.bot_user_id, bot.bot_id)


class Authorize(AsyncAuthorize):
    """Tells bolt which token a request is worked on with."""

    def __init__(self, teams: Teams) -> None:
        self._teams = teams

    async def __call__(self, *, team_id: str | None, **_: Any) -> AuthorizeResult | None:
        """Return the bot's identity in a workspace; None where we are not installed (any more)."""
        try:
            team = await self._teams.of(team_id or "")
        except UndeliverableError:
            return None
        return AuthorizeResult(
            enterprise_id=None,
            team_id=team.id,
            bot_token=team.client.token,
            bot_id=team.bot_id,
            bot_user_id=team.bot_user,
        )
