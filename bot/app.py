"""The only place that knows everything: builds Cohort from its settings, starts it and stops it, in order."""

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Protocol, Self

from pydantic import SecretStr

import bot.commands  # noqa: F401  (registers the commands)
from bot.chat.built_in import NAME as BUILT_IN
from bot.chat.built_in import BuiltInChat
from bot.command import Services
from bot.delivery import Chat, Outbox
from bot.dispatch import Dispatcher
from bot.errors import UserError
from bot.schedule import UNTIL_WOKEN, Clockwork, Loop
from bot.settings import Settings
from bot.store.database import Store
from bot.study.hub import Fetcher, Hub
from bot.study.renames import move_renamed
from bot.study.runners import Host
from bot.study.sweep_watch import SweepWatch
from bot.study.tutor import knowledge
from bot.study.tutor.budget import Limits
from bot.study.tutor.llm import Model
from bot.study.tutor.reader import Reader
from bot.study.tutor.writer import Writer
from bot.study.watch import RunWatch
from lessons import curriculum
from runner.engines import Engine
from runner.engines.elsewhere import Elsewhere
from runner.engines.local import LocalEngine
from runner.engines.machine import devices_in_words

ACTIVE_PAUSE = 0.3  # seconds between two looks at a run that trains
IDLE_PAUSE = 2.0
UNFETCHED_PAUSE = 30.0  # between two looks for what another process left when it died
UNANSWERED_PAUSE = 30.0  # between two looks for questions that a process left when it died
PATIENCE = 10.0  # seconds that the start waits for one chat


def utc_now() -> datetime:
    """Return the present."""
    return datetime.now(UTC)


class RemoteChat(Chat, Protocol):
    """A chat that is joined over the network."""

    async def start(self) -> None:
        """Connect; raises UserError when the chat refuses us."""

    async def stop(self) -> None:
        """Leave."""


@contextmanager
def _extra(name: str) -> Iterator[None]:
    """Turn a missing library into what to install."""
    try:
        yield
    except ImportError as error:
        raise UserError(f"{name.capitalize()} needs {error.name}.", f"pip install 'cohort[{name}]'") from error


def _reveal(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret else None


def make_engine(settings: Settings) -> tuple[Engine, Host]:
    """Return where this process's runs go, and what that place is called. Raises UserError without its library."""
    match settings.engine:
        case "ray":
            with _extra("ray"):
                from runner.engines.ray import Cluster, RayEngine, Share
            share = Share(settings.ray_cpus, settings.ray_gpus, settings.ray_memory)
            cluster = Cluster(
                settings.ray_address, share, settings.ray_python, settings.ray_runtime_env, settings.ray_wheel
            )
            devices = f"{share.gpus:g} GPU a run" if share.gpus else f"{share.cpus:g} CPU cores a run"
            return RayEngine(cluster), Host(f"Ray:{settings.ray_address}", devices, share.gpus or 1.0)
        case "none":
            return Elsewhere(), Host(f"none:{socket.gethostname()}")
        case "local":
            name = f"{socket.gethostname()}:{settings.home.absolute()}"
            return LocalEngine(settings.home / "runner", settings.slots), Host(name, devices_in_words())


class App:
    """Cohort, running: `async with App(settings) as app`.

    The runner's supervisor and its runs go on when the app stops, unless `keep_runner` is false.
    """

    def __init__(
        self, settings: Settings, clock: Callable[[], datetime] = utc_now, *, keep_runner: bool = True
    ) -> None:
        settings.home.mkdir(parents=True, exist_ok=True)
        self.settings = settings
        self._clock = clock
        self._keep_runner = keep_runner
        self._joined: list[RemoteChat] = []
        self._starting: set[asyncio.Task[None]] = set()
        self.store = Store(settings.database)
        self.engine, host = make_engine(settings)
        self.built_in = BuiltInChat(self.store)
        self.chats: dict[str, Chat] = {BUILT_IN: self.built_in}
        self._model = self._make_model()
        self._readers = self._make_readers()
        services = Services(curriculum(), settings.runs, lambda: self._watch.slots, self._limits())
        self.dispatch = Dispatcher(self.store, services, clock, self._changed)
        self._outbox = Outbox(self.store, services, self.chats, clock)
        self._watch = RunWatch(self.store, self.engine, clock, host)
        self._sweeps = SweepWatch(self.store, settings.runs, clock)
        self._sending = Loop("outbox", self._send)
        self._watching = Loop("run watch", self._look)
        self._answering = Loop("tutor", self._answer)
        self._fetcher = Fetcher(self.store, self._hub(), clock)
        self._fetching = Loop("hub", self._fetch)
        self._clockwork = Clockwork(self.store, services.curriculum, clock, self._changed)

    async def __aenter__(self) -> Self:
        """Start: tables first, then what writes to them, then what sends."""
        if self.store.is_sqlite:
            await self.store.migrate()
        else:
            await self.store.check_migrated()
        async with self.store.write() as session:
            await move_renamed(session, curriculum().redirects)
        self._watching.start()
        self._sending.start()
        self._answering.start()
        self._fetching.start()
        self._clockwork.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop, in the opposite order."""
        for starting in self._starting:
            starting.cancel()
        for chat in reversed(self._joined):
            await chat.stop()
        await self._clockwork.stop()
        await self._fetching.stop()
        await self._answering.stop()
        if self._model and self._readers:
            for each in self._readers:
                await each.close()
            await self._model.close()
        await self._watching.stop()
        await self._watch.close()
        await self._sending.stop()
        if isinstance(self.engine, LocalEngine) and not self._keep_runner:
            await self.engine.shutdown()
        else:
            await self.engine.close()
        await self.store.close()

    async def join(self) -> list[str]:
        """Join the chats that the settings have tokens for; return their names.

        Raises UserError when a chat's library is not installed, or when the chat refuses a token.
        """
        for name, make in (("discord", self._make_discord), ("slack", self._make_slack)):
            if chat := make():
                self._joined.append(chat)
                self.chats[name] = chat
                await self._start(chat)
        self._sending.wake()
        return [name for name in self.chats if name != BUILT_IN]

    def _make_model(self) -> Model | None:
        settings = self.settings
        if settings.openai_model is None:
            return None
        with _extra("tutor"):
            key = _reveal(settings.openai_api_key)
            return Model.at(settings.openai_base_url, key, settings.openai_model, settings.openai_context)

    def _make_readers(self) -> tuple[Writer, Reader] | None:
        if self._model is None:
            return None
        what = (self.store, curriculum(), self._model, self._clock, self._said)
        return Writer(*what), Reader(*what)

    def _hub(self) -> Hub:
        settings = self.settings
        return Hub(
            endpoint=settings.hf_endpoint,
            home=settings.hf_home or settings.home / "huggingface",
            token=_reveal(settings.hf_token),
            store=f"{settings.runs}/hub",
            most_bytes=settings.hub_bytes,
            most_seconds=settings.hub_seconds,
        )

    def _limits(self) -> Limits | None:
        settings = self.settings
        return Limits(settings.tutor_tokens_per_day, settings.tutor_tokens_per_month) if self._model else None

    def _make_discord(self) -> RemoteChat | None:
        token = _reveal(self.settings.discord_token)
        if token is None:
            return None
        with _extra("discord"):
            from bot.chat.on_discord import DiscordChat
        return DiscordChat(self.dispatch, token)

    def _make_slack(self) -> RemoteChat | None:
        settings = self.settings
        if settings.slack_bot_token is None and settings.slack_client_id is None:
            return None
        with _extra("slack"):
            from bot.chat.on_slack import InstalledTeams, OneTeam, SlackChat, Teams
        teams: Teams
        if settings.slack_client_id:
            secret = _reveal(settings.slack_client_secret) or ""
            teams = InstalledTeams(self.store.engine, settings.slack_client_id, secret, settings.slack_api_url)
        else:
            teams = OneTeam(_reveal(settings.slack_bot_token) or "", settings.slack_api_url)
        return SlackChat(
            self.dispatch,
            teams,
            app_token=_reveal(settings.slack_app_token),
            signing_secret=_reveal(settings.slack_signing_secret),
            base_url=settings.slack_api_url,
            port=settings.slack_port,
        )

    async def _start(self, chat: RemoteChat) -> None:
        """Connect; a chat that cannot be reached yet goes on trying behind our back, while the others work."""
        starting = asyncio.create_task(chat.start())
        self._starting.add(starting)
        starting.add_done_callback(self._starting.discard)
        done, _ = await asyncio.wait({starting}, timeout=PATIENCE)
        for task in done:
            task.result()

    async def warm_up(self) -> None:
        """Start the runner before the first run needs it; it takes seconds to import what training needs."""
        await self._watch.warm_up()

    def _changed(self) -> None:
        self._watching.wake()
        self._sending.wake()
        self._fetching.wake()
        if self._readers:
            self._answering.wake()

    def _said(self) -> None:
        self._sending.wake()

    async def _look(self) -> float:
        moved = await self._sweeps.tick(self._watch.slots)
        pause = await _look_at(self._watch)
        self._sending.wake()
        return ACTIVE_PAUSE if moved else pause

    async def _answer(self) -> float:
        if self._readers is None:
            await knowledge.find(curriculum(), "")  # so that the first question finds the index made
            return UNTIL_WOKEN
        for each in self._readers:
            await each.tick()
        return UNANSWERED_PAUSE

    async def _fetch(self) -> float:
        fetched = await self._fetcher.tick()
        self._sending.wake()
        return 0.0 if fetched else UNFETCHED_PAUSE

    async def _send(self) -> float:
        sent = await self._outbox.tick()
        return 0.0 if sent else 0.5


async def serve_runs(settings: Settings, stopped: asyncio.Event, clock: Callable[[], datetime] = utc_now) -> None:
    """Take waiting runs from the database that a bot elsewhere shares, and train them here, until `stopped`.

    Like a bot's own, the trainings go on then, and are found again at the next start. Raises UserError when the tables
    are of another version.
    """
    store, (engine, host) = Store(settings.database), make_engine(settings)
    watch = RunWatch(store, engine, clock, host)
    looking = Loop("run watch", partial(_look_at, watch))
    try:
        await store.check_migrated()
        await watch.warm_up()
        looking.start()
        await stopped.wait()
    finally:
        await looking.stop()
        await watch.close()
        await engine.close()
        await store.close()


async def _look_at(watch: RunWatch) -> float:
    return ACTIVE_PAUSE if await watch.tick() else IDLE_PAUSE
