"""The plan: what comes next, why, and how to change it."""

from typing import Annotated

from bot.command import Context, Param, Services, action, command
from bot.commands.learn import find_lesson, lesson_names
from bot.errors import UserError
from bot.study import plan
from bot.study.interview_questions import BY_KEY
from bot.view import Button, Menu, Message, Option
from bot.view import action as to

SHOWN = 7  # steps
GOALS = BY_KEY["goals"].choices


async def _goals(services: Services, partial: str) -> list[str]:
    return [goal.value for goal in GOALS]


@command("plan", "Your path through the lessons: what is next, and why")
async def show_plan(
    ctx: Context,
    skip: Annotated[str | None, Param("leave a lesson out", complete=lesson_names)] = None,
    goal: Annotated[str | None, Param("order it by another goal, in your own words", complete=_goals)] = None,
) -> Message:
    """Show what is before the learner, or change it."""
    if goal:
        changed = await set_goal(ctx, goal)
        return await skip_lesson(ctx, skip) if skip else changed
    return await skip_lesson(ctx, skip) if skip else await show(ctx)


@action("plan.show")
async def show(ctx: Context) -> Message:
    """Show what is before the learner."""
    return _draw_plan(ctx, await _path(ctx))


@action("plan.skip")
async def skip_lesson(ctx: Context, slug: str) -> Message:
    """Leave a lesson out."""
    lesson = find_lesson(ctx, slug)
    before = (await _path(ctx)).next
    await plan.skip(ctx.session, ctx.learner, lesson, ctx.now)
    undo = Button("Undo", to("plan.unskip", slug=lesson.slug))
    return _draw_change(f"Skipped: {lesson.title}. `/lesson` still has it.", before, await _path(ctx), undo)


@action("plan.unskip")
async def unskip(ctx: Context, slug: str) -> Message:
    """Take a skipped lesson up again."""
    lesson = find_lesson(ctx, slug)
    before = (await _path(ctx)).next
    await plan.unskip(ctx.session, ctx.learner, lesson, ctx.now)
    return _draw_change(f"{lesson.title} is back in your plan.", before, await _path(ctx))


@action("plan.goal")
async def set_goal(ctx: Context, choice: str) -> Message:
    """Set what the plan is ordered by."""
    found = BY_KEY["goals"].read(choice)
    if found is None:
        names = ", ".join(f"`{goal.value}`" for goal in GOALS)
        raise UserError("I can't tell which way that goes.", f"What I can order a plan by: {names}.")
    before = (await _path(ctx)).next
    plan.set_goal(ctx.session, ctx.learner, found.value)
    return _draw_change(f"Your goal is now: {found.label.lower()}.", before, await _path(ctx))


async def _path(ctx: Context) -> plan.Path:
    return await plan.path(ctx.session, ctx.services.curriculum, ctx.learner)


def _draw_plan(ctx: Context, path: plan.Path) -> Message:
    total = len(ctx.services.curriculum.lessons)
    if path.next is None:
        return Message(
            f"Nothing is left: all {total} lessons are behind you. Your drills keep them alive.", "Your plan"
        )
    rows = [(f"{step.lesson.id}", step.lesson.title, step.reason) for step in path.steps[:SHOWN]]
    more = len(path.steps) - SHOWN
    return Message(
        title="Your plan",
        body=f"Next: **{path.next.lesson.title}**, {path.next.reason}."
        + (f" {more} more lessons come after these." if more > 0 else ""),
        fields=_facts(ctx, path),
        rows=(("", "Lesson", "Why"), *rows),
        buttons=_ways_on(path, path.next),
        menu=Menu(to("plan.goal"), tuple(Option(goal.label, goal.value) for goal in GOALS), "Order it by another goal"),
    )


def _facts(ctx: Context, path: plan.Path) -> tuple[tuple[str, str], ...]:
    statuses = [path.standing.status(lesson.slug) for lesson in ctx.services.curriculum.lessons]
    counted = [(words, statuses.count(status)) for status, words in plan.STATUSES.items()]
    goal = BY_KEY["goals"].choice(ctx.learner.goal)
    level = ctx.learner.level or "not known yet: `/start`"
    return (
        ("Level", level if path.standing.placed or not ctx.learner.level else f"{level}, by your own account"),
        ("Goal", goal.label if goal else "none yet"),
        ("Behind you", ", ".join(f"{count} {words}" for words, count in counted if count) or "nothing yet"),
    )


def _ways_on(path: plan.Path, step: plan.Step) -> tuple[Button, ...]:
    lesson = step.lesson
    begun = path.standing.status(lesson.slug) == "reading"
    placement = () if path.standing.placed else (Button("Take the placement test", to("placement.begin")),)
    return (
        Button(f"{'Go on with' if begun else 'Open'} {lesson.title}", to("lesson.open", slug=lesson.slug), "primary"),
        Button(f"Skip {lesson.title}", to("plan.skip", slug=lesson.slug)),
        Button(f"Test out of {lesson.topic_title}", to("placement.topic", topic=lesson.topic)),
        *placement,
    )


def _draw_change(what: str, before: plan.Step | None, path: plan.Path, *buttons: Button) -> Message:
    """Say what has become of the plan: what was next, and what is."""
    step = path.next
    if step is None:
        return Message(f"{what}\n\nNothing is left in your plan.", buttons=buttons)
    was = f" (was: {before.lesson.title})" if before and before.lesson.slug != step.lesson.slug else ""
    return Message(
        f"{what}\n\nNext: **{step.lesson.title}**{was}, {step.reason}.",
        buttons=(
            Button(f"Open {step.lesson.title}", to("lesson.open", slug=step.lesson.slug), "primary"),
            *buttons,
            Button("The whole plan", to("plan.show")),
        ),
    )
