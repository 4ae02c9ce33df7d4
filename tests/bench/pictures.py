"""Takes pictures of Cohort on Discord, for the README and to look at; run by hand, needs Debian's chromium:

python tests/bench/pictures.py FOLDER

It needs `pip install 'simcord[preview]' playwright` besides the dev extra.
"""

import asyncio
import shutil
import sys
import tempfile
from pathlib import Path

from discord_actor import DiscordActor, World, world
from playwright.async_api import Page, async_playwright

from bot.app import App
from bot.settings import Settings

BAD = """exercise: match
training:
  learning_rate: 3e-3
  num_train_epochs: 1
  per_device_train_batch_size: 16
  eval_steps: 0.25
data:
  max_train_samples: 320
"""
GOOD = """exercise: match
training:
  learning_rate: 2e-4
  num_train_epochs: 1
  per_device_train_batch_size: 16
data:
  max_train_samples: 1600
"""
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


async def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home:
        async with (
            App(Settings(home=Path(home)), keep_runner=False) as app,
            world(app.dispatch) as discord,
            async_playwright() as playwright,
        ):
            app.chats["discord"] = discord.chat
            browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
            page = await browser.new_page(viewport={"width": 900, "height": 1000}, color_scheme="dark")
            await play(discord, page, folder)
            await browser.close()


async def play(discord: World, page: Page, folder: Path) -> None:
    ann, bo = DiscordActor(discord, "ann"), DiscordActor(discord, "bo")
    await ann.do("/start")
    await ann.do("I'm Ann")
    await take(discord, page, ann, folder / "interview.png", direct=True)
    await ann.do("[Fine-tune models]")
    await ann.do("stop")
    await ann.do("/drill basic-training-loop")
    await take(discord, page, ann, folder / "drill.png")
    await ann.do("/submit match", {"config": BAD})
    await bo.do("/submit match", {"config": GOOD})
    await wait(discord, ann, "loss")
    await take(discord, page, ann, folder / "status.png")
    await wait(discord, ann, "Lesson 1.4")
    await take(discord, page, ann, folder / "diagnosis.png")
    await wait(discord, bo, "better than the linear")
    await take(discord, page, bo, folder / "result.png")
    await bo.do("/leaderboard match")
    await take(discord, page, bo, folder / "leaderboard.png")


async def wait(discord: World, actor: DiscordActor, words: str) -> None:
    async with asyncio.timeout(240):
        while words not in await actor.news():
            await asyncio.sleep(0.5)


async def take(discord: World, page: Page, actor: DiscordActor, path: Path, *, direct: bool = False) -> None:
    channel = actor._dm if direct else discord.channel
    viewer = actor._member.user if direct else actor._member
    async with discord.env.preview(channel, viewers=[viewer], layout="channel") as preview:
        await page.goto(preview.url)
        await page.wait_for_timeout(1500)
        await page.screenshot(path=path)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
