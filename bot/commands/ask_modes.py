"""What the tutor does besides answering: it quizzes, looks at a run or a config, and plans a week."""

from collections.abc import Iterator
from dataclasses import replace

from bot.command import Context, action
from bot.commands.ask import hand_over, reading, why_not
from bot.commands.drill import drill_next
from bot.commands.guide import debugging
from bot.commands.run_report import draw_page
from bot.errors import UserError
from bot.store.tables import Run
from bot.study import catalog, learner_state
from bot.study import run as runs
from bot.study.learner_state import LearnerState
from bot.study.tutor import knowledge
from bot.view import Button, Field, Form, Menu, Message, Option
from bot.view import action as to
from runner.config import Config, ConfigError, parse, template

DAYS = ("Today", "Tomorrow", "In three days", "In five days", "At the end of the week")
LISTED = 8


@action("ask.quiz")
async def quiz(ctx: Context) -> Message:
    """Quiz the learner: the model in its own way, else a drill."""
    if await why_not(ctx) is None:
        return await hand_over(ctx, "Quiz me, please.", "quiz")
    return await drill_next(ctx)


@action("ask.debug")
async def debug(ctx: Context) -> Message:
    """Ask which run is to be looked at; a single one is looked at."""
    found = [each for each in await runs.runs_of(ctx.session, ctx.learner) if each.result is not None]
    if not found:
        return Message(
            "You have no run that has ended yet. Submit one, and I say what its curve shows; or look your symptom up.",
            buttons=(
                Button("Submit a first run", to("submit.template", exercise="match"), "primary"),
                Button("The debugging guide", to("guide.chosen", choice="debugging")),
            ),
        )
    if len(found) == 1:
        return await _debug(ctx, found[0])
    options = tuple(Option(f"Run {each.number} · {each.exercise} · {each.status}", each.id) for each in found)
    return Message("Which one?", menu=Menu(to("ask.run"), options, "Choose a run"))


@action("ask.run")
async def debug_run(ctx: Context, choice: str) -> Message:
    """Look at a run of one's own."""
    found = await ctx.session.get(Run, choice)
    if found is None or found.learner_id != ctx.learner.id or found.result is None:
        raise UserError("That run is not yours, or not there any more.", "`/ask` shows what can be asked.")
    return await _debug(ctx, found)


async def _debug(ctx: Context, found: Run) -> Message:
    over = await why_not(ctx)
    if over is None:
        return await hand_over(
            ctx, f"What went wrong in my run {found.number}, and what should I change?", "debug", found
        )
    page = await draw_page(ctx.session, ctx.services, found, ctx.now)
    findings = found.findings or []
    sound = "" if findings else "The coach found nothing wrong in the curve. The guide has what it cannot see."
    places = [Button(f"Guide: {each['rule'].replace('_', ' ')}", debugging(each["rule"])) for each in findings[:3]]
    guide = places or [Button("The debugging guide", to("guide.chosen", choice="debugging"))]
    body = "\n\n".join(filter(None, [over, page.body, sound]))
    return replace(page, body=body, buttons=(*page.buttons, *guide))


@action("ask.review")
async def review(ctx: Context) -> Form:
    """Ask for the config that is to be looked at."""
    last = await runs.runs_of(ctx.session, ctx.learner, 1)
    known = ctx.learner.draft or (last[0].submitted if last else template("match"))
    return Form("Review a config", to("ask.reviewed"), (Field("config", "Config (YAML)", "long", known),))


@action("ask.reviewed")
async def look_over(ctx: Context, config: str) -> Message:
    """Say what a config would do: what is wrong with it, what is suspicious, what it sets apart from the defaults."""
    offered = await catalog.of_group(ctx.session, ctx.group)
    try:
        wanted = parse(config, offered).config
    except ConfigError:
        problems = "\n".join(f"- {line}" for line in knowledge.looked_over(config, offered)[:LISTED])
        return Message(problems, title="That config would not train", buttons=(Button("Look again", to("ask.review")),))
    over = await why_not(ctx)
    if over is None:
        return await hand_over(ctx, "What do you think of this config?", "review", config)
    warnings = [f"- {line}" for line in knowledge.looked_over(config, offered)[:LISTED]]
    apart = list(_apart(wanted, parse(template(wanted.exercise, offered), offered).config))
    changed = [f"- `{key}: {value}`, by default `{usual}`" for key, value, usual in apart[:LISTED]]
    parts = [
        over,
        "It would train.",
        "\n".join(["Worth a second look:", *warnings]) if warnings else "",
        "\n".join(["What you set otherwise than usual:", *changed])
        if changed
        else "It is the usual config, unchanged.",
    ]
    about = [await knowledge.find(ctx.services.curriculum, _words(key)) for key, _, _ in apart[:LISTED]]
    first = dict.fromkeys(found[0].mark for found in about if found)
    return Message("\n\n".join(filter(None, parts)), title="Your config", buttons=reading(ctx.services, list(first)))


def _words(key: str) -> str:
    return key.rpartition(".")[2].replace("_", " ")


def _apart(config: Config, usual: Config) -> Iterator[tuple[str, object, object]]:
    """Yield the keys in which two configs differ, dotted, with both values."""
    before = usual.model_dump()
    for key, value in config.model_dump().items():
        if isinstance(value, dict):
            inner = before[key]
            yield from (
                (f"{key}.{name}", value[name], inner.get(name)) for name in value if value[name] != inner.get(name)
            )
        elif value != before[key]:
            yield key, value, before[key]


@action("ask.plan")
async def plan_week(ctx: Context) -> Message:
    """Plan the learner's week."""
    if await why_not(ctx) is None:
        return await hand_over(ctx, "Plan my week, please.", "plan")
    state = await learner_state.load(ctx.session, ctx.services.curriculum, ctx.learner, ctx.now)
    steps = state.next
    buttons = [Button(f"Open {step.lesson.title}", to("lesson.open", slug=step.lesson.slug)) for step in steps[:1]]
    return Message(
        "\n".join(f"- **{day}**: {what}" for day, what in zip(DAYS, _week(state), strict=False)),
        title="Your week",
        buttons=(*buttons, Button("Remind me", to("reminders.daily", hour=18)), Button("My plan", to("plan.show"))),
    )


def _week(state: LearnerState) -> Iterator[str]:
    """Yield what to do, a day each: what is due first, then lessons, a run on them, and what is weak."""
    due = f"the {state.due} drills that are due, then " if state.due > 1 else ""
    for at, step in enumerate(state.next[:2]):
        yield f"{due * (at == 0)}[{step.lesson.id}] {step.lesson.title}, {step.lesson.minutes} minutes: {step.reason}"
    yield "a run: take the config of the lesson's last page and change one thing; write down what you expect first"
    weak = ", ".join(topic.title for topic in state.weak_topics[:2])
    yield f"ten drills on what is weak: {weak}" if weak else "ten minutes of drills"
    yield "*Debug my run* on what you trained, and one more run with what you learnt"
