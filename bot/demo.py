"""`cohort demo`: two learners go through Cohort's main job, on a fresh store, with real training."""

import subprocess
import sys
import tempfile
from importlib.resources import files
from pathlib import Path

from tzlocal import get_localzone_name

from bot.app import App
from bot.chat.built_in import NAME as BUILT_IN
from bot.chat.console_input import Script
from bot.settings import Settings
from bot.study.membership import Sender

GROUP = "lab"
PICTURES = Path(tempfile.gettempdir()) / "cohort-demo"
ENDING = """
That was Cohort. Your turn:
  .venv/bin/cohort chat --as YOU     opens the chat; begin with /start
  .venv/bin/cohort check FILE        checks a training config
  make test                          runs every test
"""


async def main() -> None:
    """Play the demo's script; whatever it leaves behind is removed at the end."""
    print("Building the exercise's data from the packages installed here; this happens once a machine.")
    subprocess.run([sys.executable, "-m", "runner", "data", "match"], check=True, stdout=subprocess.DEVNULL)  # noqa: ASYNC221
    with tempfile.TemporaryDirectory(prefix="cohort-demo-") as home:
        async with App(Settings(home=Path(home)), keep_runner=False) as app:
            await app.warm_up()
            await _play(app)
    print(ENDING)


async def _play(app: App) -> None:
    """Give each line of the script to the learner whom it names."""
    scripts: dict[str, Script] = {}
    for line, *form in _script():
        name, mark, text = line.partition(" ▸ ")
        if not mark:
            print(f"\n── {line} " + "─" * (94 - len(line)))
            continue
        if name not in scripts:
            sender = Sender(BUILT_IN, name, name.capitalize(), get_localzone_name())
            scripts[name] = Script(app.dispatch, app.built_in, sender, GROUP, PICTURES)
        await scripts[name].play(iter([text, *form]))


def _script() -> list[list[str]]:
    """Read the script: `name ▸ what they type`, followed by indented lines that fill in a form; else a heading."""
    blocks: list[list[str]] = []
    for line in files("bot").joinpath("demo.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("  "):
            blocks[-1].append(line[2:])
        elif line:
            blocks.append([line])
    return blocks
