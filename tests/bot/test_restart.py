"""kill -9 while a run or a sweep trains: of the bot, and it goes on; of the run, and it goes on from its checkpoint."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

from bot.app import App
from bot.dispatch import Request
from bot.settings import Settings
from bot.study.membership import Sender
from runner.history import History
from runner.run_dir import RunDir

CONFIG = """
exercise: match
model: tiny
training: {max_steps: 150, per_device_train_batch_size: 16, learning_rate: 1.0e-3}
"""

SWEEP = """
exercise: match
model: tiny
training: {max_steps: 20, per_device_train_batch_size: 16, learning_rate: [1.0e-5, 1.0e-3], seed: [1, 2]}
data: {max_train_samples: 64}
"""


async def start_chat(home: Path) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "chat", "--as", "ann", "--group", "lab"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "COHORT_HOME": str(home)},
    )


async def read_until(chat: asyncio.subprocess.Process, words: str) -> str:
    seen = ""
    async with asyncio.timeout(120):
        while words not in seen:
            line = await chat.stdout.readline()
            assert line, f"the chat ended; it had said:\n{seen}"
            seen += line.decode()
    return seen


async def test_a_run_survives_the_bots_death_and_its_result_is_posted_once(tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text(CONFIG)
    home = tmp_path / "home"
    chat = await start_chat(home)
    chat.stdin.write(f"/submit match {config}\n!wait loss 90\n".encode())
    await chat.stdin.drain()
    await read_until(chat, "loss")
    chat.send_signal(signal.SIGKILL)
    await chat.wait()

    again = await start_chat(home)
    transcript, _ = await again.communicate(b"!wait hidden test 90\n/run show 1\n")
    assert again.returncode == 0, transcript.decode()
    async with App(Settings(home=home), keep_runner=False) as app:
        posts = [post.message for post in await app.built_in.latest(["#lab"], 50)]
    titles = [post.title for post in posts]
    assert len([post for post in posts if post.files]) == 1, titles
    assert len(titles) == 2, titles
    (run_dir,) = (home / "runs").iterdir()
    kinds = [event.type for event in RunDir(str(run_dir)).events()[0]]
    assert kinds.count("start") == 1


async def test_a_sweep_survives_the_bots_death_and_trains_nothing_twice(tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text(SWEEP)
    home = tmp_path / "home"
    chat = await start_chat(home)
    chat.stdin.write(f"/submit match {config}\n[Start 4 runs]\n!wait 1 of 4 runs are done 110\n".encode())
    await chat.stdin.drain()
    await read_until(chat, "1 of 4 runs are done")
    chat.send_signal(signal.SIGKILL)
    await chat.wait()

    again = await start_chat(home)
    transcript, _ = await again.communicate(b"!wait 95% interval 110\n")
    assert again.returncode == 0, transcript.decode()
    async with App(Settings(home=home), keep_runner=False) as app:
        posts = [post.message for post in await app.built_in.latest(["#lab"], 50)]
    assert len([post for post in posts if post.files]) == 1
    assert len(posts) == 2, [post.title for post in posts]
    run_dirs = list((home / "runs").iterdir())
    assert len(run_dirs) == 4
    for run_dir in run_dirs:
        assert [event.type for event in RunDir(str(run_dir)).events()[0]].count("start") == 1


SAVES = """
exercise: match
model: tiny
data: {max_length: 16, max_train_samples: 256}
training: {max_steps: 120, per_device_train_batch_size: 16, learning_rate: 1.0e-3, eval_strategy: "no",
  logging_steps: 5, save_strategy: steps, save_steps: 10}
"""


async def test_a_run_whose_process_is_killed_goes_on_from_its_last_checkpoint(app, tmp_path):
    submitted = Request(Sender("local", "ann", "Ann"), "#lab", "submit.form", {"config": SAVES}, ("#lab", "lab"))
    await app.dispatch(submitted)
    async with asyncio.timeout(200):
        while not (found := [RunDir(str(folder)) for folder in (tmp_path / "home" / "runs").glob("*")]):
            await asyncio.sleep(0.05)
        (run_dir,) = found
        while not run_dir.checkpoints():
            await asyncio.sleep(0.05)
        (claim,) = (tmp_path / "home" / "runner" / "jobs").glob("*.pid")
        os.kill(json.loads(claim.read_text())["pid"], signal.SIGKILL)
        while (result := run_dir.result()) is None:
            await asyncio.sleep(0.1)
    assert (result.status, result.steps) == ("succeeded", 120), result.error
    assert result.resumed_at >= 10
    history = History.of(run_dir.events()[0])
    assert [step.step for step in history.steps] == [1, *range(5, 121, 5)]
