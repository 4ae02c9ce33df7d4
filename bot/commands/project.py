"""Projects: an exercise in five milestones, with what is done of each."""

from collections.abc import Sequence
from typing import Annotated

from bot.command import Context, Param, Services, action, command
from bot.commands.drill import said
from bot.commands.guide import lesson_menu
from bot.commands.runs import config_form
from bot.errors import UserError, nearest
from bot.store.tables import Run
from bot.study import project as study
from bot.study.catalog import exercise_of
from bot.study.project import Step
from bot.view import Button, Edit, Field, Form, Menu, Message, Option, Refused, Reply
from bot.view import action as to
from lessons import Milestone, Project, Section, projects
from lessons.links import lessons_named, without_links
from lessons.project import Question

PAGES = ("challenges", "reference")


async def _names(services: Services, partial: str) -> list[str]:
    return [project.name for project in projects()]


@command("project", "Three projects in milestones: classify texts, model a language, learn two tasks at once")
async def show_project(
    ctx: Context, name: Annotated[str | None, Param("which project", complete=_names)] = None
) -> Message:
    """List the projects with how far the learner is, or show one."""
    return await _overview(ctx, find_project(name)) if name else await _list(ctx)


@action("project.open")
async def open_project(ctx: Context, name: str) -> Message:
    """Show a project, from a button."""
    return await _overview(ctx, find_project(name))


@action("project.chosen")
async def open_chosen(ctx: Context, choice: str) -> Message:
    """Show a project, from the menu of all."""
    return await _overview(ctx, find_project(choice))


@action("project.page")
async def open_page(ctx: Context, name: str, choice: str) -> Message:
    """Show a milestone, the common challenges or the reference run, from a project's menu."""
    project = find_project(name)
    if choice in PAGES:
        return _page(ctx, project, project.challenges if choice == "challenges" else project.reference)
    return await _milestone(ctx, project, _find(project, choice))


@action("project.hint")
async def hint(ctx: Context, name: str, step: int, hints: int) -> Edit:
    """Give the next hint, under the task."""
    project = find_project(name)
    return Edit(await _milestone(ctx, project, _find(project, step), hints))


@action("project.submit")
async def submit(ctx: Context, name: str, step: int, config: int) -> Form:
    """Open the form to submit a run, with one of a task's configs."""
    configs = _find(find_project(name), step).configs
    if not 1 <= config <= len(configs):
        raise _gone(name)
    return config_form(configs[config - 1])


@action("project.answer")
async def answer(ctx: Context, name: str, step: int) -> Form:
    """Ask for the number that a task wants."""
    _question(find_project(name), step)
    field = Field("choice", "A number, with its unit if you like")
    return Form("Your answer", to("project.answered", name=name, step=step), (field,))


@action("project.answered")
async def answered(ctx: Context, name: str, step: int, choice: str) -> Reply:
    """Mark an answer. Only a right one is noted: the others cost nothing."""
    project = find_project(name)
    milestone, question = _find(project, step), _question(project, step)
    verdict = question.check(choice)
    if not verdict.understood:
        again = Message(verdict.explanation, buttons=_to_answer(project, milestone))
        return Refused(again, (("choice", verdict.explanation),))
    if not verdict.right:
        words = f"**Not quite.** You said {said(choice)}. Nothing is counted; look at a hint, and try again."
        return Message(words, title=milestone.title, buttons=_to_answer(project, milestone))
    await study.tick(ctx.session, ctx.learner, project, milestone, ctx.now)
    return Message(f"**Right.** {question.explanation}", milestone.title, buttons=_onward(project, milestone))


@action("project.give_up")
async def give_up(ctx: Context, name: str, step: int) -> Message:
    """Show a question's answer; the milestone counts as read."""
    project = find_project(name)
    milestone, question = _find(project, step), _question(project, step)
    await study.tick(ctx.session, ctx.learner, project, milestone, ctx.now)
    words = f"The answer is **{question.answer}**. {question.explanation}"
    return Message(words, milestone.title, buttons=_onward(project, milestone))


def find_project(name: str) -> Project:
    """Return a project by its name or title; raises UserError with the nearest."""
    wanted = name.strip().casefold()
    found = next((project for project in projects() if wanted in (project.name, project.title.casefold())), None)
    if found is None:
        close = nearest(wanted, [project.name for project in projects()])
        raise UserError(f"There is no project of that name.{close}", "`/project` alone lists them.")
    return found


def _find(project: Project, step: int | str) -> Milestone:
    found = next((each for each in project.milestones if str(each.number) == str(step)), None)
    if found is None:
        raise _gone(project.name)
    return found


def _question(project: Project, step: int) -> Question:
    question = _find(project, step).question
    if question is None:
        raise _gone(project.name)
    return question


def _gone(name: str) -> UserError:
    return UserError("That project has changed since; this task is gone.", f"`/project {name}` shows it anew.")


async def _list(ctx: Context) -> Message:
    rows = [
        (each.title, each.exercise, _progress(await study.steps(ctx.session, ctx.learner, each))) for each in projects()
    ]
    return Message(
        title="Projects",
        body="\n".join(f"- **{each.title}**: {each.about}" for each in projects()),
        rows=(("Project", "Exercise", "You"), *rows),
        menu=Menu(
            to("project.chosen"), tuple(Option(each.title, each.name) for each in projects()), "Choose a project"
        ),
    )


def _progress(steps: Sequence[Step]) -> str:
    return f"{sum(step.done for step in steps)} of {len(steps)} done"


async def _overview(ctx: Context, project: Project) -> Message:
    """Draw what a project is about, and its milestones with what is done."""
    steps = await study.steps(ctx.session, ctx.learner, project)
    following = next((step.milestone for step in steps if not step.done), None)
    rows = [(f"{each.milestone.number}", each.milestone.title, _state(each)) for each in steps]
    pages = (("Common challenges", "challenges"), ("Reference run", "reference"))
    places = [(f"{each.number} {each.title}", str(each.number)) for each in project.milestones]
    done = "" if following else "\n\n**All five milestones are done.** The reference run is there to compare with."
    return Message(
        title=project.title,
        body=without_links(project.task.body) + done,
        rows=(("", "Milestone", "You"), *rows),
        buttons=(_button(project, following, f"{'Go on' if any(s.done for s in steps) else 'Begin'}: "),)
        if following
        else (),
        menu=Menu(to("project.page", name=project.name), tuple(Option(*each) for each in (*places, *pages)), "Open"),
    )


def _state(step: Step) -> str:
    """Say in a word or two how a milestone stands."""
    if step.done:
        runs = dict.fromkeys(str(run.number) for run in step.runs if run)
        return f"✓ run {', '.join(runs)}" if runs else "✓"
    done = sum(run is not None for run in step.runs)
    return f"{done} of {len(step.runs)} runs" if step.runs else "a question"


def _button(project: Project, milestone: Milestone, before: str = "") -> Button:
    return Button(
        f"{before}{milestone.title}", to("project.page", name=project.name, choice=milestone.number), "primary"
    )


async def _milestone(ctx: Context, project: Project, milestone: Milestone, hints: int = 0) -> Message:
    """Draw a milestone: what to know, its task with what is done of it, and the hints asked for."""
    step = (await study.steps(ctx.session, ctx.learner, project))[milestone.number - 1]
    given = [f"**Hint {n} of {len(milestone.hints)}.** {text}" for n, text in enumerate(milestone.hints[:hints], 1)]
    parts = [milestone.body, "**Task**", milestone.task, *_done_of(step), *given]
    return Message(
        title=f"{project.title} · {milestone.number} {milestone.title}",
        body=without_links("\n\n".join(parts)),
        buttons=(*_to_do(project, step), *_more(project, milestone, hints)),
        menu=lesson_menu(ctx.services.curriculum, lessons_named(milestone.body)),
    )


def _done_of(step: Step) -> list[str]:
    """Say which of a task's runs are there."""
    if not step.runs:
        return ["*Done.*"] if step.done else []
    lines = [f"- Config {n}: {_run(run) if run else 'to do'}" for n, run in enumerate(step.runs, 1)]
    return ["Your runs of these, whatever else their configs say:\n\n" + "\n".join(lines)]


def _run(run: Run) -> str:
    metric = exercise_of(run).metric
    return f"run {run.number}" + (f", {metric.format(run.score)}" if run.score is not None else "")


def _to_do(project: Project, step: Step) -> tuple[Button, ...]:
    """Offer what is left of a task."""
    milestone = step.milestone
    if milestone.question:
        return () if step.done else (_answer(project, milestone),)
    several = len(step.runs) > 1
    return tuple(
        Button(
            f"Submit config {n}" if several else "Submit this config",
            to("project.submit", name=project.name, step=milestone.number, config=n),
            "primary",
        )
        for n, run in enumerate(step.runs, 1)
        if run is None
    )


def _more(project: Project, milestone: Milestone, hints: int) -> tuple[Button, ...]:
    """Offer the next hint; after the last one a question's answer."""
    ids: dict[str, str | int] = {"name": project.name, "step": milestone.number}
    overview = Button("All milestones", to("project.open", name=project.name))
    if hints < len(milestone.hints):
        label = "Next hint" if hints else "Hint"
        return (Button(label, to("project.hint", **ids, hints=hints + 1)), overview)
    if milestone.question:
        return (Button("Show the answer", to("project.give_up", **ids)), overview)
    return (overview,)


def _answer(project: Project, milestone: Milestone) -> Button:
    return Button("Answer", to("project.answer", name=project.name, step=milestone.number), "primary")


def _to_answer(project: Project, milestone: Milestone) -> tuple[Button, ...]:
    return (_answer(project, milestone), *_more(project, milestone, 0))


def _onward(project: Project, milestone: Milestone) -> tuple[Button, ...]:
    """Lead to the milestone after one that is done."""
    following = next((each for each in project.milestones if each.number == milestone.number + 1), None)
    overview = Button("All milestones", to("project.open", name=project.name))
    return (_button(project, following, "Next: "), overview) if following else (overview,)


def _page(ctx: Context, project: Project, section: Section) -> Message:
    return Message(
        title=f"{project.title} · {section.title}",
        body=without_links(section.body),
        buttons=(Button("All milestones", to("project.open", name=project.name)),),
        menu=lesson_menu(ctx.services.curriculum, lessons_named(section.body)),
    )
