"""Lessons, page by page."""

from typing import Annotated

from bot.command import Context, Param, Services, action, command
from bot.errors import UserError
from bot.study import plan
from bot.view import Button, Edit, File, Menu, Message, Option
from bot.view import action as to
from lessons import Lesson, Topic, UnknownLesson, terms_of


async def lesson_names(services: Services, partial: str) -> list[str]:
    """Complete the name of a lesson."""
    return [lesson.slug for lesson in services.curriculum.lessons]


def find_lesson(ctx: Context, name: str) -> Lesson:
    """Return a lesson by slug, number or title; raises UserError with the nearest."""
    try:
        return ctx.services.curriculum.lesson(name)
    except UnknownLesson as unknown:
        raise UserError(str(unknown), "`/lesson` alone lists them.") from None


@command("lesson", "Read a lesson")
async def lesson(
    ctx: Context, topic: Annotated[str | None, Param("which lesson or topic", complete=lesson_names)] = None
) -> Message:
    """Show a lesson's first page, a topic's lessons, or where to go on."""
    if topic is None:
        return await _contents(ctx)
    if found := _find_topic(ctx, topic):
        return await _topic(ctx, found)
    return await _read(ctx, find_lesson(ctx, topic), 0)


@action("lesson.open")
async def open_lesson(ctx: Context, slug: str) -> Message:
    """Open a lesson from a button elsewhere, on the page where it was left."""
    found = find_lesson(ctx, slug)
    page = await plan.page_of(ctx.session, ctx.learner, found)
    return await _read(ctx, found, page)


@action("lesson.chosen")
async def open_chosen(ctx: Context, choice: str) -> Message:
    """Open a lesson from a menu."""
    return await open_lesson(ctx, choice)


@action("lesson.topic")
async def open_topic(ctx: Context, choice: str) -> Message:
    """List a topic's lessons, from a menu."""
    found = _find_topic(ctx, choice)
    if found is None:
        raise UserError("That topic is no longer here.", "`/lesson` lists them.")
    return await _topic(ctx, found)


@action("lesson.page")
async def turn_page(ctx: Context, slug: str, page: int) -> Edit:
    """Turn to a page, in place."""
    found = find_lesson(ctx, slug)
    if not 0 <= page < len(found.sections):
        raise UserError("That lesson has changed since; this page is gone.", f"`/lesson {slug}` opens it anew.")
    return Edit(await _read(ctx, found, page))


@action("lesson.words")
async def show_words(ctx: Context, slug: str) -> Message:
    """Say what a lesson's terms mean, to who asks only."""
    found = find_lesson(ctx, slug)
    meanings = "\n".join(f"- **{entry.term}**: {entry.meaning}" for entry in terms_of(found))
    return Message(meanings, title=f"Words of {found.id} {found.title}")


def _find_topic(ctx: Context, name: str) -> Topic | None:
    """Return the topic with this number, slug or title; what is the name of a lesson too is the lesson."""
    wanted = name.strip().casefold()
    topics = ctx.services.curriculum.topics
    return next((each for each in topics if wanted in (str(each.number), each.slug, each.title.casefold())), None)


async def _contents(ctx: Context) -> Message:
    """Draw where to go on, and all topics."""
    path = await plan.path(ctx.session, ctx.services.curriculum, ctx.learner)
    topics = ctx.services.curriculum.topics
    rows = [
        (f"{each.number}", each.title, each.lessons[0].level, f"{_done(path, each)} of {len(each.lessons)} done")
        for each in topics
    ]
    step = path.next
    return Message(
        title="Lessons",
        body=f"Next for you: **{step.lesson.title}**, {step.reason}." if step else "You have been through all of them.",
        rows=(("", "Topic", "Level", "You"), *rows),
        buttons=(Button(f"Open {step.lesson.title}", to("lesson.open", slug=step.lesson.slug), "primary"),)
        if step
        else (),
        menu=Menu(
            to("lesson.topic"),
            tuple(Option(f"{each.number} {each.title}", str(each.number)) for each in topics),
            "Choose a topic",
        ),
    )


def _done(path: plan.Path, topic: Topic) -> int:
    return sum(path.standing.done(each) for each in topic.lessons)


async def _topic(ctx: Context, topic: Topic) -> Message:
    """Draw a topic's lessons."""
    path = await plan.path(ctx.session, ctx.services.curriculum, ctx.learner)
    rows = [
        (each.id, each.title, f"{each.minutes} min", plan.STATUSES.get(path.standing.status(each.slug) or "", ""))
        for each in topic.lessons
    ]
    return Message(
        title=f"{topic.number} {topic.title}",
        rows=(("", "Lesson", "Time", "You"), *rows),
        buttons=(Button("Test out of it", to("placement.topic", topic=topic.number)),),
        menu=Menu(
            to("lesson.chosen"),
            tuple(Option(f"{each.id} {each.title}", each.slug) for each in topic.lessons),
            "Choose a lesson",
        ),
    )


async def _read(ctx: Context, lesson: Lesson, page: int) -> Message:
    """Draw a page and note that it was opened; the last one says what comes next."""
    await plan.opened(ctx.session, ctx.learner, lesson, page, ctx.now)
    if page < len(lesson.sections) - 1:
        return _page(lesson, page)
    path = await plan.path(ctx.session, ctx.services.curriculum, ctx.learner)
    return _page(lesson, page, path.next)


def _page(lesson: Lesson, page: int, step: plan.Step | None = None) -> Message:
    section = lesson.sections[page]
    last = page == len(lesson.sections) - 1
    turns = [
        Button("Back", to("lesson.page", slug=lesson.slug, page=page - 1)) if page else None,
        Button(
            f"Next: {lesson.sections[page + 1].title}",
            to("lesson.page", slug=lesson.slug, page=page + 1),
            "primary",
        )
        if not last
        else Button("Drill it", to("drill.lesson", slug=lesson.slug), "primary"),
        Button("Words of this lesson", to("lesson.words", slug=lesson.slug)) if terms_of(lesson) else None,
        Button(f"Next in your plan: {step.lesson.title}", to("lesson.open", slug=step.lesson.slug)) if step else None,
    ]
    config = lesson.try_it if last else None
    onward = f"*That was the lesson. Next in your plan: {step.lesson.title}, {step.reason}.*" if step else ""
    return Message(
        title=f"{lesson.id} {lesson.title} · {section.title} ({page + 1}/{len(lesson.sections)})",
        body="\n\n".join(filter(None, [section.body, onward])),
        buttons=tuple(button for button in turns if button),
        files=(File(f"{lesson.slug}.yaml", config.encode()),) if config else (),
    )
