"""What is stored about me: to have, to look at, and to have erased."""

import json
from typing import Annotated

from bot.command import Context, Param, action, command
from bot.commands.run_report import code_block
from bot.study import privacy
from bot.view import Button, Edit, File, Message
from bot.view import action as to

SHOWN = 5  # of the tutor's turns
LONGEST = 150  # characters of each


@command("privacy", "What I know about you: have it, look at it, or have it erased")
async def show_privacy(
    ctx: Context,
    what: Annotated[str | None, Param("export, memory or delete", choices=("export", "memory", "delete"))] = None,
) -> Message:
    """Say what is kept, or do what was asked."""
    match what:
        case "export":
            return await export(ctx)
        case "memory":
            return await show_memory(ctx)
        case "delete":
            return await ask_to_delete(ctx)
    with_model = (
        "Your questions, the lessons' text and your level, goal, hardware and runs are sent to the language model that "
        "this group's tutor uses; your name is not, and nothing about anybody else is."
        if ctx.services.tutor
        else "Nothing of it leaves this installation: there is no language model here."
    )
    return Message(
        "I keep what you tell me and do here: the interview's answers, drills, runs, reminders, and what you ask the "
        f"tutor. {with_model}",
        title="What I know about you",
        buttons=(
            Button("Give me all of it", to("privacy.export")),
            Button("What the tutor remembers", to("privacy.memory")),
            Button("Delete everything", to("privacy.delete"), "danger"),
        ),
    )


@action("privacy.export")
async def export(ctx: Context) -> Message:
    """Send everything that is stored about the learner as a file."""
    found = await privacy.export(ctx.session, ctx.learner)
    rows = sum(map(len, found.values()))
    data = json.dumps(found, indent=1, ensure_ascii=False).encode()
    return Message(
        f"This is all that is stored about you: {rows} rows, by table. What runs wrote is not in it: `/run logs`.",
        files=(File("about-me.json", data),),
    )


@action("privacy.memory")
async def show_memory(ctx: Context) -> Message:
    """Show what the tutor remembers."""
    summary, turns = await privacy.remembered(ctx.session, ctx.learner)
    if not turns and not summary:
        return Message("The tutor remembers nothing of you.")
    lines = [f"{turn.asked_at:%Y-%m-%d}  {_short(turn.question)}" for turn in turns[:SHOWN]]
    more = f"and {len(turns) - SHOWN} more" if len(turns) > SHOWN else ""
    return Message(
        "\n\n".join(filter(None, [summary or "", "You asked:\n" + code_block("\n".join(lines)), more])),
        title="What the tutor remembers",
        buttons=(Button("Forget it", to("privacy.erase"), "danger"),),
    )


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"


@action("privacy.erase")
async def erase_memory(ctx: Context) -> Edit:
    """Erase what the tutor remembers."""
    count = await privacy.erase_memory(ctx.session, ctx.learner)
    return Edit(
        Message(f"Forgotten: {count} question{'' if count == 1 else 's'} with answers, and the summary of them.")
    )


@action("privacy.delete")
async def ask_to_delete(ctx: Context) -> Message:
    """Ask whether everything is really to be deleted."""
    return Message(
        "I would erase your interview, level, plan, drills, runs with their files, ranks, badges, reminders and the "
        "tutor's memory. It cannot be undone. What was said in the group's channels stays there.",
        title="Delete everything about you?",
        buttons=(
            Button("Yes, delete everything about me", to("privacy.forget"), "danger"),
            Button("First give me all of it", to("privacy.export")),
        ),
    )


@action("privacy.forget", slow=True)
async def forget(ctx: Context) -> Edit:
    """Erase everything about the learner."""
    await privacy.forget(ctx.session, ctx.learner)
    return Edit(Message("It is gone. If you say something to me again, we meet for the first time."))
