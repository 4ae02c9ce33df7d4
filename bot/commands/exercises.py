"""What a group's admins add to the packaged exercises and models: exercises of their own, and models of the hub."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from sqlmodel.ext.asyncio.session import AsyncSession

from bot.command import Context, Param, Services, action, announcement, command
from bot.commands.group import group_of
from bot.commands.run_report import code_block
from bot.store.tables import Addition, Group
from bot.study import addition
from bot.view import Button, Field, File, Form, Message, Refused, Reply, Upload
from bot.view import action as to
from runner.catalog import PACKAGED, Model, Own
from runner.config import ConfigError, Problem
from runner.config_errors import shown_key
from runner.exercise import Exercise

SHOWN_PROBLEMS = 12
SHOWN_LABELS = 12
WAIT = "I am looking at it, which takes a minute or a few; a direct message says what came of it."
STARTER = """\
name: news                      # what people call it
task: text-classification       # or multi-task, or text-generation
dataset: org/name               # on the Hub
text_columns: [text]
heads: {label: }                # the column with the labels
splits: {train: train}          # test: NAME, if there is one with labels; otherwise a share is hidden
metric: {name: accuracy}        # or macro-f1; bits-per-byte of a language model
"""


async def _own_exercises(session: AsyncSession, group: Group | None) -> list[str]:
    return [each.name for each in await addition.listed(session, group, "exercise")] if group else []


async def _own_models(session: AsyncSession, group: Group | None) -> list[str]:
    return [each.name for each in await addition.listed(session, group, "model")] if group else []


@command("group exercises", "The group's exercises: add your own from a data set of the Hub", admin=True)
async def exercises(
    ctx: Context,
    file: Annotated[Upload | None, Param("an exercise, a YAML file")] = None,
    show: Annotated[str | None, Param("one of the group's own", of_group=_own_exercises)] = None,
    remove: Annotated[str | None, Param("one of the group's own; runs and ranks stay", of_group=_own_exercises)] = None,
) -> Reply:
    """List a group's exercises, add one from a file, show one or remove one."""
    if file is not None:
        return await _add(ctx, file.data)
    if remove is not None:
        await addition.remove(ctx.session, group_of(ctx), "exercise", remove, ctx.now)
        return Message(f"**{remove}** is removed: nobody can submit to it any more. Its runs and ranks stay.")
    if show is not None:
        return await _draw_exercise(await addition.find(ctx.session, group_of(ctx), "exercise", show))
    return await _list(ctx)


async def _list(ctx: Context) -> Message:
    packaged = [f"- **{name}**: {each.title}" for name, each in PACKAGED.exercises.items()]
    own = [
        f"- **{each.name}**: {_state(each)}" for each in await addition.listed(ctx.session, group_of(ctx), "exercise")
    ]
    return Message(
        title=f"Exercises of {group_of(ctx).name}",
        body="\n".join([*packaged, *own]),
        buttons=(Button("Add one", to("exercise.new"), "primary"),),
    )


def _state(found: Addition) -> str:
    match found.status:
        case "checking":
            return "being looked at"
        case "refused":
            return f"refused: {found.error}"
        case _:
            own = Own.model_validate({found.kind: found.made})
            return own.exercise.title if own.exercise else _size(own.model) if own.model else ""


def _size(model: Model) -> str:
    return f"{model.architecture}, {model.parameters:,} parameters"


@action("exercise.new", admin=True)
async def new_exercise(ctx: Context) -> Form:
    """Open the form to add an exercise."""
    return Form("Add an exercise", "exercise.form", (Field("exercise", "Exercise (YAML)", "long", STARTER),))


@action("exercise.form", admin=True)
async def add_from_form(ctx: Context, exercise: str) -> Reply:
    """Take an exercise from the form."""
    return await _add(ctx, exercise)


async def _add(ctx: Context, source: str | bytes) -> Reply:
    try:
        found = await addition.add_exercise(ctx.session, group_of(ctx), ctx.learner, source, ctx.now)
    except ConfigError as error:
        lines = _listed(error.problems)
        return Refused(_refused(source, lines), (("exercise", " · ".join(lines)),))
    return Message(WAIT, title=f"Exercise {found.name} is in")


def _refused(source: str | bytes, lines: list[str]) -> Message:
    """Say what is wrong, and give back what was sent: a form that is closed has lost it."""
    return Message(
        title=f"That is no exercise yet: {len(lines)} thing{'s' if len(lines) > 1 else ''} to mend",
        body="\n".join(f"- {line}" for line in lines),
        files=(File("exercise.yaml", source.encode() if isinstance(source, str) else source),),
        buttons=(Button("Begin anew", to("exercise.new")),),
    )


def _listed(problems: Sequence[Problem]) -> list[str]:
    more = len(problems) - SHOWN_PROBLEMS
    return [*map(str, problems[:SHOWN_PROBLEMS]), *([f"and {more} more"] if more > 0 else [])]


@command("group models", "Which models of the Hub configs may name", admin=True)
async def models(
    ctx: Context,
    allow: Annotated[str | None, Param("org/name, or org/name@revision")] = None,
    remove: Annotated[str | None, Param("one that is allowed", of_group=_own_models)] = None,
) -> Message:
    """List the models of the Hub that a group allows, allow one or remove one."""
    group = group_of(ctx)
    if allow is not None:
        found = await addition.add_model(ctx.session, group, ctx.learner, allow, ctx.now)
        return Message(WAIT, title=f"Model {found.name} is in")
    if remove is not None:
        await addition.remove(ctx.session, group, "model", remove, ctx.now)
        return Message(f"**{remove}** is removed: no new config can name it. Its runs and ranks stay.")
    packaged = [f"- **{name}**: {each.title}" for name, each in PACKAGED.models.items()]
    own = [f"- **{each.name}**: {_state(each)}" for each in await addition.listed(ctx.session, group, "model")]
    hint = "" if own else "\n\n`/group models allow:org/name` adds one of the Hub."
    return Message("\n".join([*packaged, *own]) + hint, title=f"Models of {group.name}")


@announcement("addition")
async def draw_addition(session: AsyncSession, services: Services, subject: str, now: datetime) -> Message | None:
    """Tell an admin what came of something that they added."""
    found = await session.get(Addition, int(subject))
    if found is None or found.status == "checking":  # added anew: that has an answer of its own
        return None
    if found.status == "refused":
        stop = "" if (found.error or "").endswith("?") else "."
        before = " What it was before stays." if found.made else ""
        title = f"{found.kind.capitalize()} {found.name}: refused"
        return Message(f"I cannot use it: {found.error}{stop}{before}", title=title)
    return await _draw_exercise(found) if found.kind == "exercise" else _draw_model(found)


async def _draw_exercise(found: Addition) -> Message:
    """Draw an exercise of a group's own: what was measured of it, and its YAML."""
    exercise = Own.model_validate({"exercise": found.made}).exercise
    return Message(
        title=f"Exercise {found.name}: {found.status}",
        body="\n\n".join(filter(None, [found.error or "", f"{exercise.title} {exercise.summary}" if exercise else ""]))
        or _state(found),
        fields=_facts(exercise, await addition.card_of(exercise)) if exercise else (),
        files=(File(f"{found.name}.yaml", found.source.encode()),),
        buttons=(Button("Submit a first run", to("submit.template", exercise=found.name), "primary"),)
        if exercise
        else (),
    )


def _facts(exercise: Exercise, card: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    rows, metric = card.get("rows", {}), exercise.metric
    baselines = {name: scores.get(metric.name) for name, scores in card.get("baselines", {}).items()}
    unit = "bytes" if exercise.task == "text-generation" else "rows"
    facts = [
        ("Data", f"{exercise.dataset} at commit {(exercise.revision or '')[:12]}"),
        *((split.capitalize(), f"{count:,} {unit}") for split, count in rows.items()),
        *((f"Labels of {shown_key(head)}", _labels(labels)) for head, labels in exercise.heads.items()),
        ("Score", f"{metric.name} on the hidden test split"),
        *((f"Baseline: {name}", metric.format(score)) for name, score in baselines.items() if score is not None),
        ("Budget", f"{exercise.budget.train_tokens:,} tokens, {exercise.budget.seconds} s"),
    ]
    return tuple(facts)


def _labels(labels: Sequence[str]) -> str:
    more = len(labels) - SHOWN_LABELS
    return ", ".join(map(shown_key, labels[:SHOWN_LABELS])) + (f" and {more} more" if more > 0 else "")


def _draw_model(found: Addition) -> Message:
    model: Model | None = Own.model_validate({"model": found.made}).model
    if model is None:
        return Message(_state(found), title=f"Model {found.name}")
    return Message(
        f"Configs may name it now:\n\n{code_block(f'model: {model.name}')}",
        title=f"Model {model.name}: ready",
        fields=(
            ("Commit", model.revision[:12]),
            ("Kind", _size(model)),
            ("Reads", f"up to {model.max_length:,} tokens"),
        ),
    )
