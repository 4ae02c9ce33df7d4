"""`cohort doctor`: looks at what Cohort needs, one thing at a time, and says what to do about what is wrong."""

import asyncio
import json
import shutil
import sys
import tempfile
from asyncio.subprocess import PIPE
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from sqlalchemy.engine import URL, make_url
from sqlmodel import col, select

from bot.app import make_engine
from bot.check import Check
from bot.errors import UserError
from bot.settings import Settings
from bot.store.database import Store
from bot.store.tables import Group
from bot.study.tutor import endpoint_doctor
from runner.engines import EngineError
from runner.engines.local import LocalEngine
from runner.engines.machine import clean_environment
from runner.engines.supervisor import socket_path

CLOCK_LIMIT = 30.0  # seconds; Slack refuses signatures that are five minutes off, and reminders want the minute
PATIENCE = 45.0  # seconds for one chat
IMPORTS_WITHIN = 120.0  # seconds for torch, on a cold disk
DISK_LIMIT = 5 * 10**9  # bytes; a run may write 2 GB
RUNNER = "pip install 'cohort[runner]'"
# Runs in a process of its own: nothing that the bot imports may need torch.
LOOK = """
import json, torch, transformers
from runner.data import is_built
print(json.dumps({"torch": torch.__version__, "gpus": torch.cuda.device_count(), "built": is_built()}))
"""
Look = Callable[[Settings], Awaitable[list[Check]]]
MARKS = {True: "good", False: "BAD ", None: "note"}


async def examine(settings: Settings) -> list[Check]:
    """Look at the database, the clock, the disk, the runner, the tutor's model, and the chats that are set."""
    at_database, groups = await database(settings)
    chats = _chats(settings, groups)
    clock = await _clock(next((url for url, _ in chats.values() if url), None))
    trains: dict[str, tuple[Look, ...]] = {"local": (_runner, _training), "ray": (_cluster,), "none": (_elsewhere,)}
    looks = [
        *(look(settings) for look in trains[settings.engine]),
        _patiently("tutor", _tutor(settings)),
        *(_patiently(name, look) for name, (_, look) in chats.items()),
    ]
    found = await asyncio.gather(*looks)
    return [at_database, clock, _disk(settings.home), *(check for checks in found for check in checks)]


def report(checks: Sequence[Check]) -> str:
    """Write checks as lines, each with what to do, and a last line that counts what is bad."""
    width = max(len(check.name) for check in checks)
    lines = [line for check in checks for line in _lines(check, width)]
    bad = sum(check.ok is False for check in checks)
    return "\n".join([*lines, "", f"{bad} of {len(checks)} are bad." if bad else "Nothing is bad."])


def _lines(check: Check, width: int) -> Iterator[str]:
    yield f"{MARKS[check.ok]}  {check.name:{width}}  {check.found}"
    if check.fix and not check.ok:
        yield f"{'':{width + 6}}  → {check.fix}"


async def database(settings: Settings) -> tuple[Check, list[Group]]:
    """Check the store by using it; return the groups whose results go to a channel, too."""
    try:
        where = make_url(settings.database)
        store = Store(settings.database)
    except Exception as error:  # not repeated: the URL holds a password
        fix = "COHORT_DATABASE_URL is like postgresql+asyncpg://user@host/db; its driver is in cohort[postgres]."
        return Check("database", False, f"its URL cannot be used ({type(error).__name__})", fix), []
    if file := _missing_file(where):
        return _no_database_yet(file), []
    name = where.render_as_string(hide_password=True)
    try:
        return await _use(store, name)
    except UserError as error:
        return Check("database", False, f"{name}: {error}", error.hint), []
    except Exception as error:  # whatever its driver raises is what we came to hear
        words = str(error).partition("\n")[0]
        return Check("database", False, f"{name}: {words}", "Can this user reach it, read it and write to it?"), []
    finally:
        await store.close()


def _missing_file(url: URL) -> Path | None:
    file = Path(url.database or "")
    return file if url.drivername.startswith("sqlite") and not file.exists() else None


def _no_database_yet(file: Path) -> Check:
    folder = _first_that_exists(file.parent)
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        return Check("database", False, f"{folder} cannot be written to: {error.strerror}", "Set COHORT_HOME.")
    return Check("database", None, f"{file} is not there yet", "The first start makes it.")


def _first_that_exists(folder: Path) -> Path:
    return next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())


async def _use(store: Store, name: str) -> tuple[Check, list[Group]]:
    await store.check_migrated()
    async with store.write() as session:  # takes SQLite's write lock, which a read-only file does not give
        found = await session.exec(select(Group).where(col(Group.results_channel).is_not(None)))
        return Check("database", True, f"{name}, up to date"), list(found)


async def _clock(url: str | None) -> Check:
    """Compare the machine's clock with a chat's server."""
    if url is None:
        return Check("clock", None, "not compared: no chat is set")
    try:
        theirs = await asyncio.to_thread(_date, url)
    except (OSError, ValueError, TypeError) as error:
        return Check("clock", None, f"not compared: {url} does not tell the time ({type(error).__name__})")
    off = (datetime.now(UTC) - theirs).total_seconds()
    if abs(off) <= CLOCK_LIMIT:
        return Check("clock", True, f"within {CLOCK_LIMIT:.0f} s of the chat's")
    how = "fast" if off > 0 else "slow"
    return Check(
        "clock", False, f"{abs(off):.0f} s {how}", "Let the machine keep time by NTP: timedatectl set-ntp true"
    )


def _date(url: str) -> datetime:
    try:
        with urlopen(Request(url, method="HEAD"), timeout=10) as answer:  # noqa: S310  # a chat's https://
            headers = answer.headers
    except HTTPError as error:  # an error's date is as good
        headers = error.headers
        error.close()
    return parsedate_to_datetime(headers["Date"])


async def _runner(settings: Settings) -> list[Check]:
    """Ask the runner for its slots; one that was not there before is started for that, and ended."""
    home = settings.home / "runner"
    engine = LocalEngine(home, settings.slots)
    try:
        there = await _listens(home)
        free = await engine.capacity()
        await (engine.close() if there else engine.shutdown())
    except (EngineError, OSError) as error:
        log = home / "supervisor.log"
        return [Check("runner", False, str(error), f"Its log is {log}; `cohort runner` starts it in a terminal.")]
    how = "answers" if there else "can be started"
    return [Check("runner", True, f"{how}, with {free} free slot{_s(free)}")]


async def _cluster(settings: Settings) -> list[Check]:
    """Ask the Ray cluster for its slots."""
    try:
        engine, _ = make_engine(settings)
        free = await engine.capacity()
    except UserError as error:
        return [Check("runner", False, str(error), error.hint)]
    except EngineError as error:
        return [Check("runner", False, str(error), "COHORT_RAY_ADDRESS is its dashboard, such as http://HOST:8265.")]
    fix = "All of it is busy, or no machine has what COHORT_RAY_GPUS, _CPUS and _MEMORY ask for."
    return [Check("runner", True if free else None, f"Ray answers, with {free} free slot{_s(free)}", fix)]


async def _elsewhere(settings: Settings) -> list[Check]:
    return [Check("runner", None, "none here: other machines take the runs, by `cohort runner --claim`")]


def _s(number: int) -> str:
    return "" if number == 1 else "s"


async def _listens(home: Path) -> bool:
    try:
        _, writer = await asyncio.open_unix_connection(socket_path(home))
    except (FileNotFoundError, ConnectionError):
        return False
    writer.close()
    return True


async def _training(_settings: Settings) -> list[Check]:
    """Import what training needs, as a run does: in a process of its own, with a clean environment."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", LOOK, cwd="/", env=clean_environment(), stdout=PIPE, stderr=PIPE
    )
    try:
        async with asyncio.timeout(IMPORTS_WITHIN):
            out, errors = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        return [Check("torch", False, f"not imported within {IMPORTS_WITHIN:.0f} s", "Is the disk or memory full?")]
    if process.returncode:
        last = errors.decode(errors="replace").strip().rpartition("\n")[2]
        return [Check("torch", False, last or f"its import ended with {process.returncode}", RUNNER)]
    return list(_trainable(json.loads(out)))


def _trainable(found: dict[str, str | int]) -> Iterator[Check]:
    yield Check("torch", True, f"{found['torch']}, {found['gpus'] or 'no'} GPU{_s(int(found['gpus']))}")
    if found["built"]:
        yield Check("data sets", True, "built")
    else:
        fix = "The first run builds them in half a minute; `python -m runner data match` does it now."
        yield Check("data sets", None, "not built yet for these library versions", fix)


async def _tutor(settings: Settings) -> list[Check]:
    if settings.openai_model is None:
        return [Check("tutor", None, "no model: it quotes the lessons", "COHORT_OPENAI_MODEL names one.")]
    key = settings.openai_api_key
    try:
        found = await endpoint_doctor.examine(
            settings.openai_base_url, key.get_secret_value() if key else None, settings.openai_model
        )
    except ImportError as error:
        return await _missing("tutor", error)
    return [found]


def _disk(home: Path) -> Check:
    folder = _first_that_exists(home)
    free = shutil.disk_usage(folder).free
    found = f"{free / 10**9:.1f} GB free at {folder}"
    return Check("disk", free >= DISK_LIMIT, found, f"Runs want {DISK_LIMIT / 10**9:.0f} GB; make room.")


def _chats(settings: Settings, groups: Sequence[Group]) -> dict[str, tuple[str, Awaitable[list[Check]]]]:
    """Return, for each chat that is set, a URL of its API and what looks at it."""
    chats: dict[str, tuple[str, Awaitable[list[Check]]]] = {}
    if settings.discord_token:
        try:
            from bot.chat import discord_doctor
        except ImportError as error:
            chats["Discord"] = "", _missing("Discord", error)
        else:
            ours = [group for group in groups if group.chat == "discord"]
            token = settings.discord_token.get_secret_value()
            chats["Discord"] = discord_doctor.api(), discord_doctor.examine(token, ours)
    if settings.slack_bot_token:
        try:
            from bot.chat import slack_doctor
        except ImportError as error:
            chats["Slack"] = "", _missing("Slack", error)
        else:
            ours = [group for group in groups if group.chat == "slack"]
            chats["Slack"] = settings.slack_api_url, slack_doctor.examine(settings, ours)
    return chats


async def _missing(chat: str, error: ImportError) -> list[Check]:
    return [Check(chat, False, f"{error.name} is not installed", f"pip install 'cohort[{chat.lower()}]'")]


async def _patiently(name: str, look: Awaitable[list[Check]]) -> list[Check]:
    try:
        async with asyncio.timeout(PATIENCE):
            return await look
    except TimeoutError:
        return [Check(name, False, f"no answer within {PATIENCE:.0f} s", "Can this machine reach it? Is a proxy set?")]
