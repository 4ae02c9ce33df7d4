"""The group's question of the day, drawn."""

from datetime import datetime
from typing import Annotated

from sqlmodel.ext.asyncio.session import AsyncSession

from bot.command import Context, Param, Services, action, announcement, command
from bot.commands.group import channel_of, group_of
from bot.commands.options import draw_options, letter_buttons, lettered
from bot.commands.reminders import complete_timezone
from bot.study import group_drill
from bot.study.group_drill import Shown
from bot.study.local_time import read_time, read_timezone, zone_of
from bot.view import Button, Message
from bot.view import action as to
from lessons import Drill

BAR = 20  # characters


@command("group drill", "A question a day for the whole group", admin=True)
async def set_group_drill(
    ctx: Context,
    channel: Annotated[str | None, Param("where to ask: here, or off", choices=("here", "off"))] = None,
    time: Annotated[str | None, Param("when to ask, such as 09:00")] = None,
    reveal: Annotated[str | None, Param("when to show the answers, such as 20:00")] = None,
    timezone: Annotated[str | None, Param("such as Europe/Berlin", complete=complete_timezone)] = None,
) -> Message:
    """Show or change the group's daily question."""
    group = group_of(ctx)
    if channel or time or reveal or timezone:
        await group_drill.set_up(
            ctx.session,
            group,
            ctx.learner,
            channel=channel_of(ctx) if channel == "here" else None if channel == "off" else group.drill_channel,
            at=read_time(time) if time else group.drill_time,
            reveal=read_time(reveal) if reveal else group.reveal_time,
            timezone=read_timezone(timezone) if timezone else group.timezone,
            now=ctx.now,
        )
    if group.drill_channel is None or group.next_drill_at is None:
        return Message("No daily question. `/group drill channel:here time:09:00 timezone:Europe/Berlin` starts one.")
    following = group.next_drill_at.astimezone(zone_of(group.timezone))
    return Message(
        f"One question a day in channel `{group.drill_channel}` at **{group.drill_time:%H:%M}** ({group.timezone}), "
        f"its answers at **{group.reveal_time:%H:%M}**. The next one: {following:%A}, {following.day} {following:%B}. "
        "Nobody is pinged. `/group drill channel:off` ends it."
    )


@action("group_drill.answer")
async def answer(ctx: Context, drill: int, choice: str) -> Message:
    """Take a private answer."""
    shown = await group_drill.answer(
        ctx.session, ctx.services.curriculum, ctx.learner, ctx.group, drill, choice, ctx.now
    )
    return Message(f"Noted: **{choice.upper()}**. You can change it until {_opens(shown)}; only you and I know it.")


@announcement("group_drill")
async def draw_group_drill(session: AsyncSession, services: Services, subject: str, now: datetime) -> Message:
    """Draw the question of the day: open until the evening, then with its answers."""
    shown = await group_drill.show(session, services.curriculum, int(subject))
    if shown.drill is None:
        return Message("Today's question has been taken out of the lessons; tomorrow there is another.")
    return _draw_revealed(shown, shown.drill) if shown.asked.revealed else _draw_open(shown, shown.drill)


def _draw_open(shown: Shown, drill: Drill) -> Message:
    answered = f" {_people(shown)} answered." if shown.counts else ""
    hint = f"*Only you see your answer; the right one is shown at {_opens(shown)}.*{answered}"
    return Message(
        title=_title(shown),
        body="\n\n".join([drill.question, draw_options(drill), hint]),
        buttons=tuple(letter_buttons(drill, "group_drill.answer", drill=shown.asked.id)),
        silent=True,
    )


def _draw_revealed(shown: Shown, drill: Drill) -> Message:
    answers = ["Nobody answered this one."]
    if shown.counts:
        answers = [_histogram(shown, drill), f"{_people(shown)} answered, {shown.right or 'none'} right."]
    return Message(
        title=_title(shown),
        body="\n\n".join([drill.question, draw_options(drill), *answers, *_explanations(shown, drill)]),
        buttons=(Button("Read the lesson", to("lesson.open", slug=drill.lesson)),),
    )


def _title(shown: Shown) -> str:
    return f"Question of the day · {shown.lesson.title}" if shown.lesson else "Question of the day"


def _opens(shown: Shown) -> str:
    return f"{shown.asked.reveal_at.astimezone(zone_of(shown.group.timezone)):%H:%M} ({shown.group.timezone})"


def _people(shown: Shown) -> str:
    count = sum(shown.counts.values())
    return "One has" if count == 1 else f"{count} have"


def _histogram(shown: Shown, drill: Drill) -> str:
    most = max(shown.counts.values())
    lines = []
    for letter, option in lettered(drill).items():
        count = shown.counts.get(letter, 0)
        bar = ("█" * round(count / most * BAR)).ljust(BAR)
        lines.append(f"{letter.upper()} {bar} {count:3}{'  right' if option.right else ''}")
    return "\n".join(["```", *lines, "```"])


def _explanations(shown: Shown, drill: Drill) -> list[str]:
    """Explain the right option, and the wrong one that most chose."""
    options = lettered(drill)
    right = next(letter for letter, option in options.items() if option.right)
    words = [f"**{right.upper()} is right.** {options[right].explanation or drill.explanation}"]
    wrong = [letter for letter, option in options.items() if not option.right and shown.counts.get(letter)]
    if wrong:
        commonest = max(wrong, key=lambda letter: shown.counts[letter])
        words.append(f"**{commonest.upper()}** was the most tempting. {options[commonest].explanation}")
    return words
