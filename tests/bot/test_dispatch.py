from typing import Annotated

import pytest
from sqlmodel import select

from bot.command import ROUTES, Context, Param, action, command
from bot.dispatch import Dispatcher, Request
from bot.errors import UserError
from bot.store.tables import Group, Learner
from bot.study.membership import Sender
from bot.view import Message, Upload


@pytest.fixture
def routes(monkeypatch):
    """Room for a test's own commands."""
    for name in list(ROUTES):
        monkeypatch.setitem(ROUTES, name, ROUTES[name])
    before = set(ROUTES)
    yield
    for name in set(ROUTES) - before:
        del ROUTES[name]


@pytest.fixture
def changes() -> list[str]:
    return []


@pytest.fixture
def dispatch(store, clock, changes, routes):
    return Dispatcher(store, None, clock, lambda: changes.append("changed"))


def request(route: str, **values: str | Upload) -> Request:
    return Request(Sender("local", "ann", "Ann"), "#lab", route, values, ("#lab", "lab"))


async def test_options_arrive_typed(dispatch):
    @command("t", "test")
    async def run(
        ctx: Context, number: int, share: float = 0.5, loud: bool = False, word: Annotated[str, Param("x")] = "w"
    ) -> Message:
        return Message(repr((number, share, loud, word)))

    assert (await dispatch(request("t", number="#7", loud="yes"))).body == "(7, 0.5, True, 'w')"


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "`number` is missing (how many)"),
        ({"number": "seven"}, "`number` needs a whole number, not `seven`"),
        ({"number": "1", "color": "gren"}, "Did you mean green?"),
        ({"number": "1", "file": "x"}, "`file` needs a file"),
        ({"number": Upload("x", b"")}, "takes a word, not a file"),
        ({"number": "`@everyone`" * 30}, "not `'@\u200beveryone'"),
    ],
)
async def test_an_option_that_is_wrong_gets_a_sentence_and_nothing_runs(dispatch, values, words):
    ran = []

    @command("t", "test")
    async def run(
        ctx: Context,
        number: Annotated[int, Param("how many")],
        color: Annotated[str | None, Param("which", choices=("red", "green"))] = None,
        file: Upload | None = None,
    ) -> Message:
        ran.append(1)
        return Message("ran")

    assert words in (await dispatch(request("t", **values))).body
    assert ran == []


async def test_a_mistake_of_the_person_undoes_what_was_written_and_says_what_to_do(dispatch, store, changes):
    @action("t")
    async def run(ctx: Context) -> Message:
        ctx.group.name = "changed"
        raise UserError("That is wrong.", "Do this.")

    await dispatch(request("help"))
    changes.clear()
    reply = await dispatch(request("t"))
    assert reply.body == "That is wrong.\n\nDo this."
    assert changes == []
    async with store.read() as session:
        assert (await session.exec(select(Group.name))).one() == "lab"


async def test_a_fault_of_ours_becomes_a_reference_that_is_in_the_log(dispatch, caplog):
    @action("t")
    async def run(ctx: Context) -> Message:
        raise ZeroDivisionError("secret detail")

    reply = await dispatch(request("t"))
    assert "secret detail" not in reply.body
    reference = reply.body.split("`")[1]
    assert reference in caplog.text
    assert "ZeroDivisionError" in caplog.text


async def test_people_and_groups_are_known_on_first_sight_and_in_direct_messages_by_the_last_group(dispatch, store):
    @command("t", "test")
    async def run(ctx: Context) -> Message:
        return Message(f"{ctx.learner.name} of {ctx.group.name if ctx.group else 'nowhere'}")

    ann = Sender("local", "ann", "Ann")
    assert (await dispatch(Request(ann, "@ann", "t", direct=True))).body == "Ann of nowhere"
    assert (await dispatch(request("t"))).body == "Ann of lab"
    assert (await dispatch(Request(ann, "@ann", "t", direct=True))).body == "Ann of lab"
    async with store.read() as session:
        assert len((await session.exec(select(Learner))).all()) == 1


async def test_completion_offers_what_fits_and_at_most_25(dispatch):
    async def names(services: object, partial: str) -> list[str]:
        return [f"name-{n}" for n in range(60)]

    @command("t", "test")
    async def run(ctx: Context, who: Annotated[str, Param("who", complete=names)]) -> Message:
        return Message(who)

    assert await dispatch.complete(request("t"), "who", "name-5") == ["name-5", *(f"name-5{n}" for n in range(10))]
    assert len(await dispatch.complete(request("t"), "who", "")) == 25
    assert await dispatch.complete(request("t"), "nothing", "") == []


async def test_words_of_a_group_are_completed_for_that_group_and_others_are_taken_too(dispatch, store):
    async def names(session: object, group: Group | None) -> list[str]:
        return ["usual", *([f"of-{group.name}"] if group else [])]

    @command("t", "test")
    async def run(ctx: Context, what: Annotated[str, Param("what", choices=("usual",), of_group=names)]) -> Message:
        return Message(what)

    assert await dispatch.complete(request("t"), "what", "") == ["usual"]  # nobody has spoken in that group yet
    async with store.read() as session:
        assert (await session.exec(select(Group))).all() == []
    assert (await dispatch(request("t", what="of-lab"))).body == "of-lab"
    assert await dispatch.complete(request("t"), "what", "") == ["usual", "of-lab"]


def test_a_type_that_no_chat_can_ask_for_is_refused_when_it_is_declared(routes):
    with pytest.raises(TypeError, match="every chat"):

        @command("t", "test")
        async def run(ctx: Context, things: list[str]) -> Message:
            return Message()


def test_a_name_that_is_taken_is_refused(routes):
    with pytest.raises(ValueError, match="already taken"):
        action("say")(lambda ctx: None)
