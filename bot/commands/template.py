"""Templates: a config for the group's runner, or a training script for the learner's own hardware."""

import asyncio
from typing import Annotated

from bot.command import Context, Param, action, command
from bot.commands.learn import find_lesson
from bot.commands.options import EXERCISE
from bot.study import background, catalog, interview, training_script
from bot.study.hardware import Hardware
from bot.study.training_script import Script
from bot.view import Button, File, Menu, Message, Option
from bot.view import action as to
from lessons import templates
from runner.config import template

KINDS = {"config": "A config for the group's runner"} | {name: each.title for name, each in templates().items()}
KIND = Param("what to start from: a config, or a training script", choices=tuple(KINDS))
OTHERS = Menu(to("template.chosen"), tuple(Option(title, name) for name, title in KINDS.items()), "Another template")
CONFIG_LESSON = "training-arguments"
CHANGE = "To change that: `/start`, then *Change something*."


@command("template", "A config or a training script to start from, as a file")
async def send_template(
    ctx: Context,
    kind: Annotated[str, KIND] = "config",
    exercise: Annotated[str | None, EXERCISE] = None,
) -> Message:
    """Send an exercise's starter config, or a script filled in for the learner's hardware."""
    found = background.hardware(await interview.answers(ctx.session, ctx.learner))
    if kind == "config":
        return await _draw_config(ctx, exercise or "match", found)
    script = await asyncio.to_thread(training_script.fill_in, kind, found)
    return _draw_script(ctx, script, found, exercise)


@action("template.chosen")
async def send_chosen(ctx: Context, choice: Annotated[str, KIND]) -> Message:
    """Send a template, from a menu."""
    return await send_template(ctx, choice)


async def _draw_config(ctx: Context, exercise: str, found: Hardware) -> Message:
    chosen = await catalog.exercise(ctx.session, ctx.group, exercise)
    starter = template(exercise, await catalog.of_group(ctx.session, ctx.group))
    return Message(
        f"Change one thing at a time, then `/submit` it: {chosen.summary}{_at_home(found)}",
        title=chosen.title,
        files=(File(f"{exercise}.yaml", starter.encode()),),
        buttons=(
            Button("Submit as it is", to("submit.template", exercise=exercise), "primary"),
            _lesson(ctx, CONFIG_LESSON),
        ),
        menu=OTHERS,
    )


def _at_home(found: Hardware) -> str:
    """Say which settings fit what the learner has, for a run of their own: the group's runner chooses for itself."""
    if not found.words:
        return ""
    fit = background.fit(found)
    batch, steps = fit.per_device_train_batch_size, fit.gradient_accumulation_steps
    return (
        f"\n\nOn your own hardware ({found.words}): `per_device_train_batch_size: {batch}`, "
        f"`gradient_accumulation_steps: {steps}`, {fit.precision}, up to {fit.max_length} tokens."
    )


def _draw_script(ctx: Context, script: Script, found: Hardware, exercise: str | None) -> Message:
    file, dataset = script.template.file, script.template.dataset
    own = f" It trains on `{dataset}`: the data of {exercise} is with the group's runner." if exercise else ""
    return Message(
        f"Read its settings, which say why. Start it with `--smoke` first: seconds, without a network.{own}\n\n"
        f"{_filled_in(script, found)} {CHANGE}",
        title=script.template.title,
        files=(File(file, script.text.encode()),),
        buttons=(_lesson(ctx, script.template.lesson),),
        menu=OTHERS,
    )


def _filled_in(script: Script, found: Hardware) -> str:
    """Say for which hardware a script is, in the learner's words where there are some."""
    if found.kind == "unknown":
        return f"I don't know what you train on, so it is filled in for {script.profile.title}, which runs anywhere."
    if found.words:
        return f"Filled in for your hardware ({found.words}), with the settings for {script.profile.title}."
    return f"Filled in for {script.profile.title}, going by your interview."


def _lesson(ctx: Context, slug: str) -> Button:
    found = find_lesson(ctx, slug)
    return Button(f"Lesson: {found.title}", to("lesson.open", slug=found.slug))
