"""A drill's options on any chat: lettered in the body, with the letters on buttons."""

from bot.view import Button
from bot.view import action as to
from lessons import Drill, Option
from lessons.answer import letter


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
