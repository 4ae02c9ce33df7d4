"""The command `cohort`."""

import asyncio
import logging
import signal
import sys
from datetime import UTC, datetime
from importlib import import_module
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from tzlocal import get_localzone_name

from bot.app import App, serve_runs
from bot.chat import console_input
from bot.chat.built_in import NAME as BUILT_IN
from bot.doctor import examine, report
from bot.errors import UserError
from bot.settings import Settings
from bot.store import database
from bot.study import calibration, fitting
from bot.study.membership import Sender
from lessons import curriculum
from runner.config import ConfigError, parse
from runner.sweep_source import read_sweep

MANIFESTS = {"discord": "bot.chat.discord_manifest", "slack": "bot.chat.slack_manifest"}

cli = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Cohort: a study group for people who learn to train models.",
)
db = typer.Typer(no_args_is_help=True, help="The database.")
cli.add_typer(db, name="db")


@cli.command()
def chat(
    as_: Annotated[str, typer.Option("--as", help="who you are")] = "me",
    group: Annotated[str, typer.Option(help="your study group")] = "lab",
) -> None:
    """Chat in this terminal; from a pipe, play the lines as a script."""
    settings = Settings()
    _log_to(settings.home)
    asyncio.run(_chat(settings, _name(as_, "--as"), _name(group, "--group")))


async def _chat(settings: Settings, name: str, group: str) -> None:
    sender = Sender(BUILT_IN, name, name, get_localzone_name(), admin=True)
    files = settings.home / "files" / name
    async with App(settings) as app:
        await app.warm_up()
        if sys.stdin.isatty():
            await console_input.interactive(app.dispatch, app.built_in, sender, group, files)
        else:
            script = console_input.Script(app.dispatch, app.built_in, sender, group, files)
            await script.play(iter(sys.stdin))


def _name(text: str, option: str) -> str:
    if text.replace("-", "").replace("_", "").isalnum() and len(text) <= 32:
        return text
    raise UserError(f"{option} {text[:40]!r} is not a name.", "Letters, digits, - and _, 32 at most.")


@cli.command()
def serve() -> None:
    """Serve Discord and Slack, whichever have a token in the environment, until stopped."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    asyncio.run(_serve(Settings()))


async def _serve(settings: Settings) -> None:
    stopped = _stop_signal()
    async with App(settings) as app:
        if not await app.join():
            raise UserError(
                "There is no chat to serve.",
                "Set COHORT_DISCORD_TOKEN, or COHORT_SLACK_BOT_TOKEN and COHORT_SLACK_APP_TOKEN.",
            )
        await app.warm_up()
        await stopped.wait()


def _stop_signal() -> asyncio.Event:
    """Return what is set when this process is told to end."""
    stopped = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stopped.set)
    return stopped


@cli.command()
def doctor() -> None:
    """Check the database, clock, runner, tokens and permissions, and say what to mend; exits with 1 if something is."""
    checks = asyncio.run(examine(Settings()))
    typer.echo(report(checks))
    raise typer.Exit(int(any(check.ok is False for check in checks)))


@cli.command()
def manifest(chat: Annotated[str, typer.Argument(help="discord or slack")]) -> None:
    """Print what a chat has to be told of Cohort, generated from its commands."""
    import bot.commands  # noqa: F401  (registers them)

    if chat not in MANIFESTS:
        raise UserError(f"There is no manifest for {chat[:40]!r}.", f"There is one for {' and for '.join(MANIFESTS)}.")
    typer.echo(import_module(MANIFESTS[chat]).manifest(), nl=False)


@cli.command()
def check(file: Annotated[Path, typer.Argument(help="a config, a YAML file")]) -> None:
    """Check a training config or a sweep without submitting it; exits with 2 when something is wrong."""
    try:
        source = file.read_bytes()
        sweep = read_sweep(source)
        parsed = sweep or parse(source)
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error.strerror}.") from None
    except ConfigError as error:
        typer.echo("\n".join(f"{file}: {problem}" for problem in error.problems), err=True)
        raise typer.Exit(2) from None
    for warning in parsed.warnings:
        typer.echo(f"{file}: warning: {warning}")
    typer.echo(f"{file}: good to train" + (f", in {sweep.runs} runs" if sweep else ""))


@cli.command()
def calibrate() -> None:
    """Refit the placement items to the answers that were given to random ones, and print what has changed."""
    changes = asyncio.run(_calibrate(Settings()))
    table = Table("item", "answers", "author", "difficulty", "discrimination", box=None)
    for change in sorted(changes, key=lambda change: change.drill):
        (steepness, difficulty), (new_steepness, new_difficulty) = change.before, change.after
        table.add_row(
            change.drill,
            f"{change.answers}",
            f"{change.author:+.2f}",
            f"{difficulty:+.2f} → {new_difficulty:+.2f}",
            f"{steepness:.2f} → {new_steepness:.2f}",
        )
    Console(soft_wrap=True).print(table)
    typer.echo(f"{len(changes)} items were refitted; difficulties are in logits.")


async def _calibrate(settings: Settings) -> list[calibration.Change]:
    store = database.Store(settings.database)
    try:
        await store.check_migrated()
        return await calibration.calibrate(store, curriculum(), datetime.now(UTC))
    finally:
        await store.close()


@cli.command()
def runner(
    slots: Annotated[int | None, typer.Option(help="runs at once; default: one a GPU, or one on CPU")] = None,
    claim: Annotated[bool, typer.Option("--claim", help="take runs from the database that a bot shares")] = False,
) -> None:
    """Serve this machine's CPU or GPUs to the bot; runs go on when the bot restarts."""
    settings = Settings() if slots is None else Settings(slots=slots)
    if claim:
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
        asyncio.run(_claim(settings))
        return
    from runner.engines import supervisor  # imports nothing heavy, but the bot needs none of it

    supervisor.main(settings.home / "runner", settings.slots)


async def _claim(settings: Settings) -> None:
    settings.home.mkdir(parents=True, exist_ok=True)
    await serve_runs(settings, _stop_signal())


@cli.command()
def fit() -> None:
    """Fit FSRS's weights to each group's reviews, where there are enough new ones; needs the runner's torch."""
    fits = asyncio.run(_fit(Settings()))
    for each in fits:
        verdict = "kept" if each.kept else "not better, so the package's weights hold"
        losses = f"log loss {each.default_loss:.4f} by default, {each.loss:.4f} fitted"
        typer.echo(f"{each.group}: {each.repeats:,} repeats, {losses}: {verdict}")
    if not fits:
        typer.echo(f"No group has {fitting.ENOUGH} repeated drills, or half as many again as at its last fit.")


async def _fit(settings: Settings) -> list[fitting.Fit]:
    store = database.Store(settings.database)
    try:
        await store.check_migrated()
        return await fitting.fit_groups(store, datetime.now(UTC))
    except RuntimeError as error:
        raise UserError(f"The fit failed: {error}.", "pip install 'cohort[runner]'") from None
    finally:
        await store.close()


@cli.command()
def demo() -> None:
    """Play the main job from end to end in a fresh temporary store."""
    from bot import demo

    asyncio.run(demo.main())


@db.command()
def upgrade() -> None:
    """Bring the database's tables up to date."""
    settings = Settings()
    settings.home.mkdir(parents=True, exist_ok=True)
    database.migrate(settings.database)
    typer.echo("The database is up to date.")


def _log_to(home: Path) -> None:
    """Log to a file: a terminal is a chat, and no traceback belongs in a chat."""
    home.mkdir(parents=True, exist_ok=True)
    handler = RotatingFileHandler(home / "cohort.log", maxBytes=2**20, backupCount=3, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)


def main() -> None:
    """Run the command; a person's mistake becomes a sentence and exit code 2."""
    try:
        cli()
    except UserError as error:
        typer.echo(" ".join(filter(None, [str(error), error.hint])), err=True)
        raise SystemExit(2) from None
