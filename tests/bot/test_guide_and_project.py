"""What guides and projects look like: every page is drawn, and every button leads somewhere."""

import pytest

from bot.command import ROUTES, Context, Services
from bot.commands import guide, project
from bot.commands.guide import debugging
from bot.errors import UserError
from bot.study import coach
from bot.study.membership import Sender, identify
from bot.view import ACTION_LIMIT, Edit, Form, Message, Refused, read_action
from lessons import curriculum, guides, projects


@pytest.fixture
async def ctx(store, clock):
    async with store.write() as session:
        ann, lab = await identify(session, Sender("local", "ann", "Ann"), ("#lab", "lab"), clock.now)
        services = Services(curriculum(), "", lambda: 1)
        yield Context(session, services, ann, lab, "#lab", False, clock.now)


def leads_somewhere(message: Message) -> bool:
    """Say whether every press on a message reaches a route, within what a chat can carry."""
    actions = [button.action for button in message.buttons]
    actions += [message.menu.action] if message.menu else []
    return all(read_action(each)[0] in ROUTES and len(each) <= ACTION_LIMIT for each in actions)


async def press(ctx: Context, message: Message, label: str):
    action = next(button.action for button in message.buttons if button.label == label)
    name, ids = read_action(action)
    typed = {key: int(value) if value.isdigit() and key != "choice" else value for key, value in ids.items()}
    return await ROUTES[name].run(ctx, **typed)


@pytest.mark.parametrize("name", [each.name for each in guides()])
async def test_every_page_of_a_guide_is_drawn_and_leads_on(ctx, name):
    found = guide.find_guide(name)
    assert leads_somewhere(await guide.show_guide(ctx, name))
    for number, section in enumerate(found.sections, 1):
        page = await guide.open_guide(ctx, name, section.anchor)
        assert f"{section.title} ({number}/{len(found.sections)})" in page.title
        assert leads_somewhere(page)
        assert ".md)" not in page.body


@pytest.mark.parametrize("rule", [rule.__name__ for rule in coach.RULES])
async def test_a_finding_opens_the_debugging_guide_at_its_rule(ctx, rule):
    name, ids = read_action(debugging(rule))
    page = await ROUTES[name].run(ctx, **ids)
    assert page.title.startswith(f"Debugging · {rule.replace('_', ' ').capitalize()} (")


async def test_a_page_that_is_gone_says_so(ctx):
    with pytest.raises(UserError, match="this page is gone"):
        await guide.turn(ctx, "debugging", "gone")


@pytest.mark.parametrize("name", [each.name for each in projects()])
async def test_every_page_of_a_project_is_drawn_and_leads_on(ctx, name):
    overview = await project.show_project(ctx, name)
    assert [row[0] for row in overview.rows] == ["", "1", "2", "3", "4", "5"]
    pages = [await project.open_page(ctx, name, option.value) for option in overview.menu.options]
    assert len(pages) == 7
    assert all(leads_somewhere(page) and ".md)" not in page.body for page in (overview, *pages))


async def test_hints_come_one_by_one_and_then_the_answer_of_a_question(ctx):
    page = await project.open_page(ctx, "text-classification", "1")
    for number in (1, 2, 3):
        reply = await press(ctx, page, "Next hint" if number > 1 else "Hint")
        assert isinstance(reply, Edit)
        page = reply.message
        assert page.body.count("**Hint ") == number
    shown = await press(ctx, page, "Show the answer")
    assert "The answer is **5 epochs**" in shown.body
    assert "✓" in dict(row[1:] for row in (await project.show_project(ctx, "text-classification")).rows).values()


async def test_after_the_hints_of_a_run_no_answer_is_offered(ctx):
    page = await project.hint(ctx, "text-classification", 2, 3)
    assert [button.label for button in page.message.buttons] == ["Submit config 1", "Submit config 2", "All milestones"]


async def test_an_answer_that_is_no_number_is_asked_for_again(ctx):
    form = await project.answer(ctx, "text-classification", 1)
    assert isinstance(form, Form)
    reply = await project.answered(ctx, "text-classification", 1, "a few")
    assert isinstance(reply, Refused)
    assert reply.errors[0][0] == "choice"
    rows = (await project.show_project(ctx, "text-classification")).rows
    assert rows[1] == ("1", "Data preparation", "a question")


async def test_a_config_of_a_task_is_submitted_from_its_form(ctx):
    form = await project.submit(ctx, "text-classification", 2, 2)
    assert form.action == "submit.form"
    assert "method: head-only" in form.fields[0].value


@pytest.mark.parametrize(
    ("act", "arguments"),
    [
        (project.open_page, ("text-classification", "9")),
        (project.submit, ("text-classification", 1, 1)),
        (project.submit, ("text-classification", 2, 0)),
        (project.answer, ("text-classification", 2)),
        (project.give_up, ("text-classification", 2)),
        (project.hint, ("text-classification", 6, 1)),
    ],
)
async def test_a_press_on_a_task_that_is_gone_says_so(ctx, act, arguments):
    with pytest.raises(UserError, match="this task is gone"):
        await act(ctx, *arguments)
