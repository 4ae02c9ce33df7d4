"""Guides: what to look up while training, page by page, or at the place that a finding leads to."""

from collections.abc import Sequence
from typing import Annotated

from bot.command import Context, Param, Services, action, command
from bot.errors import UserError, nearest
from bot.view import Button, Edit, Menu, Message, Option
from bot.view import action as to
from lessons import Curriculum, Guide, guides
from lessons.links import lessons_named, without_links


async def _names(services: Services, partial: str) -> list[str]:
    return [guide.name for guide in guides()]


@command("guide", "Look something up: set-up, training, speed, results, debugging")
async def show_guide(
    ctx: Context, name: Annotated[str | None, Param("which guide", complete=_names)] = None
) -> Message:
    """List the guides, or show one's pages."""
    return _contents(find_guide(name)) if name else _list()


@action("guide.chosen")
async def open_chosen(ctx: Context, choice: str) -> Message:
    """Show a guide's pages, from a menu."""
    return _contents(find_guide(choice))


@action("guide.open")
async def open_guide(ctx: Context, name: str, place: str) -> Message:
    """Open a guide at one of its headings, from a button elsewhere."""
    return _page(ctx, *_find(name, place))


@action("guide.place")
async def open_place(ctx: Context, name: str, choice: str) -> Message:
    """Open a guide at one of its headings, from the menu of its pages."""
    return _page(ctx, *_find(name, choice))


@action("guide.turn")
async def turn(ctx: Context, name: str, place: str) -> Edit:
    """Turn to a page, in place."""
    return Edit(_page(ctx, *_find(name, place)))


def debugging(rule: str) -> str:
    """Write the action that opens the debugging guide where it tells of a coach's rule."""
    return to("guide.open", name="debugging", place=rule.replace("_", "-"))


def find_guide(name: str) -> Guide:
    """Return a guide by its name or title; raises UserError with the nearest."""
    wanted = name.strip().casefold()
    found = next((guide for guide in guides() if wanted in (guide.name, guide.title.casefold())), None)
    if found is None:
        close = nearest(wanted, [guide.name for guide in guides()])
        raise UserError(f"There is no guide of that name.{close}", "`/guide` alone lists them.")
    return found


def lesson_menu(curriculum: Curriculum, slugs: Sequence[str]) -> Menu | None:
    """Offer the lessons that a page names."""
    options = tuple(Option(f"{each.id} {each.title}", each.slug) for each in map(curriculum.lesson, slugs))
    return Menu(to("lesson.chosen"), options, "Read the lesson on it") if options else None


def _find(name: str, place: str) -> tuple[Guide, int]:
    guide = find_guide(name)
    page = guide.page_of(place)
    if page is None:
        raise UserError("That guide has changed since; this page is gone.", f"`/guide {guide.name}` opens it anew.")
    return guide, page


def _list() -> Message:
    return Message(
        title="Guides",
        body="\n".join(f"- **{guide.title}**: {guide.about}" for guide in guides()),
        menu=Menu(to("guide.chosen"), tuple(Option(guide.title, guide.name) for guide in guides()), "Choose a guide"),
    )


def _contents(guide: Guide) -> Message:
    first = guide.sections[0]
    return Message(
        title=guide.title,
        body=guide.about,
        buttons=(Button("Read it", to("guide.open", name=guide.name, place=first.anchor), "primary"),),
        menu=Menu(
            to("guide.place", name=guide.name),
            tuple(Option(section.title, section.anchor) for section in guide.sections),
            "Go to a page",
        ),
    )


def _page(ctx: Context, guide: Guide, page: int) -> Message:
    section, last = guide.sections[page], page == len(guide.sections) - 1
    turns = [
        Button("Back", to("guide.turn", name=guide.name, place=guide.sections[page - 1].anchor)) if page else None,
        None
        if last
        else Button(
            f"Next: {guide.sections[page + 1].title}",
            to("guide.turn", name=guide.name, place=guide.sections[page + 1].anchor),
            "primary",
        ),
        Button("All pages", to("guide.chosen", choice=guide.name)),
    ]
    return Message(
        title=f"{guide.title} · {section.title} ({page + 1}/{len(guide.sections)})",
        body=without_links(section.body),
        buttons=tuple(button for button in turns if button),
        menu=lesson_menu(ctx.services.curriculum, lessons_named(section.body)),
    )
