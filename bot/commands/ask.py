"""The tutor: questions in one's own words, answered from the lessons, by a language model where there is one."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from sqlmodel.ext.asyncio.session import AsyncSession

from bot.command import Context, Param, Services, action, announcement, command
from bot.commands.learn import turn_page
from bot.errors import UserError
from bot.store.tables import Run, Turn
from bot.study.tutor import budget, knowledge, turns
from bot.study.tutor.checked import cited_in
from bot.study.tutor.excerpt import excerpt
from bot.study.tutor.pages import pages
from bot.study.tutor.retrieval import Passage
from bot.view import Button, Edit, Field, File, Form, Message
from bot.view import action as to

LONG, SHORT = 900, 350  # characters of the best excerpt, and of the others
QUOTED, LINKED = 3, 4  # excerpts, and lessons in buttons
FILED = 2  # pages; a longer answer can be had as a file, too
THINKING = "Thinking. My answer comes by direct message."
NOT_NOW = "My language model does not answer just now."
WITHOUT_MODEL = {
    "quiz": Button("A drill", to("drill.next")),
    "plan": Button("My plan", to("plan.show")),
    "debug": Button("The debugging guide", to("guide.chosen", choice="debugging")),
    "review": Button("Check the config again", to("ask.review")),
}


@command("ask", "Ask the tutor, in your own words")
async def ask(
    ctx: Context, question: Annotated[str | None, Param("what you want to know", rest=True)] = None
) -> Message:
    """Answer a question, or say what can be asked."""
    if not question or not question.strip():
        return _menu()
    return await _answer(ctx, question)


async def hear_tutor(ctx: Context, text: str) -> Message | None:
    """Take words that nobody else waits for as a question; without a model only those about the field."""
    if text.lstrip().startswith("/") or not any(map(str.isalnum, text)):
        return None
    if ctx.services.tutor is None and not await knowledge.knows(ctx.services.curriculum, text):
        return None
    return await _answer(ctx, text)


def _menu() -> Message:
    return Message(
        "Ask me anything about training models, here by `/ask` or simply by direct message: *why is my loss nan?*, "
        "*which batch size fits on 8 GB?* Or:",
        title="What can I help with?",
        buttons=(
            Button("Quiz me", to("ask.quiz")),
            Button("Debug my run", to("ask.debug")),
            Button("Review my config", to("ask.review")),
            Button("Plan my week", to("ask.plan")),
        ),
    )


async def _answer(ctx: Context, question: str) -> Message:
    """Hand a question to the model where there is one, else answer it from the lessons."""
    over = await why_not(ctx)
    if over is not None:
        return await draw_excerpts(ctx.services, question, over)
    return await hand_over(ctx, question, "explain")


async def hand_over(ctx: Context, question: str, mode: str, about: Run | str | None = None) -> Message:
    """Write a question down for the model, with the run or the config that it is about."""
    turn = await turns.ask(ctx.session, ctx.learner, ctx.group, question, ctx.now, mode=mode, about=about)
    buttons = [Button("Stop", to("ask.stop", turn=turn.id))]
    if not ctx.direct:
        buttons.append(Button("Show it here", to("ask.here", turn=turn.id)))
    return Message(THINKING, buttons=tuple(buttons))


async def why_not(ctx: Context) -> str | None:
    """Return what is to be said when no model answers; None when one does."""
    if ctx.services.tutor is None:
        return ""
    over = await budget.used_up(ctx.session, ctx.learner, ctx.group, ctx.services.tutor, ctx.now)
    return f"{over} Until then, this is what the lessons say." if over else None


@announcement("tutor.answer")
async def draw_answer(session: AsyncSession, services: Services, subject: str, now: datetime) -> Message | None:
    """Draw an answer as far as it is written."""
    turn = await session.get(Turn, int(subject))
    return await _draw(services, turn) if turn else None


async def _draw(services: Services, turn: Turn, page: int | None = None) -> Message:
    if turn.status == "failed" and turn.mode in WITHOUT_MODEL:
        return Message(f"{NOT_NOW} This I can do without it:", buttons=(WITHOUT_MODEL[turn.mode],))
    if turn.status == "failed":
        return await draw_excerpts(services, turn.question, f"{NOT_NOW} This is what the lessons say.")
    parts = pages(turn.answer) or ["Thinking …" if turn.answered_at is None else "Stopped before I said anything."]
    if turn.answered_at is None:  # the end is where something happens
        return Message(f"{parts[-1]} …", buttons=(Button("Stop", to("ask.stop", turn=turn.id)),), silent=True)
    page = min(page or 0, len(parts) - 1)
    ending = "\n\n*(Stopped.)*" if turn.status == "stopped" and turn.answer and page == len(parts) - 1 else ""
    return Message(parts[page] + ending, buttons=tuple(_onward(services, turn, page, len(parts))))


def _onward(services: Services, turn: Turn, page: int, of: int) -> list[Button]:
    """Lead on from an answer: its next page, the config that it proposes, what it cites."""
    buttons = []
    if page:
        buttons.append(Button("Back", to("ask.page", turn=turn.id, page=page - 1)))
    if page < of - 1:
        buttons.append(Button(f"Go on ({page + 2}/{of})", to("ask.page", turn=turn.id, page=page + 1), "primary"))
    if of > FILED:
        buttons.append(Button("As a file", to("ask.file", turn=turn.id)))
    if turn.proposal:
        buttons.append(Button("Submit with that change", to("ask.submit", turn=turn.id), "primary"))
    return [*buttons, *reading(services, cited_in(turn.answer))]


def reading(services: Services, marks: Sequence[str]) -> tuple[Button, ...]:
    """Lead to the lessons and guides that are cited."""
    return tuple(_read(passage) for passage in knowledge.first_pages(services.curriculum, marks)[:LINKED])


def _read(passage: Passage) -> Button:
    label = f"Read {passage.mark} {passage.title}"
    if passage.of_lesson:
        return Button(label, to("ask.read", slug=passage.slug, page=passage.place))
    return Button(f"Guide: {passage.title}", to("guide.open", name=passage.slug, place=passage.place))


async def draw_excerpts(services: Services, question: str, note: str = "") -> Message:
    """Draw what the lessons and guides say about a question, with where to read on."""
    found = await knowledge.find(services.curriculum, question)
    if not found:
        return _nothing_found(note)
    shown = [*found[:QUOTED], *(each for each in found[QUOTED:] if not each.of_lesson)]
    parts = [note, *knowledge.meanings(services.curriculum, question)]
    for at, passage in enumerate(shown):
        parts += [f"**[{passage.mark}] {passage.title} · {passage.section}**"]
        parts += [excerpt(passage, question, SHORT if at else LONG)]
    lessons = [passage for passage in found if passage.of_lesson]
    drill = [Button(f"Drill {lessons[0].mark}", to("drill.lesson", slug=lessons[0].slug))] if lessons else []
    return Message(
        title="From the lessons",
        body="\n\n".join(filter(None, parts)),
        buttons=(*map(_read, shown), *drill, Button("Debug my run", to("ask.debug"))),
    )


def _nothing_found(note: str) -> Message:
    return Message(
        " ".join(filter(None, [note, "The lessons have nothing on that. Try the field's own words, or `/lesson`."])),
        buttons=(Button("What can I ask?", to("ask.menu")),),
    )


@action("ask.menu")
async def show_menu(ctx: Context) -> Message:
    """Say what can be asked."""
    return _menu()


@action("ask.read")
async def read(ctx: Context, slug: str, page: int) -> Message:
    """Open a lesson at the page that was quoted."""
    return (await turn_page(ctx, slug, page)).message


@action("ask.page")
async def turn_answer(ctx: Context, turn: int, page: int) -> Edit:
    """Turn to a page of a long answer."""
    return Edit(await _draw(ctx.services, await turns.find(ctx.session, ctx.learner, turn), max(0, page)))


@action("ask.file")
async def as_file(ctx: Context, turn: int) -> Message:
    """Give a whole answer as a Markdown file, its question above it."""
    found = await turns.find(ctx.session, ctx.learner, turn)
    asked = "\n".join(f"> {line}" for line in found.question.splitlines())
    return Message(
        "All of it, in Markdown.", files=(File(f"answer-{turn}.md", f"{asked}\n\n{found.answer}\n".encode()),)
    )


@action("ask.here")
async def show_here(ctx: Context, turn: int) -> Edit:
    """Show an answer where it was asked for, only to who asked, as far as it is written."""
    found = await turns.find(ctx.session, ctx.learner, turn)
    drawn = await _draw(ctx.services, found)
    if found.answered_at is None:
        again = Button("Show more", to("ask.here", turn=turn))
        return Edit(Message(drawn.body, buttons=(*drawn.buttons, again)))
    return Edit(drawn)


@action("ask.stop")
async def stop(ctx: Context, turn: int) -> Edit:
    """End an answer."""
    return Edit(await _draw(ctx.services, await turns.stop(ctx.session, ctx.learner, turn, ctx.now)))


@action("ask.submit")
async def submit_proposal(ctx: Context, turn: int) -> Form:
    """Open the form with the config that an answer proposes."""
    found = await turns.find(ctx.session, ctx.learner, turn)
    if not found.proposal:
        raise UserError("That answer proposes no config.")
    return Form("Submit a run", "submit.form", (Field("config", "Config (YAML)", "long", found.proposal),))
