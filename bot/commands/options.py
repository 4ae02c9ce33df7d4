"""Options that several commands share, and a drill's on any chat: lettered in the body, with the letters on buttons."""

from sqlmodel.ext.asyncio.session import AsyncSession

from bot.command import Param
from bot.store.tables import Group
from bot.study import catalog
from bot.view import Button
from bot.view import action as to
from lessons import Drill, Option
from lessons.answer import letter
from runner.catalog import PACKAGED


async def exercise_names(session: AsyncSession, group: Group | None) -> list[str]:
    """Complete the name of an exercise that a group can train."""
    return list((await catalog.of_group(session, group)).exercises)


EXERCISE = Param("which exercise", choices=tuple(PACKAGED.exercises), of_group=exercise_names)


def lettered(drill: Drill) -> dict[str, Option]:
    """Return the options by their letters."""
    return {letter(index): option for index, option in enumerate(drill.options)}


def draw_options(drill: Drill, *, marked: bool = False) -> str:
    """Draw the options, one a line; `marked` says which are right."""
    return "\n".join(
        f"**{x.upper()}.** {option.text}{' ✓' if marked and option.right else ''}  "
        for x, option in lettered(drill).items()
    )


def letter_buttons(drill: Drill, route: str, /, **ids: str | int) -> list[Button]:
    """Return a button for each option; its action has the letter as `choice`."""
    return [Button(x.upper(), to(route, **ids, choice=x)) for x in lettered(drill)]
