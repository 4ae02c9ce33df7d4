"""What people do, and what they see: one table for every chat. A row is a story; a step is a line and its answer."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import discord_actor
import pytest
import slack_actor
from actors import Actor, ConsoleActor

from bot.app import App
from bot.settings import Settings
from bot.study import group_drill
from lessons import curriculum

BAD = "exercise: match\ntraining: {learnig_rate: 3e-3}\n"
HUB_MODEL = "exercise: match\nmodel: google-bert/bert-base-uncased\n"
BAD_EXERCISE = "name: news\ntitel: News\ntask: classify\ndataset: lab/news\ntext_columns: [text]\n"
GOOD = "exercise: match\nmodel: tiny\ntraining: {max_steps: 4, learning_rate: 1e-3}\ndata: {max_train_samples: 64}\n"

BAD_SWEEP = "exercise: match\ntraining: {learning_rate: [1e-4, fast], sed: [1, 2]}\nsweep: {kind: gird}\n"
SWEEP = (
    "exercise: match\nmodel: tiny\ntraining: {max_steps: 60, learning_rate: [1e-5, 1e-3], seed: [1, 2]}\n"
    "data: {max_train_samples: 64}\n"
)


@dataclass(frozen=True)
class Step:
    who: str
    line: str
    sees: tuple[str, ...]
    form: dict[str, str] | None = None
    never: tuple[str, ...] = field(default=("Traceback", "broke on our side"))


def ann(line: str, *sees: str, form: dict[str, str] | None = None) -> Step:
    return Step("ann", line, sees, form)


def bo(line: str, *sees: str, form: dict[str, str] | None = None) -> Step:
    return Step("bo", line, sees, form)


SCENARIOS: dict[str, list[Step]] = {
    "the interview, by words and buttons, left and resumed": [
        ann("/start", "Question 1 of 10", "What should I call you?"),
        ann("I'm Ann", "Good to meet you, Ann.", "Question 2 of 10"),
        ann("[Fine-tune models]", "Question 3 of 10"),
        ann("why", "bore you"),
        ann("stop", "nothing is lost"),
        ann("hello?", "I asked nothing just now"),
        ann("/start", "Question 3 of 10"),
        ann("a little", "A little. That gives us a start.", "Question 4 of 10"),
        ann("back", "Question 3 of 10", "You said: a little"),
        ann("skip", "We leave it as it was.", "Question 4 of 10"),
        ann("torch", "PyTorch. Good"),
        ann("[I use it at work]", "Question 6 of 10"),
        ann("never", "Question 7 of 10"),
        ann("bert", "Question 8 of 10"),
        ann("20k", "Question 9 of 10"),
        ann("a 4090 and maybe Colab", "RTX 4090, 24 GB."),
        ann("/help start", "begin anew"),
        ann("90% accuracy", "That's all I wanted to know, Ann", "a 4090 and maybe Colab (RTX 4090, 24 GB)"),
        ann("[Change something]", "Which one?"),
        ann("[Data]", "You said: 20k"),
        ann("300 tickets", "That's all I wanted to know, Ann", "300 tickets (300 rows)"),
        ann("[That's right]", "Welcome, Ann", "intermediate", "placement test", "Start with"),
        ann("[Remind me daily at 9:00]", "09:00"),
        ann("/template match", "On your own hardware (RTX 4090, 24 GB)", "bf16"),
        ann("/template lora", "Filled in for your hardware (RTX 4090, 24 GB)", "lora.py", "Change something"),
        ann("[Lesson: LoRA]", "LoRA · Why (1/"),
    ],
    "a template is a config or a script, filled in for hardware that is known or for a CPU": [
        ann("/template", "Change one thing at a time", "match.yaml", "Lesson: Training Arguments"),
        ann("/template multi", "One encoder with two heads", "multi.yaml"),
        ann("[LoRA on instructions]", "I don't know what you train on", "filled in for a CPU", "lora.py"),
        ann("/template loop", "custom_loop.py", "--smoke"),
        ann("/template trainer library", "trainer.py", "the data of library is with the group's runner"),
        ann("/template trainr", "Did you mean trainer?"),
    ],
    "the placement test is left and resumed, and answered by words and buttons": [
        ann("/placement", "question 1 of 16 at most", "no clock and no grade"),
        ann("[Not sure]", "question 2 of 16"),
        ann("stop", "your answers are kept"),
        ann("ok", "I asked nothing just now"),
        ann("/placement", "question 2 of 16"),
        ann("I don't know", "question 3 of 16"),
        ann("/placement topic:nowhere", "There is no topic nowhere"),
        ann("/placement topic:training-fundamentals", "Testing out of Training Fundamentals · question 1 of 10"),
        ann("?", "Testing out of Training Fundamentals · question 2 of 10"),
        ann("[Stop]", "your answers are kept"),
        ann("/placement", "Placement · question 3 of 16"),
        ann("no idea", "Placement · question 4 of 16"),
        ann("/help placement", "test out of this topic"),
    ],
    "a sweep says what it takes before it starts, and is cancelled as a whole": [
        ann("/submit match", "3 things to mend", "did you mean grid?", form={"config": BAD_SWEEP}),
        ann("[Fix it]", "A sweep of 4 runs: start it?", "2 values of", "2 seeds each", form={"config": SWEEP}),
        ann("[Leave it]", "nothing has started"),
        ann("/submit match", "It takes 4 of the 20 runs that you have in 24 hours", form={"config": SWEEP}),
        ann("[Start 4 runs]", "Sweep 1 has started: 4 runs"),
        bo("/run cancel number:1", "not yours to cancel"),
        ann("/run logs number:1", "1 is a sweep of several runs."),
        ann("/run cancel number:1", "Sweep 1 is cancelled"),
        ann("/run show number:1", "Cancelled"),
    ],
    "the plan says what is next and why, and moves": [
        ann("/plan goal:understand", "Your goal is now: understand training", "Next: Training Pipeline Overview"),
        ann("/plan", "Your plan", "for your goal: understanding training", "nothing yet"),
        ann("[Skip Training Pipeline Overview]", "Skipped: Training Pipeline Overview", "(was: Training Pipeline"),
        ann("[Undo]", "Training Pipeline Overview is back in your plan."),
        ann("/plan skip:training-pipeline-overvew", "There is no lesson", "Did you mean"),
        ann("/plan goal:bananas", "I can't tell which way that goes", "fine-tune"),
        ann("/lesson", "Next for you: Training Pipeline Overview"),
        ann("[Open Training Pipeline Overview]", "Why (1/"),
        ann("[Next: Step by step]", "(2/"),
        ann("/plan", "you are on page 2 of", "1 begun"),
        bo("/plan", "nothing yet"),
    ],
    "a press on an old button of the interview changes nothing": [
        ann("/start", "Question 1"),
        ann("Ann", "Question 2"),
        ann("[Do research]", "Question 3"),
        ann("/start", "Question 3"),
        ann("[New to me]", "Question 4"),
        ann("[A little]", "You have answered that one already."),
        ann("/start", "Question 4"),
    ],
    "a lesson, page by page, to its drills": [
        ann("/lesson", "Training Pipeline Overview", "Training Fundamentals", "beginner"),
        ann("[1 Training Fundamentals]", "Evaluation Metrics", "25 min"),
        ann("[1.5 Evaluation Metrics]", "Evaluation Metrics · Why (1/"),
        ann("/lesson basic-training-loop", "Basic Training Loop · Why (1/"),
        ann("[Next: Step by step]", "Step by step (2/"),
        ann("[Back]", "Why (1/"),
        ann("[Words of this lesson]", "Words of 1.4 Basic Training Loop", "gradient clipping"),
        ann("/lesson basic-trainig-lop", "There is no lesson", "Did you mean"),
    ],
    "a drill is asked once, answered once, and comes back another day": [
        ann("/drill basic-training-loop", "Basic Training Loop · New to you"),
        ann("/drill basic-training-loop", "Still open"),
        ann("[Hint]", "Hint."),
        ann("bananas", "I need every letter, in order"),
        ann("a b c d e", "Not quite.", "You'll see this again"),
        ann("/profile", "Drills due"),
    ],
    "a drill's answer is shown to who asks for it": [
        ann("/drill basic-training-loop", "Basic Training Loop"),
        ann("[Hint]", "Hint."),
        ann("[Show the answer]", "Next time, then.", "The answer is d b e a c.", "You'll see this again tomorrow"),
        bo("/group appeals", "for whoever manages this group"),
        ann("/group appeals", "Nobody has appealed"),
    ],
    "a drill is answered in a form, and an old question takes no second answer": [
        ann("/drill basic-training-loop", "Answer with the letters"),
        ann("/drill basic-training-loop", "Still open"),
        ann("[Answer]", "Right.", form={"choice": "d b e a c"}),
        ann("[Answer]", "You have answered this one already"),
        ann("[Next drill]", "New to you"),
        bo("/drill evaluation-metrics", "Evaluation Metrics"),
    ],
    "a config with mistakes is refused with all of them, kept, and mended": [
        ann("/submit match", "to mend", "learning_rate", "line 2", form={"config": BAD}),
        ann("[Fix it]", "Run 1 is in", form={"config": GOOD}),
        ann("/run config 1", "max_steps: 4", "weight_decay"),
        bo("/run cancel 1", "not yours"),
        ann("/run cancel 1", "Run 1"),
        bo("/run resume 1", "not yours to resume", "/run rerun"),
        ann("/run resume 7", "has no run 7"),
        ann("/run show 7", "has no run 7", "The last one is run 1"),
        ann("/run show seven", "needs a whole number"),
    ],
    "the runner is shown, drained and opened again by whoever manages the group": [
        bo("/group runner", "for whoever manages this group"),
        ann("/group runner", "Runs start as soon as there is room", "Training now", "Waiting", "Pause", "Drain"),
        ann("/group runner pause", "Paused", "None is under way", "Resume"),
        ann("/submit match", "has paused its runs", form={"config": GOOD}),
        ann("/run show 1", "has paused its runs"),
        ann("/group runner", "1 run, 1 of this group", "Paused"),
        ann("[Resume]", "Runs start as soon as there is room"),
        ann("/group quota device_time:10h", "36,000 device-seconds"),
        ann("/group quota device_time:soon", "no device time", "90m, 10h or off"),
        ann("/group quota runs:3 device_time:off", "as much as there is"),
        ann("/group quota device_time:0s", "0 device-seconds"),
        ann("/submit match", "allows 0", form={"config": GOOD}),
    ],
    "a group is set up in three presses by somebody who may": [
        bo("/group setup", "for whoever manages this group"),
        ann("/group setup", "1 of 3"),
        ann("[In this channel]", "2 of 3"),
        ann("[5]", "3 of 3"),
        ann("[No, thanks]", "Results go to", "5"),
        ann("/group quota 7", "7"),
        ann("/group quota 100000", "not possible"),
        ann("/group show", "Runs a learner and day", "7"),
    ],
    "a streak begins with a drill, and the profile shows it": [
        ann("/streak", "No days in a row yet", "Today is still open"),
        ann("/drill basic-training-loop", "Basic Training Loop"),
        ann("a b c d e", "Basic Training Loop"),
        ann("/streak", "1 day in a row", "Your best: 1 day", "●"),
        ann("/profile", "Streak", "1 day", "Badges", "none yet"),
    ],
    "a season is started by somebody who may, one at a time, and ended": [
        bo("/group season until:month", "for whoever manages this group"),
        ann("/season", "There has been no season yet"),
        ann("/leaderboard match window:season", "No season runs"),
        ann("/group season until:yesterday", "no date that I can read"),
        ann("/group season until:6w name:Spring", "Spring has begun"),
        ann("/group season until:month", "Spring still runs"),
        bo("/season", "Spring", "still running"),
        bo("/leaderboard match window:season", "Nobody has a score on match for Spring yet"),
        bo("/leaderboard match window:week", "Nobody has a score on match for the last 7 days yet"),
        bo("/leaderboard match season:Sprng", "There was no season Sprng", "Did you mean Spring?"),
        ann("/group season until:now", "Spring is over"),
        ann("/group season until:now", "No season runs"),
        bo("/leaderboard match season:Spring", "Nobody had a score on match in Spring"),
    ],
    "the daily question and the weekly summary are an admin's to set": [
        bo("/group drill channel:here", "for whoever manages this group"),
        ann("/group drill", "No daily question"),
        ann("/group drill channel:here time:noonish", "no time of day"),
        ann("/group drill channel:here timezone:Europe/Berln", "Did you mean Europe/Berlin?"),
        ann("/group drill channel:here time:9 timezone:berlin", "at 09:00 (Europe/Berlin)", "its answers at 20:00"),
        ann("/group summary on", "Mondays at 09:00"),
        ann("/group summary off", "No more summaries"),
        ann("/group drill channel:off", "No daily question"),
    ],
    "a guide is read page by page, and opened at one of its headings": [
        ann("/guide", "Training Setup", "Debugging"),
        ann("/guide debuging", "There is no guide of that name. Did you mean debugging?"),
        ann("/guide debugging", "By symptom"),
        ann("[Padding waste]", "Debugging · Padding waste (", "Lesson: 2.3 Batching"),
        ann("[Next: Wrong precision]", "Debugging · Wrong precision ("),
        ann("[All pages]", "By symptom"),
    ],
    "a project is taken milestone by milestone": [
        ann("/project", "Text Classification", "0 of 5 done"),
        ann("/project text-clasification", "Did you mean text-classification?"),
        ann("/project text-classification", "Data preparation", "a question", "0 of 2 runs"),
        ann("[Begin: Data preparation]", "490,000 training tokens"),
        ann("[Hint]", "Hint 1 of 3"),
        ann("[Answer]", "Not quite. You said “2”", form={"choice": "2"}),
        ann("[Answer]", "Right. 4,000", form={"choice": "5 epochs"}),
        ann("[Next: Model architecture]", "Config 1: to do", "Config 2: to do"),
        ann("[Submit config 1]", "Run 1 is in", form={}),
        ann("/run cancel 1", "Run 1"),
        ann("/project text-classification", "✓"),
        bo("/project text-classification", "a question"),
    ],
    "a form left half-way stores nothing": [
        ann("/submit match", "Left; nothing was sent.", form=None),
        ann("/run show 1", "has no run 1", "Nobody has submitted one yet"),
    ],
    "the tutor answers from the lessons, looks at a config and plans a week": [
        ann("/ask", "What can I help with?", "Quiz me", "Debug my run"),
        ann("/ask my gradients explode", "From the lessons", "[6.3] Gradient Clipping", "Optimization Tips"),
        ann("[Read 6.3 Gradient Clipping]", "6.3 Gradient Clipping ·"),
        ann("what does zero_grad do?", "From the lessons", "Basic Training Loop"),
        ann("/ask bananas", "The lessons have nothing on that"),
        ann("/ask"),
        ann("[Review my config]", "That config would not train", "did you mean learning_rate", form={"config": BAD}),
        ann("[Look again]", "Your config", "It would train.", "model: tiny, by default", form={"config": GOOD}),
        ann("/ask"),
        ann("[Debug my run]", "You have no run that has ended yet", "The debugging guide"),
        ann("/ask"),
        ann("[Plan my week]", "Your week", "Today: [6.3] Gradient Clipping, 30 minutes"),
        ann("/ask"),
        ann("[Quiz me]", "New to you"),
    ],
    "what is known about somebody can be had, looked at and erased": [
        ann("/reminders time:9 timezone:UTC", "09:00"),
        ann("/privacy", "What I know about you", "there is no language model here"),
        ann("[What the tutor remembers]", "remembers nothing of you"),
        ann("/privacy export", "all that is stored about you", "about-me.json"),
        ann("/privacy delete", "It cannot be undone"),
        ann("[Yes, delete everything about me]", "we meet for the first time"),
        ann("/reminders pause:3d", "no reminders that could rest"),
    ],
    "an admin hears what is wrong with an exercise or a model, and nobody else adds any": [
        bo("/group exercises", "for whoever manages this group"),
        ann("/group exercises", "Exercises of", "match: Does this name belong", "stdlib"),
        ann("[Add one]", "task", "unknown key; did you mean title?", form={"exercise": BAD_EXERCISE}),
        ann("/group exercises show:news", "has no exercise", "There is none yet"),
        ann("/group exercises remove:news", "has no exercise"),
        ann("/group models", "minilm: all-MiniLM-L6-v2", "adds one of the Hub"),
        ann("/group models allow:../../etc/passwd", "looks like a path", "org/name"),
        ann("/group models allow:bert", "lacks its owner"),
        ann("/group models remove:lab/tiny", "has no model"),
        ann("/submit match", "none of the Hub's models that this group allows", form={"config": HUB_MODEL}),
        ann("/help", "/group exercises", "/group models"),
    ],
    "commands that do not exist, and options that are wrong": [
        ann("/sumbit", "There is no command `/sumbit`", "Did you mean submit?"),
        ann("/", "There is no command"),
        ann("/leaderboard mach", "Did you mean match?"),
        ann("/leaderboard match", "Nobody has a score on match yet"),
        ann("/reminders time:noonish", "no time of day"),
        ann("/reminders time:9 timezone:Europe/Berln", "Did you mean Europe/Berlin?"),
        ann("/reminders time:7pm timezone:berlin days:weekdays", "19:00", "Europe/Berlin"),
        ann("/reminders pause:soon", "no date that I can read", "3d"),
        ann("/reminders pause:3d", "Reminders rest", "at 19:00"),
        ann("[Go on now]", "I remind you at 19:00"),
        ann("/reminders time:off", "No reminders"),
        ann("/reminders pause:3d", "no reminders that could rest"),
        ann("/help", "/submit", "/drill"),
        ann("/help submit", "exercise", "your config"),
        ann("/submit match nowhere.yaml", "There is no file `nowhere.yaml`"),
        ann("🤷", "I asked nothing just now"),
        ann("x" * 10_000, "I asked nothing just now"),
    ],
}


# What differs where a command's place is not the one where words are heard.
IN_CHANNELS: dict[str, list[Step]] = {
    "the interview where direct messages are closed": [
        ann("/start", "I have sent you a direct message"),
        ann("[Ask me here instead]", "Question 1 of 10"),
        ann("[In my own words]", "Good to meet you, Ann.", form={"choice": "I'm Ann"}),
        ann("[Fine-tune models]", "Question 3 of 10"),
    ],
}

CHATS = ("console", "discord", "slack")
TOLD = [(chat, story) for chat in CHATS for story in SCENARIOS]
TOLD += [(chat, story) for chat in CHATS[1:] for story in IN_CHANNELS]


@asynccontextmanager
async def people_of(chat: str, app: App, files: Path) -> AsyncIterator[dict[str, Actor]]:
    """Let Ann and Bo meet Cohort in one chat, through its real client library."""
    names = ("ann", "bo")
    match chat:
        case "console":
            yield {name: ConsoleActor(app, name, files / name) for name in names}
        case "discord":
            async with discord_actor.world(app.dispatch) as world:
                app.chats[chat] = world.chat
                yield {name: discord_actor.DiscordActor(world, name) for name in names}
        case "slack":
            async with slack_actor.world(app.dispatch) as workspace:
                app.chats[chat] = workspace.chat
                yield {name: slack_actor.SlackActor(workspace, name) for name in names}


@pytest.mark.parametrize(("chat", "story"), TOLD)
async def test_a_story_reads_as_told(chat: str, story: str, app: App, tmp_path: Path) -> None:
    async with people_of(chat, app, tmp_path) as people:
        for step in (SCENARIOS | IN_CHANNELS)[story]:
            actor = people[step.who]
            shown = await actor.do(step.line, step.form)
            for _ in range(50):  # some answers come by direct message, a moment later
                if all(plain(words) in plain(shown) for words in step.sees):
                    break
                await asyncio.sleep(0.1)
                shown += await actor.news()
            for words in step.sees:
                assert plain(words) in plain(shown), f"{step.who} ▸ {step.line[:60]}\n{shown}"
            for words in step.never:
                assert words not in shown, f"{step.who} ▸ {step.line[:60]}\n{shown}"


@pytest.mark.parametrize("chat", CHATS)
async def test_a_run_is_told_in_its_channel_and_ranked(chat: str, app: App, tmp_path: Path) -> None:
    async with people_of(chat, app, tmp_path) as people:
        await people["ann"].do("/submit match", {"config": GOOD})
        seen = ""
        async with asyncio.timeout(120):
            while "Linear baseline" not in seen:
                seen += await people["bo"].news()
                await asyncio.sleep(0.2)
        assert "Run 1 · match · Ann" in plain(seen)
        assert "You lead." in plain(await people["ann"].do("/leaderboard match"))


@pytest.mark.parametrize("chat", CHATS)
async def test_a_question_of_the_day_is_answered_in_private_and_explained_in_the_evening(
    chat: str, tmp_path: Path, clock: Any
) -> None:
    home = Settings(home=tmp_path / "home")
    async with App(home, clock, keep_runner=False) as app, people_of(chat, app, tmp_path) as people:
        await people["ann"].do("/group drill channel:here time:13:00 timezone:UTC")
        clock.advance(hours=1)
        async with app.store.write() as session:
            await group_drill.ask_due(session, clock.now, curriculum())
        for name in ("ann", "bo"):
            await told(people[name], "Question of the day", "Only you see your answer")
        assert "Noted: A" in plain(await people["bo"].do("[A]"))
        assert "Noted: B" in plain(await people["bo"].do("[B]"))
        clock.advance(minutes=1)
        assert "Noted" not in await told(people["ann"], "One has answered.")
        clock.advance(hours=7)
        async with app.store.write() as session:
            await group_drill.reveal_due(session, clock.now)
        await told(people["ann"], "One has answered,", "is right.", "Read the lesson")


async def told(actor: Actor, *words: str) -> str:
    """Wait until somebody has been shown some words; return all that they saw meanwhile."""
    seen = ""
    async with asyncio.timeout(60):
        while not all(each in plain(seen) for each in words):
            seen += await actor.news()
            await asyncio.sleep(0.1)
    return seen


def plain(text: str) -> str:
    """Leave out what a chat draws its own way: emphasis, code marks and line ends."""
    return " ".join(re.sub(r"[`*_]", "", text).split())
